"""What every test gets: the shared folder, no way out to the network, and no silent skip in CI.

- `shared_dir` is the folder of fixtures and raw data that lies beside the repository.
- Only loopback addresses and Unix sockets can be reached from the test process; programs that a test starts are not watched.
- With `CI=true` a skipped test fails, because a gate that did not run is not a gate. Deselected markers are no skips.
"""

import ipaddress
import os
import socket
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"


class NetworkBlockedError(RuntimeError):
    """A test reached for an address outside this machine.

    Not an OSError: code that retries on those must not hide it.
    """


def pytest_configure(config: pytest.Config) -> None:
    """Close the network for the whole run."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for name in ("connect", "connect_ex", "sendto"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    patch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    """The socket method `original`, for addresses of this machine only."""

    def guarded(self: socket.socket, *arguments: Any) -> Any:  # noqa: ANN401 - passes through what it was given
        address = arguments[-1]
        if self.family != socket.AF_UNIX and not _is_local(address[0]):
            raise NetworkBlockedError(_refusal(address[0]))
        return original(self, *arguments)

    return guarded


def _guarded_lookup(original: Callable[..., Any]) -> Callable[..., Any]:
    """The name lookup `original`, for names of this machine only."""

    def guarded(host: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as above
        if host and not _is_local(host):
            raise NetworkBlockedError(_refusal(host))
        return original(host, *arguments, **named)

    return guarded


def _is_local(host: str | bytes) -> bool:
    """Whether a host is this machine: `localhost`, a name under it, or a loopback or unspecified address."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refusal(host: str | bytes) -> str:
    """The message for a blocked address."""
    return f"expected loopback or a Unix socket, got {host!r}: tests talk to simulators on this machine only"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one in CI."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where everything must run: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skipped module into a failed one in CI: ask for what may be missing in a fixture, not at import."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"module skipped in CI, where everything must run: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> str:
    """The reason that pytest keeps as the third part of a skip."""
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder `shared` beside the checkout: fixtures and raw data that are too large or not ours to carry."""
    folder = REPOSITORY.parent / "shared"
    if folder.is_dir():
        return folder
    message = "expected the folder `shared` beside the repository (fixtures and raw data), found none"
    if IN_CI:
        pytest.fail(f"{message}; CI provides it", pytrace=False)
    pytest.skip(f"{message}; tests that need it are left out here and run in CI")

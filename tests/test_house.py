"""The rules of the test run itself, tried on small test files of their own."""

import ipaddress
import os
import re
import socket
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

# A documentation address (RFC 5737): nobody answers there, and nothing is asked.
ELSEWHERE = str(ipaddress.ip_address("192.0.2.1"))


@pytest.fixture
def house(pytester: pytest.Pytester, repository: Path) -> pytest.Pytester:
    """A folder with our conftest and nothing else, laid out as `<repo>/tests`."""
    tests = pytester.mkdir("repo") / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_bytes((repository / "tests/conftest.py").read_bytes())
    return pytester


def run(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *, ci: str, source: str) -> pytest.RunResult:
    """The outcome of one test file run in the small house, with `CI` set as given."""
    monkeypatch.setenv("CI", ci)
    (house.path / "repo/tests/test_small.py").write_text(source, encoding="utf-8")
    return house.runpytest_subprocess("repo/tests", "--rootdir=repo", "-p", "no:cacheprovider", "-rs")


NEEDS_SHARED = "def test_needs_it(shared_dir):\n    assert shared_dir.name == 'shared'\n"
SKIPS = "import pytest\n\ndef test_skips():\n    pytest.skip('no such tool')\n"
SKIPS_AT_IMPORT = "import pytest\n\npytest.importorskip('no_such_module_anywhere')\n"


def test_connection_elsewhere_is_refused() -> None:
    """A socket to another machine is refused before a packet leaves."""
    with socket.socket() as one, pytest.raises(RuntimeError, match=r"expected loopback or a Unix socket, got '192.0.2.1'"):
        one.connect((ELSEWHERE, 80))


def test_datagram_elsewhere_is_refused() -> None:
    """A datagram to another machine is refused too."""
    with socket.socket(type=socket.SOCK_DGRAM) as one, pytest.raises(RuntimeError, match="expected loopback"):
        one.sendto(b"?", (ELSEWHERE, 53))


def test_name_lookup_elsewhere_is_refused() -> None:
    """Asking for the address of a foreign name is refused."""
    with pytest.raises(RuntimeError, match=r"got 'example\.org'"):
        socket.getaddrinfo("example.org", 443)


def test_loopback_is_open() -> None:
    """A server on loopback can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        accepted.close()
        assert client.getpeername() == server.getsockname()


def test_unix_socket_is_open(tmp_path: Path) -> None:
    """A server on a Unix socket can be reached."""
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen(1)
        client.connect(str(tmp_path / "s"))
        assert client.getpeername() == str(tmp_path / "s")


def test_missing_shared_folder_skips(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the shared folder a test that needs it is skipped, saying what is missing."""
    result = run(house, monkeypatch, ci="", source=NEEDS_SHARED)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines("*expected the folder `shared` beside the repository*")


def test_missing_shared_folder_fails_in_ci(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI the missing shared folder is an error, because CI provides it."""
    result = run(house, monkeypatch, ci="true", source=NEEDS_SHARED)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*CI provides it*")


def test_shared_folder_is_found(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared folder beside the repository is the one that tests get."""
    house.mkdir("shared")
    run(house, monkeypatch, ci="true", source=NEEDS_SHARED).assert_outcomes(passed=1)


def test_skip_fails_in_ci(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI a skipped test fails and says why it wanted to skip."""
    result = run(house, monkeypatch, ci="true", source=SKIPS)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*skipped in CI*no such tool*")


def test_skip_is_a_skip_elsewhere(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside CI a skip stays a skip."""
    run(house, monkeypatch, ci="", source=SKIPS).assert_outcomes(skipped=1)


def test_skipped_module_fails_in_ci(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI a module that skips itself while it is imported is an error."""
    result = run(house, monkeypatch, ci="true", source=SKIPS_AT_IMPORT)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*module skipped in CI*no_such_module_anywhere*")


def test_expected_failure_is_no_skip(house: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """An expected failure stays one in CI."""
    source = "import pytest\n\n@pytest.mark.xfail\ndef test_fails():\n    assert 1 > 2\n"
    run(house, monkeypatch, ci="true", source=source).assert_outcomes(xfailed=1)


def test_constraints_are_names_and_versions(repository: Path) -> None:
    """constraints.txt holds `name==version` and comments, never an address."""
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert [
        line
        for line in pins
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[0-9][0-9A-Za-z.!+-]*( ; python_version [<>=]+ \"3\.[0-9]+\")?", line)
    ] == []


def test_every_dependency_is_constrained(repository: Path) -> None:
    """Each package that pyproject.toml names stands in constraints.txt."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(item for extra in project["optional-dependencies"].values() for item in extra)]
    names = {re.split(r"[\[<>=,; ]", item)[0].lower() for item in wanted} - {project["name"]}
    pinned = {line.partition("==")[0] for line in (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()}
    assert sorted(names - pinned) == []


def test_every_ignored_rule_has_its_reason(repository: Path) -> None:
    """Each rule that ruff ignores everywhere carries a comment."""
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    ignored = text.partition("ignore = [\n")[2].partition("\n]")[0].splitlines()
    assert len(ignored) > 1
    assert [line for line in ignored if not re.fullmatch(r'  "[A-Z]+[0-9]*",\s+# .+', line)] == []


def test_changes_are_one_sentence_each(repository: Path) -> None:
    """Every file of changes/ is named `<area>-<slug>.md` and holds one line that ends in a full stop."""
    files = [file for file in (repository / "changes").iterdir() if file.name != "README.md"]
    assert [file.name for file in files if not re.fullmatch(r"[a-z]+-[a-z0-9-]+\.md", file.name)] == []
    assert [file.name for file in files if not re.fullmatch(r".+\.\n", file.read_text(encoding="utf-8"))] == []


def test_ci_script_can_run(repository: Path) -> None:
    """The CI script is executable and stops at the first failure."""
    script = repository / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")

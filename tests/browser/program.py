"""The real program as a process of its own: what a person types, its printed lines, and its end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

READY_WITHIN_S = 120.0
"""How long a start may take before a test gives up; the target is `benchmarks/page.py`'s."""

_WELCOME = re.compile(r"^Climate Fitness demo: (\S+)$", re.MULTILINE)
_PASSWORD = re.compile(r"^Or sign in as (\S+) with (\S+)$", re.MULTILINE)
_KEY = re.compile(r"^API key: (\S+)$", re.MULTILINE)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Program:
    """`climate-fitness demo` on a data folder; a second `start` is a restart.

    Attributes:
        data_folder: Everything that it writes.
        port: Where it listens.
    """

    data_folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None
    _starts_count: int = 0

    @property
    def address(self) -> str:
        """Origin under which it is reached."""
        return f"http://localhost:{self.port}"

    @property
    def printed(self) -> str:
        """What this start printed so far."""
        path = self._log_path()
        return path.read_text() if path.is_file() else ""

    @property
    def welcome_link(self) -> str:
        """The link that signs in; waits for it."""
        return self._wait_for(_WELCOME)[1]

    @property
    def password(self) -> str:
        """The visitor's password of this start; there once the demo is ready."""
        return self._wait_for(_PASSWORD)[2]

    @property
    def api_key(self) -> str:
        """The printed API key; there once the demo is ready."""
        return self._wait_for(_KEY)[1]

    def start(self) -> None:
        """Start it; returns at once."""
        self._starts_count += 1
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CF_")}
        environment |= {"CF_DATA_FOLDER": str(self.data_folder), "CF_PORT": str(self.port)}
        with self._log_path().open("wb") as log:
            self._process = subprocess.Popen(
                [str(Path(sys.executable).with_name("climate-fitness")), "demo", "--no-browser"],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> None:
        """Wait until everything is prepared: the API key is the last thing that is printed."""
        assert self.api_key

    def stop(self) -> int:
        """End it as Ctrl-C does; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(timeout=60)

    def ask(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """The API's answer, with the printed key; a body makes it a POST.

        Args:
            path: Such as "/v1/subjects".
            body: To send as JSON.

        Returns:
            The parsed answer.
        """
        headers = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Idempotency-Key"] = os.urandom(8).hex()
        request = urllib.request.Request(self.address + path, data, headers)  # noqa: S310 - our own loopback address
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            return json.load(answer)

    def send(self, path: str, body: bytes, media_type: str) -> Any:  # noqa: ANN401 - JSON
        """The API's answer to a body as it is, with the printed key.

        Args:
            path: Such as "/v1/documents?subject=...".
            body: To send.
            media_type: Of the body.

        Returns:
            The parsed answer.
        """
        headers = {"Authorization": f"Bearer {self.api_key}", "Content-Type": media_type}
        request = urllib.request.Request(self.address + path, body, headers)  # noqa: S310 - our own loopback address
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            return json.load(answer)

    def _log_path(self) -> Path:
        return self.data_folder.with_name(f"{self.data_folder.name}-{self._starts_count}.log")

    def _wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        end_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < end_s:
            found = pattern.search(self.printed)
            if found:
                return found
            assert self._process is not None
            assert self._process.poll() is None, f"expected the program to go on, it ended:\n{self.printed}"
            time.sleep(0.05)
        raise AssertionError(f"expected {pattern.pattern!r} within {READY_WITHIN_S} s, got:\n{self.printed}")

"""One program and one Chromium for all journeys; every page is watched while it is driven.

A page fails its test when the console complains, a policy is broken, another host is asked, or what stands on it moves.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest

from tests.browser.program import Program

if TYPE_CHECKING:  # playwright belongs to the extra `browser`: without it these files are still collected
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

Scheme = Literal["light", "dark"]

_WATCH = """
window.__shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (!entry.hadRecentInput) window.__shifts.push([entry.value, entry.sources.map((s) => s.node && s.node.nodeName)]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""
_STATUS = re.compile(r"the server responded with a status of (\d+)")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the screenshots, to be looked at; `BROWSER_PICTURES` names another one."""
    named = os.environ.get("BROWSER_PICTURES")
    folder = Path(named) if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    print(f"\nscreenshots: {folder}")  # noqa: T201 - where to look
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program with the demo's data; whoever stops it starts it again."""
    program = Program(tmp_path_factory.mktemp("demo") / "data")
    program.start()
    program.wait_until_ready()
    yield program
    assert program.stop() == 0, program.printed
    assert "Traceback" not in program.printed


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """Debian's Chromium, headless; for one module, because two of Playwright's loops cannot be open at once in a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@dataclass
class Visitor:
    """A browser window with what it complained about.

    Attributes:
        page: The window.
        context: Its cookies.
        complaints: Console errors and warnings, uncaught errors.
        hosts: Every host that was asked.
        refusals: Statuses of 4xx that the journey provokes.
        led_to: Hosts that the journey leads to: providers where a person consents.
    """

    page: "Page"
    context: "BrowserContext"
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    refusals: set[int] = field(default_factory=set)
    led_to: set[str] = field(default_factory=set)

    def hear(self, message: "ConsoleMessage") -> None:
        """Keep what is no ordinary message; a provoked 4xx is ordinary."""
        status = _STATUS.search(message.text)
        if message.type in {"error", "warning"} and not (status and int(status[1]) in self.refusals):
            self.complaints.append(f"{message.text} ({self.page.url})")

    def note(self, request: "Request") -> None:
        """Keep the host of a request."""
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"}:
            self.hosts.add(parts.netloc)

    def shifts(self) -> list[Any]:
        """What moved on this page without anybody touching it."""
        found: list[Any] = self.page.evaluate("window.__shifts || []")
        return found


MakeVisitor = Callable[..., Visitor]


@pytest.fixture
def visit(chromium: "Browser", demo: Program) -> Iterator[MakeVisitor]:
    """Opens windows: `visit()`, signed in; `visit(is_known=False)`, a stranger; also width, scheme, has_script."""
    opened: list[Visitor] = []

    def make(*, width: int = 1280, scheme: Scheme = "light", has_script: bool = True, is_known: bool = True) -> Visitor:
        context = chromium.new_context(
            viewport={"width": width, "height": 900 if width > 500 else 844},
            color_scheme=scheme,
            base_url=demo.address,
            java_script_enabled=has_script,
            accept_downloads=True,
        )
        context.set_default_timeout(20_000)
        if has_script:
            context.add_init_script(_WATCH)
        found = Visitor(context.new_page(), context)
        found.page.on("console", found.hear)
        found.page.on("pageerror", lambda error: found.complaints.append(f"{error} ({found.page.url})"))
        found.page.on("request", found.note)
        opened.append(found)
        if is_known:
            found.page.goto(demo.welcome_link)
        return found

    yield make
    for one in opened:
        one.context.close()
    assert [one.complaints for one in opened if one.complaints] == []
    assert {host for one in opened for host in one.hosts - one.led_to} <= {urlsplit(demo.address).netloc}


@pytest.fixture
def home(demo: Program) -> str:
    """Path of a new, empty household in San Francisco."""
    return new_subject(demo)


def new_subject(demo: Program, *, kind: str = "household", name: str = "A new home") -> str:
    """Make a subject through the API; its path."""
    made = demo.ask("/v1/subjects", {"kind": kind, "name": name, "place": "94110", "member_count": 2})
    return f"/s/{made['id']}"

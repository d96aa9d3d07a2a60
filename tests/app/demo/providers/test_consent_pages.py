"""The consent pages in a real Chromium: readable, nothing overflows, no complaint, the keyboard suffices."""

import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from app.clock import FixedClock, SystemRandomness
from app.demo.activities import household_lines
from app.demo.providers.bank import Bank
from app.demo.providers.oauth import Client, challenge_of
from app.demo.providers.server import DemoProviders
from app.demo.providers.travel import SCOPE as TRAVEL_SCOPE
from app.demo.providers.travel import Travel
from app.demo.providers.utility import SCOPE as UTILITY_SCOPE
from tests.app.demo.providers.scene import NOW, START, utility

if TYPE_CHECKING:  # playwright belongs to the extra `browser`: without it this file is still collected
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


class Home(http.server.BaseHTTPRequestHandler):
    """Where people come back to."""

    def do_GET(self) -> None:
        """Say that they are back."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b'<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Back</title><h1>Back</h1></html>')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@pytest.fixture(scope="module")
def pages() -> Iterator[dict[str, str]]:
    """The address of each provider's consent page, by its name; each is opened anew."""
    clock, chance = FixedClock(NOW), SystemRandomness()
    bank = Bank(lines=household_lines, start=START, clock=clock, randomness=chance, customer="The Rivera household")
    simulators = (utility(clock), Travel(lines=household_lines, start=START, clock=clock, randomness=chance), bank)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Home) as home, DemoProviders(simulators) as providers:
        threading.Thread(target=home.serve_forever, daemon=True).start()
        back = f"http://localhost:{home.server_port}/connect/callback"
        for one in simulators:
            one.register(Client("us", "secret", "Climate Fitness", (back,)))
        asked = {
            "response_type": "code",
            "client_id": "us",
            "redirect_uri": back,
            "state": "s",
            "code_challenge": challenge_of("v" * 64),
            "code_challenge_method": "S256",
        }
        link = {"client_id": "us", "secret": "secret", "hosted_link": {"completion_redirect_uri": f"{back}?state=s"}}
        request = urllib.request.Request(providers.origins["bank"] + "/link/token/create", json.dumps(link).encode())  # noqa: S310 - on this machine
        with urllib.request.urlopen(request, timeout=5) as reply:  # noqa: S310 - as above
            hosted = json.loads(reply.read())["hosted_link_url"]
        yield {
            "utility": f"{providers.origins['utility']}/oauth/authorize?{urlencode(asked | {'scope': UTILITY_SCOPE})}",
            "travel": f"{providers.origins['travel']}/oauth/authorize?{urlencode(asked | {'scope': TRAVEL_SCOPE})}",
            "bank": hosted,
        }
        home.shutdown()


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """Debian's Chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.mark.parametrize("name", ["utility", "travel", "bank"])
@pytest.mark.parametrize(("width", "scheme"), [(1000, "light"), (360, "dark")])
def test_page(chromium: "Browser", pages: dict[str, str], name: str, width: int, scheme: str) -> None:
    """No barrier that axe knows, nothing wider than the window, no complaint; by keyboard one is back, with an answer."""
    from axe_playwright_python.sync_playwright import Axe

    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(pages[name])
    found = Axe().run(page)
    assert [one["id"] for one in found.response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert "Demo provider" in page.inner_text("header")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "allow":
            break
    if width > 500:  # a bank's page answers once
        page.keyboard.press("Enter")
        page.wait_for_url("**/connect/callback?*state=s*")
    assert complaints == []
    context.close()

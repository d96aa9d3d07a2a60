"""The pages in a real Chromium: nothing overflows, the policy holds with and without Plotly, the keyboard suffices."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from dashboards.figures import CONTENT_SECURITY_POLICY, plotly_js_path
from dashboards.preview import write

if TYPE_CHECKING:  # playwright belongs to the extra `browser`: without it this file is still collected
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PAGES = ("dashboard", "business", "empty", "absurd", "bill_errors", "why", "statement", "proof_failed", "upload", "activities")


class Handler(http.server.SimpleHTTPRequestHandler):
    """The preview's files under the product's policy, with plotly.js from the installed package."""

    def end_headers(self) -> None:
        """Add the policy to every answer."""
        self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        super().end_headers()

    def do_POST(self) -> None:
        """A feed leads on to its result, as the product does; anything else shows the form again."""
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        if b"<feed" in sent:
            self.send_response(303)
            self.send_header("Location", "/upload.html")
            self.end_headers()
            return
        self.path = "/bill_errors.html"
        self.do_GET()

    def translate_path(self, path: str) -> str:
        """Plotly's address is the package's file."""
        return str(plotly_js_path().path) if path.startswith("/static/plotly/") else super().translate_path(path)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a small server of the preview."""
    folder: Path = tmp_path_factory.mktemp("preview")
    write(folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """Debian's Chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: "Browser", address: str, request: pytest.FixtureRequest) -> Iterator["Page"]:
    """A page of 390 x 844 that fails its test when the console complains."""
    size: tuple[int, Literal["light", "dark"]] = getattr(request, "param", (390, "light"))
    width, scheme = size
    context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, base_url=address)
    found = context.new_page()
    complaints: list[str] = []
    found.on("console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None)
    found.on("pageerror", lambda error: complaints.append(str(error)))
    yield found
    context.close()
    assert complaints == []


@pytest.mark.parametrize("page", [(320, "light"), (390, "dark"), (1280, "light")], indirect=True)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_overflows(page: "Page", name: str) -> None:
    """No page scrolls sideways, and what one presses is 24 pixels and more (WCAG 2.2, 1.4.10 and 2.5.8)."""
    page.goto(f"/{name}.html")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    small = page.evaluate(
        """() => [...document.querySelectorAll('a, button, summary, input:not([type=hidden]), select')].filter((e) => {
            const box = e.getBoundingClientRect();
            return box.width && (box.height < 24 || box.width < 24) && !e.closest('p, td, th, dd, .skip');
        }).map((e) => e.outerHTML.slice(0, 90))"""
    )
    assert small == []


@pytest.mark.parametrize("page", [(390, "dark"), (1280, "light")], indirect=True)
@pytest.mark.parametrize("name", ["months", "hours"])
def test_figure_wakes_on_touch_without_moving_the_page(page: "Page", name: str) -> None:
    """Plotly draws on the first touch, under the policy, and nothing on the page moves."""
    page.goto("/business.html")
    before = page.evaluate("document.documentElement.scrollHeight")
    page.locator(f"[data-plot={name}]").hover()
    page.wait_for_selector(f"[data-plot={name}].is-live .main-svg", timeout=20_000)
    assert page.evaluate("document.documentElement.scrollHeight") == before


def test_plotly_is_not_loaded_untouched(page: "Page") -> None:
    """Nobody who only looks loads five megabytes."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/dashboard.html", wait_until="networkidle")
    assert [url for url in asked if "plotly.min.js" in url] == []


def test_keyboard_wakes_a_figure(page: "Page") -> None:
    """The button beside a figure wakes it without a pointer."""
    page.goto("/dashboard.html")
    page.locator("[data-plot-open=months]").press("Enter")
    page.wait_for_selector("[data-plot=months].is-live", timeout=20_000)


def test_first_tab_skips_to_the_content(page: "Page") -> None:
    """The first thing that the keyboard reaches leads past the header."""
    page.goto("/dashboard.html")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def choose(page: "Page", content: str) -> None:
    """Fill the Green Button form with a file of this content and send it."""
    page.goto("/dashboard.html")
    page.set_input_files("#up-file", {"name": "bill.xml", "mimeType": "text/xml", "buffer": content.encode()})
    page.get_by_role("button", name="Read this file").click()


def test_upload_leads_to_its_result(page: "Page") -> None:
    """A file that is read ends on the result page."""
    choose(page, "<feed/>")
    page.wait_for_url("**/upload.html")
    assert "readings read" in page.inner_text("h1")


def test_refused_upload_is_shown_in_place(page: "Page") -> None:
    """A page that answers without redirect takes the place of this one, with the focus at what is wrong."""
    choose(page, "no feed")
    page.wait_for_selector("#up-zone-error")
    assert page.url.endswith("/dashboard.html")
    assert page.evaluate("document.activeElement.getAttribute('aria-invalid')") == "true"


def test_upload_works_without_javascript(chromium: "Browser", address: str) -> None:
    """The plain form does the same."""
    context = chromium.new_context(java_script_enabled=False, base_url=address)
    page = context.new_page()
    choose(page, "<feed/>")
    page.wait_for_url("**/upload.html")
    context.close()


def test_dropped_file_lands_in_the_form(page: "Page") -> None:
    """A file dropped on the frame is the form's file."""
    page.goto("/dashboard.html")
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["<feed/>"], "dropped.xml"));
            const drop = document.querySelector("form[data-upload] .drop");
            drop.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        }"""
    )
    assert page.evaluate("document.querySelector('#up-file').files[0].name") == "dropped.xml"

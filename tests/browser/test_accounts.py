"""Accounts and duplicates as a person meets them: the whole way to a provider and back, with and without script, by keyboard."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import MakeVisitor, Scheme, Visitor, new_subject
from tests.browser.program import Program
from tests.browser.test_every_page import SIZES, inspect

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

READ_WITHIN_MS = 60_000
"""How long the first sync of a small account may take before a test gives up, milliseconds."""

RECEIPT = {"id": "r1", "kind": "purchase", "quantity": "42.99", "unit": "USD", "start": "2026-02-08", "naics": "448110"}
STATEMENT = (
    b'<?xml version="1.0"?><?OFX OFXHEADER="200" VERSION="211"?><OFX><CREDITCARDMSGSRSV1><CCSTMTRS><CURDEF>USD</CURDEF>'
    b"<CCACCTFROM><ACCTID>4111</ACCTID></CCACCTFROM><BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT</TRNTYPE>"
    b"<DTPOSTED>20260210</DTPOSTED><TRNAMT>-42.99</TRNAMT><FITID>1</FITID><SIC>5651</SIC><NAME>CLOTHES SHOP</NAME></STMTTRN>"
    b"</BANKTRANLIST></CCSTMTRS></CREDITCARDMSGSRSV1></OFX>"
)


def to_provider(visitor: Visitor, home: str, name: str) -> None:
    """From the dashboard by the search to the consent page of a provider."""
    page = visitor.page
    page.goto(home)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Connections").click()
    page.get_by_label("Find a provider").fill(name)
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("link", name=f"Connect – {name}").click()
    page.get_by_role("button", name=f"Go to {name}").click()
    page.wait_for_url(re.compile(r"^http://[^/]+/(?!s/)"))
    visitor.led_to.add(urlsplit(page.url).netloc)


def decide_there(page: "Page", decision: str) -> None:
    """Press a button of the provider's page, and come back."""
    page.locator(f"button[name=decision][value={decision}]").click()
    page.wait_for_url("**/connections?done=*")


def connect(visitor: Visitor, home: str, name: str = "Demo Trips") -> None:
    """The whole way."""
    to_provider(visitor, home, name)
    decide_there(visitor.page, "allow")


def two_tellers(demo: Program, home: str) -> None:
    """A purchase from a receipt and from a bank statement, through the API."""
    subject = home.removeprefix("/s/")
    demo.send(f"/v1/documents?subject={subject}&connector=activities", json.dumps(RECEIPT).encode(), "application/x-ndjson")
    demo.send(f"/v1/documents?subject={subject}&connector=bank-file", STATEMENT, "application/x-ofx")


@pytest.mark.parametrize("has_script", [True, False])
def test_account_is_connected_and_read(visit: MakeVisitor, home: str, has_script: bool) -> None:  # noqa: FBT001 - a parameter
    """Search, form, consent, back; its data come in, and the card says so: by itself with script, at a reload without."""
    visitor = visit(has_script=has_script)
    page = visitor.page
    connect(visitor, home)
    assert page.get_by_role("status").first.inner_text().startswith("Connected.")
    card = page.locator(".connection")
    assert card.get_by_role("heading").inner_text() == "Demo Trips"
    if has_script:
        card.get_by_text("Up to date.").wait_for(timeout=READ_WITHIN_MS)
    else:
        wait_by_reload(page, "Up to date.")
    page.get_by_role("link", name="← Back to the overview").click()
    assert page.locator(".accounts").get_by_role("link", name="Demo Trips").is_visible()


def wait_by_reload(page: "Page", text: str) -> None:
    """Look again until the page says so, as a person without script would."""
    for _ in range(READ_WITHIN_MS // 1000):
        if page.locator("main").get_by_text(text).first.is_visible():
            return
        page.wait_for_timeout(1000)
        page.reload()
    raise AssertionError(f"expected {text!r}, got {page.inner_text('main')}")


def test_refused_consent_comes_back_kindly(visit: MakeVisitor, home: str) -> None:
    """Who says no at the provider reads that this is fine, and nothing is connected."""
    visitor = visit()
    to_provider(visitor, home, "Demo Trips")
    decide_there(visitor.page, "deny")
    assert "That is fine" in visitor.page.get_by_role("status").first.inner_text()
    assert visitor.page.locator(".connection").count() == 0


def test_pause_resume_and_disconnect_by_keyboard(visit: MakeVisitor, home: str) -> None:
    """Every button is reached and pressed without a mouse; disconnecting asks what becomes of the data."""
    visitor = visit()
    page = visitor.page
    connect(visitor, home)
    page.locator(".connection").get_by_text("Up to date.").wait_for(timeout=READ_WITHIN_MS)
    press(page, "Pause")
    press(page, "Resume")
    summary = page.locator(".connection summary", has_text="Disconnect")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "keep"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.value") == "delete"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**done=end*")
    assert page.get_by_text("1 that has ended").is_visible()
    assert page.locator(".connection").get_by_text("What came through it was deleted.").is_visible()


def press(page: "Page", name: str) -> None:
    """Press a button of the card with the keyboard."""
    page.get_by_role("button", name=re.compile(f"^{name}")).focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**done={name.lower()}*")


def to_connections(page: "Page", more: str = "") -> None:
    """The demo's own connections."""
    page.goto("/")
    page.goto(page.url.rstrip("/") + "/connections" + more)


def to_everything_open(page: "Page") -> None:
    """The same with all that is folded away."""
    to_connections(page)
    page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
    page.wait_for_timeout(300)
    page.evaluate("window.__shifts = []")  # unfolding moves what is below: that was asked for


def to_form(page: "Page") -> None:
    """The form that asks for a key and answers."""
    to_connections(page, "/new/octopus/octopus-energy")


def to_wrong_form(page: "Page") -> None:
    """The same with what is wrong."""
    to_form(page)
    page.fill("#ask-account", "12")
    page.select_option("#ask-gas_unit", "m3")
    page.fill("#ask-api_key", "x")
    page.get_by_role("button", name="Connect Octopus Energy").click()
    page.locator("#ask-account-error").wait_for()


PLACES: dict[str, Callable[["Page"], object]] = {
    "connections": to_connections,
    "connections open": to_everything_open,
    "connections found": lambda page: to_connections(page, "?find=electricity+GB"),
    "connections not found": lambda page: to_connections(page, "?find=atlantis&done=refused"),
    "connect by key": to_form,
    "connect by key refused": to_wrong_form,
    "connect by consent": lambda page: to_connections(page, "/new/demo-travel/demo-travel-account"),
}


@pytest.mark.parametrize(("width", "scheme"), SIZES)
@pytest.mark.parametrize("place", PLACES)
def test_page_is_sound(visit: MakeVisitor, pictures: Path, place: str, width: int, scheme: Scheme) -> None:
    """No axe violation, no sideways scrolling, no layout shift, at either size and in either scheme."""
    visitor = visit(width=width, scheme=scheme)
    visitor.refusals = {422} if "refused" in place else set()
    PLACES[place](visitor.page)
    inspect(visitor, pictures / f"{place.replace(' ', '-')}-{width}-{scheme}.png")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_pair_is_decided_and_taken_back(visit: MakeVisitor, demo: Program, pictures: Path, width: int, scheme: Scheme) -> None:
    """The navigation counts it, both records stand side by side, and each state of the inbox is a sound page."""
    home = new_subject(demo, name=f"Told twice {width} {scheme}")
    visitor = visit(width=width, scheme=scheme)
    page = visitor.page
    two_tellers(demo, home)
    page.goto(home)
    page.get_by_role("link", name="Duplicates (1)").click()
    inspect(visitor, pictures / f"duplicates-open-{width}-{scheme}.png")
    assert page.locator(".pair-side").count() == 2
    page.get_by_role("button", name=re.compile("^Count once, keep this – Bank")).click()
    page.wait_for_url("**done=merge*")
    inspect(visitor, pictures / f"duplicates-merged-{width}-{scheme}.png")
    page.get_by_role("button", name="Take back").click()
    page.wait_for_url("**done=undo*")
    page.get_by_role("button", name="They are two things, keep both").click()
    page.wait_for_url("**done=keep_both*")
    assert page.get_by_role("link", name="Duplicates", exact=True).is_visible()
    inspect(visitor, pictures / f"duplicates-kept-{width}-{scheme}.png")

"""A month with one activity of every kind, in a browser: every page about it is sound, on a telephone, too."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.bills import YEAR
from tests.browser.conftest import MakeVisitor
from tests.browser.test_every_page import SIZES, axe_violations, inspect, sideways
from tests.browser.test_journeys import close_month

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

OPEN_ALL = "document.querySelectorAll('details').forEach((e) => { e.open = true; })"


def every_kind() -> bytes:
    """The documented file with a line of every kind, in March of the tests' year."""
    page = (Path(__file__).parents[2] / "docs" / "activities-file.md").read_text(encoding="utf-8")
    body = page.partition("```ndjson\n")[2].partition("```")[0]
    return body.replace("2024-", f"{YEAR}-").encode()


def import_every_kind(page: "Page", home: str) -> None:
    """Choose the file and its sort on the form, and send it."""
    page.goto(home)
    page.select_option("#up-connector", "activities")
    page.set_input_files("#up-file", {"name": "life.ndjson", "mimeType": "application/x-ndjson", "buffer": every_kind()})
    page.get_by_role("button", name="Read this file").click()
    page.wait_for_url("**/imports/*")


def test_every_kind_is_sound_and_proven(visit: MakeVisitor, home: str, pictures: Path) -> None:
    """From a file of all kinds to a statement whose lines are all there, each with its card, wide and light, narrow and dark."""
    visitor = visit()
    page = visitor.page
    import_every_kind(page, home)
    inspect(visitor, pictures / "kinds-import-1280-light.png")
    close_month(page, home, f"March {YEAR}")
    statement = page.url
    page.get_by_role("button", name="Make a share link").click()
    page.wait_for_url("**/proof/*share=*")
    assert page.inner_text("h1") == "This statement holds."
    shared = page.url
    month = f"{YEAR}-03"
    places = {"home": home, "why": f"{home}/why/{month}", "statement": statement, "proof": shared, "list": f"{home}/activities"}
    for width, scheme in (SIZES[0], SIZES[3]):
        looking = visit(width=width, scheme=scheme)
        for name, address in places.items():
            looking.page.goto(address)
            assert looking.shifts() == []
            looking.page.evaluate(OPEN_ALL)
            looking.page.screenshot(path=pictures / f"kinds-{name}-{width}-{scheme}.png", full_page=True)
            assert sideways(looking.page) == 0
            assert axe_violations(looking.page) == []
        assert looking.complaints == []


def test_line_opens_to_its_sum(visit: MakeVisitor, home: str) -> None:
    """Pressing a line shows where its number comes from, and pressing it again folds it away."""
    page = visit().page
    import_every_kind(page, home)
    page.goto(f"{home}/why/{YEAR}-03")
    line = page.locator("details.trace", has_text="from: ZRH").first
    title = line.get_by_text("The sum, to redo on a calculator")
    assert not title.is_visible()
    line.locator("summary").press("Enter")
    assert title.is_visible()
    assert line.get_by_text("UK DESNZ/Defra", exact=True).is_visible()
    line.locator("summary").click()
    assert not title.is_visible()

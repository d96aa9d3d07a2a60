"""A table that nobody knows, as a person meets it: dropped, its columns said, looked at, taken in; with and without script."""

from pathlib import Path

import pytest

from tests.browser.conftest import MakeVisitor, Scheme, Visitor
from tests.browser.test_every_page import SIZES, inspect

pytestmark = pytest.mark.browser

TABLE = (
    "Buchungstag;Verwendungszweck;Betrag;Saldo\n"
    "03.02.2026;REWE SAGT DANKE;-32,50;1.200,00\n"
    "05.02.2026;Acme Handels GmbH;-40,00;1.160,00\n"
    "06.02.2026;Gehalt Februar;2.500,00;3.660,00\n"
    "19.02.2026;Rückzahlung;;3.660,00\n"
)


def dropped(visitor: Visitor, home: str, tmp_path: Path) -> None:
    """Drop the table at the dashboard of a new household, as a utility's file by mistake."""
    path = tmp_path / "konto.csv"
    path.write_text(TABLE, encoding="utf-8")
    page = visitor.page
    page.goto(f"{home}#connect")
    page.locator("#up-file").set_input_files(path)
    page.get_by_role("button", name="Read this file").click()
    page.wait_for_url("**/files/*")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_table_from_drop_to_activities(
    visit: MakeVisitor, home: str, tmp_path: Path, *, pictures: Path, width: int, scheme: Scheme
) -> None:
    """The page asks what the file does not say, shows what would come of it, and takes it in; every state keeps every rule."""
    visitor = visit(width=width, scheme=scheme)
    page = visitor.page
    dropped(visitor, home, tmp_path)
    assert page.get_by_role("heading", level=1).inner_text() == "One thing the file does not say."
    inspect(visitor, pictures / f"mapping-asked-{width}-{scheme}.png")
    page.get_by_label("Currency").first.select_option("EUR")
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("button", name="Take it in").wait_for()
    assert page.locator(".would-bad").count() == 2
    page.get_by_label("Acme Handels GmbH sells mostly").select_option(label="Furniture and household")
    page.get_by_role("button", name="Look at it").click()
    page.get_by_text("2 activities.").wait_for()
    for folded in page.locator("main summary").all():
        folded.click()
    inspect(visitor, pictures / f"mapping-looked-{width}-{scheme}.png")
    assert page.locator(".would-bad").count() == 1
    page.get_by_role("button", name="Take it in").click()
    page.wait_for_url("**/imports/*")
    assert page.get_by_role("heading", level=1).inner_text() == "2 activities read."


def test_table_without_script(visit: MakeVisitor, home: str, tmp_path: Path) -> None:
    """The same way with plain forms; the second file is filled in already."""
    visitor = visit(has_script=False)
    page = visitor.page
    dropped(visitor, home, tmp_path)
    page.get_by_label("Currency").first.select_option("EUR")
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("button", name="Take it in").click()
    page.wait_for_url("**/imports/*")
    dropped(visitor, home, tmp_path)
    assert page.get_by_role("heading", level=1).inner_text() == "The same columns as last time."
    page.get_by_role("button", name="Leave it").click()
    page.wait_for_url(f"**{home}")

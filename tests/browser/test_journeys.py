"""What a person does, from the first link to a proof that a stranger checks."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.period import Month
from tests.browser import bills
from tests.browser.bills import YEAR
from tests.browser.conftest import MakeVisitor, new_subject
from tests.browser.program import Program

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

MARCH = f"March {YEAR}"
ANCHORED_WITHIN_S = 30


def choose(page: "Page", content: bytes, name: str = "energy.xml", place: str = bills.DENVER) -> None:
    """Fill the Green Button form of the page and send it."""
    page.set_input_files("#up-file", {"name": name, "mimeType": "application/xml", "buffer": content})
    page.fill("#up-place", place)
    page.get_by_role("button", name="Read this file").click()


def type_bill(page: "Page", *, month: Month, kwh: str, attachment: bytes = b"") -> None:
    """Fill the form of a bill and send it."""
    last = month.plus(1).first_date().toordinal() - 1
    page.fill("#bill-utility", "City Light")
    page.fill("#bill-start", month.first_date().isoformat())
    page.fill("#bill-end", type(month.first_date()).fromordinal(last).isoformat())
    page.fill("#bill-kwh", kwh)
    page.fill("#bill-place", "94110")
    if attachment:
        page.set_input_files("#bill-file", {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": attachment})
    page.get_by_role("button", name="Add this bill").click()


def wait_until(page: "Page", text: str) -> None:
    """Look at the page again until it says so, as a person would."""
    for _ in range(ANCHORED_WITHIN_S * 2):
        if page.locator("main").get_by_text(text, exact=True).first.is_visible():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"expected {text!r} within {ANCHORED_WITHIN_S} s, got {page.inner_text('main')}")


def close_month(page: "Page", home: str, month: str) -> None:
    """Press the button of a month, and wait until its statement is anchored."""
    page.goto(home)
    open_earlier_months(page)
    page.get_by_role("button", name=f"Close month – {month}").click()
    page.wait_for_url("**/statements/*")
    wait_until(page, "Anchored")


def open_earlier_months(page: "Page") -> None:
    """Unfold the months that are folded away."""
    folded = page.locator("#months-title ~ details:not([open]) > summary")
    if folded.count():
        folded.click()


def check_bundle(page: "Page", name: str, content: bytes) -> None:
    """Give a bundle to the public page."""
    page.goto("/proof")
    page.set_input_files("#bundle", {"name": name, "mimeType": "application/json", "buffer": content})
    page.get_by_role("button", name="Check this bundle").click()
    page.locator(".checks").wait_for()


def states(page: "Page") -> set[str]:
    """How the steps of the proof on the page came out."""
    return set(page.locator(".check-state").all_inner_texts())


def shares(page: "Page", place: str) -> list[str]:
    """Evidence classes with their shares, as they are read out."""
    return [" ".join(text.split()) for text in page.locator(f"{place} .shares li").all_inner_texts()]


def test_welcome_link_leads_over_the_progress_to_a_living_dashboard(tmp_path: Path, pictures: Path, visit: MakeVisitor) -> None:
    """A fresh start shows its tasks, and ends by itself on a page with a score and a statement."""
    fresh = Program(tmp_path / "data")
    fresh.start()
    try:
        page = visit(is_known=False).context.new_page()
        page.goto(fresh.welcome_link)
        assert page.inner_text("h1") == "Preparing the demo"
        page.screenshot(path=pictures / "progress-1280-light.png")
        page.wait_for_url("**/s/*", timeout=90_000)
        assert (page.locator(".dial-number").text_content() or "").isdigit()
        assert page.locator(".state-anchored").first.is_visible()
        page.close()
    finally:
        assert fresh.stop() == 0
    assert "Traceback" not in fresh.printed


def test_own_household_begins_empty(visit: MakeVisitor) -> None:
    """From the demo to a household of one's own: a name, a place, and the page that asks for the first file."""
    page = visit().page
    page.goto("/")
    page.get_by_role("link", name="+ Add").click()
    page.get_by_role("radio", name="A household").check()
    page.fill("#new-name", "Our own home")
    page.fill("#new-place", bills.DENVER)
    page.get_by_label("Persons in the household").fill("2")
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url("**/s/*")
    assert page.inner_text("h1") == "Let’s measure your electricity."
    assert page.input_value("#up-place") == bills.DENVER


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
def test_file_to_proof(visit: MakeVisitor, home: str, pictures: Path, *, has_script: bool) -> None:
    """Upload, result, trace, close, proof, bundle, its check by a stranger, and a changed byte."""
    page = visit(has_script=has_script).page
    page.goto(home)
    if has_script:
        page.screenshot(path=pictures / "empty-1280-light.png", full_page=True)
    choose(page, bills.green_button())
    page.wait_for_url("**/imports/*")
    assert re.fullmatch(r"1,46[34] readings read\.", page.inner_text("h1"))

    page.get_by_role("link", name="See the numbers").click()
    assert MARCH in page.inner_text("#months-title ~ .months")
    open_earlier_months(page)
    page.get_by_role("link", name=f"Why this number – {MARCH}").click()
    said = page.inner_text("main")
    assert "RMPA" in said
    assert "ZIP code 80202" in said
    assert page.locator(".steps-list li").count() >= 4

    close_month(page, home, MARCH)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download bundle").click()
    bundle = Path(waiting.value.path()).read_bytes()
    page.get_by_role("link", name="Proof").click()
    assert page.inner_text("h1") == "This statement holds."
    assert states(page) == {"Holds"}

    stranger = visit(has_script=has_script, is_known=False).page
    check_bundle(stranger, "statement.json", bundle)
    assert stranger.inner_text("h1") == "This statement holds."
    assert states(stranger) == {"Holds"}
    changed, step = changed_bundle(bundle)
    check_bundle(stranger, "changed.json", changed)
    assert stranger.inner_text("h1") == "This proof does not hold."
    assert stranger.inner_text(".check-first h3") == step
    assert stranger.get_by_text(f"The first step that breaks: {step}.").is_visible()
    if has_script:
        stranger.screenshot(path=pictures / "proof-broken-1280-light.png", full_page=True)


def changed_bundle(bundle: bytes) -> tuple[bytes, str]:
    """The bundle with one digit of a quantity changed, and the step that this breaks."""
    at = re.search(rb"quantity_micro\W+(\d)", bundle)
    assert at is not None
    digit = b"1" if at[1] != b"1" else b"2"
    return bundle[: at.start(1)] + digit + bundle[at.end(1) :], "The bundle can be read and is whole"


def test_shared_fixture_is_read(visit: MakeVisitor, home: str, shared_dir: Path) -> None:
    """A utility's own file is read in the browser with the readings that others count in it."""
    folder = shared_dir / "fixtures" / "greenbutton"
    name = "15minLP_15Days.xml"
    expected = json.loads((folder / "expected.json").read_text())[name]["intervals"]
    page = visit().page
    page.goto(home)
    choose(page, (folder / name).read_bytes(), name=name, place="10011")
    page.wait_for_url("**/imports/*")
    assert page.inner_text("h1") == f"{expected:,} readings read."


def test_typed_bill_is_called_typed_everywhere(visit: MakeVisitor, home: str, pictures: Path) -> None:
    """The evidence class stands on every page on the way, and the statement is self-declared."""
    page, month = visit().page, Month(YEAR, 3)
    page.goto(home)
    type_bill(page, month=month, kwh="612.5", attachment=bills.PDF)
    page.wait_for_url("**/imports/*")
    assert page.locator("main .ev").first.inner_text() == "Typed"
    page.screenshot(path=pictures / "typed-1280-light.png", full_page=True)

    page.get_by_role("link", name="See the numbers").click()
    assert shares(page, ".proofs") == ["Typed 100 %"]
    open_earlier_months(page)
    page.get_by_role("link", name=f"Activities – {MARCH}").click()
    assert page.locator("tbody .ev").all_inner_texts() == ["Typed"]
    page.goto(home)
    open_earlier_months(page)
    page.get_by_role("link", name=f"Why this number – {MARCH}").click()
    assert set(page.locator("main .ev").all_inner_texts()) == {"Typed"}
    with page.expect_download() as waiting:
        page.locator("section[aria-labelledby=records-title]").get_by_role("link", name="Original file").click()
    assert Path(waiting.value.path()).read_bytes() == bills.PDF

    close_month(page, home, MARCH)
    assert page.get_by_text("Self-declared", exact=True).is_visible()
    assert shares(page, "section[aria-labelledby=evidence-title]") == ["Typed 100 %"]
    page.get_by_role("link", name="Proof").click()
    assert page.get_by_text("Self-declared", exact=True).is_visible()
    assert page.locator("section[aria-labelledby=facts-title] .ev").all_inner_texts() == ["Typed"]
    assert page.inner_text("h1") == "This statement holds."


WRONG = {
    "pdf": (bills.PDF, bills.DENVER, "file", "PDF"),
    "html": (bills.HTML, bills.DENVER, "file", "HTML"),
    "json": (bills.JSON, bills.DENVER, "file", ""),
    "truncated": (bills.truncated(), bills.DENVER, "file", ""),
    "no unit": (bills.without_unit(), bills.DENVER, "file", "unit"),
    "future": (bills.in_the_future(), bills.DENVER, "file", "future"),
    "empty": (b"", bills.DENVER, "file", "empty"),
    "no such ZIP": (bills.green_button(), "00000", "place", "ZIP"),
    "no such country": (bills.green_button(), "XX", "place", ""),
}


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("what", WRONG)
def test_wrong_file_is_refused_beside_its_field(
    visit: MakeVisitor, home: str, demo: Program, pictures: Path, *, what: str, has_script: bool
) -> None:
    """The message stands at the field and in sight, what was typed is still there, and nothing is stored."""
    content, place, field, word = WRONG[what]
    visitor = visit(has_script=has_script)
    visitor.refusals = {422}
    page = visitor.page
    page.goto(home)
    choose(page, content, place=place)
    error = page.locator(f"#up-{field}-error")
    error.wait_for()
    page.wait_for_timeout(100)
    assert word.lower() in error.inner_text().lower()
    assert page.locator(f"#up-{field}").get_attribute("aria-invalid") == "true"
    assert page.evaluate("document.activeElement.id") == f"up-{field}"
    assert error.evaluate("(e) => { const b = e.getBoundingClientRect(); return b.top >= 0 && b.bottom <= innerHeight; }")
    assert page.input_value("#up-place") == place
    page.screenshot(path=pictures / f"refused-{what.replace(' ', '-')}{'' if has_script else '-plain'}.png")
    page.goto(home)
    assert page.get_by_role("heading", name="Three steps to your first number").is_visible()
    assert demo.ask(f"/v1/subjects/{home[3:]}/activities")["items"] == []


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
def test_several_zones_are_a_question(visit: MakeVisitor, home: str, pictures: Path, *, has_script: bool) -> None:
    """A place with several time zones and a file that names none: asked, answered, read. A script keeps the chosen file."""
    visitor = visit(has_script=has_script)
    visitor.refusals = {422}
    page, content = visitor.page, bills.green_button(has_clock=False)
    page.goto(home)
    choose(page, content, place="US")
    page.locator("#up-zone").wait_for()
    page.screenshot(path=pictures / f"zone-question{'' if has_script else '-plain'}.png")
    page.select_option("#up-zone", "America/Denver")
    if not has_script:
        page.set_input_files("#up-file", {"name": "energy.xml", "mimeType": "text/xml", "buffer": content})
    page.get_by_role("button", name="Read this file").click()
    page.wait_for_url("**/imports/*")
    assert "readings read" in page.inner_text("h1")


def test_wrong_bill_is_refused_beside_its_field(visit: MakeVisitor, home: str) -> None:
    """A bill that ends in the future, and an amount that is no number."""
    visitor = visit()
    visitor.refusals = {422}
    page = visitor.page
    page.goto(home)
    type_bill(page, month=Month(YEAR + 3, 1), kwh="10")
    page.locator("#bill-end-error, #bill-start-error").first.wait_for()
    type_bill(page, month=Month(YEAR, 1), kwh="ten")
    page.locator("#bill-kwh-error").wait_for()
    assert page.input_value("#bill-utility") == "City Light"


def test_share_link_shows_the_lines(visit: MakeVisitor, pictures: Path) -> None:
    """Whoever has the link sees lines; without it, and with a wrong one, nobody does."""
    page = visit().page
    page.goto("/")
    page.get_by_role("link", name=re.compile("^Statement")).first.click()
    page.get_by_role("button", name="Make a share link").click()
    page.wait_for_url("**/proof/*share=*")
    stranger = visit(is_known=False).page
    stranger.goto(page.url)
    assert stranger.get_by_role("heading", name="Lines", exact=True).is_visible()
    stranger.screenshot(path=pictures / "shared-1280-light.png", full_page=True)
    for address in (page.url.partition("?")[0], page.url[:-3] + "AAA"):
        stranger.goto(address)
        assert stranger.inner_text("h1") == "This statement holds."
        assert stranger.get_by_role("heading", name="Lines", exact=True).count() == 0
        assert "kWh" not in stranger.inner_text("main")


def test_sign_out_and_in_with_password(visit: MakeVisitor, demo: Program) -> None:
    """After signing out a page asks who comes, and leads there once that is known."""
    visitor = visit()
    visitor.refusals = {403}
    page = visitor.page
    page.goto("/")
    there = page.url
    page.get_by_role("button", name="Sign out").click()
    assert page.inner_text("h1") == "Sign in"
    page.goto(there)
    assert page.inner_text("h1") == "Sign in"
    page.fill("#name", "demo")
    page.fill("#password", "not this one")
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("alert").is_visible()
    page.fill("#password", demo.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/s/*")
    assert page.inner_text("h1").startswith("What you did caused")


def tab_to(page: "Page", selector: str, *, most: int = 120) -> None:
    """Press Tab until the focus is there, and seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"expected a visible focus on {selector}"
            return
    raise AssertionError(f"expected Tab to reach {selector} within {most} presses")


def choose_by_key(page: "Page", file: Path) -> None:
    """Choose a file with Enter on the field that has the focus; on a busy machine Chromium may let a key pass unheard."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

    for wait_ms in (7_000, 7_000, 20_000):
        try:
            with page.expect_file_chooser(timeout=wait_ms) as chooser:
                page.keyboard.press("Enter")
        except PlaywrightTimeoutError:
            continue
        chooser.value.set_files(file)
        return
    pytest.fail("Enter on the field opened no choice of files")


def test_keyboard_alone_suffices(visit: MakeVisitor, demo: Program, tmp_path: Path) -> None:
    """Sign in, upload and close a month without a pointer."""
    home = new_subject(demo, name="Keyboard home")
    file = tmp_path / "energy.xml"
    file.write_bytes(bills.green_button())
    page = visit(is_known=False).page
    page.goto("/sign-in")
    tab_to(page, "#name")
    page.keyboard.type("demo")
    tab_to(page, "#password")
    page.keyboard.type(demo.password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/s/*")
    page.goto(home)
    tab_to(page, "#up-file")
    choose_by_key(page, file)
    tab_to(page, "#up-place")
    page.keyboard.press("Control+A")
    page.keyboard.type(bills.DENVER)
    page.keyboard.press("Enter")
    page.wait_for_url("**/imports/*")
    tab_to(page, "a.button")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{home}")
    if page.locator("#months-title ~ details").count():
        tab_to(page, "#months-title ~ details > summary")
        page.keyboard.press("Enter")
    tab_to(page, "form[action*='/close'] button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/statements/*")


def test_restart_keeps_everything(visit: MakeVisitor, demo: Program) -> None:
    """After a stop and a start the same numbers, statements and proofs are there, and the password is a new one."""
    page = visit().page
    page.goto("/")
    before = page.locator(".tile .big").all_inner_texts(), page.locator("a[href^='/proof/']").count()
    proof = page.locator("a[href^='/proof/']").first.get_attribute("href")
    password = demo.password
    assert demo.stop() == 0
    demo.start()
    demo.wait_until_ready()
    assert demo.password != password
    page = visit().page
    page.goto("/")
    assert (page.locator(".tile .big").all_inner_texts(), page.locator("a[href^='/proof/']").count()) == before
    page.goto(str(proof))
    assert page.inner_text("h1") == "This statement holds."
    assert states(page) == {"Holds"}

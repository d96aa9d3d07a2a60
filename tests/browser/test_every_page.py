"""Every page and state of the running product: nothing for axe to say, nothing overflows, nothing moves, nobody else is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.period import Month
from tests.browser import bills
from tests.browser.bills import YEAR
from tests.browser.conftest import MakeVisitor, Scheme, Visitor
from tests.browser.test_journeys import choose, close_month, states, type_bill

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SIZES: list[tuple[int, Scheme]] = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
NORMS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe_violations(page: "Page") -> list[str]:
    """What axe-core finds on the page as it stands."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": NORMS}, "resultTypes": ["violations"]})
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]


def sideways(page: "Page") -> int:
    """Pixels that the page is wider than its window."""
    found: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found


def to_link(label: str) -> Callable[["Page"], None]:
    """Leads to the first link of the dashboard that begins so."""

    def go(page: "Page") -> None:
        page.goto("/")
        page.goto(str(page.locator(".months a", has_text=label).first.get_attribute("href")))

    return go


def to_business(page: "Page") -> None:
    """The business's dashboard."""
    page.goto("/")
    page.get_by_role("link", name="Pier 9 Design Studio").click()


def to_import(page: "Page") -> None:
    """The report of an import."""
    page.goto("/")
    page.locator(".imports a").first.click()


def to_everything_open(page: "Page") -> None:
    """The dashboard with all that is folded away shown."""
    page.goto("/")
    page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")


def to_figures_awake(page: "Page") -> None:
    """The dashboard with both figures drawn by Plotly."""
    page.goto("/")
    for name in ("months", "hours"):
        page.locator(f"[data-plot-open={name}]").click()
        page.wait_for_selector(f"[data-plot={name}].is-live .main-svg", timeout=30_000)


def to_shared(page: "Page") -> None:
    """A proof with its lines."""
    to_link("Statement")(page)
    page.get_by_role("button", name="Make a share link").click()
    page.wait_for_url("**/proof/*share=*")


def to_walk(page: "Page") -> None:
    """The way back to the originals, with the records of a group unfolded."""
    to_link("Statement")(page)
    page.get_by_role("link", name="Back to the originals").click()
    page.locator("details.trace > summary").first.click()


def to_shown_record(page: "Page") -> None:
    """A proof with one record of it, shown alone."""
    to_walk(page)
    page.locator("details.trace[open] table").get_by_role("button").first.click()
    page.wait_for_url("**/proof/*share=*")


def to_missing(page: "Page") -> None:
    """A page that is not there."""
    page.goto("/s/none")


def to_new_subject(page: "Page") -> None:
    """The form of a new subject."""
    page.goto("/")
    page.get_by_role("link", name="+ Add").click()
    page.locator("#new-name").wait_for()


def to_refused_subject(page: "Page") -> None:
    """The form of a new subject with a place that is none."""
    to_new_subject(page)
    page.fill("#new-name", "Nowhere")
    page.fill("#new-place", "00000")
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator("#new-place-error").wait_for()


PLACES: dict[str, Callable[["Page"], object]] = {
    "home": lambda page: page.goto("/"),
    "business": to_business,
    "everything open": to_everything_open,
    "figures awake": to_figures_awake,
    "why": to_link("Why this number"),
    "activities": to_link("Activities"),
    "statement": to_link("Statement"),
    "proof": to_link("Proof"),
    "shared proof": to_shared,
    "walk": to_walk,
    "shown record": to_shown_record,
    "import": to_import,
    "blank proof": lambda page: page.goto("/proof"),
    "sign in": lambda page: page.goto("/sign-in"),
    "new subject": to_new_subject,
    "new subject refused": to_refused_subject,
    "missing": to_missing,
}


def inspect(visitor: Visitor, picture: Path) -> None:
    """Hold a page against every rule, and keep its picture."""
    visitor.page.screenshot(path=picture, full_page=True)
    assert sideways(visitor.page) == 0
    assert axe_violations(visitor.page) == []
    assert visitor.shifts() == []


@pytest.mark.parametrize(("width", "scheme"), SIZES)
@pytest.mark.parametrize("place", PLACES)
def test_page_is_sound(visit: MakeVisitor, pictures: Path, place: str, width: int, scheme: Scheme) -> None:
    """No axe violation, no sideways scrolling, no layout shift, at either size and in either scheme."""
    visitor = visit(width=width, scheme=scheme)
    visitor.refusals = {"missing": {404}, "new subject refused": {422}}.get(place, set())
    PLACES[place](visitor.page)
    inspect(visitor, pictures / f"{place.replace(' ', '-')}-{width}-{scheme}.png")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_new_subject_and_refusals_are_sound(visit: MakeVisitor, home: str, pictures: Path, width: int, scheme: Scheme) -> None:
    """The empty page, a refused file, a refused bill and a question are pages like others."""
    visitor = visit(width=width, scheme=scheme)
    visitor.refusals = {422}
    page = visitor.page
    page.goto(home)
    inspect(visitor, pictures / f"empty-{width}-{scheme}.png")
    choose(page, bills.PDF)
    page.locator("#up-file-error").wait_for()
    inspect(visitor, pictures / f"refused-{width}-{scheme}.png")
    choose(page, bills.green_button(has_clock=False), place="US")
    page.locator("#up-zone").wait_for()
    inspect(visitor, pictures / f"question-{width}-{scheme}.png")


def test_changed_month_and_broken_proof_are_sound(visit: MakeVisitor, home: str, pictures: Path) -> None:
    """A month that changed after its close asks for a reason, is restated as revision 2, and a broken bundle is told apart."""
    visitor = visit()
    visitor.refusals = {422}
    page = visitor.page
    page.goto(home)
    type_bill(page, month=Month(YEAR, 3), kwh="612.5")
    page.wait_for_url("**/imports/*")
    close_month(page, home, f"March {YEAR}")
    page.goto(home)
    type_bill(page, month=Month(YEAR, 3), kwh="640")
    page.wait_for_url("**/imports/*")
    inspect(visitor, pictures / "corrected-1280-light.png")
    page.goto(home)
    inspect(visitor, pictures / "changed-1280-light.png")
    page.get_by_label("Why the closed numbers change").fill("The bill was corrected.")
    page.get_by_role("button", name=f"Restate month – March {YEAR}").click()
    page.wait_for_url("**/statements/*")
    assert page.get_by_text("Revision 2", exact=True).is_visible()
    assert page.get_by_text("Restated: The bill was corrected.").is_visible()
    page.goto("/proof")
    page.set_input_files("#bundle", {"name": "photo.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n"})
    page.get_by_role("button", name="Check this bundle").click()
    page.locator(".check-first").wait_for()
    assert "Broken" in states(page)
    inspect(visitor, pictures / "broken-1280-light.png")


@pytest.mark.parametrize("name", ["months", "hours"])
def test_plotly_takes_over_without_moving_anything(visit: MakeVisitor, name: str) -> None:
    """Touching a figure loads Plotly from this server, draws it, and no pixel around it moves."""
    visitor = visit()
    page = visitor.page
    page.goto("/")
    assert page.evaluate("performance.getEntriesByType('resource').filter((e) => e.name.includes('plotly.min')).length") == 0
    place = f"[data-plot={name}]"
    page.locator(place).scroll_into_view_if_needed()
    before = page.locator(f"#figure-{name}").bounding_box()
    page.locator(place).hover()
    page.wait_for_selector(f"{place}.is-live .main-svg", timeout=30_000)
    page.wait_for_timeout(500)
    assert page.locator(f"#figure-{name}").bounding_box() == before
    assert visitor.shifts() == []


def test_policy_is_strict_and_reports_nothing(visit: MakeVisitor) -> None:
    """Scripts come from this origin only, none inline, and a violation would be seen by these tests."""
    visitor = visit()
    answer = visitor.page.goto("/")
    assert answer is not None
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";") if " " in part)
    assert policy["default-src"] == "'none'" or policy["default-src"] == "'self'"
    assert policy["script-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    visitor.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    visitor.page.wait_for_timeout(100)
    assert any("Content Security Policy" in text for text in visitor.complaints)
    visitor.complaints.clear()


def test_exported_bars_are_seen_when_plotly_draws(visit: MakeVisitor) -> None:
    """The stripes of exported electricity have their own colour, not the card's."""
    page = visit().page
    page.goto("/")
    page.locator("[data-plot-open=months]").click()
    page.wait_for_selector("[data-plot=months].is-live .main-svg", timeout=30_000)
    stripes = page.locator("[data-plot=months] .plot-live pattern path").first
    colour = "(e) => { const s = getComputedStyle(e); return s.stroke === 'none' ? s.fill : s.stroke; }"
    assert stripes.evaluate(colour) == "rgb(0, 158, 115)"


def test_page_is_sent_compressed_and_whole(visit: MakeVisitor) -> None:
    """The page travels as gzip to a browser, and as it is to a program that takes nothing else."""
    page = visit().page
    answer = page.goto("/")
    assert answer is not None
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.body()) > 3 * answer.request.sizes()["responseBodySize"]
    plain = page.context.request.get("/", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert len(plain.body()) > 50_000

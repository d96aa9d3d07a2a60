"""Every page and edge case: landmarks, headings, labels, policy, escaping, figures with caption, table and CSV."""

import gzip
import re
from functools import cache
from importlib import resources
from itertools import pairwise

import pytest
from lxml import html

from dashboards.messages import messages_in
from dashboards.pages import dashboard, proof
from dashboards.preview import household, only_exports, pages
from dashboards.preview_accounts import HOSTILE, RIGHT_TO_LEFT
from domain.period import Month

NAMES = sorted(pages(messages_in()))
FIGURE_PAGES = ["dashboard.html", "business.html", "one_day.html", "absurd.html", "only_exports.html"]


@cache
def source(name: str) -> str:
    """The HTML of one page of the preview."""
    return pages(messages_in())[name]


def tree(name: str) -> html.HtmlElement:
    """The parsed page."""
    return html.document_fromstring(source(name))


def text_of(element: html.HtmlElement) -> str:
    """Its words with single spaces."""
    return " ".join(element.text_content().split())


def facts_of(page: html.HtmlElement) -> dict[str, str]:
    """Terms of the page's description lists, each with its last value."""
    return {text_of(term): text_of(term.getnext()) for term in page.xpath("//dl/div/dt")}


@pytest.mark.parametrize("name", NAMES)
def test_page_has_its_landmarks(name: str) -> None:
    """One header, main and footer, a title, a language, and a way past the header."""
    page = tree(name)
    assert [len(page.findall(f".//{tag}")) for tag in ("header", "main", "footer")] == [1, 1, 1]
    assert page.get("lang") == "en"
    assert str(page.findtext(".//title")).endswith("· Climate Fitness")
    assert page.xpath("//a[@class='skip']/@href") == ["#content"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dashboard.html", "↑ 3 points up on the same months a year ago."),
        ("business.html", "↓ 1 point down on the same months a year ago."),
        ("absurd.html", "As fit as in the same months a year ago."),
    ],
)
def test_momentum_is_said(name: str, said: str) -> None:
    """Points up, points down, and a sentence of its own where nothing changed."""
    score = tree(name).xpath("//section[@aria-labelledby='score-title']")[0]
    assert [line for line in map(text_of, score.findall("p")) if "a year ago" in line] == [said]


def test_questions_are_in_the_words_of_the_catalogue() -> None:
    """The label and a choice that the catalogue has stand for the connector's own; what it does not have, the connector says."""
    page = tree("connect_key.html")
    assert text_of(page.xpath("//label[@for='ask-gas_unit']")[0]).startswith("What your gas meter counts")
    options = [text_of(one) for one in page.xpath("//select[@id='ask-gas_unit']/option")]
    assert options[1:] == ["Cubic metres (m3)", "Litres"]
    assert text_of(page.xpath("//label[@for='ask-account']")[0]) == "Account number"


def test_health_is_said_with_the_name_of_the_provider() -> None:
    """Where the code says everything, the words are the catalogue's: who asks for consent again, and who for another key."""
    said = {
        text_of(one.find(".//h3")): text_of(one.find("p")) for one in tree("connections.html").xpath("//li[@class='connection']")
    }
    assert said["Demo Trips"] == "Demo Trips wants to be asked again: connect it once more, and it goes on where it was."
    assert (
        said["Octopus Energy"] == "Octopus Energy does not take the key any more: give another one, and it goes on where it was."
    )
    assert said["City Water"].startswith("City Water answers in a way that we cannot read yet.")


@pytest.mark.parametrize("name", NAMES)
def test_headings_go_down_one_step_at_a_time(name: str) -> None:
    """One h1, and no level left out."""
    levels = [int(element.tag[1]) for element in tree(name).xpath("//h1|//h2|//h3|//h4|//h5|//h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert [after for before, after in pairwise(levels) if after > before + 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_a_label(name: str) -> None:
    """Every input and choice is named by a label, every button by its text."""
    page = tree(name)
    fields = page.xpath("//input[not(@type='hidden')]|//select")
    assert [f.get("name") for f in fields if not page.xpath("//label[@for=$id]", id=f.get("id"))] == []
    assert [b for b in page.xpath("//button") if not text_of(b)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_form_posts_with_its_token(name: str) -> None:
    """No form changes anything without the session's token; a search changes nothing."""
    for form in tree(name).xpath("//form[not(@role='search')]"):
        assert form.get("method") == "post"
        assert len(form.xpath(".//input[@name='csrf_token']")) == 1


@pytest.mark.parametrize("name", NAMES)
def test_search_asks_and_says_no_token(name: str) -> None:
    """A search is a question in the address: the token of the session does not belong there."""
    for form in tree(name).xpath("//form[@role='search']"):
        assert form.get("method") == "get"
        assert form.xpath(".//input[@type='hidden']") == []


@pytest.mark.parametrize("name", NAMES)
def test_policy_is_kept(name: str) -> None:
    """No style, no handler, no inline script: what the policy forbids is not there."""
    page = tree(name)
    assert page.xpath("//*[@style]|//style") == []
    assert [e.tag for e in page.iter() for key in e.attrib if key.lower().startswith("on")] == []
    assert [s for s in page.xpath("//script") if not s.get("src") and s.get("type") != "application/json"] == []
    assert page.xpath("//iframe|//object|//embed|//base") == []


@pytest.mark.parametrize("name", NAMES)
def test_addresses_stay_here(name: str) -> None:
    """Nothing is loaded from elsewhere; links lead elsewhere by https only."""
    page = tree(name)
    loaded = page.xpath("//script/@src|//link/@href|//img/@src|//form/@action|//*[local-name()='image']/@href")
    assert [address for address in loaded if "://" in address or address.startswith("//")] == []
    assert [a for a in page.xpath("//a/@href") if ":" in a and not a.startswith("https://")] == []


@pytest.mark.parametrize("name", NAMES)
def test_identifiers_are_unique_and_found(name: str) -> None:
    """No id twice; every reference by id leads somewhere."""
    page = tree(name)
    ids = page.xpath("//@id")
    assert sorted({one for one in ids if ids.count(one) > 1}) == []
    wanted = " ".join(page.xpath("//@aria-labelledby|//@aria-describedby|//label/@for")).split()
    wanted += re.findall(r"url\(#([^)]+)\)", source(name))
    assert [one for one in wanted if one not in ids] == []


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_are_only_text(name: str) -> None:
    """A name that looks like markup never becomes an element."""
    assert [script for script in tree(name).xpath("//script") if "alert(1)" in (script.text or "")] == []
    assert "<script>alert" not in source(name)


def test_hostile_and_right_to_left_names_are_shown_whole() -> None:
    """A strange name is shown as it is, set apart so that its direction turns nothing else around."""
    page = tree("absurd.html")
    shown = [text_of(element) for element in page.xpath("//p[@class='who']/bdi")]
    assert shown[0].startswith(f"{HOSTILE} {RIGHT_TO_LEFT}")


@pytest.mark.parametrize("name", FIGURE_PAGES)
def test_figures_are_complete(name: str) -> None:
    """Each figure has a caption, a data table with header cells, a CSV link, and pictures that speak."""
    figures = tree(name).xpath("//figure")
    assert figures
    for figure in figures:
        assert text_of(figure.find(".//figcaption"))
        assert figure.xpath(".//details//table//th[@scope='col']")
        assert figure.xpath(".//details//table//th[@scope='row']")
        assert figure.xpath(".//a[@download]/@href")[0].endswith(".csv")
        for drawn in figure.xpath(".//*[local-name()='svg']"):
            assert [text_of(drawn.find(f"./{tag}")) != "" for tag in ("title", "desc")] == [True, True]


@pytest.mark.parametrize("name", NAMES)
def test_page_is_light(name: str) -> None:
    """HTML, style and scripts together stay under 60 kB compressed, before Plotly."""
    static = resources.files("dashboards") / "static"
    files = [static.joinpath(file).read_bytes() for file in ("app.css", "plotly.css", "upload.js", "hydrate.js")]
    weight = sum(len(gzip.compress(data)) for data in [source(name).encode(), *files])
    assert weight < 60_000


def test_month_that_is_not_measured_is_never_zero() -> None:
    """A month without readings says so in the list, the table and the picture."""
    page = tree("dashboard.html")
    april = next(m for m in page.xpath("//li[@class='month']") if text_of(m.find(".//h3")) == "April 2026")
    assert [text_of(value) for value in april.xpath(".//dd")] == ["not measured", "not measured", "0 of 30 days"]
    row = next(r for r in page.xpath("//figure[1]//tbody/tr") if text_of(r.find("th")) == "April 2026")
    assert [text_of(cell) for cell in row.findall("td")][:3] == ["not measured"] * 3


def test_month_that_asks_for_something_is_not_folded_away() -> None:
    """A month that can be closed stands in the open list, however old."""
    page = tree("dashboard.html")
    assert page.xpath("//details//form") == []
    assert len(page.xpath("//form[@action='/close']")) == 2


def test_closing_is_offered_by_state() -> None:
    """Only open, changed and questioned months have a button, each with its own verb."""
    words = [text_of(b) for b in tree("business.html").xpath("//form[@action='/close']//button")]
    assert words == ["Close again – October 2026"]
    assert "Restate month – August 2026" in [text_of(b) for b in tree("dashboard.html").xpath("//button")]


def test_import_result_is_one_sentence() -> None:
    """Readings, refused and corrected stand together."""
    assert "8,760 readings, 0 refused; 24 corrected" in text_of(tree("dashboard.html"))


def test_chain_label_is_honest() -> None:
    """The embedded chain says that its operator alone could rewrite it."""
    for name in ("dashboard.html", "proof.html", "statement.html"):
        assert "local: its operator alone could rewrite it" in text_of(tree(name))


def test_empty_page_leads_to_the_first_number() -> None:
    """Without data there is no dial and no figure, but both ways in."""
    page = tree("empty.html")
    assert page.xpath("//figure|//*[@id='score-t']") == []
    assert sorted(page.xpath("//main//form/@action")) == ["/bill", "/upload"]


def test_form_shows_what_was_wrong() -> None:
    """Typed values come back, and each error is tied to its field."""
    page = tree("bill_errors.html")
    field = page.get_element_by_id("bill-kwh")
    assert (field.get("value"), field.get("aria-invalid")) == ("12,5", "true")
    assert "bill-kwh-error" in str(field.get("aria-describedby")).split()
    assert text_of(page.get_element_by_id("bill-kwh-error")) == "Write digits with a point: 12.5."
    assert page.xpath("//select[@id='up-zone']/option/@value") == ["", "America/New_York", "America/Chicago"]


def test_sum_can_be_redone() -> None:
    """Quantity × factor on the page gives the micrograms on the page."""
    of_line = tree("why.html").xpath("(//details[@class='trace'])[1]/ul[@class='eqs'][2]")[0]
    *gases, total = of_line.findall("li")
    assert len(gases) == 3
    summed_ug = 0
    for row in gases:
        kwh, per_unit_ug, amount_ug, amount_g = [one.text.replace(",", "") for one in row.xpath(".//*[@class='num']")]
        assert abs(float(kwh) * int(per_unit_ug) - int(amount_ug)) <= 1
        assert float(amount_g) * 1e6 == pytest.approx(int(amount_ug))
        summed_ug += int(amount_ug)
    assert int(total.xpath(".//*[@class='num']")[0].text.replace(",", "")) == summed_ug


def test_lines_stand_in_rings() -> None:
    """Statement, trace and shared proof group lines by ring and kind, each part in words with scope and category."""
    for name in ("why.html", "statement.html", "proof_shared.html"):
        page = tree(name)
        rings = [text_of(one).partition(":")[0] for one in page.xpath("//h2[contains(@class,'ring-title')]")]
        assert rings == ["Home", "Travel"]
        heads = [text_of(one) for one in page.xpath("//details[@class='trace']/summary")]
        assert heads[0].startswith("the use itself Scope 2 · California · location based only")
        assert [head for head in heads if head.startswith("what the grid loses on the way Scope 3, category 3")]
        assert "from: ZRH · to: SFO · cabin: economy 2 passengers → 2.20 t CO2e" in heads[-1]


def test_effects_beside_are_in_no_total() -> None:
    """What aviation does at altitude has a section of its own."""
    section = tree("statement.html").xpath("//section[@aria-labelledby='beside-title']")[0]
    assert "1.54 t CO2e by UK DESNZ/Defra 2024, World, 2024" in text_of(section)


def test_trace_names_factor_and_flags() -> None:
    """The factor card and each flag in plain words are on the trace."""
    page = tree("why.html")
    first = page.xpath("(//details[@class='trace'])[1]")[0]
    facts = {text_of(term): text_of(term.getnext()) for term in first.xpath(".//dl/div/dt")}
    assert (facts["Publisher"], facts["Edition"], facts["Year of the data"]) == ("EPA eGRID", "eGRID2023 rev 2", "2023")
    assert facts["As published"].startswith("CO2: 497.441 lb/MWh")
    assert "This ZIP code lies in several grid subregions; the main one was used." in text_of(page)


def test_one_operator_is_said() -> None:
    """Where one operator runs all nodes, the page says that they are not independent."""
    assert "One operator runs all of these nodes" in text_of(tree("statement.html"))


def test_proof_names_the_first_broken_step() -> None:
    """The step that breaks first is in the headline and marked in the list."""
    page = tree("proof_failed.html")
    assert text_of(page.xpath("//h1")[0]) == "This proof does not hold."
    assert "The first step that breaks: Quantity times factor gives every line." in text_of(page)
    marked = page.xpath("//li[contains(@class,'check-first')]//h3")
    assert [text_of(element) for element in marked] == ["Quantity times factor gives every line"]


@pytest.mark.parametrize(("name", "word"), [("proof.html", "Holds"), ("proof_not_all.html", "Not checked")])
def test_step_state_is_a_word(name: str, word: str) -> None:
    """No state is told by colour alone."""
    assert text_of(tree(name).xpath("//span[@class='check-state']")[-1]) == word


def test_public_proof_names_nobody() -> None:
    """No subject, account or line is on the public page; a share link adds the lines."""
    public, shared = text_of(tree("proof.html")), text_of(tree("proof_shared.html"))
    assert "Rivera" not in public
    assert tree("proof.html").xpath("//form[@class='account']") == []
    assert "712.345678 kWh" not in public
    assert "712.345678 kWh" in shared


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ({}, proof.Verdict.NONE),
        ({"bundle": "not_checked"}, proof.Verdict.NONE),
        ({"bundle": "ok", "signatures": "not_checked"}, proof.Verdict.CONSISTENT),
        ({"bundle": "ok", "chain": "not_checked"}, proof.Verdict.CONSISTENT),
        ({"bundle": "ok", "signatures": "ok", "chain": "not_checked"}, proof.Verdict.HOLDS),
        ({"signatures": "ok", "chain": "failed"}, proof.Verdict.BROKEN),
    ],
)
def test_verdict_follows_steps(states: dict[str, str], verdict: proof.Verdict) -> None:
    """One failed step breaks the whole; nothing checked is no success; without known signers it is only consistent."""
    steps = tuple(proof.Step(name, proof.StepState(state), "") for name, state in states.items())
    assert proof.Verification(steps).verdict is verdict


def test_progress_reloads_until_it_fails() -> None:
    """The page asks again by itself, and stops when something failed."""
    assert tree("progress_failed.html").xpath("//meta[@http-equiv='refresh']") == []
    assert "7 of 12" in text_of(tree("progress.html"))


def test_problem_says_expected_got_and_next_step() -> None:
    """A problem is one a person can act on."""
    page = tree("problem.html")
    facts = facts_of(page)
    assert facts["Expected"].startswith("an ESPI feed")
    assert (facts["What came"], facts["Where"]) == (f"{HOSTILE} in a web page", "bill.html")
    assert "Download the file again from your utility" in text_of(page)


def test_zone_question_is_a_form() -> None:
    """A meter without zone asks for it, and shows no numbers yet."""
    page = tree("upload_question.html")
    assert page.xpath("//form[@action='/zone']//select/@name") == ["zone"]
    assert page.xpath("//form[@action='/zone']//input[@name='upload_id']/@value") == ["u1"]


def test_refused_parts_have_reasons() -> None:
    """What was refused is listed with why."""
    assert "got uom 38 (V). Nothing was guessed." in text_of(tree("upload.html"))


def test_pace_needs_a_reference() -> None:
    """Without the same month a year ago there is no pace, nor with a reference of zero."""
    now = household().this_month
    assert now is not None
    assert (now.used_pct, now.passed_pct) == (61, 66)
    without = dashboard.ThisMonth(Month(2026, 11), 1, 1, 0, 1, 1, 30, "")
    assert without.used_pct is None


def test_exports_alone_are_measured() -> None:
    """A meter that only exports is not an empty page."""
    assert not only_exports().is_empty
    assert "Emissions avoided elsewhere" in text_of(tree("only_exports.html"))

"""A stranger with a calculator: every line of a statement over all kinds is redone from the numbers that its page shows."""

import csv
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import reduce
from io import StringIO
from pathlib import Path

import pytest
from lxml import html

from app.store.statements import StatementRow
from app.store.subjects import SubjectKind
from app.usecases.close_period import close_period
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from app.usecases.show_activities import activities_csv, show_activities
from app.usecases.show_lines import factor_names, traced_lines
from app.usecases.show_statement import lines_csv, show_statement
from app.usecases.show_why import show_why
from dashboards.frame import Frame
from dashboards.messages import messages_in
from dashboards.pages import activities as activities_page
from dashboards.pages import statement as statement_page
from dashboards.pages import why as why_page
from domain.activity import KINDS, EvidenceClass
from domain.factor import Basis, GwpSet, Part
from domain.number import round_half_away, round_half_even
from domain.period import MonthRange
from domain.place import place_from_text
from tests.app.usecases.scenes import Scene, make_scene

MARCH = "2024-03"
NOW = datetime(2024, 5, 2, tzinfo=UTC)
MORE = (
    {"kind": "car", "quantity": "100", "unit": "km", "region": "GB", "powertrain": "electric", "size": "small"},
    {"kind": "fuel", "quantity": "100", "unit": "L", "region": "US", "fuel": "petrol"},
    {"kind": "electricity", "quantity": "90", "unit": "kWh", "region": "GB"},
    {"kind": "electricity", "quantity": "50.5", "unit": "kWh", "region": "FR", "supplier_g_co2e_per_kwh": "11.5"},
    {"kind": "natural_gas", "quantity": "-3", "unit": "m3", "region": "GB"},
    {"kind": "food", "quantity": "2", "unit": "kg", "region": "GB", "food": "cheese"},
    {"kind": "purchase", "quantity": "80", "unit": "EUR", "naics": "721110", "tax_percent": "8.1"},
)
"""Lines with several parts, a refund, a purchase in another currency than its factor's."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A household with one activity of every kind, as the page about such files has them, and some more."""
    page = (Path(__file__).parents[3] / "docs" / "activities-file.md").read_text()
    body = page.partition("```ndjson\n")[2].partition("```")[0]
    body += "".join(f"{json.dumps({'id': f'm{i}', 'start': '2024-03-20', **one})}\n" for i, one in enumerate(MORE))
    found = make_scene(tmp_path_factory.mktemp("all"), now=NOW)
    received = Received(body.encode(), "application/x-ndjson", EvidenceClass.UPLOADED)
    report = found.change(lambda work: import_document(work, found.whose, "activities", received))
    assert report.refused == ()
    return found


@pytest.fixture(scope="module")
def closed(scene: Scene) -> StatementRow:
    """Its March, closed."""
    return scene.close(MARCH)


@pytest.fixture(scope="module")
def page(scene: Scene, closed: StatementRow) -> html.HtmlElement:
    """The page of that statement."""
    model = scene.look(lambda work: show_statement(work, scene.whose, closed.id))
    return html.document_fromstring(statement_page.render(model, messages_in(), Frame()))


def words(element: html.HtmlElement) -> str:
    """Its words with single spaces."""
    return " ".join(element.text_content().split())


def number(text: str) -> Fraction:
    """A number as the page shows it: grouped, a fraction, or a quotient in brackets."""
    plain = text.replace(",", "").replace("−", "-").strip("()")
    parts = [Fraction(part) for part in re.split(r"[/÷]", plain.replace(" ", ""))]
    return reduce(lambda left, right: left / right, parts)


def left_side(equation: html.HtmlElement) -> Fraction:
    """What a calculator makes of everything before the first equals sign."""
    found = [one for one in equation.iter() if one.get("class") in {"num", "op"}]
    value, operator = Fraction(1), "×"
    for one in found:
        text = str(one.text)
        if one.get("class") == "op":
            operator = text
            if operator == "=":
                break
        else:
            value = value * number(text) if operator == "×" else value / number(text)
    return value


def right_sides(equation: html.HtmlElement) -> list[Fraction]:
    """Every number after an equals sign."""
    found = [one for one in equation.iter() if one.get("class") in {"num", "op"}]
    first = next(at for at, one in enumerate(found) if one.text == "=")
    return [number(str(one.text)) for one in found[first:] if one.get("class") == "num"]


def test_every_line_is_redone_on_a_calculator(page: html.HtmlElement, scene: Scene, closed: StatementRow) -> None:
    """Published number to grams with the digits on the page alone; the results are the statement's own, to the microgram."""
    traces = page.xpath("//details[@class='trace']")
    totals = []
    for trace in traces:
        of_unit, of_line = trace.xpath("./ul[@class='eqs']")
        per_unit = []
        for equation in of_unit.findall("li"):
            (shown_ug,) = right_sides(equation)
            assert round_half_even(left_side(equation)) == shown_ug, words(equation)
            per_unit.append(shown_ug)
        *gases, total = of_line.findall("li")
        summed_ug = 0
        for equation, unit_ug in zip(gases, per_unit, strict=True):
            shown_ug, shown_g = right_sides(equation)
            assert round_half_away(left_side(equation)) == shown_ug, words(equation)
            assert shown_g * 1_000_000 == shown_ug
            assert str(unit_ug) in words(equation).replace(",", "")
            summed_ug += 0 if "Biogenic" in words(equation) else int(shown_ug)
        assert right_sides(total)[0] * 1_000_000 == summed_ug
        totals.append((trace, summed_ug))
    both = sum(
        ug for trace, ug in totals if "only" not in words(trace.find("summary")) and "avoided" not in words(trace.find("summary"))
    )
    market = sum(ug for trace, ug in totals if "market based only" in words(trace.find("summary")))
    location = sum(ug for trace, ug in totals if "location based only" in words(trace.find("summary")))
    assert both + location == closed.totals.gross_location_ug_co2e
    assert both + market == closed.totals.gross_market_ug_co2e


def test_every_kind_stands_in_its_ring(page: html.HtmlElement) -> None:
    """Three rings, every kind below its own by name; credits are no line but stand with the totals."""
    t = messages_in()
    found = {
        words(section.find("h2")).partition(":")[0]: {words(one) for one in section.findall("h3")}
        for section in page.xpath("//section[starts-with(@aria-labelledby, 'lines-')]")
    }
    wanted: dict[str, set[str]] = {}
    for kind in KINDS.values():
        if kind.name not in {"carbon_credit", "electricity_certificate"}:
            wanted.setdefault(t(f"domain.{kind.domain}"), set()).add(t(f"kind.{kind.name}"))
    assert found == wanted


def test_parts_are_told_in_plain_words(page: html.HtmlElement) -> None:
    """Every part that a line can be has its words, scope and category on the page."""
    t = messages_in()
    heads = [words(one) for one in page.xpath("//details[@class='trace']/summary")]
    for part in Part:
        assert [head for head in heads if head.startswith(t(f"part.{part}"))], part
    assert any(
        head.startswith("what the grid loses on the way Scope 3, category 3: fuel- and energy-related activities")
        for head in heads
    )
    assert any("from: ZRH" in head and "to: SFO" in head and "cabin: economy" in head for head in heads)


def test_card_names_publication_table_and_row(page: html.HtmlElement) -> None:
    """Each card has what a stranger looks for: publisher, edition, table, row, region, year, published numbers with unit."""
    for trace in page.xpath("//details[@class='trace']"):
        facts = {words(term): words(term.getnext()) for term in trace.xpath(".//dl[@class='facts']/div/dt")}
        for name in ("Publisher", "Edition", "Table", "Region", "Year of the data", "What it counts", "As published", "Licence"):
            assert facts[name], name
        assert re.search(r": [0-9.eE+-]+ \S+/\S+", facts["As published"])
        if "supplier" not in words(trace) and facts["Publisher"] not in {"EPA eGRID", "as the source says"}:
            assert facts.get("Row"), facts


def test_apart_from_the_totals(page: html.HtmlElement, scene: Scene, closed: StatementRow) -> None:
    """What aviation does at altitude and biogenic CO2 are shown, and are in no sum; the interval says what it rests on."""
    text = words(page.xpath("//section[@aria-labelledby='beside-title']")[0])
    assert "What aviation does at altitude besides CO2 (contrails, ozone)" in text
    assert "CO2 from plants (biogenic)" in text
    model = scene.look(lambda work: show_statement(work, scene.whose, closed.id))
    (effect,) = model.apart.beside
    assert (effect.name, effect.amount_ug_co2e > 0) == ("aviation_non_co2", True)
    for shown in model.apart.intervals:
        gross = {
            Basis.LOCATION: closed.totals.gross_location_ug_co2e,
            Basis.MARKET: closed.totals.gross_market_ug_co2e,
        }[shown.basis]
        assert shown.low_ug_co2e < gross < shown.high_ug_co2e
        assert shown.is_assumed
    assert "95 % interval" in words(page)
    assert "assumed from data quality" in words(page)


def test_scopes_add_up(scene: Scene, closed: StatementRow) -> None:
    """Scopes add up to both gross totals, and categories to scope 3."""
    scopes = scene.look(lambda work: show_statement(work, scene.whose, closed.id)).apart.scopes
    whole = [one for one in scopes if one.category == 0]
    assert [one.scope for one in whole] == [1, 2, 3]
    assert sum(one.location_ug_co2e for one in whole) == closed.totals.gross_location_ug_co2e
    assert sum(one.market_ug_co2e for one in whole) == closed.totals.gross_market_ug_co2e
    categories = [one for one in scopes if one.category]
    assert [one.category for one in categories] == [1, 3, 4, 5, 6, 7]
    assert sum(one.location_ug_co2e for one in categories) == whole[2].location_ug_co2e


def test_csv_redoes_the_factor(scene: Scene, closed: StatementRow) -> None:
    """A row of the CSV has quantity, factor and result: their product is the row's total within the gases' rounding."""
    rows = list(csv.DictReader(StringIO(scene.look(lambda work: lines_csv(work, scene.whose, closed.id)))))
    for row in rows:
        product = Fraction(row["quantity"]) * Fraction(row["factor_g_co2e_per_unit"])
        assert abs(product - Fraction(row["total_g_co2e"])) <= Fraction(4, 1_000_000)
        assert row["part"] in set(Part)
    petrol = next(row for row in rows if "fuel=petrol" in row["attributes"] and row["part"] == "use")
    assert (petrol["scope"], petrol["category"], petrol["place"], petrol["quantity"]) == ("1", "0", "US", "0.1")
    assert petrol["source"].startswith("EPA")
    flight = next(row for row in rows if row["kind"] == "flight" and row["part"] == "use")
    assert flight["attributes"] == "cabin=economy;destination=SFO;origin=ZRH"
    assert Fraction(flight["scale"]) > 9_000


def test_activities_name_what_they_depend_on(scene: Scene) -> None:
    """The list and its CSV have the attributes of each activity."""
    rows = list(csv.DictReader(StringIO(scene.look(lambda work: activities_csv(work, scene.whose)))))
    (flight,) = [row for row in rows if row["kind"] == "flight"]
    assert (flight["attributes"], flight["quantity"], flight["unit"]) == ("cabin=economy;destination=SFO;origin=ZRH", "1", "item")
    model = scene.look(lambda work: show_activities(work, scene.whose, limit_count=500))
    shown = words(html.document_fromstring(activities_page.render(model, messages_in(), Frame())))
    assert "from: ZRH · to: SFO · cabin: economy" in shown
    assert "1 passenger" in shown


def test_what_a_stranger_sends_is_shown_as_it_is(scene: Scene, closed: StatementRow) -> None:
    """A bundle may name a kind, scope and scale that there are not: its lines are shown, none is looked up."""
    model = scene.look(lambda work: show_statement(work, scene.whose, closed.id))
    line = model.traced[0].line
    key = replace(line.key, kind="magic", region="ATLANTIS", attributes=(("wand", "<b>"),))
    odd = replace(line, key=key, scope=7, category=99, scale=Fraction(10**300))
    (traced,) = traced_lines(scene.services.factor_set, [odd], steps_of=lambda _: ())
    assert (traced.compiled, traced.place_name) == (None, "ATLANTIS")
    shown = statement_page.render(replace(model, traced=(traced,)), messages_in(), Frame())
    assert "magic</h3>" in shown
    assert "wand: &lt;b&gt;" in shown


def test_trace_is_the_statements(scene: Scene, closed: StatementRow) -> None:
    """The page "why" shows the same lines, each with the way to its factor."""
    why = scene.look(lambda work: show_why(work, scene.whose, MonthRange.from_text(MARCH)))
    statement = scene.look(lambda work: show_statement(work, scene.whose, closed.id))
    assert [one.lines for one in why.lines] == [one.lines for one in statement.traced]
    assert all(one.steps for one in why.lines)
    assert why.total_ug_co2e(Basis.LOCATION) == closed.totals.gross_location_ug_co2e
    assert why.biogenic_co2_ug == closed.totals.biogenic_co2_ug > 0
    shown = html.document_fromstring(why_page.render(why, messages_in(), Frame()))
    assert len(shown.xpath("//details[@class='trace']")) == len(why.lines)


def test_other_gwp_set_is_shown_and_redone(scene: Scene) -> None:
    """Closed with AR6, the page's sums weigh methane by AR6, and the numbers known now are compared in the same set."""
    ar6 = make_scene_with_petrol(scene)
    row = ar6[1]
    assert row.method.endswith("+AR6")
    model = ar6[0].look(lambda work: show_statement(work, ar6[0].whose, row.id))
    (methane,) = [one for traced in model.traced for one in traced.sums if one.gas == "ch4" and traced.line.part is Part.USE]
    assert methane.gwp == ar6[0].services.factor_set.gwps[GwpSet.AR6]["ch4"]


def make_scene_with_petrol(scene: Scene) -> tuple[Scene, StatementRow]:
    """Another subject with 100 L of petrol, closed with AR6."""
    new = NewSubject(SubjectKind.HOUSEHOLD, "Petrol", place_from_text("94110"), member_count=1)
    whose = scene.change(lambda work: create_subject(work, new, owner_account_id=""))
    other = replace(scene, whose=whose)
    body = json.dumps({"id": "p", "start": "2024-03-20", **MORE[1]}).encode()
    received = Received(body, "application/x-ndjson", EvidenceClass.UPLOADED)
    other.change(lambda work: import_document(work, whose, "activities", received))
    months = MonthRange.from_text(MARCH)
    return other, other.change(lambda work: close_period(work, whose, months, gwp_set=GwpSet.AR6))


def test_a_row_that_is_not_held_is_said(scene: Scene, closed: StatementRow) -> None:
    """A line of a newer factor set keeps its grams; the card says that the row is not here."""
    model = scene.look(lambda work: show_statement(work, scene.whose, closed.id))
    line = replace(model.traced[0].line, factor_id="f" * 16)
    factor_set = scene.services.factor_set
    (traced,) = traced_lines(factor_set, [line])
    assert (traced.compiled, traced.sums, traced.steps) == (None, (), ())
    assert factor_names(factor_set, ["f" * 16]) == {}
    shown = statement_page.render(replace(model, traced=(traced,)), messages_in(), Frame())
    assert "This installation’s factor set has no such row" in shown

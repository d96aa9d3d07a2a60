"""Activities are listed page by page, and whole as CSV."""

import csv
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest

from app.usecases.show_activities import CSV_HEADER, activities_csv, show_activities
from dashboards.frame import Frame
from dashboards.messages import messages_in
from dashboards.pages.activities import ActivitiesModel, render
from domain.activity import EvidenceClass, Quality
from domain.period import MonthRange
from tests.app.usecases.scenes import Scene, document_of, load, make_scene

PROFILE = load(date(2025, 9, 1), date(2025, 12, 1))


@pytest.fixture(scope="module")
def autumn(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A household with three months of readings; tests only look at it."""
    scene = make_scene(tmp_path_factory.mktemp("autumn"))
    scene.take_in(document_of(PROFILE))
    return scene


def page_of(scene: Scene, cursor: str = "", months: MonthRange | None = None) -> ActivitiesModel:
    """One page of the list."""
    return scene.look(lambda work: show_activities(work, scene.whose, months=months, cursor=cursor))


def test_pages_hold_every_day_once(autumn: Scene) -> None:
    """Following the links shows 91 days, newest first."""
    page = page_of(autumn)
    rows = list(page.rows)
    while page.next_href:
        page = page_of(autumn, page.next_href.partition("cursor=")[2])
        rows += page.rows
    days = [row.start_date for row in rows]
    assert days == sorted(days, reverse=True)
    assert (len(set(days)), page.total_count) == (91, 91)


def test_a_row_says_how_it_is_known(autumn: Scene) -> None:
    """Kind, place, amount, quality, evidence, source, and the way to its trace."""
    row = page_of(autumn).rows[0]
    assert (row.start_date, row.end_date) == (date(2025, 11, 30), date(2025, 11, 30))
    assert (row.key.kind, row.key.region, row.key.unit) == ("electricity", "US/zip/94110", "kWh")
    assert (row.quality, row.evidence, row.source) == (Quality.MEASURED, EvidenceClass.UPLOADED, "Green Button, 1")
    assert row.quantity_micro == sum(PROFILE.delivered_wh[-24:]) * 1000
    assert row.href.endswith("/why/2025-11")


def test_a_period_narrows_the_list(autumn: Scene) -> None:
    """October has its 31 days, and its links stay in October."""
    months = MonthRange.from_text("2025-10")
    page = page_of(autumn, months=months)
    assert (len(page.rows), page.total_count, page.next_href) == (31, 31, "")
    assert page.csv_href.endswith("/activities.csv?period=2025-10")


def test_csv_adds_up(autumn: Scene) -> None:
    """The CSV has a header and every activity; its quantities are exact."""
    text = autumn.look(lambda work: activities_csv(work, autumn.whose))
    header, *rows = csv.reader(StringIO(text))
    assert tuple(header) == CSV_HEADER
    assert len(rows) == 91
    assert sum(Decimal(row[header.index("quantity")]) for row in rows) == Decimal(sum(PROFILE.delivered_wh)) / 1000


def test_csv_holds_no_formula(tmp_path: Path) -> None:
    """A utility that calls itself a formula is text in a spreadsheet."""
    scene = make_scene(tmp_path)
    scene.type_bill("2026-01-01", "2026-01-31", "310", utility="=1+1")
    _, row = csv.reader(StringIO(scene.look(lambda work: activities_csv(work, scene.whose))))
    assert row[CSV_HEADER.index("meter")] == "'=1+1"
    assert row[CSV_HEADER.index("record")].startswith("'=1+1")


def test_nothing_is_an_empty_list(tmp_path: Path) -> None:
    """A new subject's page can be drawn."""
    scene = make_scene(tmp_path)
    page = page_of(scene)
    assert (page.rows, page.total_count, page.next_href) == ((), 0, "")
    assert "No activity yet." in render(page, messages_in(), Frame())

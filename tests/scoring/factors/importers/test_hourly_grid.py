"""Factors hour by hour: complete days of UTC hours, and everything that a file may get wrong."""

from collections.abc import Sequence

import pytest

from domain.errors import FactorSetError
from domain.merkle import leaf_hash
from scoring.factors.importers.hourly_grid import COLUMNS, HOURLY_KIND, import_hourly_grid
from scoring.factors.importers.published import Imported, PublishedRow
from scoring.factors.packs import factors_of_imported

HEAD = ",".join(COLUMNS)
REST = "Grid Operator,2024,generation,CC BY 4.0,https://grid.example/2024"


def day(date: str = "2024-03-01", *, region: str = "DE", rest: str = REST, g_texts: Sequence[str] = ()) -> list[str]:
    """The lines of one day; 100 to 123 g/kWh unless said otherwise."""
    numbers = g_texts or [str(100 + hour) for hour in range(24)]
    return [f"{region},{date}T{hour:02d}:00Z,{text},{rest}" for hour, text in enumerate(numbers)]


def read(*lines: str, head: str = HEAD) -> Imported:
    """What a file of these lines gives."""
    return import_hourly_grid("\n".join([head, *lines]).encode())


def test_every_line_becomes_a_row() -> None:
    """The number as printed, the hour as an attribute, publisher and edition as said; a kind that no rule takes."""
    found = read(*day(g_texts=["412.50", *["100"] * 23]))
    table = found.tables[0]
    assert found.rows[0] == PublishedRow(table.table_id, "DE", 2024, "", {"co2e": "412.50"}, attributes={"hour": "2024-03-01T00"})
    assert (len(found.rows), len(found.tables), table.kind, table.unit) == (24, 1, HOURLY_KIND, "kWh")
    assert (table.publisher, table.edition, table.published_unit, table.gwp_set) == (
        "Grid Operator",
        "2024",
        "g/kWh",
        "not stated",
    )
    assert (table.life_cycle_scope, table.licence, table.source_url) == ("generation", "CC BY 4.0", "https://grid.example/2024")


def test_same_bytes_give_the_same_rows() -> None:
    """Read again nothing is other, down to the leaves; a byte order mark, spaces and seconds change nothing."""
    lines = day()
    spaced = [line.replace(":00Z,", ":00:00Z , ") for line in lines]
    leaves = [leaf_hash(row.canonical_bytes) for row in factors_of_imported(read(*lines))]
    assert [leaf_hash(row.canonical_bytes) for row in factors_of_imported(read(*spaced, head=f"\ufeff{HEAD}"))] == leaves


def test_order_of_lines_and_columns_does_not_matter() -> None:
    """A file sorted otherwise gives the same rows."""
    lines = day()
    head = ",".join([COLUMNS[1], COLUMNS[0], *COLUMNS[2:]])
    turned = [",".join([line.split(",")[1], line.split(",")[0], *line.split(",")[2:]]) for line in reversed(lines)]
    assert {row.by_gas["co2e"] for row in read(*turned, head=head).rows} == {str(100 + hour) for hour in range(24)}
    assert read(*turned, head=head).tables == read(*lines).tables


def test_places_publishers_and_scopes_are_tables_of_their_own() -> None:
    """Two places, and two scopes of one; the year is that of the hour in UTC."""
    found = read(*day(), *day(region="FR"), *day(rest=REST.replace("generation", "life_cycle")), *day("2023-12-31"))
    assert [table.table for table in found.tables] == ["hourly factors of DE", "hourly factors of FR", "hourly factors of DE"]
    assert {row.year for row in found.rows if row.attributes["hour"].startswith("2023")} == {2023}


def test_findings_say_what_is_there_and_what_is_not() -> None:
    """Days and mean of each series, absent days inside it, and a mean that moved by more than a quarter."""
    later = [*day("2024-03-01"), *day("2024-03-05"), *day("2025-01-01", g_texts=["200"] * 24)]
    assert read(*later).findings == (
        "Grid Operator, DE, generation: 3 days from 2024-03-01 to 2025-01-01, mean 141.0 g CO2e/kWh",
        "Grid Operator, DE, generation: days absent: 2024-03-02 to 2024-03-04, 2024-03-06 to 2024-12-31",
        "Grid Operator, DE, generation: the mean moved from 111.5 (2024) to 200.0 (2025) g CO2e/kWh",
    )


def test_one_day_is_named() -> None:
    """Without a count."""
    assert read(*day()).findings == ("Grid Operator, DE, generation: 2024-03-01, mean 111.5 g CO2e/kWh",)


def test_many_gaps_are_counted() -> None:
    """Ten are named, the rest counted."""
    lines = [line for number in range(1, 31, 2) for line in day(f"2024-03-{number:02d}")]
    assert read(*lines).findings[1].endswith("2024-03-20 to 2024-03-20, and 4 more")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("T05:00Z", "T05:30Z"),
            "expected a full hour such as 2024-03-01T00:00Z; got 2024-03-01T05:30Z; in .*, line 7, start_utc",
        ),
        (("T05:00Z", "T05:00+01:00"), r"got 2024-03-01T05:00\+01:00"),
        (("T05:00Z", "T05:00"), "got 2024-03-01T05:00;"),
        (("T05:00Z", "T24:00Z"), "got 2024-03-01T24:00Z"),
        (("2024-03-01T05", "2023-02-29T05"), "got 2023-02-29T05:00Z"),
        (("2024-03-01T05", "1989-03-01T05"), "got 1989-03-01T05:00Z"),
        (("T05:00Z", "T04:00Z"), "An hour stands twice; .*got 2024-03-01T04, as in line 6; in hourly grid factors, line 7"),
        ((",105,", ",NaN,"), "expected a printed number of zero or more; got NaN; in .*, line 7, g_co2e_per_kwh"),
        ((",105,", ",-1,"), "got -1; in .*, line 7"),
        ((",105,", ",,"), "line 7, g_co2e_per_kwh"),
        ((",105,", ",1e3,"), "got 1e3"),
        ((",105,", ",105000,"), "No grid emits so much; expected 0 to 9000 g CO2e/kWh; got 105000 g CO2e/kWh"),
        ((",105,Grid Operator,2024,generation", ",105,Grid Operator,2024,marginal"), "expected one of generation, life_cycle"),
        ((",105,Grid Operator,", ",105,,"), "Every line needs its publisher; .*line 7"),
        ((",105,", ",105,more,"), "expected 8 cells; got more or fewer; in .*, line 7"),
    ],
)
def test_cell_that_cannot_be_used_is_refused(change: tuple[str, str], message: str) -> None:
    """What was expected, what came, and the line."""
    with pytest.raises(FactorSetError, match=message):
        import_hourly_grid("\n".join([HEAD, *day()]).replace(*change).encode())


def test_part_of_a_day_is_refused() -> None:
    """The day and each missing hour are named: a gap is never zero."""
    lines = [line for line in day() if "T05:" not in line and "T17:" not in line]
    with pytest.raises(FactorSetError, match=r"all 24 hours \(UTC\) of 2024-03-01 for DE.*22 hours; missing: 05:00Z, 17:00Z"):
        read(*day("2024-02-29"), *lines)


def test_day_may_come_from_two_editions_but_no_hour_twice() -> None:
    """A day is complete over the editions of one publisher; the same hour of both is a double."""
    lines = day()
    newer = [line.replace(",2024,generation", ",2024b,generation") for line in lines]
    assert len(read(*lines[:12], *newer[12:]).tables) == 2
    with pytest.raises(FactorSetError, match="An hour stands twice"):
        read(*lines, *newer)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (HEAD.replace("start_utc", "start"), "missing: start_utc"),
        (f"{HEAD},note", "expected region, start_utc, g_co2e_per_kwh, publisher"),
        ("", "got nothing; missing: region"),
    ],
)
def test_other_columns_are_refused(head: str, message: str) -> None:
    """With the columns that are expected, and what is missing."""
    with pytest.raises(FactorSetError, match=message):
        read(*day(), head=head)


def test_empty_and_other_files_are_refused() -> None:
    """A header alone, and bytes that are no text."""
    with pytest.raises(FactorSetError, match="at least one day"):
        read()
    with pytest.raises(FactorSetError, match="text in UTF-8"):
        import_hourly_grid(b"\xff\xfe")

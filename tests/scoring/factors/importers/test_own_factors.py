"""Factors of one's own: the columns, and everything that a person may get wrong in them."""

import pytest

from domain.errors import FactorSetError
from scoring.factors.importers.own_factors import import_own_factors

HEAD = "kind,region,year,unit,published_unit,co2e,life_cycle_scope,publisher,source"
LINE = "electricity,DE,2024,kWh,g/kWh,31.5,generation,Stadtwerke Musterstadt,Fuel mix disclosure of 2024"


def test_line_becomes_a_row() -> None:
    """Number as written, publisher in the edition, scope as said."""
    found = import_own_factors(f"{HEAD}\n{LINE}\n".encode())
    table, row = found.tables[0], found.rows[0]
    assert (table.publisher, table.edition, table.table) == (
        "Own factors",
        "Stadtwerke Musterstadt",
        "Fuel mix disclosure of 2024",
    )
    assert (table.gwp_set, table.life_cycle_scope, row.by_gas, row.region, row.year) == (
        "not stated",
        "generation",
        {"co2e": "31.5"},
        "DE",
        2024,
    )


def test_lines_of_one_source_share_a_table() -> None:
    """Two years of one disclosure are one table; another unit is another."""
    lines = [LINE, LINE.replace("2024,kWh", "2023,kWh"), LINE.replace("g/kWh", "kg/MWh")]
    found = import_own_factors("\n".join([HEAD, *lines]).encode())
    assert [row.table_id for row in found.rows] == ["own-1", "own-1", "own-2"]


def test_gases_and_attributes() -> None:
    """Masses of gases need no GWP set; attributes are pairs."""
    head = "kind,region,year,unit,published_unit,co2,ch4,n2o,attributes,publisher,source,uncertainty_percent,life_cycle_scope"
    line = "fuel,FR,2023,m3,kg/L,2.31,0.0001,0.00002,fuel=petrol;blend=average,IPCC,Table 3.2.1,5,combustion"
    found = import_own_factors(f"{head}\n{line}\n".encode())
    assert found.rows[0].attributes == {"fuel": "petrol", "blend": "average"}
    assert found.rows[0].by_gas == {"co2": "2.31", "ch4": "0.0001", "n2o": "0.00002"}
    assert (found.tables[0].gwp_set, found.rows[0].uncertainty_percent) == ("", "5")


def test_byte_order_mark_and_spaces_are_taken_off() -> None:
    """A file as spreadsheets save it."""
    found = import_own_factors(b"\xef\xbb\xbf" + f"{HEAD}\r\n{LINE.replace(',31.5,', ', 31.5 ,')}\r\n".encode())
    assert found.rows[0].by_gas == {"co2e": "31.5"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD.replace('source', 'origin')}\n{LINE}", "missing: source; unknown: origin; in own factors, header"),
        (HEAD, "expected at least one line below the header"),
        (f"{HEAD}\n{LINE},more", "expected as many cells as the header.*line 2"),
        (f"{HEAD}\n{LINE.replace('electricity', 'electrickery')}", "expected one of electricity.*got electrickery"),
        (
            f"{HEAD}\n{LINE.replace('31.5', '-1')}",
            "expected a printed number of zero or more; got -1; in own factors, line 2, co2e",
        ),
        (f"{HEAD}\n{LINE.replace('31.5', 'NaN')}", "got NaN"),
        (f"{HEAD}\n{LINE.replace('31.5', '')}", "expected a number in co2e, or in co2 and other gases; got none"),
        (
            f"{HEAD}\n{LINE.replace('DE,2024', 'DE,24')}",
            "expected a year from 1990 to 2199; got 24; in own factors, line 2, year",
        ),
        (f"{HEAD}\n{LINE.replace('kWh,g/kWh', 'MWh,g/kWh')}", "electricity is not kept in MWh; expected kWh"),
        (f"{HEAD}\n{LINE.replace('g/kWh', 'g/km')}", "km cannot be converted to kWh"),
        (f"{HEAD}\n{LINE.replace('g/kWh', 'gCO2')}", "expected a mass per unit of activity, such as kg/L; got gCO2"),
        (f"{HEAD}\n{LINE.replace('g/kWh', 'Mt/kWh')}", "two readings"),
        (f"{HEAD}\n{LINE.replace('Stadtwerke Musterstadt', '')}", "Every factor needs its publisher"),
        (f"{HEAD},attributes\n{LINE},size=large", "electricity has no attribute size"),
        (f"{HEAD},attributes\n{LINE},large", "expected name=value;name=value, each name once; got large"),
        (f"{HEAD},gwp_set\n{LINE},AR9", "expected one of AR4, AR5, AR6, not stated.*got AR9"),
        (f"{HEAD}\n{LINE.replace('generation', 'all')}", "expected one of generation, life_cycle.*got all"),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, message: str) -> None:
    """The message names line, column and what would do."""
    with pytest.raises(FactorSetError, match=message):
        import_own_factors(text.encode())


def test_other_encodings_are_refused() -> None:
    """Latin-1 is not guessed."""
    with pytest.raises(FactorSetError, match="expected text in UTF-8; got byte 0 is not"):
        import_own_factors("é".encode("latin-1"))

"""DEFRA flat files 2016 to 2024: counts by kind, values read off the sheets, what is merged, left out and refused."""

import csv
import gzip
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from io import StringIO
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from domain.kinds import KINDS, checked_attributes
from domain.units import UNITS
from scoring.factors.importers.defra import DEFRA_FILES, defra_changes, import_defra, import_defra_years, place_factor
from scoring.factors.importers.defra_place import LeftOut, Place
from scoring.factors.importers.defra_sheet import FlatFactor
from scoring.factors.importers.published import Imported, PublishedRow, SourceTable

ROWS_2024 = {
    "bus": 8,
    "car": 346,
    "district_heat": 4,
    "electricity": 5,
    "ferry": 6,
    "flight": 56,
    "freight": 266,
    "fuel": 317,
    "home_working": 3,
    "hotel": 39,
    "material": 70,
    "motorcycle": 16,
    "natural_gas": 12,
    "rail": 8,
    "refrigerant": 359,
    "steam": 2,
    "taxi": 8,
    "truck": 256,
    "van": 80,
    "waste": 134,
    "wastewater": 1,
    "water": 1,
}


@pytest.fixture(scope="module")
def data_by_year(shared_dir: Path) -> Mapping[int, bytes]:
    """Bytes of every edition, unpacked."""
    return {year: _bytes(shared_dir / "data" / "raw" / "defra" / name) for year, name in DEFRA_FILES.items()}


@pytest.fixture(scope="module")
def found(data_by_year: Mapping[int, bytes]) -> Imported:
    """All editions."""
    return import_defra_years(data_by_year)


def _bytes(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _table_of(found: Imported) -> dict[str, SourceTable]:
    return {table.table_id: table for table in found.tables}


def _row(found: Imported, year: int, label: str, *, group: str, region: str = "GB") -> PublishedRow:
    tables = _table_of(found)
    rows = [
        row
        for row in found.rows
        if row.year == year and row.region == region and row.label == label and tables[row.table_id].table.endswith(f": {group}")
    ]
    assert len(rows) == 1, label
    return rows[0]


def test_rows_of_every_edition(found: Imported) -> None:
    """Rows per edition, one per factor."""
    assert Counter(row.year for row in found.rows) == {
        2016: 1596,
        2017: 1800,
        2018: 1771,
        2019: 1774,
        2020: 1759,
        2021: 1822,
        2022: 1968,
        2023: 1978,
        2024: 1997,
    }


def test_rows_of_2024_by_kind(found: Imported) -> None:
    """Rows of the newest edition by kind of activity."""
    tables = _table_of(found)
    got = Counter(tables[row.table_id].kind for row in found.rows if row.year == 2024)
    assert got == ROWS_2024


def test_tables_stay_few(found: Imported) -> None:
    """At most 80 tables per edition, each with rows and an id of its own."""
    assert max(Counter(table.edition for table in found.tables).values()) <= 80
    assert len(_table_of(found)) == len(found.tables)
    assert {row.table_id for row in found.rows} == set(_table_of(found))


def test_editions_are_named_as_on_the_front_page(found: Imported) -> None:
    """Version and year of the front page make the edition's name."""
    assert sorted({table.edition.removeprefix("GHG Conversion Factors ") for table in found.tables}) == [
        "2016 v1.01",
        "2017 v1.0",
        "2018 v1.01",
        "2019 v1.03",
        "2020 v1.0",
        "2021 v3.0",
        "2022 v3.0",
        "2023 v1.1",
        "2024 v1.1",
    ]


def test_gwp_set_switches_in_2023(found: Imported) -> None:
    """AR4 to 2022, AR5 from 2023, as the row of methane says (25, then 28); rows of CO2 alone have none."""
    sets = {(table.table_id[5:9], table.gwp_set) for table in found.tables if table.gwp_set}
    assert sets == {(str(year), "AR4" if year <= 2022 else "AR5") for year in DEFRA_FILES}
    methane = {
        row.year: row.by_gas["co2e"]
        for row in found.rows
        if row.attributes.get("refrigerant") == "methane" and row.rate == "total"
    }
    assert {methane[year] for year in range(2016, 2023)} == {"25"}
    assert {methane[2023], methane[2024]} == {"28"}


def test_attributes_and_units_are_of_our_vocabulary(found: Imported) -> None:
    """Every row has attributes that its kind knows, and a unit of its kind's."""
    tables = _table_of(found)
    for row in found.rows:
        table = tables[row.table_id]
        checked_attributes(KINDS[table.kind], row.attributes, record=row.label)
        per = table.published_unit.removeprefix("kg/")
        assert table.unit == KINDS[table.kind].unit_of(UNITS[per].dimension)


def test_no_two_rows_are_for_the_same_thing(found: Imported) -> None:
    """Kind, attributes, unit, rate, scope, place and year name one row."""
    tables = _table_of(found)
    seen = Counter(
        (
            table.kind,
            tuple(sorted(row.attributes.items())),
            table.published_unit,
            row.rate,
            table.life_cycle_scope,
            row.region,
            row.year,
        )
        for row in found.rows
        for table in (tables[row.table_id],)
    )
    assert max(seen.values()) == 1


def test_reading_twice_gives_the_same(data_by_year: Mapping[int, bytes]) -> None:
    """Same bytes, same rows in the same order."""
    assert import_defra(data_by_year[2016], 2016) == import_defra(data_by_year[2016], 2016)


def test_known_files_have_known_hashes(found: Imported) -> None:
    """The nine files are those that were looked at."""
    assert not [finding for finding in found.findings if "is not one that this importer knows" in finding]


def test_natural_gas_of_2024(found: Imported) -> None:
    """Cells J83 to J86 of 2024."""
    row = _row(found, 2024, "Gaseous fuels / Natural gas / kWh (Gross CV)", group="Fuels")
    assert row.by_gas == {"co2e": "0.1829", "co2": "0.18253", "ch4": "0.00028", "n2o": "0.00009"}
    assert row.attributes == {"heating_value": "gross", "blend": "average"}
    assert _table_of(found)[row.table_id].kind == "natural_gas"


def test_computed_digits_are_kept_to_fifteen(found: Imported) -> None:
    """Cell I186 of 2022 holds 2.5578399999999997 and shows 2.55784; I6 of 2016 is unrounded."""
    diesel = _row(found, 2022, "Liquid fuels / Diesel (average biofuel blend) / litres", group="Fuels")
    assert diesel.by_gas["co2e"] == "2.55784"
    cng = _row(found, 2016, "Gaseous fuels / CNG / Energy - Gross CV / kWh (Gross CV)", group="Fuels")
    assert cng.by_gas["co2e"] == "0.183996818181275"


def test_biogenic_co2_joins_its_fuel(found: Imported) -> None:
    """Outside of scopes, rows 7989 and 7990 of 2022: forecourt diesel per litre, and per kWh beside the net row."""
    litre = _row(found, 2022, "Liquid fuels / Diesel (average biofuel blend) / litres", group="Fuels")
    net = _row(found, 2022, "Liquid fuels / Diesel (average biofuel blend) / kWh (Net CV)", group="Fuels")
    gross = _row(found, 2022, "Liquid fuels / Diesel (average biofuel blend) / kWh (Gross CV)", group="Fuels")
    assert (litre.by_gas["biogenic_co2"], net.by_gas["biogenic_co2"]) == ("0.1102", "0.01104")
    assert "biogenic_co2" not in gross.by_gas


def test_every_biogenic_number_found_its_row(found: Imported) -> None:
    """Nothing that is printed outside of scopes is lost."""
    assert not [finding for finding in found.findings if "no row that it belongs to" in finding]
    assert Counter(row.year for row in found.rows if "biogenic_co2" in row.by_gas)[2024] == 56


def test_flight_with_and_without_radiative_forcing(found: Imported) -> None:
    """Cells J4450 and J4454 of 2024: long-haul economy; CO2 is 1.7 times as much with the effects at altitude."""
    words = "Flights / Long-haul, to/from UK / Economy class"
    with_forcing = _row(found, 2024, f"{words} / With RF / passenger.km", group="Business travel- air")
    without = _row(found, 2024, f"{words} / Without RF / passenger.km", group="Business travel- air")
    assert (with_forcing.by_gas["co2e"], without.by_gas["co2e"]) == ("0.20011", "0.11812")
    assert without.attributes == {"haul": "long", "cabin": "economy", "radiative_forcing": "without"}
    assert float(with_forcing.by_gas["co2"]) / float(without.by_gas["co2"]) == pytest.approx(1.7, abs=1e-4)


def test_battery_car_is_zero_at_the_exhaust(found: Imported) -> None:
    """Cells J1824 and J3266 of 2024: a real zero is kept, and the electricity stands beside it under a rate of its own."""
    words = "Cars (by size) / Average car / Battery Electric Vehicle / km"
    exhaust = _row(found, 2024, words, group="Passenger vehicles")
    socket = _row(found, 2024, words, group="UK electricity for EVs")
    assert (exhaust.by_gas["co2e"], exhaust.rate) == ("0", "passenger_vehicles")
    assert (socket.by_gas["co2e"], socket.rate) == ("0.04358", "electricity_for_evs")
    assert _table_of(found)[socket.table_id].life_cycle_scope == "generation"


def test_plugged_in_travel_is_counted_whole(found: Imported) -> None:
    """In business travel a car with a plug is exhaust + electricity + grid loss, to the rounding, in every edition."""
    tables = _table_of(found)
    parts: dict[tuple[object, ...], dict[str, Fraction]] = {}
    for row in found.rows:
        scope = tables[row.table_id].life_cycle_scope
        if (
            tables[row.table_id].kind == "car"
            and row.attributes["powertrain"] in {"electric", "plug_in_hybrid"}
            and scope != "upstream"
        ):
            key = (row.year, *sorted(row.attributes.items()))
            parts.setdefault(key, {})[f"{row.rate} {scope}"] = Fraction(row.by_gas["co2e"])
    names = ("passenger_vehicles combustion", "electricity_for_evs generation", "electricity_td_for_evs grid_loss")
    whole = "business_travel operation"
    checked = [
        (by_name[whole], sum(by_name[name] for name in names)) for by_name in parts.values() if by_name.keys() >= {whole, *names}
    ]
    assert len(checked) == 190
    assert max(abs(got - want) for got, want in checked) < Fraction(4, 100_000)


def test_sum_of_nothing_is_no_zero(found: Imported) -> None:
    """Business travel by electric executive car in 2018 (row 3810) says 0 over blank gases: left out and named."""
    wanted = "row 3810: Cars (by market segment) / Executive / Battery Electric Vehicle / km has CO2e 0 over blank gases"
    assert [finding for finding in found.findings if wanted in finding]


def test_formula_leftovers_are_no_names(found: Imported) -> None:
    """Level 4 of managed cars of 2021 holds a 0 (row 4763): the row is the one of the other years."""
    row = _row(found, 2021, "Managed cars (by size) / Small car / Petrol / km", group="Managed assets- vehicles")
    assert (row.by_gas["co2e"], row.by_gas["co2"], row.rate) == ("0.14946", "0.14878", "managed_assets")


def test_hotels_are_in_their_country(found: Imported) -> None:
    """Cells J7395 and J7396 of 2024; London is a rate of the UK, the Caribbean no country."""
    uk = _row(found, 2024, "Hotel stay / UK / Room per night", group="Hotel stay")
    london = _row(found, 2024, "Hotel stay / UK (London) / Room per night", group="Hotel stay")
    assert [(row.region, row.rate, row.by_gas["co2e"]) for row in (uk, london)] == [("GB", "", "10.4"), ("GB", "london", "11.5")]
    assert "GHG Conversion Factors 2020: Hotel stay / Hotel stay: Caribbean Region left out" in "\n".join(found.findings)


def test_overseas_electricity_is_in_its_country(found: Imported) -> None:
    """T&D of Austria 2016 is CO2 alone (cell I1808); its supply of 2021 is CO2e (row 2865)."""
    label = "T&D- overseas electricity / Electricity: Austria / kWh"
    loss = _row(found, 2016, label, group="Transmission and distribution", region="AT")
    table = _table_of(found)[loss.table_id]
    assert (loss.by_gas, table.gwp_set, table.life_cycle_scope) == ({"co2": "0.0117"}, "", "grid_loss")
    label = "WTT- overseas electricity (generation) / Electricity: Austria / kWh"
    supply = _row(found, 2021, label, group="WTT- UK & overseas elec", region="AT")
    assert supply.by_gas == {"co2e": "0.0486881152494686"}


def test_refrigerant_columns_are_rates(found: Imported) -> None:
    """R403A of 2022: 1,766 Kyoto, 1,358 not, 3,124 in total; until 2021 the one column is that total."""
    rates = {(row.year, row.rate): row.by_gas["co2e"] for row in found.rows if row.attributes.get("refrigerant") == "R-403A"}
    assert (rates[2022, "kyoto"], rates[2022, "non_kyoto"], rates[2022, "total"], rates[2021, "total"]) == (
        "1766",
        "1358",
        "3124",
        "3124",
    )


def test_text_is_a_finding_and_no_zero(found: Imported) -> None:
    """The text "< 1" of R1234yf (cell I541 of 2016) is named and gives no row."""
    assert (
        "GHG Conversion Factors 2016, Factors by Category, row 541: Other refrigerants / R1234yf / kg, co2e is the text '< 1'"
        in ("\n".join(found.findings))
    )
    years = {row.year for row in found.rows if row.attributes.get("refrigerant") == "R-1234yf"}
    assert years == {2023, 2024}


def test_blank_cells_are_counted(found: Imported) -> None:
    """Blank factors are named by table with how many they are."""
    wanted = "GHG Conversion Factors 2024: Waste disposal / Paper: 9 factors are blank and left out, the first in row "
    assert any(finding.startswith(wanted) for finding in found.findings)


def test_gases_add_up_in_every_edition(found: Imported) -> None:
    """Parts give the printed CO2e in each row that has them: 7,208 rows, no exception."""
    ends = [finding for finding in found.findings if "rows added up" in finding]
    counts = [int(finding.split("gases of ")[1].split()[0]) for finding in ends]
    assert (len(counts), sum(counts)) == (9, 7208)
    assert not [finding for finding in found.findings if "published CO2e is" in finding]


def test_miles_agree_with_km(found: Imported) -> None:
    """17,840 numbers compared; one cell per mile stands where its km is blank (row 3646 of 2018)."""
    counts = [
        int(finding.split(": ")[1].split()[0]) for finding in found.findings if "compared with their metric rows" in finding
    ]
    differing = [finding for finding in found.findings if finding.endswith(" per km")]
    assert sum(counts) == 17840
    assert len(differing) == 1
    assert differing[0].startswith("GHG Conversion Factors 2018, Factors by Category, row 3646:")


def test_table_of_kwh_per_km(found: Imported) -> None:
    """One table for all editions from 2020 on; the backtick of row 7598 of 2021 is read as kWh and named."""
    (table,) = found.parameter_tables
    assert table.name == "vehicle_kwh_per_km"
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert {row["year"] for row in rows} == {"2020", "2021", "2022", "2023", "2024"}
    van = [
        row["kwh_per_km_text"]
        for row in rows
        if (row["year"], row["vehicle"], row["energy"], row["powertrain"], row["weight_class"])
        == ("2021", "van", "electricity", "electric", "III")
    ]
    assert van == ["0.33145"]
    assert [finding for finding in found.findings if "row 7598: the unit is a backtick" in finding]


def test_electric_vehicle_without_electricity_is_named(found: Imported) -> None:
    """Zero kWh for a large battery car in 2020 (row 7480) is kept, and a person is told."""
    wanted = (
        "GHG Conversion Factors 2020, Factors by Category, row 7480: SECR kWh UK electricity for EVs / Cars (by size) / "
        "Large car / Battery Electric Vehicle / km is 0; kept as published"
    )
    assert wanted in found.findings


def test_large_changes_are_named(found: Imported) -> None:
    """Every factor that moved by more than a quarter against the edition before: 724 of nine editions."""
    changes = [finding for finding in found.findings if " moved from " in finding]
    assert len(changes) == 724
    assert "UK DESNZ/Defra: hotel, AE, kg/room_night, operation, co2e moved from 114.4 (2021) to 63.8 (2022)" in changes


def test_change_of_a_quarter_is_quiet() -> None:
    """25 % is allowed, more is a finding with its series."""
    table = SourceTable("t", "p", "e", "x", "water", "m3", "kg/m3", "AR5", "operation", "u", "l")
    rows = [PublishedRow("t", "GB", year, "", {"co2e": text}) for year, text in ((2022, "0.4"), (2023, "0.5"), (2024, "0.63"))]
    assert defra_changes([table], rows) == (
        "UK DESNZ/Defra: water, GB, kg/m3, operation, co2e moved from 0.5 (2023) to 0.63 (2024)",
    )


def test_2025_is_not_imported_but_its_names_are_known(shared_dir: Path) -> None:
    """The unofficial scope 3 copy of 2025 lacks the column text: rows that need none have a place, the others miss just that."""
    assert 2025 not in DEFRA_FILES
    placed: Counter[str] = Counter()
    refusals = []
    path = shared_dir / "data" / "raw" / "defra" / "ghg-conversion-factors-2025-scope3-subset.csv.gz"
    for line in csv.DictReader(StringIO(gzip.decompress(path.read_bytes()).decode())):
        level_4 = "" if line["level_4"] == "’" else line["level_4"]
        factor = FlatFactor(0, line["level_1"], line["level_2"], line["level_3"], level_4, "", line["uom"], {}, line["factor_id"])
        if factor.uom in {"miles", "million litres"} or factor.level_1 == "Outside of scopes":
            continue
        try:
            assert isinstance(place_factor(factor), Place)
            placed[factor.level_1] += 1
        except FactorSetError as error:
            refusals.append(str(error))
    assert not [refusal for refusal in refusals if "got nothing" not in refusal]
    assert (placed["WTT- fuels"], placed["WTT- bioenergy"], placed["Hotel stay"], sum(placed.values())) == (118, 51, 55, 627)


def test_2025_names_the_same_factor_as_2024(shared_dir: Path, found: Imported) -> None:
    """Its supply of natural gas per m3 is printed as in 2024."""
    path = shared_dir / "data" / "raw" / "defra" / "ghg-conversion-factors-2025-scope3-subset.csv.gz"
    lines = csv.DictReader(StringIO(gzip.decompress(path.read_bytes()).decode()))
    value = next(line["conversion_factor"] for line in lines if line["factor_id"] == "11_100_1004_1_1")
    ours = _row(found, 2024, "Gaseous fuels / Natural gas / cubic metres", group="WTT- fuels")
    assert value == ours.by_gas["co2e"] == "0.3366"


def test_unknown_group_is_refused() -> None:
    """A group of a later edition is refused by name."""
    with pytest.raises(FactorSetError, match=r"group that is not known; expected one of bioenergy.*got Space travel; in row 7"):
        place_factor(FlatFactor(7, "Space travel", record="row 7"))


def test_unknown_name_is_refused() -> None:
    """A fuel that we do not know is refused with those that we do."""
    factor = FlatFactor(7, "Fuels", "Gaseous fuels", "Hydrogen", uom="kWh (Net CV)", record="row 7")
    with pytest.raises(FactorSetError, match=r"expected one of aviation spirit.*got hydrogen; in row 7"):
        place_factor(factor)


def test_empty_truck_moves_no_tonnes(found: Imported) -> None:
    """Per tkm at 0 % laden the files are blank, or 0 in a slip of 2017 and 2019: no row, and a finding."""
    tables = _table_of(found)
    assert not [row for row in found.rows if tables[row.table_id].kind == "freight" and row.attributes.get("laden") == "0"]
    assert [finding for finding in found.findings if finding.endswith("left out: an empty truck moves no tonnes")]


def test_average_of_countries_is_left_out() -> None:
    """A row for several countries has no place, and says why."""
    factor = FlatFactor(
        7, "WTT- UK & overseas elec", "WTT- overseas electricity (T&D)", "Electricity: Africa (average)", uom="kWh"
    )
    assert place_factor(factor) == LeftOut("an average of several countries is no region")

"""Importers: what they refuse, and the traps of each publisher's file."""

import json
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from scoring.factors.importers.countries import import_countries
from scoring.factors.importers.egrid_co2e import import_co2e
from scoring.factors.importers.egrid_rekeyed import import_rekeyed
from scoring.factors.importers.epa_hub import import_hub
from scoring.factors.importers.epa_zip import import_zips
from scoring.factors.importers.ipcc_gwp import import_gwp
from scoring.factors.importers.owid import import_intensity, import_per_person
from scoring.factors.importers.published import PublishedRow, decimal_text, gas_sum_findings, large_changes


@pytest.fixture(scope="module")
def raw(shared_dir: Path) -> Path:
    """Folder of the publishers' files."""
    return shared_dir / "data" / "raw"


def test_hub_of_another_year_is_refused(raw: Path) -> None:
    """The workbook of 2024 is not read as that of 2025: the header lacks the grid loss."""
    with pytest.raises(FactorSetError, match=r"Grid Gross Loss.*Factors Hub 2025, Table 6"):
        import_hub((raw / "epa/ghg-emission-factors-hub-2024.xlsx").read_bytes(), 2025)


def test_hub_keeps_both_rates_and_the_grid_loss(raw: Path) -> None:
    """Table 6 of 2025 gives total output, non-baseload and the loss; Puerto Rico's loss is blank."""
    found = import_hub((raw / "epa/ghg-emission-factors-hub-2025.xlsx").read_bytes(), 2025)
    camx = {row.rate: row.by_gas for row in found.rows if row.region == "US/egrid/CAMX"}
    assert camx["total_output"] == {"co2": "436.655", "ch4": "0.025", "n2o": "0.003"}
    assert camx["non_baseload"] == {"co2": "1033.985", "ch4": "0.051", "n2o": "0.007"}
    assert len(found.parameters) == 27
    assert "US/egrid/PRMS" not in {parameter.region for parameter in found.parameters}


def test_unknown_hash_is_a_finding_not_a_refusal(raw: Path) -> None:
    """A file with other bytes and good content is read, and named in the diff."""
    data = (raw / "epa/hub2023-via-atomic6ghg/electricity_emission_factors.json").read_bytes() + b"\n"
    found = import_rekeyed(data)
    assert len(found.rows) == 27
    assert "is not one that this importer knows" in found.findings[0]


def test_rekeyed_file_without_a_gas_is_refused(raw: Path) -> None:
    """A subregion that lacks a gas is refused by name."""
    by_code = json.loads((raw / "epa/hub2023-via-atomic6ghg/electricity_emission_factors.json").read_bytes())
    del by_code["camx"]["n2o"]
    with pytest.raises(FactorSetError, match=r"expected co2, ch4 and n2o; got co2, ch4; in eGRID2021 re-keyed, camx"):
        import_rekeyed(json.dumps(by_code).encode())


def test_egrid_extract_with_other_columns_is_refused() -> None:
    """A renamed year column is refused, with what was expected."""
    with pytest.raises(FactorSetError, match=r"expected state, 2018, 2019, 2020, 2021; got state, 2018, 2019, 2020, 2022"):
        import_co2e(b"state,2018,2019,2020,2022\nCA,1,2,3,4\n", "state")


def test_puerto_rico_of_2018_is_not_a_value(raw: Path) -> None:
    """The extract repeats 2019 in Puerto Rico's column of 2018; that copy is left out, and so is the state line NYST."""
    found = import_co2e((raw / "epa/egrid_subregion_co2e_total_output_2018_2021.csv").read_bytes(), "subregion")
    assert [row.year for row in found.rows if row.region == "US/egrid/PRMS"] == [2019, 2020, 2021]
    assert not [row for row in found.rows if "NYST" in row.region]


def test_namibia_is_a_country(raw: Path) -> None:
    """The code NA is Namibia's, in countries, in intensities and as the continent it is not."""
    alpha2_of, regions, _ = import_countries((raw / "geo/country-codes.csv").read_bytes())
    found = import_intensity((raw / "owid/carbon-intensity-electricity.csv").read_bytes(), alpha2_of)
    assert alpha2_of["NAM"] == "NA"
    assert next(region.name for region in regions if region.region == "NA") == "Namibia"
    assert [row.region for row in found.rows].count("NA") > 20


def test_unknown_country_code_is_refused(raw: Path) -> None:
    """A code that is neither ISO nor one of theirs that we know is refused by entity."""
    data = b"Entity,Code,Year,Carbon intensity of electricity per kWh\nAtlantis,ATL,2020,1.5\n"
    with pytest.raises(FactorSetError, match=r"got ATL; in OWID carbon intensity of electricity, Atlantis"):
        import_intensity(data, {})


def test_per_person_keeps_the_latest_year(raw: Path) -> None:
    """One figure per country: the newest; the United States' is 16.534756 t of 2021."""
    found = import_per_person((raw / "owid/consumption-co2-per-capita.csv").read_bytes(), {"USA": "US"} | _alpha2(raw))
    us = [parameter for parameter in found.parameters if parameter.region == "US"]
    assert [(parameter.year, parameter.value_text) for parameter in us] == [(2021, "16.534756")]


def test_zip_that_stands_twice_is_merged(raw: Path) -> None:
    """38947 stands twice with two subregions: both are kept, and the diff says so."""
    by_zip, findings = import_zips((raw / "epa/power_profiler_zipcode_tool_2018_v9.csv").read_bytes())
    assert by_zip[38947] == ("MS", "SRMV", "SRSO")
    assert findings == ("EPA Power Profiler ZIP code tool: 38947 stands twice and differs; merged to SRMV, SRSO",)


def test_gwp_column_that_is_missing_is_refused() -> None:
    """A table without the AR6 column is refused."""
    with pytest.raises(FactorSetError, match="expected CH4 in column AR6GWP100"):
        import_gwp(b"# head\nSpecies,AR4GWP100,AR5GWP100\nCH4,25,28\nN2O,298,265\n")


@pytest.mark.parametrize("cell", ["", "n/a", "-1.5", "1e3", "0.30000000000000004", True, None])
def test_what_is_no_printed_number_is_refused(cell: object) -> None:
    """Blank, negative, computed or textual cells are refused with their place."""
    with pytest.raises(FactorSetError, match=r"expected a printed number of zero or more.*row 7"):
        decimal_text(cell, record="row 7")


def test_change_of_a_quarter_is_quiet_and_more_is_named() -> None:
    """25 % is allowed, 26 % is a finding."""
    rows = [PublishedRow("t", "DE", year, "total_output", {"co2e": text}) for year, text in ((2020, "100"), (2021, "125"))]
    assert large_changes(rows, record="x") == ()
    rows.append(PublishedRow("t", "DE", 2022, "total_output", {"co2e": "157.5"}))
    assert large_changes(rows, record="x") == ("x: DE total_output co2e moved from 125 (2021) to 157.5 (2022)",)


def test_gases_that_miss_the_published_sum_are_named() -> None:
    """Gases that recombine to the printed CO2e pass; a slipped digit is a finding."""
    printed = [PublishedRow("t", "US", 2019, "total_output", {"co2e": "889.214"})]
    good = [PublishedRow("t", "US", 2019, "total_output", {"co2": "884.2", "ch4": "0.075", "n2o": "0.011"})]
    slipped = [PublishedRow("t", "US", 2019, "total_output", {"co2": "848.2", "ch4": "0.075", "n2o": "0.011"})]
    assert gas_sum_findings(good, printed, record="x") == ()
    assert gas_sum_findings(slipped, printed, record="x") == ("x: US 2019 gases give 853.353, published CO2e is 889.214",)


def _alpha2(raw: Path) -> dict[str, str]:
    return import_countries((raw / "geo/country-codes.csv").read_bytes())[0]

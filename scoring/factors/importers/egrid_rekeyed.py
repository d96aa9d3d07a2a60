"""eGRID2021 by gas, from the JSON that the package atomic6ghg re-keyed from the EPA's hub of 2023 (which we do not hold)."""

import json

from domain.errors import FactorSetError
from scoring.factors.importers.epa_hub import SUBREGION_COUNT
from scoring.factors.importers.published import Imported, PublishedRow, SourceTable, decimal_text, hash_findings

KNOWN_SHA256S = ("8f3718b66c0dfeba908464cecee33b1304a48f22865e5db0384a6d6d6dcd0b47",)
_GASES = {"co2", "ch4", "n2o"}

TABLE = SourceTable(
    table_id="egrid2021-rekeyed",
    publisher="EPA eGRID",
    edition="eGRID2021",
    table="GHG Emission Factors Hub 2023, Table 6 (re-keyed)",
    kind="electricity",
    unit="kWh",
    published_unit="lb/MWh",
    gwp_set="",
    life_cycle_scope="generation",
    source_url="https://www.epa.gov/climateleadership/ghg-emission-factors-hub",
    licence="US federal government work, public domain (17 USC 105); re-keyed in atomic6ghg 1.1.1 (BSD-3-Clause)",
    note="Re-keyed by a third party; gases agree with the published CO2e of eGRID2021 within 0.04 %.",
)


def import_rekeyed(data: bytes) -> Imported:
    """Total-output rates of eGRID2021 by gas and subregion.

    Args:
        data: Bytes of `electricity_emission_factors.json`.

    Returns:
        One row per subregion; the file has no US row.

    Raises:
        FactorSetError: A subregion or a gas is missing.
    """
    record = "eGRID2021 re-keyed"
    # parse_float and parse_int keep the numbers as they are written.
    by_code = json.loads(data, parse_float=str, parse_int=str)
    if not isinstance(by_code, dict) or len(by_code) != SUBREGION_COUNT:
        raise FactorSetError(expected=f"{SUBREGION_COUNT} subregions", got=f"{len(by_code)} entries", record=record)
    rows = []
    for code, gases in by_code.items():
        if set(gases) != _GASES:
            raise FactorSetError(expected="co2, ch4 and n2o", got=", ".join(gases), record=f"{record}, {code}")
        by_gas = {gas: decimal_text(gases[gas], record=f"{record}, {code}") for gas in ("co2", "ch4", "n2o")}
        rows.append(PublishedRow(TABLE.table_id, f"US/egrid/{code.upper()}", 2021, "total_output", by_gas))
    return Imported((TABLE,), tuple(rows), findings=hash_findings(data, KNOWN_SHA256S, record))

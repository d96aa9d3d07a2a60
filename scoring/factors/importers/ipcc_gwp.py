"""Global warming potentials over 100 years of the IPCC's assessment reports, from the table of openclimatedata."""

import csv
from io import StringIO

from domain.errors import FactorSetError
from scoring.factors.importers.published import Imported, Parameter, decimal_text, hash_findings

KNOWN_SHA256S = ("9b80412cb5aeeb91038ef84145a10cdab0ab202cbb623cb14d2ec35ec2454f36",)
_COLUMNS = {"AR4": "AR4GWP100", "AR5": "AR5GWP100", "AR6": "AR6GWP100"}
_YEARS = {"AR4": 2007, "AR5": 2013, "AR6": 2021}


def import_gwp(data: bytes) -> Imported:
    """GWP-100 of CH4 and N2O in AR4, AR5 (without climate-carbon feedback) and AR6. CO2 is 1 by definition.

    Args:
        data: Bytes of `globalwarmingpotentials.csv`.

    Returns:
        Parameters named "gwp100_ch4" and "gwp100_n2o", one per report, the report as their region.

    Raises:
        FactorSetError: A column or a gas is missing.
    """
    record = "IPCC global warming potentials"
    text = "\n".join(line for line in data.decode("utf-8").splitlines() if not line.startswith("#"))
    by_species = {line["Species"]: line for line in csv.DictReader(StringIO(text))}
    parameters = []
    for report, column in _COLUMNS.items():
        for gas in ("CH4", "N2O"):
            if column not in by_species.get(gas, {}):
                raise FactorSetError(expected=f"{gas} in column {column}", got="none", record=record)
            value_text = decimal_text(by_species[gas][column], record=f"{record}, {gas} {report}")
            parameters.append(_parameter(report, gas, value_text))
    return Imported(parameters=tuple(parameters), findings=hash_findings(data, KNOWN_SHA256S, record))


def _parameter(report: str, gas: str, value_text: str) -> Parameter:
    return Parameter(
        name=f"gwp100_{gas.lower()}",
        region=report,
        year=_YEARS[report],
        value_text=value_text,
        unit="kg CO2e/kg",
        publisher="IPCC via openclimatedata/globalwarmingpotentials",
        edition=f"{report}, table of version 0.13.2",
        source_url="https://github.com/openclimatedata/globalwarmingpotentials",
        licence="CC0 1.0",
        note="100 years, without climate-carbon feedback for methane and nitrous oxide." if report == "AR5" else "100 years.",
    )

"""EPA Power Profiler: US ZIP code to eGRID subregion (one to three) and state; and the states' names."""

import csv
from io import StringIO

from domain.errors import FactorSetError
from scoring.factors.importers.published import RegionRow, hash_findings, require_columns

KNOWN_SHA256S = ("ef9e85de3a4f7d69623f3a8e128ee907e1957f8c7c45171127c844171a727046",)
_MAX_SUBREGION_COUNT = 3

PUERTO_RICO_ZIPS = (range(600, 800), range(900, 1000))
"""ZIP codes that begin with 006, 007 or 009: Puerto Rico (USPS Domestic Mail Manual, labeling list L002). The EPA's tool of 2020
ends before eGRID had a subregion there; 008 is the Virgin Islands, for which eGRID has none."""


def import_zips(data: bytes) -> tuple[dict[int, tuple[str, ...]], tuple[str, ...]]:
    """State and subregions of every ZIP code that the tool lists.

    Args:
        data: Bytes of the tool's CSV export.

    Returns:
        ZIP code as a number to (state, first subregion, further ones); and findings. The few codes that stand twice are merged.

    Raises:
        FactorSetError: Columns or codes are not what they must be.
    """
    record = "EPA Power Profiler ZIP code tool"
    lines = csv.reader(StringIO(data.decode("utf-8-sig")))
    header = ["zip_character", "zip_numeric", "state", "egrid_subregion_1", "egrid_subregion_2", "egrid_subregion_3"]
    require_columns(next(lines), header, record=record)
    by_zip: dict[int, tuple[str, ...]] = {}
    findings = list(hash_findings(data, KNOWN_SHA256S, record))
    for text, number, state, *cells in lines:
        if int(text) != int(number) or not int(number) < 100_000:  # noqa: PLR2004 - five digits
            raise FactorSetError(expected="a five-digit ZIP code, twice the same", got=f"{text}, {number}", record=record)
        subregions = tuple(cell for cell in cells if cell)
        before = by_zip.get(int(number), (state,))
        merged = (*before, *(code for code in subregions if code not in before))
        if len(before) > 1 and merged != (state, *subregions):
            findings.append(f"{record}: {int(number):05d} stands twice and differs; merged to {', '.join(merged[1:])}")
        by_zip[int(number)] = merged
    _check(by_zip, record)
    puerto_rico = {number: ("PR", "PRMS") for numbers in PUERTO_RICO_ZIPS for number in numbers}
    by_zip |= {number: where for number, where in puerto_rico.items() if number not in by_zip}
    return by_zip, tuple(findings)


def _check(by_zip: dict[int, tuple[str, ...]], record: str) -> None:
    for number, (state, *subregions) in by_zip.items():
        if len(state) != 2 or not 1 <= len(subregions) <= _MAX_SUBREGION_COUNT:  # noqa: PLR2004 - two letters
            raise FactorSetError(expected="a state and one to three subregions", got=state, record=f"{record}, {number:05d}")


def import_states(data: bytes) -> tuple[RegionRow, ...]:
    """Names of the US states and the District of Columbia; and of Puerto Rico, which the file lacks and eGRID has.

    Args:
        data: Bytes of eGRID's static table `state_and_interconnection.csv`.

    Returns:
        Regions under `US`.

    Raises:
        FactorSetError: The columns are not what they must be.
    """
    lines = csv.reader(StringIO(data.decode("utf-8-sig")))
    require_columns(next(lines), ["State Postal Code", "State", "Interconnect"], record="eGRID states")
    names = {line[0]: line[1] for line in lines if line} | {"PR": "Puerto Rico", "DC": "District of Columbia"}
    return tuple(RegionRow(f"US/state/{code}", name, "US") for code, name in sorted(names.items()))

"""Airports by IATA code: country and position, from the package airportsdata."""

import csv
import re
import zlib
from gzip import BadGzipFile, decompress
from io import StringIO
from itertools import pairwise

from domain.errors import FactorSetError
from scoring.factors.importers.published import Imported, ParameterTable, hash_findings, require_columns

KNOWN_SHA256S = ("9e8530e59a6958e15e49275a7d72285a7f81ef904bb49e091d2341bc1f4e864e",)
COLUMNS = ("iata", "country", "latitude_deg", "longitude_deg", "name")
"""Columns of the table that this gives."""

_FILE_COLUMNS = ("icao", "iata", "name", "city", "subd", "country", "elevation", "lat", "lon", "tz", "lid")
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,9})?")
_LATITUDE_LIMIT, _LONGITUDE_LIMIT = 90, 180


def import_airports(data: bytes) -> Imported:
    """Every airport that has an IATA code.

    Args:
        data: Bytes of `airports.csv.gz`.

    Returns:
        The table "airports": IATA code, ISO 3166-1 alpha-2 country (`NA` is Namibia), degrees as published, name.

    Raises:
        FactorSetError: The file is not compressed, or a column, code or position is not what it must be.
    """
    record = "airportsdata, airports"
    lines = csv.reader(StringIO(_text(data, record)))
    require_columns(next(lines, []), _FILE_COLUMNS, record=record)
    rows = sorted(_row(line, record) for line in lines if line[1])
    for before, after in pairwise(rows):
        if before[0] == after[0]:
            raise FactorSetError("An IATA code stands twice", expected="one airport", got=after[0], record=record)
    table = ParameterTable(
        name="airports",
        columns=COLUMNS,
        rows=tuple(rows),
        publisher="airportsdata",
        edition="20261103",
        source_url="https://github.com/mborsetti/airportsdata",
        licence="MIT",
        note="Reference points of the airports with an IATA code; degrees of WGS 84, north and east positive.",
    )
    return Imported(parameter_tables=(table,), findings=hash_findings(data, KNOWN_SHA256S, record))


def _text(data: bytes, record: str) -> str:
    try:
        return decompress(data).decode("utf-8")
    except (BadGzipFile, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise FactorSetError(expected="gzip of UTF-8 text", got=str(error), record=record) from error


def _row(line: list[str], record: str) -> tuple[str, ...]:
    if len(line) != len(_FILE_COLUMNS):
        raise FactorSetError(expected=f"{len(_FILE_COLUMNS)} cells", got=", ".join(line), record=record)
    _icao, iata, name, _city, _subd, country, _elevation, latitude, longitude, _tz, _lid = line
    where = f"{record}, {iata}"
    if not re.fullmatch(r"[A-Z]{3}", iata) or not re.fullmatch(r"[A-Z]{2}", country):
        raise FactorSetError(expected="a code such as ZRH and a country such as CH", got=f"{iata}, {country}", record=where)
    _check_degrees(latitude, _LATITUDE_LIMIT, where)
    _check_degrees(longitude, _LONGITUDE_LIMIT, where)
    return iata, country, latitude, longitude, name


def _check_degrees(text: str, limit: int, record: str) -> None:
    if not _DEGREES.fullmatch(text) or abs(float(text)) > limit:
        raise FactorSetError(expected=f"degrees between -{limit} and {limit}", got=text, record=record)

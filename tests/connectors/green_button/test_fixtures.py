"""Every collected Green Button file agrees with what two independent readers found in it."""

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from connectors.green_button.codes import (
    ADDITIVE_ACCUMULATIONS,
    DIRECTION_OF_FLOW,
    KIND_OF_COMMODITY,
    KIND_OF_SERVICE,
    UNIT_OF_UOM,
)
from connectors.green_button.parse import parse
from domain.errors import UnknownFormatError
from domain.period import instant_of_epoch_s, instant_to_text
from domain.series import IntervalSeries, MeterDocument
from domain.units import UNITS

SeriesFacts = tuple[str, str, Fraction, int, str, str, tuple[tuple[int, int], ...]]


@pytest.fixture(scope="module")
def expected(shared_dir: Path) -> dict[str, Any]:
    """What each file holds, by its name."""
    found: dict[str, Any] = json.loads((shared_dir / "fixtures/greenbutton/expected.json").read_text())
    return {name: facts for name, facts in found.items() if "parse_error" not in facts}


@pytest.fixture(scope="module")
def parsed(shared_dir: Path, expected: dict[str, Any]) -> dict[str, MeterDocument]:
    """Each file as we read it."""
    return {name: parse((shared_dir / "fixtures/greenbutton" / name).read_bytes()) for name in expected}


def is_countable(facts: dict[str, Any]) -> bool:
    """Whether a series is amounts in a unit that its file names."""
    code = facts["readingType"]
    has_unit = facts["resolved"] != "no-reading-type" and code.get("uom") in UNIT_OF_UOM
    return has_unit and (code["accumulationBehaviour"] or 0) in ADDITIVE_ACCUMULATIONS


def facts_of_expected(facts: dict[str, Any]) -> SeriesFacts:
    """A series as the file of expectations describes it."""
    code = facts["readingType"]
    kind = KIND_OF_COMMODITY.get(code["commodity"] or 0) or KIND_OF_SERVICE.get(facts["serviceCategory"] or 1, "")
    amount = Fraction(facts["sum_scaled"]) * UNITS[UNIT_OF_UOM[code["uom"]]].canonical_per_unit
    direction = DIRECTION_OF_FLOW[code["flowDirection"] or 0].value
    durations = tuple(sorted((int(length), count) for length, count in facts["durations"].items()))
    return kind, direction, amount, facts["readings"], facts["first_start"], facts["last_end"], durations


def facts_of_series(series: IntervalSeries) -> SeriesFacts:
    """A series as we read it, in the same terms."""
    last_end_s = max(start + length for start, length in zip(series.starts_s, series.durations_s, strict=True))
    return (
        series.kind,
        series.direction.value,
        series.total(),
        len(series.values),
        instant_to_text(instant_of_epoch_s(min(series.starts_s))),
        instant_to_text(instant_of_epoch_s(last_end_s)),
        tuple(sorted(Counter(series.durations_s).items())),
    )


def test_series_agree(expected: dict[str, Any], parsed: dict[str, MeterDocument]) -> None:
    """Kind, direction, exact sum, count, span and lengths of every countable series agree."""
    for name, facts in expected.items():
        wanted = Counter(facts_of_expected(one) for one in facts["series"] if is_countable(one))
        assert Counter(facts_of_series(one) for one in parsed[name].series) == wanted, name


def test_qualities_agree(expected: dict[str, Any], parsed: dict[str, MeterDocument]) -> None:
    """Where readings name their quality, each code is found as often as it is written."""
    for name, facts in expected.items():
        wanted = Counter({int(code): n for one in facts["series"] if is_countable(one) for code, n in one["qualities"].items()})
        found = Counter(code for one in parsed[name].series for code in one.qualities if code >= 0)
        assert not wanted or found == wanted, name


def test_uncountable_series_are_refused(expected: dict[str, Any], parsed: dict[str, MeterDocument]) -> None:
    """Each series without a usable unit or accumulation is refused with one reason, and nothing else is."""
    for name, facts in expected.items():
        uncountable = sum(1 for one in facts["series"] if not is_countable(one))
        has_no_readings = not facts["series"]
        assert len(parsed[name].refused) == uncountable + has_no_readings, name


def test_clocks_agree(expected: dict[str, Any], parsed: dict[str, MeterDocument]) -> None:
    """Every LocalTimeParameters that a usage point links to is found, and no other."""
    for name, facts in expected.items():
        wanted = {(one["tzOffset"], one["dstOffset"]) for one in facts["local_time"]}
        assert {(one.offset_s, one.dst_offset_s) for one in parsed[name].local_times.values()} <= wanted, name
        assert bool(parsed[name].local_times) == bool(wanted), name


def test_five_usage_points_are_told_apart(parsed: dict[str, MeterDocument]) -> None:
    """Series of five usage points have five names."""
    series = parsed["1hrLP_32DaysFiveUsagePoints_M.xml"].series
    assert len({one.usage_point for one in series}) == 5


def test_undeclared_prefix_is_refused_with_position(shared_dir: Path) -> None:
    """A file whose namespace prefix is not declared is no XML; the message says where."""
    body = (shared_dir / "fixtures/greenbutton/PGEUsageSummary.xml").read_bytes()
    with pytest.raises(UnknownFormatError, match=r"unbound prefix; in line 1, column 1\b"):
        parse(body)


def test_summaries_alone_have_no_readings(parsed: dict[str, MeterDocument]) -> None:
    """A document with UsageSummaries only is readable, and says that it holds no readings."""
    document = parsed["PGEUsageSummaries.xml"]
    assert (document.series, [error.got for error in document.refused]) == ((), ["3 UsageSummary"])


def test_personal_data_is_not_kept(shared_dir: Path) -> None:
    """The address in a usage point's title does not appear in the result."""
    document = parse((shared_dir / "fixtures/greenbutton/gas_direct.xml").read_bytes())
    assert "MAIN ST" not in repr(document)

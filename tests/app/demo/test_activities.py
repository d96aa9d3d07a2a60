"""The demo's files of activities: the same lines for the same months, all of them scored."""

import json
from datetime import date
from typing import Any

import pytest

from app.demo.activities import business_lines, household_lines
from scoring.estimate import estimate
from scoring.factors.load import shipped_factor_set

START, END = date(2025, 11, 1), date(2026, 11, 22)


def lines_of(body: bytes) -> list[dict[str, Any]]:
    """The lines of a file."""
    return [json.loads(line) for line in body.splitlines()]


@pytest.mark.parametrize("written", [household_lines, business_lines])
def test_every_line_is_scored(written: Any) -> None:  # noqa: ANN401 - one of two functions
    """Each line has a published factor at the demo's places."""
    found = [
        estimate({"region": "94110", **line}, factor_set=shipped_factor_set(), today_date=END)
        for line in lines_of(written(START, END))
    ]
    assert [one["error"] for one in found if "error" in one] == []
    assert {one["kind"] for one in found} >= {"flight", "hotel", "purchase", "waste"}


def test_second_start_repeats_and_adds() -> None:
    """A later file holds every line of the earlier one, word for word, and ids stand once."""
    earlier, later = lines_of(household_lines(START, date(2026, 3, 15))), lines_of(household_lines(START, END))
    assert later[: len(earlier) // 2] == earlier[: len(earlier) // 2]
    assert all(line in later for line in earlier)
    assert len({line["id"] for line in later}) == len(later)


def test_nothing_is_in_the_future() -> None:
    """What is not over by the last day is left out."""
    assert all(line.get("end", line["start"]) <= END.isoformat() for line in lines_of(household_lines(START, END)))

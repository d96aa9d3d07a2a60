"""One estimate: an activity as somebody sends it, to grams with everything that led to them. Unknown fields are refused.

    {"id": "a", "kind": "electricity", "quantity": "350", "unit": "kWh",
     "start": "2024-03-01", "end": "2024-04-01", "region": "94110"}

A span over several years is divided by days with cumulative floors, because the factor depends on the year; the months of one
year have one factor, so their activity is summed first and multiplied once. Electricity may come with its readings (`profile`):
hourly factors are then used where they are held, and the readings say what belongs to which year.

Many lines at once: `estimate_lines.py` gives the same bytes and works each activity key out once.
"""

from collections.abc import Mapping
from datetime import date

from domain.canonical import Json
from domain.errors import ClimateFitnessError, KindError, UnitError
from scoring.estimate_answer import answer_of
from scoring.estimate_explain import Explain
from scoring.estimate_request import FIELDS, REQUIRED_FIELDS, plain_id, understood
from scoring.factors.factor_set import FactorSet

__all__ = ["FIELDS", "REQUIRED_FIELDS", "error_json", "estimate"]


def estimate(request: object, *, factor_set: FactorSet, today_date: date, explain: Explain = Explain.FULL) -> dict[str, Json]:
    """The emissions of one activity, or what is wrong with it; never an exception for anything that a request can hold.

    Args:
        request: What came: a JSON object with the fields of `FIELDS`; amounts as decimal text (JSON
            numbers are taken as Python prints them).
        factor_set: Rows to choose from.
        today_date: The caller's day; an activity that begins later, or ends more than a day later, is refused.
        explain: Whether the words are said, too; `estimate_answer.PROSE_FIELDS` are left out where not.

    Returns:
        Grams in all and by gas as exact decimal text, factor, source, edition, region, year, steps, flags, uncertainty. Or, with
        `error`, what was expected, what came, and the next step. `id` is given back in both.
    """
    request_id = request.get("id") if isinstance(request, Mapping) else None
    try:
        return answer_of(understood(request, factor_set, today_date), factor_set, explain)
    except ClimateFitnessError as error:
        return {"id": plain_id(request_id), "error": error_json(error)}


def error_json(error: ClimateFitnessError) -> dict[str, Json]:
    """An error as a result carries it; `choices` lists what would fit where there are few."""
    choices: list[Json] = []
    if isinstance(error, KindError | UnitError) and error.expected.startswith("one of "):
        choices = [one.strip() for one in error.expected.removeprefix("one of ").split(",") if one.strip() not in {"", "..."}]
    return {
        "choices": choices,
        "code": error.code,
        "expected": error.expected,
        "got": error.got,
        "message": error.message,
        "next_step": error.next_step,
        "record": error.record,
    }

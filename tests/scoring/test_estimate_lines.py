"""Many estimates at once give the bytes of one by one, whatever comes, in whatever order, however often."""

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.document_kinds import EXAMPLES
from benchmarks.factors import make_keys, request_of
from domain.errors import CanonicalError
from domain.kinds import KINDS
from domain.number import INT64_MAX, decimal_from_text, fraction_of
from domain.units import UNITS, scaled_quantity
from scoring.estimate import estimate
from scoring.estimate_answer import PROSE_FIELDS, micro_text
from scoring.estimate_explain import Explain
from scoring.estimate_lines import Kept, LineEstimator, memo_of
from scoring.estimate_plan import JsonStyle
from scoring.factors.load import shipped_factor_set
from scoring.rules import RULES
from tests.scoring.bad_lines import BAD_LINES, good

TODAY = date(2026, 11, 22)
BILL: dict[str, Any] = {"kind": "electricity", "quantity": "350", "unit": "kWh", "start": "2023-03-01", "region": "94110"}


def compact(value: object) -> bytes:
    """JSON without white space."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def spaced(value: object) -> bytes:
    """JSON with white space."""
    return json.dumps(value, ensure_ascii=False).encode()


COMPACT = JsonStyle("compact in tests", compact, b",", b":")
SPACED = JsonStyle("spaced in tests", spaced, b", ", b": ")


def estimator(style: JsonStyle = COMPACT, explain: Explain = Explain.FULL, today_date: date = TODAY) -> LineEstimator:
    """An estimator with the shipped factors."""
    return LineEstimator(shipped_factor_set(), style, today_date=today_date, explain=explain)


def alone(line_index: int, request: object, explain: Explain = Explain.FULL, today_date: date = TODAY) -> dict[str, Any]:
    """What a line gets that is estimated alone, with nothing kept."""
    answer = estimate(request, factor_set=shipped_factor_set(), today_date=today_date, explain=explain)
    return {"line": line_index, **answer}


def check(requests: Sequence[object], *, style: JsonStyle = COMPACT, explain: Explain = Explain.FULL) -> None:
    """Every line as if it were alone."""
    many = estimator(style, explain)
    for line_index, request in enumerate(requests, start=1):
        expected = alone(line_index, request, explain)
        got = many.answer(line_index, request)
        assert (got.json, got.is_error) == (style.dump(expected), "error" in expected), request


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """Each test begins with nothing learnt."""
    memo_of.cache_clear()


def several_times(requests: Sequence[dict[str, Any]], chance: random.Random) -> Iterator[dict[str, Any]]:
    """Each request four times among the others, with other amounts, days and ids."""
    drawn = [*requests] * 4
    chance.shuffle(drawn)
    for number, request in enumerate(drawn):
        year = int(request["start"][:4])
        amounts = (f"{chance.uniform(0, 500):.3f}", str(chance.randrange(1, 9)), "0", "0.000001", "0.0000005", "-12.5", "7e2", 3)
        first_date = date(year, chance.randrange(1, 13), chance.randrange(1, 29))
        ends = (None, f"{year}-12-31", f"{year + 1}-02-01", f"{year + 2}-07-01", "2026-11-23")
        yield {
            **request,
            "id": chance.choice((number, f"line {number}", None, True, 'quote " \\ \n ☃ \x7f', [number])),
            "quantity": chance.choice(amounts),
            "start": request["start"] if chance.random() < 0.2 else first_date.isoformat(),
            "end": chance.choice(ends),
        }


@pytest.mark.parametrize(("style", "explain"), [(COMPACT, Explain.FULL), (SPACED, Explain.FULL), (COMPACT, Explain.NONE)])
def test_random_lines_of_all_kinds(style: JsonStyle, explain: Explain) -> None:
    """Keys of every kind, four times each, over years, with amounts of every size and sign: the bytes of each line alone."""
    requests = [request for key in make_keys(shipped_factor_set(), 330) if (request := request_of(key)) is not None]
    chance = random.Random(20261122)  # noqa: S311 - lines for a test
    choices: list[dict[str, object]] = [
        {},
        {},
        {"basis": "market"},
        {"gwp_set": "AR6"},
        {"factor": {"value": "0.4", "unit": "kg/kWh"}},
    ]
    check([{**one, **chance.choice(choices)} for one in several_times(requests, chance)], style=style, explain=explain)


def test_every_mistake_between_good_lines() -> None:
    """More than a thousand mistakes, each twice, and each good line after lines that resemble it."""
    check([line for bad in BAD_LINES for line in (bad.request, good(bad.kind), bad.request)])


def test_examples_of_all_kinds_with_readings() -> None:
    """The documented examples, those with readings among them, three times."""
    readings = [["2023-03-01T00:00:00Z", "200"], ["2023-03-01T01:00:00Z", "150"]]
    check([*({"kind": kind, **example} for kind, example in EXAMPLES.items()), {**BILL, "profile": readings}] * 3)


@pytest.mark.parametrize("request_value", [None, 5, "text", [], [BILL], True, {}, {"id": "a"}, {"kind": 5}])
def test_what_is_no_request(request_value: object) -> None:
    """Anything else is refused as it is alone."""
    check([request_value, request_value])


AMOUNTS = st.one_of(
    st.decimals(-(10**14), 10**14, allow_nan=False, places=3).map(str),
    st.integers(-(10**20), 10**20),
    st.from_regex(r"[-+]?[0-9]{0,20}\.?[0-9]{0,12}(e-?[0-9])?", fullmatch=True),
    st.sampled_from(
        ["", "-", ".", "-.5", "5.", " 5", "٤", "1_0", "--1", "1.2.3", "9223372036854.775807", "9223372036854.7758075"]
    ),
    st.floats(allow_nan=True),
    st.none() | st.booleans(),
)


@given(AMOUNTS, st.sampled_from(["kWh", "MWh", "MJ", "therm", "Btu", "J"]))
def test_every_amount(amount: object, unit: str) -> None:
    """However an amount is written: rounding, signs, overflow and refusals are those of the plain way."""
    request = {**BILL, "quantity": amount, "unit": unit}
    check([{**BILL, "unit": unit}, {**BILL, "unit": unit}, request, request])


@given(st.sampled_from(["car", "refrigerant", "electricity_certificate", "flight", "fuel"]), st.lists(AMOUNTS, max_size=4))
def test_every_amount_of_other_kinds(kind: str, amounts: list[object]) -> None:
    """Kinds that take no negative amounts, that count against others, and that have biogenic CO2 or several parts."""
    check([good(kind), good(kind), *(good(kind, quantity=amount) for amount in amounts)])


@given(st.integers(0, INT64_MAX))
def test_own_parts_of_a_plug_in_car(quantity_micro: int) -> None:
    """The main part of an activity with exhaust and electricity is the larger one, and ties are broken alike."""
    car = {**BILL, "kind": "car", "unit": "km", "powertrain": "plug_in_hybrid", "region": "GB", "size": "average"}
    tiny = [{**car, "quantity": f"0.00000{digit}"} for digit in range(10)]
    check([car, car, *tiny, {**car, "quantity": micro_text(quantity_micro)}])


def test_first_reason_is_the_first() -> None:
    """Kuna have no rate after 2022: a small amount over new year is refused for January, a huge one for December's overflow."""
    kuna = good("purchase", unit="HRK", start="2022-12-15", end="2023-01-15")
    few, many = {**kuna, "quantity": "10"}, {**kuna, "quantity": "9000000000000"}
    check([few, few, many, few])
    errors = [json.loads(estimator().answer(1, one).json)["error"]["code"] for one in (few, many)]
    assert errors == ["factor", "line-overflow"]


def test_sum_of_gases_overflows() -> None:
    """A line whose every gas fits in 64 bits, and whose sum does not, is refused by name."""
    huge = {**BILL, "quantity": "46465000000"}
    check([BILL, BILL, huge, huge])
    assert json.loads(estimator().answer(1, huge).json)["error"]["expected"] == "a line below 2^63 ug"


def test_types_are_told_apart() -> None:
    """1, "1", true and null are four values of an attribute, in whatever order they come."""
    flight = good("flight")
    seats: list[object] = [150, "150", True, None, 1, "1", False, 0, "0"]
    check([{**flight, "seats_economy": value} for value in [*seats, *reversed(seats)]])


def test_day_of_asking_counts() -> None:
    """A line that was estimated stays refused on a day before it, and in other years its days are those of that year."""
    request = {**BILL, "start": "2026-11-01", "end": "2026-11-22"}
    for today_date in (TODAY, date(2026, 11, 1), date(2026, 10, 31), TODAY, date(2026, 11, 21), date(2026, 11, 20)):
        expected = compact(alone(1, request, today_date=today_date))
        assert estimator(today_date=today_date).answer(1, request).json == expected


def test_without_explanation_only_words_are_missing() -> None:
    """The brief answer is the full one without its prose, also in its parts and additions."""
    request = {**BILL, "start": "2022-12-01", "end": "2023-02-01"}
    full, brief = (json.loads(estimator(explain=explain).answer(1, request).json) for explain in Explain)
    for one in (full, *full["parts"], *full["additions"]):
        assert one.keys() & PROSE_FIELDS
        for name in PROSE_FIELDS:
            one.pop(name, None)
    assert full == brief
    assert (len(brief["parts"]), len(brief["additions"])) == (2, 2)


def test_brief_refusal_says_as_much() -> None:
    """What is wrong with a line is said in full either way, also by a factor of the sender's own."""
    bad, own = {**BILL, "unit": "kg"}, {**BILL, "factor": {"value": "0.4", "unit": "kg/kWh"}}
    assert estimator(explain=Explain.NONE).answer(1, bad) == estimator().answer(1, bad)
    brief = json.loads(estimator(explain=Explain.NONE).answer(1, own).json)
    assert brief.keys() == alone(1, own).keys() - PROSE_FIELDS


def test_refusal_of_what_is_no_json() -> None:
    """A line that cannot be read is answered with its number, and no id."""
    got = estimator().refusal(7, CanonicalError("This is not JSON", record="line 7"))
    assert got.is_error
    assert json.loads(got.json)["error"]["message"] == "This is not JSON"
    assert got.json.startswith(b'{"line":7,"id":null,"error":{')


def test_threads_may_share_what_is_kept() -> None:
    """Four threads with the same lines in other orders get the same bytes."""
    lines = [good(kind, quantity=str(amount)) for kind in RULES for amount in range(1, 9)]
    expected = {compact(line): alone(0, line) for line in lines}

    def run(seed: int) -> bool:
        mine, many = [*lines] * 2, estimator()
        random.Random(seed).shuffle(mine)  # noqa: S311 - an order for a test
        return all(many.answer(0, line).json == compact(expected[compact(line)]) for line in mine)

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(run, range(4)))


class Weight:
    """Something of a weight."""

    def __init__(self, weight_bytes: int) -> None:
        self.weight_bytes = weight_bytes


def test_what_is_kept_is_bounded() -> None:
    """What was not asked for since half of the room was filled anew is forgotten; what is used stays."""
    kept: Kept[int, Weight] = Kept(max_bytes=1_000)
    kept.put(0, Weight(100))
    for number in range(1, 50):
        kept.put(number, Weight(100))
        assert kept.get(0) is not None
    assert kept.get(1) is None
    assert kept.get(49) is not None
    assert kept.held_bytes <= 1_200


def test_what_grows_is_weighed() -> None:
    """Room that values take later counts, too."""
    kept: Kept[int, Weight] = Kept(max_bytes=1_000)
    kept.put(0, Weight(100))
    kept.grow(600)
    kept.put(1, Weight(100))
    kept.grow(600)
    assert kept.get(0) is None


def test_hostile_batch_keeps_little() -> None:
    """What strangers write into an attribute is weighed and bounded."""
    many = estimator()
    for number in range(3_000):
        many.answer(number, good("reported_emissions", method=f"{number:0120d}"))
    memo = memo_of(shipped_factor_set())
    assert 0 < memo.asked.held_bytes < memo.asked.max_bytes
    assert 0 < memo.plans.held_bytes < memo.plans.max_bytes


@given(st.integers(-(10**25), 10**25))
def test_text_of_millionths_is_exact(amount_micro: int) -> None:
    """Decimal text of millionths says the same number, without trailing zeros."""
    text = micro_text(amount_micro)
    assert fraction_of(decimal_from_text(text)) * 10**6 == amount_micro
    assert text == text.rstrip("." if "." not in text else ".0")


def test_units_are_those_of_the_table() -> None:
    """Every unit of every kind is converted as `scaled_quantity` does, to the millionth."""
    for kind in RULES:
        for symbol in KINDS[kind].unit_symbols():
            request = good(kind, unit=symbol, quantity="1.2345678")
            answers = [json.loads(estimator().answer(1, request).json) for _ in range(3)]
            assert answers[0] == answers[1] == answers[2] == alone(1, request)
            if "error" not in answers[0] and UNITS[symbol].dimension.value != "count":
                exact = scaled_quantity(fraction_of(decimal_from_text("1.2345678")), symbol, answers[0]["unit"])
                assert answers[0]["quantity"] == micro_text(exact.quantity_micro)

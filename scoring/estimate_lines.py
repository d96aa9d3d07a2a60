"""Estimates line by line, fast: the same bytes as `scoring.estimate.estimate`, with each activity key worked out once.

Of a line, three things repeat: what it says besides `id`, quantity and days (`_Asked`); its days (`_Days`); and what follows from
the two, the factors and every word about them (`Plan`), kept as JSON with holes where the amounts go. What is left for each line
is its quantity in millionths, one multiplication per part and gas, and their decimal text.

Only what was understood before is answered from here. Whatever is out of the ordinary (a mistake, an amount that no line can
hold, readings, a factor of the sender's own) goes the plain way, which alone says what is wrong with it.

What is kept is bounded in bytes, belongs to one factor set, and may be used by several threads.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import count
from threading import Lock
from typing import Generic, NamedTuple, Protocol, TypeVar

from domain.canonical import Json
from domain.errors import ClimateFitnessError
from domain.number import INT64_MAX
from domain.split import split_in_proportion
from domain.units import MICRO_PER_UNIT, find_unit
from scoring.estimate import error_json
from scoring.estimate_answer import answer_of, chosen_parts, counted_micro, micro_text
from scoring.estimate_explain import Explain
from scoring.estimate_plan import JsonStyle, Plan, Template, refusal_template
from scoring.estimate_request import Request, days_of, plain_id, spans_of, understood
from scoring.factors.factor_set import FactorSet

MAX_PLANS_BYTES = 64 * 1024 * 1024
"""Most that is kept of plans with their JSON, per factor set."""

MAX_SAID_BYTES = 16 * 1024 * 1024
"""Most that is kept of what lines say, and as much of their days."""

_MAX_NUMBERS_COUNT = 65_536
_MAX_SPANS_COUNT = 24
_MAX_DIGITS_COUNT = 28
_POWERS = tuple(10**places for places in range(_MAX_DIGITS_COUNT + 1))
_OBJECT_BYTES = 1_000
"""What a small object with its fields and its places in tables takes, roughly."""


class EstimatedLine(NamedTuple):
    """The answer to one line.

    Attributes:
        json: Its JSON bytes, without an end of line.
        is_error: Whether it could not be estimated.
    """

    json: bytes
    is_error: bool


class LineEstimator:
    """Estimates lines for one factor set, in one style; what it learns is shared with every other one of that factor set.

    Args:
        factor_set: Rows to choose from.
        style: How JSON is written.
        today_date: The caller's day, as in `estimate`.
        explain: Whether the words are said, too.

    Invariant: `answer` gives the bytes of `{"line": line_index, **estimate(request, ...)}` in that style.
    """

    def __init__(self, factor_set: FactorSet, style: JsonStyle, *, today_date: date, explain: Explain = Explain.FULL) -> None:
        self._factor_set = factor_set
        self._style = style
        self._today_date = today_date
        self._tomorrow_date = today_date + timedelta(days=1)
        self._explain = explain
        self._mode = f"{style.name} {explain}"
        self._memo = memo_of(factor_set)

    def answer(self, line_index: int, request: object) -> EstimatedLine:
        """The estimate of one line, or what is wrong with it.

        Args:
            line_index: Its number, from 1.
            request: What it says: any JSON value.

        Returns:
            The answer; never an exception for anything that a request can hold.
        """
        if isinstance(request, dict):
            try:
                known = self._known(line_index, request)
            except ClimateFitnessError:  # the plain way says it, in its own order
                known = None
            if known is not None:
                return known
        return self._plainly(line_index, request)

    def refusal(self, line_index: int, error: ClimateFitnessError) -> EstimatedLine:
        """The answer to a line that is no JSON, or too long.

        Args:
            line_index: Its number, from 1.
            error: Why.

        Returns:
            The answer, with `id` null.
        """
        return self._dumped(line_index, {"id": None, "error": error_json(error)})

    # The plain way.

    def _plainly(self, line_index: int, request: object) -> EstimatedLine:
        answer: dict[str, Json]
        try:
            answer = answer_of(understood(request, self._factor_set, self._today_date), self._factor_set, self._explain)
        except ClimateFitnessError as error:
            line_id = plain_id(request.get("id")) if isinstance(request, Mapping) else None
            answer = {"id": line_id, "error": error_json(error)}
        return self._dumped(line_index, answer)

    def _dumped(self, line_index: int, answer: Mapping[str, Json]) -> EstimatedLine:
        return EstimatedLine(self._style.dump({"line": line_index, **answer}), "error" in answer)

    # The short way.

    def _known(self, line_index: int, request: dict[str, object]) -> EstimatedLine | None:
        """The answer made of what is kept, and of what can be worked out besides; None where it must go the plain way.

        Raises:
            ClimateFitnessError: The same.
        """
        asked = self._asked(request)
        amount = None if asked is None else _amount(request.get("quantity"), asked)
        days = None if asked is None else self._days(request, asked)
        if asked is None or amount is None or days is None:
            return None
        plan = self._memo.plans.get((asked.number, days.labels)) or self._plan(asked, days)
        line_id = plain_id(request.get("id"))
        texts = [str(line_index).encode(), self._style.dump(line_id)]
        if isinstance(plan, _Refused):
            refusal = plan.templates.get(self._style.name) or refusal_template(plan.error, self._style)
            plan.templates[self._style.name] = refusal
            return EstimatedLine(refusal.filled(texts), is_error=True)
        quantity_micro, is_rounded = amount
        quantities_micro = split_in_proportion(quantity_micro, days.days) if len(days.days) > 1 else [quantity_micro]
        amounts = plan.amounts(quantities_micro)
        form = plan.form(amounts, quantities_micro, is_rounded=is_rounded)
        place = (self._mode, form)
        template = plan.templates.get(place)
        if template is None:
            like = replace(
                asked.like,
                id=line_id,
                quantity_micro=quantity_micro,
                rounded_away_micro=Fraction(int(is_rounded)),
                first_date=days.first_date,
                end_date=days.end_date,
            )
            if place not in plan.templates:  # most keys of a batch of strangers are never seen again
                plan.templates[place] = None
                return self._dumped(line_index, plan.answer(form, like, amounts, self._explain))
            template = plan.templates[place] = plan.template(form, like, self._explain, self._style)
            plan.weight_bytes += template.weight_bytes
            self._memo.plans.grow(template.weight_bytes)
        texts += [days.start, days.end, *[micro_text(one_micro).encode() for one_micro in amounts]]
        return EstimatedLine(template.filled(texts), is_error=False)

    def _asked(self, request: dict[str, object]) -> "_Asked | None":
        """What a line asks for; None where some of it must be looked at line by line.

        Raises:
            ClimateFitnessError: It cannot be understood.
        """
        said = _said(request)
        if said is None:
            return None
        asked = self._memo.asked.get(said)
        if asked is None:
            like = understood(request, self._factor_set, self._today_date)
            asked = _asked(self._memo.number_of(like), said, like, str(request["unit"]))
            self._memo.asked.put(said, asked)
        return asked

    def _days(self, request: dict[str, object], asked: "_Asked") -> "_Days | None":
        """The days of a line, checked; None where there are too many years or months to keep.

        Raises:
            TimeError: They cannot be, or lie in the future.
        """
        start, end = request.get("start"), request.get("end")
        if not isinstance(start, str) or not (end is None or isinstance(end, str)):
            return None
        key = (start, end, asked.is_money)
        days = self._memo.days.get(key)
        if days is None:
            days = _days(*days_of(request, self._today_date), is_money=asked.is_money)
            if len(days.labels) > _MAX_SPANS_COUNT:
                return None
            self._memo.days.put(key, days)
        return days if days.first_date <= self._today_date and days.end_date <= self._tomorrow_date else None

    def _plan(self, asked: "_Asked", days: "_Days") -> "Plan | _Refused":
        """What is counted in these years, or why nothing is.

        Raises:
            ClimateFitnessError: Nothing can be counted in one of several years.
        """
        plan: Plan | _Refused
        try:
            by_span = [chosen_parts(asked.like, year, month, self._factor_set) for year, month in days.labels]
            plan = Plan(by_span, counted_micro(asked.like, 1))
        except ClimateFitnessError as error:
            if len(days.labels) > 1:  # another year's amount may be refused before it
                raise
            plan = _Refused(error_json(error))
        self._memo.plans.put((asked.number, days.labels), plan)
        return plan


# What repeats.

_Said = tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a line says besides its id, quantity and days, understood.

    Attributes:
        number: Of what its factors depend on, besides the days.
        like: A request that says the same.
        micro_per_unit: Millionths of the kept unit in one unit of the line, exact: numerator and denominator.
        is_money: Whether its factor depends on the month.
        weight_bytes: What it takes in memory, roughly.
    """

    number: int
    like: Request
    micro_per_unit: tuple[int, int]
    is_money: bool
    weight_bytes: int


class _Days(NamedTuple):
    """The days of a line.

    Attributes:
        first_date: First local day.
        end_date: Local day after the last one.
        start: The first as text.
        end: The other as text.
        labels: Years (of money, with months) that they lie in.
        days: How many lie in each.
    """

    first_date: date
    end_date: date
    start: bytes
    end: bytes
    labels: tuple[tuple[int, str], ...]
    days: tuple[int, ...]

    @property
    def weight_bytes(self) -> int:
        """What it takes in memory, roughly."""
        return _OBJECT_BYTES + 200 * len(self.labels)


class _Refused:
    """Why nothing can be counted for an activity key, whatever the amount.

    Args:
        error: As an answer has it.
    """

    def __init__(self, error: dict[str, Json]) -> None:
        self.error = error
        self.templates: dict[str, Template] = {}
        self.weight_bytes = 4 * _OBJECT_BYTES


def _said(request: dict[str, object]) -> _Said | None:
    """What a line says besides its id, quantity and days; None where some of it is a list or an object."""
    said = request.copy()
    for name in ("id", "quantity", "start", "end"):
        said.pop(name, None)
    for name, value in said.items():
        if not isinstance(value, str):
            if not (value is None or isinstance(value, int)):
                return None
            said[name] = (value.__class__, value)  # 1, "1" and true are three things
    return tuple(said.items())


def _asked(number: int, said: _Said, like: Request, unit_symbol: str) -> _Asked:
    per_unit = find_unit(unit_symbol).canonical_per_unit / find_unit(like.unit).canonical_per_unit * MICRO_PER_UNIT
    return _Asked(
        number=number,
        like=replace(like, id=None),
        micro_per_unit=per_unit.as_integer_ratio(),
        is_money=like.is_money,
        weight_bytes=2 * _OBJECT_BYTES + sum(len(name) + len(str(value)) for name, value in said),
    )


def _days(first_date: date, end_date: date, *, is_money: bool) -> _Days:
    labels, days = spans_of(first_date, end_date, is_money=is_money)
    return _Days(first_date, end_date, first_date.isoformat().encode(), end_date.isoformat().encode(), labels, days)


def _amount(value: object, asked: _Asked) -> tuple[int, bool] | None:
    """A quantity written in the plainest way, in millionths, and whether some of it was rounded away; None for every other.

    Rounds half to even, as `domain.units.scaled_quantity` does.
    """
    if not isinstance(value, str):
        if value.__class__ is not int:
            return None
        value = str(value)
    whole, _, decimals = value.removeprefix("-").partition(".")
    digits = whole + decimals
    if not whole or not (digits.isascii() and digits.isdigit()) or len(digits) > _MAX_DIGITS_COUNT:
        return None
    numerator, denominator = asked.micro_per_unit
    divisor = denominator * _POWERS[len(decimals)]
    kept_micro, rest = divmod(int(digits) * numerator, divisor)
    if rest and (2 * rest > divisor or (2 * rest == divisor and kept_micro % 2)):
        kept_micro += 1
    if value[0] == "-":
        kept_micro = -kept_micro
    if abs(kept_micro) > INT64_MAX or (kept_micro <= 0 and not asked.like.kind.allows_negative):
        return None
    return kept_micro, bool(rest)


# What is kept.


class _Weighed(Protocol):
    @property
    def weight_bytes(self) -> int: ...


_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value", bound=_Weighed)


class Kept(Generic[_Key, _Value]):
    """Values by key, bounded in bytes: what was not asked for since half of it was replaced is forgotten.

    Several threads may use it; a value that one of them puts is seen by the others sooner or later, or put again.

    Args:
        max_bytes: Most that it keeps, roughly: one value more may stand in each half.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._half_bytes = max_bytes // 2
        self._young: dict[_Key, _Value] = {}
        self._old: dict[_Key, _Value] = {}
        self._young_bytes = self._old_bytes = 0
        self._lock = Lock()

    @property
    def held_bytes(self) -> int:
        """What it keeps takes, roughly."""
        return self._young_bytes + self._old_bytes

    def get(self, key: _Key) -> _Value | None:
        """The value of a key; None where it is not kept."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: _Key, value: _Value) -> None:
        """Keep a value."""
        with self._lock:
            if key not in self._young:
                self._young_bytes += value.weight_bytes
            self._young[key] = value
            self._forget()

    def grow(self, more_bytes: int) -> None:
        """Count what a value that is kept has become heavier by."""
        with self._lock:
            self._young_bytes += more_bytes
            self._forget()

    def _forget(self) -> None:
        if self._young_bytes > self._half_bytes:
            self._old, self._old_bytes = self._young, self._young_bytes
            self._young, self._young_bytes = {}, 0


class EstimateMemo:
    """What lines of one factor set have in common."""

    def __init__(self) -> None:
        self.asked: Kept[_Said, _Asked] = Kept(MAX_SAID_BYTES)
        self.days: Kept[tuple[str, str | None, bool], _Days] = Kept(MAX_SAID_BYTES)
        self.plans: Kept[tuple[int, tuple[tuple[int, str], ...]], Plan | _Refused] = Kept(MAX_PLANS_BYTES)
        self._numbers: dict[Hashable, int] = {}
        self._counted = count()

    def number_of(self, asked: Request) -> int:
        """A number that only requests with the same factors share. None is given twice, so that old ones may be forgotten."""
        key = (asked.kind.name, asked.attributes, asked.unit, asked.region, asked.basis, asked.gwp_set)
        found = self._numbers.get(key)
        if found is None:
            if len(self._numbers) >= _MAX_NUMBERS_COUNT:
                self._numbers.clear()
            found = self._numbers[key] = next(self._counted)
        return found


@lru_cache(maxsize=4)
def memo_of(_factor_set: FactorSet) -> EstimateMemo:
    """What lines of a factor set have in common, as far as it was learnt."""
    return EstimateMemo()

"""What the lines of one activity key have in common: their factors, and their JSON with holes where the amounts go."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from domain.canonical import Json
from domain.errors import LineOverflowError
from domain.factor import Part
from domain.number import INT64_MAX
from scoring.arithmetic import line_ug
from scoring.estimate_answer import OWN_PARTS, AnswerTexts, ChosenPart, GasTexts, answer_json, beside_names, micro_text
from scoring.estimate_explain import Explain
from scoring.estimate_request import Request

LINE, ID, START, END, FIRST_AMOUNT = range(5)
"""Places in the list of texts that goes into a template: the line's number and id as JSON, its days, then `Plan.amounts`."""

_UNQUOTED = frozenset({LINE, ID})
_GREENHOUSE_GASES = ("co2", "ch4", "n2o", "unsplit")
_GAS_UG = {name: attrgetter(f"{name}_ug") for name in (*_GREENHOUSE_GASES, "biogenic_co2")}
_PIECE_BYTES = 48
_PLAN_BYTES = 2_000
"""What a piece of a template, and a plan with its parts, take besides their texts, roughly."""


@dataclass(frozen=True)
class JsonStyle:
    """How JSON is written: two writers differ in white space only.

    Attributes:
        name: Of the writer.
        dump: UTF-8 bytes of a value, in the order of its fields.
        comma: What it writes between items.
        colon: What it writes between a name and its value.
    """

    name: str
    dump: Callable[[object], bytes]
    comma: bytes
    colon: bytes


class Template(NamedTuple):
    """The JSON of an answer with holes.

    Attributes:
        pieces: Constant bytes at even places; what stands at odd ones is replaced.
        text_indexes: Which text goes into each hole.
        weight_bytes: What it takes in memory, roughly.
    """

    pieces: list[bytes]
    text_indexes: tuple[int, ...]
    weight_bytes: int

    def filled(self, texts: Sequence[bytes]) -> bytes:
        """The JSON with these texts in its holes."""
        pieces = self.pieces.copy()
        pieces[1::2] = [texts[index] for index in self.text_indexes]
        return b"".join(pieces)


class Form(NamedTuple):
    """What of an answer's shape an amount decides.

    Attributes:
        is_negative: Whether it is below zero.
        is_rounded: Whether less than a millionth was rounded away.
        main_index: Which of the activity's own parts emits most.
        has_biogenic: Which amounts of biogenic CO2 are not zero, in the order of the plan.
    """

    is_negative: bool
    is_rounded: bool
    main_index: int
    has_biogenic: tuple[bool, ...]


class _Work(NamedTuple):
    """What is multiplied for one part.

    Attributes:
        span_index: Which year's, or month's, quantity.
        greenhouse_ug: Factors by gas, ug CO2e per unit, those that are not zero.
        biogenic_ug: Factor of biogenic CO2, or 0.
    """

    span_index: int
    greenhouse_ug: tuple[int, ...]
    biogenic_ug: int


class _Hole(str):
    """Where the text of this place goes."""

    __slots__ = ()


class Plan:
    """The answer of an activity key without its amounts.

    Args:
        by_span: Every part of each year (of money, month), in order.
        sign_ratio: What counts of a quantity: 1, or of certificates -1 or 0.

    Attributes:
        chosen: Every part.
        templates: JSON by style and shape; None where a shape was asked for once, and may never be again.
        weight_bytes: What it takes in memory, roughly.

    Invariants: `amounts` gives its numbers in the order that `_texts` has numbered them; a hole stands wherever a number can be
    anything but zero.
    """

    def __init__(self, by_span: Sequence[Sequence[ChosenPart]], sign_ratio: int) -> None:
        self.chosen = tuple(part for parts in by_span for part in parts)
        self.templates: dict[tuple[str, Form], Template | None] = {}
        self.weight_bytes = _PLAN_BYTES * len(self.chosen)
        self._sign_ratio = sign_ratio
        self._spans_count = len(by_span)
        self._works = [_work(part, span) for span, parts in enumerate(by_span) for part in parts]
        self._own = [number for number, part in enumerate(self.chosen) if part.part in OWN_PARTS]
        uses = [(span, part) for span, parts in enumerate(by_span) for part in parts if part.part is Part.USE]
        self._effects = [
            [(span, one.ug_per_unit) for span, part in uses for one in part.resolution.beside if one.name == name]
            for name in beside_names(self.chosen)
        ]
        self._number()

    def _number(self) -> None:
        """Give every amount that can change its place."""
        places = iter(range(FIRST_AMOUNT, 1 << 30))

        def hole() -> str:
            return _Hole(next(places))

        self._quantity = hole()
        self._parts: list[tuple[str, dict[str, str]]] = []
        self._total_places: list[int] = []
        self._biogenic_places: list[int] = []
        self._own_sums: list[list[int]] = []
        for part in self.chosen:
            quantity = hole() if self._spans_count > 1 else self._quantity
            per_unit = part.chosen.ug_per_unit
            gases = {name: hole() for name in _GREENHOUSE_GASES if _GAS_UG[name](per_unit)}
            gases["total"] = next(iter(gases.values())) if len(gases) == 1 else hole()
            self._total_places.append(int(gases["total"]) - FIRST_AMOUNT)
            if per_unit.biogenic_co2_ug:
                gases["biogenic_co2"] = hole()
                self._biogenic_places.append(int(gases["biogenic_co2"]) - FIRST_AMOUNT)
            self._parts.append((quantity, gases))
        own = [self._parts[number][1] for number in self._own]
        self._own_gases = own[0]
        if len(own) > 1:
            names = [name for name in ("total", *_GREENHOUSE_GASES, "biogenic_co2") if any(name in gases for gases in own)]
            self._own_sums = [[int(gases[name]) - FIRST_AMOUNT for gases in own if name in gases] for name in names]
            self._own_gases = {name: hole() for name in names}
            if "biogenic_co2" in names:
                self._biogenic_places.append(int(self._own_gases["biogenic_co2"]) - FIRST_AMOUNT)
        self._with_additions = hole() if len(self._own) < len(self.chosen) else self._own_gases["total"]
        self._beside = tuple(hole() for _ in self._effects)

    def amounts(self, quantities_micro: Sequence[int]) -> list[int]:
        """Every number of an answer.

        Args:
            quantities_micro: Of each year (of money, month), millionths of the unit, each below 2^63.

        Returns:
            Quantities in millionths and emissions in ug, in the order of the plan's places.

        Raises:
            LineOverflowError: A part is 2^63 ug or more.
        """
        found = [sum(quantities_micro)]
        is_divided, sign_ratio, all_ug = self._spans_count > 1, self._sign_ratio, 0
        for span, greenhouse_ug, biogenic_ug in self._works:
            quantity_micro = quantities_micro[span]
            counted_micro = quantity_micro * sign_ratio
            if is_divided:
                found.append(quantity_micro)
            total_ug = 0
            for ug_per_unit in greenhouse_ug:
                amount_ug = line_ug(counted_micro, ug_per_unit, record="quantity")
                found.append(amount_ug)
                total_ug += amount_ug
            if len(greenhouse_ug) != 1:
                if abs(total_ug) > INT64_MAX:
                    raise LineOverflowError(expected="a line below 2^63 ug", got=str(total_ug), record="quantity")
                found.append(total_ug)
            if biogenic_ug:
                found.append(line_ug(counted_micro, biogenic_ug, record="quantity"))
            all_ug += total_ug
        found += [sum(found[place] for place in places) for places in self._own_sums]
        if len(self._own) < len(self._works):
            found.append(all_ug)
        for effect in self._effects:
            found.append(sum(line_ug(quantities_micro[span], ug_per_unit, record="quantity") for span, ug_per_unit in effect))
        return found

    def form(self, amounts_micro: Sequence[int], quantities_micro: Sequence[int], *, is_rounded: bool) -> Form:
        """The shape of the answer with these amounts.

        Args:
            amounts_micro: As `amounts` gives them for these quantities.
            quantities_micro: Of each year (of money, month).
            is_rounded: Whether less than a millionth was rounded away.

        Returns:
            Its shape.
        """
        main_index = (
            0 if len(self._own) == 1 else max(self._own, key=lambda number: self._size(number, amounts_micro, quantities_micro))
        )
        return Form(
            amounts_micro[0] < 0, is_rounded, main_index, tuple([amounts_micro[place] != 0 for place in self._biogenic_places])
        )

    def _size(self, number: int, amounts_micro: Sequence[int], quantities_micro: Sequence[int]) -> tuple[int, int, int]:
        """What the main part is the largest of."""
        quantity_micro = quantities_micro[self._works[number].span_index]
        return abs(amounts_micro[self._total_places[number]]), abs(quantity_micro), self.chosen[number].year

    def answer(self, form: Form, request: Request, amounts_micro: Sequence[int], explain: Explain) -> dict[str, Json]:
        """The answer to one request, as `estimate_answer.answer_of` gives it.

        Args:
            form: Its shape.
            request: The request, of this plan and shape.
            amounts_micro: As `amounts` gives them for it.
            explain: Whether the words are said, too.

        Returns:
            The answer.
        """

        def put(text: str) -> str:
            return micro_text(amounts_micro[int(text) - FIRST_AMOUNT]) if isinstance(text, _Hole) else text

        texts = self._texts(form, put)._replace(
            id=request.id, start=request.first_date.isoformat(), end=request.end_date.isoformat()
        )
        return answer_json(request, self.chosen, self.chosen[form.main_index], texts, explain)

    def template(self, form: Form, request: Request, explain: Explain, style: JsonStyle) -> Template:
        """The JSON of all answers of one shape.

        Args:
            form: The shape.
            request: A request of this plan and shape.
            explain: Whether the words are said, too.
            style: How JSON is written.

        Returns:
            The template.
        """
        answer = answer_json(request, self.chosen, self.chosen[form.main_index], self._texts(form, lambda text: text), explain)
        return make_template({"line": _Hole(LINE), **answer}, style)

    def _texts(self, form: Form, put: Callable[[str], str]) -> AnswerTexts:
        """All texts that change: what `put` makes of their holes."""
        zero = {self._biogenic_places[number] for number, is_there in enumerate(form.has_biogenic) if not is_there}

        def texts(gases: Mapping[str, str]) -> GasTexts:
            biogenic = gases.get("biogenic_co2", "")
            total, co2, ch4, n2o, unsplit = (put(gases.get(name, "0")) for name in ("total", *_GREENHOUSE_GASES))
            is_zero = bool(biogenic) and int(biogenic) - FIRST_AMOUNT in zero
            return GasTexts(total, co2, ch4, n2o, unsplit, "" if is_zero else put(biogenic))

        return AnswerTexts(
            id=_Hole(ID),
            start=_Hole(START),
            end=_Hole(END),
            quantity=put(self._quantity),
            own=texts(self._own_gases),
            with_additions=put(self._with_additions),
            beside=tuple(put(amount) for amount in self._beside),
            parts=tuple((put(quantity), texts(gases)) for quantity, gases in self._parts),
        )


def refusal_template(error: Mapping[str, Json], style: JsonStyle) -> Template:
    """The JSON of the same error of other lines.

    Args:
        error: As `scoring.estimate.error_json` gives it.
        style: How JSON is written.

    Returns:
        The template; of texts, it takes `LINE` and `ID`.
    """
    return make_template({"line": _Hole(LINE), "id": _Hole(ID), "error": error}, style)


def make_template(value: Mapping[str, Json], style: JsonStyle) -> Template:
    """A value with holes, as JSON.

    Args:
        value: The value.
        style: How JSON is written.

    Returns:
        The template.
    """
    pieces, text_indexes, held = list[bytes](), list[int](), bytearray()
    for piece in _written(value, style):
        if isinstance(piece, int):
            pieces += [bytes(held), b""]
            text_indexes.append(piece)
            held.clear()
        else:
            held += piece
    pieces.append(bytes(held))
    return Template(pieces, tuple(text_indexes), sum(len(piece) + _PIECE_BYTES for piece in pieces))


def _written(value: Json, style: JsonStyle) -> Iterator[bytes | int]:
    """JSON of a value with a hole somewhere: bytes, and the places of holes."""
    if isinstance(value, _Hole):
        place = int(value)
        yield from (place,) if place in _UNQUOTED else (b'"', place, b'"')
    elif isinstance(value, Mapping):
        yield b"{"
        for number, (names, item) in enumerate(_members(value)):
            if number:
                yield style.comma
            if item is None:  # members without a hole, together
                yield style.dump(names)[1:-1]
            else:
                yield style.dump(next(iter(names))) + style.colon
                yield from _written(item, style)
        yield b"}"
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield style.comma if number else b"["
            yield from _written(item, style)
        yield b"]"


def _members(value: Mapping[str, Json]) -> Iterator[tuple[Mapping[str, Json], Json]]:
    """The members of an object: those without a hole, as many as follow each other, with None; each other one with its value."""
    constant: dict[str, Json] = {}
    for name, item in value.items():
        if not _has_hole(item):
            constant[name] = item
            continue
        if constant:
            yield constant, None
            constant = {}
        yield {name: item}, item
    if constant:
        yield constant, None


def _has_hole(value: Json) -> bool:
    """Whether one is in it; lists have holes in all of their items, or in none."""
    kind = value.__class__
    if kind is dict and isinstance(value, dict):
        return any(map(_has_hole, value.values()))
    return kind is _Hole or (kind is list and isinstance(value, list) and bool(value) and _has_hole(value[0]))


def _work(part: ChosenPart, span_index: int) -> _Work:
    per_unit = part.chosen.ug_per_unit
    greenhouse_ug = tuple(ug for name in _GREENHOUSE_GASES if (ug := _GAS_UG[name](per_unit)))
    return _Work(span_index, greenhouse_ug, per_unit.biogenic_co2_ug)

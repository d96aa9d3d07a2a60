"""What a car told through Smartcar as activities: kilometres between two readings of its odometer, or charging elsewhere.

A distance needs two readings, and an answer holds one. The earlier one stands in the line before the answer, so that the answer
alone says the same to everybody who reads it:

    #cf-context/1 {"counts":"distance","earlier":{"at":"2024-05-03T06:10:00Z","km":"201407/10"},"vehicle":"36ab27d0","zone":"UTC"}

The days of two readings are `[day of the earlier, day of the later)`: they touch, and never overlap. The activity is named after
the earlier reading, so that two answers with the same one are the same activity, never both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from connectors.context import unframed
from connectors.exact_json import Number, named, read_exact, text
from connectors.smartcar.answers import Odometer, answer_of
from connectors.smartcar.odometer import State, step
from domain.canonical import Json
from domain.declared import ActivityDocument, DeclaredActivity
from domain.errors import AttributeValueError, DocumentError, InputError, NumberError, TimeError
from domain.kinds import find_kind, kind_quantity
from domain.number import decimal_from_text
from domain.period import instant_from_text, instant_to_text, local_day, zone_of

PARSER_VERSION = "smartcar-1"
"""Stands in manifests; changes when the same answer would give other activities."""

DISTANCE, CHARGING = "distance", "charging"
"""What of an electric car is counted: a kilometre contains its electricity already, so it is one or the other."""

POWERTRAINS = ("petrol", "diesel", "hybrid", "plug_in_hybrid", "electric", "cng", "lpg")
"""What a person may answer, where Smartcar does not say it."""

HYDROGEN = "hydrogen"
"""What nothing is published for."""

MOST_KWH_PER_CHARGE = 1_000
"""More goes into no car."""

_POWERTRAIN_OF_TYPE = {"BEV": "electric", "PHEV": "plug_in_hybrid", "HEV": "hybrid", "FCEV": HYDROGEN, "FCV": HYDROGEN}
_ENGINE_TYPES = frozenset({"ICE", "MHEV"})
_BURNT = frozenset({"petrol", "diesel", "cng", "lpg"})
_VEHICLE = re.compile(r"[0-9A-Za-z-]{1,64}\Z")
_CHARGE_ID = re.compile(r"[\x21-\x7e]{1,100}\Z")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer gives.

    Attributes:
        document: Its activities.
        state: What is to be remembered for the next answer about the same car.
    """

    document: ActivityDocument
    state: State


def parse(body: bytes) -> ActivityDocument:
    """The activities of one answer about one car.

    Args:
        body: Its bytes, after the line that names the car and its earlier reading.

    Returns:
        At most one distance, or the charging sessions that count, and what was refused with the reason.

    Raises:
        DocumentError: No car is named, or it is no answer about a car.
    """
    return read_answer(body).document


def read_answer(body: bytes) -> Told:
    """The activities of one answer, and what to remember for the next one.

    Args:
        body: As for `parse`.

    Returns:
        Both.

    Raises:
        DocumentError: No car is named, or it is no answer about a car.
    """
    context, rest = unframed(body)
    asked = _Asked.from_context(context)
    answer = answer_of(read_exact(rest))
    powertrain = powertrain_of(answer.powertrain_type, asked.powertrain)
    found = _Found(answer.title or f"Car {asked.vehicle}")
    is_charging_counted = asked.counts == CHARGING and powertrain == "electric"
    state = found.take_odometer(asked, answer.odometer, "" if is_charging_counted else powertrain)
    if is_charging_counted:
        found.activities.clear()  # its kilometres contain what it charges
        for number, charge in enumerate(answer.charges, 1):
            found.take_charge(asked, charge, f"charging session {number}")
    return Told(found.document(), state)


def is_vehicle_id(value: object) -> bool:
    """Whether this can be Smartcar's id of a car; it becomes a part of addresses."""
    return isinstance(value, str) and not isinstance(value, Number) and _VEHICLE.match(value) is not None


def powertrain_of(powertrain_type: str, said: str) -> str:
    """What drives a car, in the words of the kind `car`.

    Args:
        powertrain_type: As Smartcar says it; empty where it does not.
        said: What the person answered; empty where nothing.

    Returns:
        One of `POWERTRAINS`, or `HYDROGEN`; empty where nobody says it.
    """
    kind = powertrain_type.upper()
    if kind in _ENGINE_TYPES:  # what it burns, the person may know
        return said if said in _BURNT else ""
    return _POWERTRAIN_OF_TYPE.get(kind, said)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What stands before the answer."""

    vehicle: str
    counts: str
    powertrain: str
    zone: ZoneInfo
    state: State

    @classmethod
    def from_context(cls, context: Mapping[str, Json]) -> "_Asked":
        vehicle, counts, powertrain = (text(context, name) for name in ("vehicle", "counts", "powertrain"))
        if is_vehicle_id(vehicle) and counts in (DISTANCE, CHARGING) and powertrain in ("", *POWERTRAINS):
            try:
                return cls(vehicle, counts, powertrain, zone_of(text(context, "zone")), State.from_json(context))
            except InputError as error:
                raise _refusal(error, "line 1") from error
        raise DocumentError(
            "This answer does not say which car it is about",
            expected="vehicle, counts, zone and the earlier reading in its first line",
            got=", ".join(f"{name} {value}" for name, value in sorted(context.items())) or "no such line",
            record="line 1",
            next_step="Connect the car through Smartcar: answers that are fetched there carry it.",
        )

    def day(self, at: datetime) -> date:
        """Local day of an instant."""
        return local_day(at, self.zone)

    def day_after(self, begin: datetime, end: datetime) -> date:
        """The day that ends `[begin, end)`: the local day of the end, which the next one begins with, if it is another day."""
        return max(self.day(end), self.day(begin) + _DAY)


class _Found:
    """What an answer gave so far. Invariant: every record key stands once."""

    def __init__(self, title: str) -> None:
        self.activities: dict[str, DeclaredActivity] = {}
        self._title = title
        self._refused: list[DocumentError] = []
        self._private_count = 0

    def document(self) -> ActivityDocument:
        """All of it; the title says what was left out."""
        left_out = f"{self._private_count} charging sessions at private chargers are left out: a meter has them"
        title = f"{self._title}; {left_out}" if self._private_count else self._title
        return ActivityDocument(tuple(self.activities.values()), (), tuple(self._refused), title)

    def take_odometer(self, asked: _Asked, reading: Odometer | DocumentError, powertrain: str) -> State:
        """Take in a reading; gives what is to be remembered."""
        if isinstance(reading, DocumentError):
            self._refused.append(reading)
            return asked.state
        found = step(asked.state, reading, asked.zone)
        if found.refusal:
            self._refused.append(found.refusal)
        if found.begin and found.begin.km != reading.km:
            try:
                self._add(_driven(asked, found.begin, reading, powertrain))
            except InputError as error:
                self._refused.append(_refusal(error, "odometer"))
        return found.state

    def take_charge(self, asked: _Asked, charge: object, record: str) -> None:
        """Take in a charging session; one that goes on comes again when it has ended."""
        if named(charge, "endTime") is None and named(charge, "startTime") is not None:
            return
        if named(charge, "isPublicCharger") is False:
            self._private_count += 1
            return
        try:
            self._add(_charged(asked, charge))
        except InputError as error:
            self._refused.append(_refusal(error, record))

    def _add(self, activity: DeclaredActivity) -> None:
        before = self.activities.setdefault(activity.record_key, activity)
        if before != activity:
            raise DocumentError("This name stands twice", expected="each charging session once", got=activity.record_key)


def _driven(asked: _Asked, begin: Odometer, end: Odometer, powertrain: str) -> DeclaredActivity:
    """The kilometres between two readings.

    Raises:
        AttributeValueError: It runs on hydrogen.
    """
    if powertrain == HYDROGEN:
        raise AttributeValueError(
            "No factor is published for a car that runs on hydrogen",
            expected=f"one of {', '.join(POWERTRAINS)}",
            got=HYDROGEN,
            next_step="Enter the hydrogen that you buy instead.",
        )
    quantity = kind_quantity(find_kind("car"), end.km - begin.km, "km")
    return DeclaredActivity(
        record_key=f"{asked.vehicle}/odometer/{instant_to_text(begin.at)}",
        kind="car",
        attributes=(("powertrain", powertrain),) if powertrain else (),
        quantity_micro=quantity.quantity_micro,
        unit=quantity.unit,
        start_date=asked.day(begin.at),
        end_date=asked.day_after(begin.at, end.at),
        line_number=1,
    )


def _charged(asked: _Asked, charge: object) -> DeclaredActivity:
    """The electricity of a charging session away from home.

    Raises:
        DocumentError: Whether it was away from home is not said, or it has no name.
        NumberError: Its energy is no number, or more than goes into a car.
        TimeError: It ends before it begins, or a time is none.
    """
    charge_id, added = text(charge, "id"), named(charge, "energyAdded")
    begin, end = (instant_from_text(text(charge, name)) for name in ("startTime", "endTime"))
    if named(charge, "isPublicCharger") is not True:
        raise DocumentError(
            "It is not known whether this was charged at home",
            expected="isPublicCharger, true or false",
            got=named(charge, "isPublicCharger") or "nothing",
            next_step="At home the house's meter has it; enter it by hand where it was elsewhere.",
        )
    if not isinstance(added, Number) or not 0 <= (energy_kwh := decimal_from_text(added)) <= MOST_KWH_PER_CHARGE:
        raise NumberError("This is no energy of a charging session", expected=f"0 to {MOST_KWH_PER_CHARGE} kWh", got=added)
    if not _CHARGE_ID.match(charge_id):
        raise DocumentError("This charging session has no name", expected="an id", got=charge_id or "nothing")
    if end < begin:
        raise TimeError("A charging session ends after it begins", expected=f"an end after {begin}", got=str(end))
    quantity = kind_quantity(find_kind("electricity"), Fraction(energy_kwh), "kWh")
    return DeclaredActivity(
        record_key=f"{asked.vehicle}/charge/{charge_id}",
        kind="electricity",
        attributes=(),
        quantity_micro=quantity.quantity_micro,
        unit=quantity.unit,
        start_date=asked.day(begin),
        end_date=asked.day_after(begin, end),
        line_number=1,
    )


def _refusal(error: InputError, record: str) -> DocumentError:
    return DocumentError(
        error.message,
        expected=error.expected,
        got=error.got,
        record=record,
        next_step=error.next_step or "This was left out; the rest stands.",
    )

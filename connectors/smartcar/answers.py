"""What Smartcar's two shapes of answer say, as one: version 2 answers a batch of paths, version 3 a list of signals.

2: {"responses": [{"path": "/odometer", "code": 200, "body": {"distance": 104.32},
                   "headers": {"sc-unit-system": "metric", "sc-data-age": "2024-05-04T07:20:50.844Z"}}]}
3: {"data": [{"attributes": {"code": "odometer-traveleddistance", "status": {"value": "SUCCESS"},
                             "body": {"value": 115071.5, "unit": "km"}}, "meta": {"oemUpdatedAt": 1752104118549}}],
    "included": {"vehicle": {"make": "TESLA", "model": "Model 3", "year": 2020, "powertrainType": "BEV"}}}
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import NoReturn

from connectors.exact_json import Number, listed, named, text
from domain.errors import ClimateFitnessError, DocumentError, NumberError, TimeError, UnitError, UnknownFormatError
from domain.number import decimal_from_text
from domain.period import checked_instant, instant_from_text, instant_of_epoch_s
from domain.units import UNITS

_UNIT_OF_SYSTEM = {"metric": "km", "imperial": "mi"}
_UNIT_OF_WORD = {
    "km": "km",
    "kilometer": "km",
    "kilometers": "km",
    "kilometre": "km",
    "kilometres": "km",
    "mi": "mi",
    "mile": "mi",
    "miles": "mi",
}
_MOST_KM = 5_000_000
_OK = "200"
_SUCCESS = "SUCCESS"
_LONGEST_MS_SIZE = 14  # the year 5138
_LONGEST_TITLE_COUNT = 80


@dataclass(frozen=True, slots=True)
class Odometer:
    """What a car's odometer showed.

    Attributes:
        at: When, UTC, whole seconds.
        km: Kilometres since the car was made, exact.
    """

    at: datetime
    km: Fraction


@dataclass(frozen=True, slots=True)
class Answer:
    """What one answer says about one car.

    Attributes:
        title: Make, model and year, for people.
        powertrain_type: As Smartcar says it: "BEV", "PHEV", "HEV", "ICE", ...; empty where it does not.
        odometer: The reading, or why there is none.
        charges: Charging sessions as they stand in it.
    """

    title: str
    powertrain_type: str
    odometer: Odometer | DocumentError
    charges: tuple[object, ...] = ()


def answer_of(value: object) -> Answer:
    """What an answer says.

    Args:
        value: As `read_exact` gives it.

    Returns:
        What it says.

    Raises:
        UnknownFormatError: It has neither shape.
    """
    if isinstance(named(value, "responses"), list):
        return _of_batch(value)
    if isinstance(named(value, "data"), list):
        return _of_signals(value)
    raise UnknownFormatError(
        "This is no answer about a car as Smartcar gives it",
        expected="responses of a batch, or a list of signals",
        got=", ".join(value)[:120] if isinstance(value, dict) else type(value).__name__,
        next_step="The provider may have changed its format; it is kept for a look.",
    )


def _of_batch(value: object) -> Answer:
    parts = {text(one, "path"): one for one in listed(value, "responses")}
    info = named(parts.get("/"), "body")
    return Answer(_title(info), text(info, "powertrainType"), _or_why(_batch_odometer, parts.get("/odometer")))


def _batch_odometer(part: object) -> Odometer:
    """The odometer of a batch.

    Raises:
        DocumentError: It was not read, or its unit or time is not said.
    """
    body, headers = named(part, "body"), named(part, "headers")
    if str(named(part, "code")) != _OK:
        _refuse_untold(str(named(part, "code") or "no answer"), text(body, "type"), text(body, "code"))
    by_name = {str(name).lower(): one for name, one in headers.items()} if isinstance(headers, dict) else {}
    unit = _UNIT_OF_SYSTEM.get(str(by_name.get("sc-unit-system", "")).lower(), "")
    return Odometer(_instant(by_name.get("sc-data-age")), _km(named(body, "distance"), unit))


def _of_signals(value: object) -> Answer:
    vehicle = named(named(value, "included"), "vehicle")
    info = named(vehicle, "attributes") or vehicle
    signals = {text(named(one, "attributes"), "code"): one for one in listed(value, "data")}
    records = named(named(signals.get("charge-chargerecords"), "attributes"), "body")
    charges = tuple(listed(records, "values"))
    odometer = _or_why(_signal_odometer, signals.get("odometer-traveleddistance"))
    return Answer(_title(info), text(info, "powertrainType"), odometer, charges)


def _signal_odometer(signal: object) -> Odometer:
    """The odometer of a signal.

    Raises:
        DocumentError: It was not read, or its unit or time is not said.
    """
    attributes, meta = named(signal, "attributes"), named(signal, "meta")
    status = named(attributes, "status")
    if text(status, "value") != _SUCCESS:
        error = named(status, "error") or named(attributes, "error")
        _refuse_untold(text(status, "value") or "no such signal", text(error, "type"), text(error, "code"))
    body = named(attributes, "body")
    told_at, fetched_at = named(meta, "oemUpdatedAt"), named(meta, "retrievedAt") or named(meta, "fetchedAt")
    unit = _UNIT_OF_WORD.get(text(body, "unit").lower(), "")
    return Odometer(_instant(fetched_at if told_at in (None, "0") else told_at), _km(named(body, "value"), unit))


def _or_why(read: Callable[[object], Odometer], part: object) -> Odometer | DocumentError:
    try:
        return read(part)
    except ClimateFitnessError as error:
        return DocumentError(error.message, expected=error.expected, got=error.got, record="odometer", next_step=error.next_step)


def _refuse_untold(status: str, kind: str, code: str) -> NoReturn:
    """Say why a car does not tell its odometer, and what to do.

    Raises:
        DocumentError: Always.
    """
    is_consent = status == "403" or kind.upper() == "PERMISSION"
    raise DocumentError(
        "This car does not tell its odometer now",
        expected="a reading",
        got=" ".join(one for one in (status, kind, code) if one),
        next_step="Connect the car again and allow the odometer." if is_consent else "It is asked again with the next pull.",
    )


def _instant(value: object) -> datetime:
    """The instant of a time, whole seconds: milliseconds since 1970, or RFC 3339.

    Raises:
        TimeError: It is none, or in a year that cannot be.
    """
    if isinstance(value, Number) and len(value) <= _LONGEST_MS_SIZE and value.isascii() and value.isdigit():
        return checked_instant(instant_of_epoch_s(int(value) // 1000))
    if isinstance(value, str) and not isinstance(value, Number):
        return instant_from_text(value).replace(microsecond=0)
    raise TimeError("The time of this reading is not known", expected="when the car said it", got=value or "nothing")


def _km(amount: object, unit: str) -> Fraction:
    """Kilometres of an odometer.

    Raises:
        NumberError: It is no number, or more than any car has driven.
        UnitError: Its unit is not said: miles, where nobody asked for another.
    """
    if not isinstance(amount, Number):
        raise NumberError("The odometer is no number", expected="a number", got=amount if amount is not None else "nothing")
    if not unit:
        raise UnitError("The unit of this odometer is not known", expected="km or miles", got="neither")
    km = Fraction(decimal_from_text(amount)) * UNITS[unit].canonical_per_unit
    if not 0 <= km <= _MOST_KM:
        raise NumberError("No car has driven that far", expected=f"0 to {_MOST_KM} km", got=f"{amount} {unit}")
    return km


def _title(info: object) -> str:
    words = (named(info, name) for name in ("make", "model", "year"))
    return " ".join(one for one in words if isinstance(one, str) and one.isprintable())[:_LONGEST_TITLE_COUNT]

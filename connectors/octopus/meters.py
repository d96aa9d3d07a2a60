"""The meters of an Octopus Energy account, and the words in which a document remembers which of them it is from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.exact_json import listed, named, read_exact, text
from domain.activity import Direction
from domain.canonical import Json
from domain.errors import DocumentError, FormatChangedError

MOST_METERS_COUNT = 100
"""An account with more meters is none of a household or a small business."""

GAS_UNITS = ("m3", "kWh")
"""Units of gas: SMETS2 meters count cubic metres, SMETS1 meters come as kilowatt-hours. The answer itself does not say which."""

_POINT = re.compile(r"[0-9]{6,21}\Z")
_SERIAL = re.compile(r"[\x20-\x7e]{1,40}\Z")


@dataclass(frozen=True, slots=True)
class Meter:
    """One meter at one meter point.

    Attributes:
        fuel: "electricity" or "gas".
        point: MPAN or MPRN, digits.
        serial: Serial number of the meter.
        direction: Export has a meter point of its own.
        unit: Unit of its readings: "kWh" or "m3".
    """

    fuel: str
    point: str
    serial: str
    direction: Direction = Direction.DELIVERED
    unit: str = "kWh"

    @property
    def name(self) -> str:
        """How it is called in records and in the cursor: a meter point can have several meters, one after the other."""
        return f"{self.point}/{self.serial}"

    def to_context(self) -> dict[str, Json]:
        """What goes before a document of its readings."""
        return {
            "direction": self.direction.value,
            "fuel": self.fuel,
            "point": self.point,
            "serial": self.serial,
            "unit": self.unit,
        }

    @classmethod
    def from_context(cls, context: Mapping[str, Json]) -> "Meter":
        """The meter that a document names: the inverse of `to_context`.

        Args:
            context: Of the document.

        Returns:
            The meter.

        Raises:
            DocumentError: It names none, or no unit.
        """
        fuel, point, serial, unit, direction = (context.get(one) for one in ("fuel", "point", "serial", "unit", "direction"))
        units = ("kWh",) if fuel == "electricity" else GAS_UNITS
        ways = ("delivered", "export") if fuel == "electricity" else ("delivered",)
        if (
            isinstance(point, str)
            and isinstance(serial, str)
            and isinstance(unit, str)
            and isinstance(direction, str)
            and fuel in ("electricity", "gas")
            and _POINT.match(point)
            and _SERIAL.match(serial)
            and unit in units
            and direction in ways
        ):
            return cls(str(fuel), point, serial, Direction(direction), unit)
        raise DocumentError(
            "This document does not say which meter it is from, or in which unit",
            expected="fuel, point, serial, direction and unit in its first line",
            got=", ".join(f"{name} {value}" for name, value in sorted(context.items())) or "no such line",
            record="line 1",
            next_step="Connect the Octopus Energy account: readings that are fetched there carry it.",
        )


def meters_of(body: bytes, *, gas_unit: str, gas_kwh_serials: str = "") -> list[Meter]:
    """The meters of an account, each once, electricity first.

    Args:
        body: Answer of the account's address.
        gas_unit: "m3" or "kWh"; anything else leaves gas out.
        gas_kwh_serials: Serial numbers of gas meters that count kWh where the others do not, separated by commas or blanks.

    Returns:
        Every meter that has a serial number, of all properties, those that were moved out of too.

    Raises:
        FormatChangedError: It is no account any more, or has more meters than anybody.
        DocumentError: It is not JSON.
    """
    account = read_exact(body)
    if not isinstance(named(account, "properties"), list):
        raise FormatChangedError(
            "Octopus Energy no longer lists the properties of an account as it did",
            expected="an object with a list of properties",
            got=", ".join(account) if isinstance(account, dict) else type(account).__name__,
            record="account",
        )
    in_kwh = set(re.split(r"[\s,;]+", gas_kwh_serials))
    found: dict[tuple[str, str], Meter] = {}
    for home in listed(account, "properties"):
        for fuel, points, number in (
            ("electricity", "electricity_meter_points", "mpan"),
            ("gas", "gas_meter_points", "mprn"),
        ):
            if fuel == "gas" and gas_unit not in GAS_UNITS:
                continue
            for point in listed(home, points):
                way = Direction.EXPORT if named(point, "is_export") is True else Direction.DELIVERED
                for one in listed(point, "meters"):
                    serial = text(one, "serial_number").strip()
                    unit = gas_unit if fuel == "gas" and serial not in in_kwh else "kWh"
                    meter = Meter(fuel, text(point, number), serial, way if fuel == "electricity" else Direction.DELIVERED, unit)
                    if _POINT.match(meter.point) and _SERIAL.match(serial):
                        found.setdefault((fuel, meter.name), meter)
    if len(found) > MOST_METERS_COUNT:
        raise FormatChangedError(
            "This account has more meters than an account can have", expected=f"at most {MOST_METERS_COUNT}", got=len(found)
        )
    return sorted(found.values(), key=lambda one: one.fuel)

"""The meters of an account: all of them, each once, with what their answers do not say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.octopus.meters import Meter, meters_of
from domain.activity import Direction
from domain.errors import DocumentError, FormatChangedError


def point(number: str, *serials: object, name: str = "mpan", **more: object) -> dict[str, Any]:
    """A meter point with its meters."""
    return {name: number, "meters": [{"serial_number": serial} for serial in serials], **more}


def account(*homes: dict[str, Any]) -> bytes:
    """The answer of an account's address."""
    return json.dumps({"number": "A-1234ABCD", "properties": homes}).encode()


FLAT = {
    "electricity_meter_points": [
        point("1200000345678", "E1", "E2", is_export=False),
        point("1200000999999", "E2", is_export=True),
    ],
    "gas_meter_points": [point("3000123405", "G1", "G2", name="mprn", is_export=True)],
}
SHOP = {"electricity_meter_points": [point("1300000111111", "E9")], "gas_meter_points": []}


def test_all_meters_of_all_properties() -> None:
    """Import and export, gas, several meters at one meter point, several properties."""
    found = meters_of(account(FLAT, SHOP), gas_unit="m3", gas_kwh_serials="G1, X")
    assert found == [
        Meter("electricity", "1200000345678", "E1"),
        Meter("electricity", "1200000345678", "E2"),
        Meter("electricity", "1200000999999", "E2", Direction.EXPORT),
        Meter("electricity", "1300000111111", "E9"),
        Meter("gas", "3000123405", "G1", unit="kWh"),
        Meter("gas", "3000123405", "G2", unit="m3"),
    ]


def test_without_a_unit_gas_is_left_out() -> None:
    """Who says that there is no gas, or nothing, is not asked about it."""
    assert {one.fuel for one in meters_of(account(FLAT), gas_unit="none")} == {"electricity"}


def test_a_meter_point_that_comes_twice_is_read_once() -> None:
    """A property that was left and returned to lists the same meter again."""
    assert len(meters_of(account(SHOP, SHOP), gas_unit="m3")) == 1


@pytest.mark.parametrize("serial", ["", None, 12, "S\n1", "S" * 41], ids=["empty", "none", "number", "line", "long"])
def test_a_meter_without_a_serial_number_is_passed_over(serial: object) -> None:
    """It has no address to ask at."""
    home = {"electricity_meter_points": [point("1200000345678", serial, "E1")]}
    assert [one.serial for one in meters_of(account(home), gas_unit="none")] == ["E1"]


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"properties":{}}', b'{"version":9,"payload":{"items":[]}}'])
def test_another_shape_is_a_change_of_format(body: bytes) -> None:
    """What is no account any more is said so."""
    with pytest.raises(FormatChangedError, match="no longer lists the properties"):
        meters_of(body, gas_unit="m3")


def test_more_meters_than_an_account_has() -> None:
    """A hundred meters are read, more are a fault."""
    home = {"electricity_meter_points": [point("1200000345678", *(f"E{n}" for n in range(101)))]}
    with pytest.raises(FormatChangedError, match="expected at most 100; got 101"):
        meters_of(account(home), gas_unit="m3")


def test_a_web_page_is_no_account() -> None:
    """HTML is refused by name."""
    with pytest.raises(DocumentError, match="is a web page"):
        meters_of(b"<html></html>", gas_unit="m3")


@given(
    st.sampled_from(["electricity", "gas"]),
    st.from_regex(r"[0-9]{6,13}", fullmatch=True),
    st.from_regex(r"[!-~]{1,20}", fullmatch=True),
    st.sampled_from(["kWh", "m3"]),
    st.sampled_from([Direction.DELIVERED, Direction.EXPORT]),
)
def test_context_comes_back(fuel: str, number: str, serial: str, unit: str, direction: Direction) -> None:
    """What goes before a document names the same meter again."""
    is_gas = fuel == "gas"
    meter = Meter(fuel, number, serial, Direction.DELIVERED if is_gas else direction, unit if is_gas else "kWh")
    assert Meter.from_context(meter.to_context()) == meter

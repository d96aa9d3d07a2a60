"""Connectors are found by name."""

import tomllib
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from connectors import registry
from connectors.base import Connector, Manifest, Provider
from connectors.green_button import GREEN_BUTTON
from connectors.typed_bill import TYPED_BILL
from domain.activity import KINDS
from domain.errors import ConnectorBugError, NotFoundError


def test_find_gives_the_connector() -> None:
    """Green Button is found under its id."""
    assert registry.find("green-button") is GREEN_BUTTON


def test_unknown_name_lists_all() -> None:
    """A name that is not there is refused with those that are."""
    with pytest.raises(NotFoundError, match=r"no such connector; expected one of activities, .*green-button, .*; got acme"):
        registry.find("acme")


def test_declared_entry_points_are_our_connectors(repository: Path) -> None:
    """Every entry point that the package declares loads a connector whose id is the entry point's name."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    declared = [EntryPoint(name, value, registry.GROUP) for name, value in project["entry-points"][registry.GROUP].items()]
    assert {one.name: one.load().manifest.connector_id for one in declared} == {name: name for name in registry.names()}


def test_every_connector_is_sorted_by_id() -> None:
    """All connectors come in the order of their names."""
    assert [one.manifest.connector_id for one in registry.connectors()] == list(registry.names())


def test_green_button_keeps_the_contract() -> None:
    """It reads files and pulls, and its kinds are kinds of ours."""
    connector: Connector = GREEN_BUTTON
    assert connector.pull is not None
    assert connector.manifest.upload_media_types
    assert connector.manifest.kinds <= KINDS.keys()


def test_availability_says_when() -> None:
    """A connector works now, or says how long the registration takes."""
    slow = Provider("slow", "Slow", "https://slow.example", registration_days_count=45)
    later = Manifest("x", "X", frozenset(), "x-1", providers=(slow,))
    assert TYPED_BILL.manifest.availability() == "works now"
    pulled_later = "works now (files); pulling needs registration with the provider, about 30 days"
    assert GREEN_BUTTON.manifest.availability() == pulled_later
    assert later.availability() == "needs registration with the provider, about 45 days"


def test_local_providers() -> None:
    """Providers on this machine stand before a connector's own, take the place of one with their id, and go again."""
    rows = [Provider("demo-utility", "Demo", "http://127.0.0.1:8101"), Provider("coned", "Mine", "http://127.0.0.1:8102")]
    registry.set_local_providers({"green-button": rows})
    try:
        found = registry.find("green-button")
        titles = {one.provider_id: one.title for one in found.manifest.providers}
        assert list(titles)[:2] == ["demo-utility", "coned"]
        assert titles["coned"] == "Mine"
        assert "pge" in titles
        assert found.pull == GREEN_BUTTON.pull
    finally:
        registry.set_local_providers({})
    assert registry.find("green-button") is GREEN_BUTTON


@pytest.mark.parametrize("value", ["connectors.gone:GONE", "connectors.registry:GONE"])
def test_connector_whose_package_is_gone(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A folder that was deleted, and is still named where programs are installed, is named with what to do."""
    gone = EntryPoint("gone", value, registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda **_: EntryPoints([gone]))
    with pytest.raises(ConnectorBugError, match=f"cannot be loaded; expected {value}; got .*Install its package again"):
        registry.find("gone")
    assert registry.find("octopus").manifest.connector_id == "octopus"

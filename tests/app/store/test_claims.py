"""Claims of units are found over all tenants, whoever wrote them how; only those that count."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from app.services import Whose
from app.store.claims import ClaimRow, claims_of
from domain.activity import EvidenceClass
from tests.app.usecases.installation import Installation

LINE = (
    b'{"id": "%s", "kind": "carbon_credit", "quantity": "2", "unit": "kg", "start": "2025-04-30", '
    b'"registry": "%s", "serial": "%s"}\n'
)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Installation, Whose, Whose]]:
    """A household and a business that name the same units, differently written."""
    installation = Installation.open(tmp_path / "data")
    household, business = installation.household(), installation.business()
    installation.take(household, LINE % (b"h", b"Verra", b"A 1") + LINE % (b"x", b"Verra", b"A 2"), connector="activities")
    installation.take(business, LINE % (b"b", b"VERRA", b"a1"), connector="activities")
    yield installation, household, business
    installation.close()


def claims(installation: Installation, serial: str, kind: str = "carbon_credit") -> tuple[ClaimRow, ...]:
    """The claims of Verra's units."""
    with installation.looking() as work:
        return claims_of(work.session, kind, "verra", serial)


def test_both_tenants_are_found(two: tuple[Installation, Whose, Whose]) -> None:
    """Case and spaces are not told apart."""
    installation, household, business = two
    found = claims(installation, "a1")
    assert [(one.tenant_id, one.record_key) for one in found] == [(business.tenant_id, "b"), (household.tenant_id, "h")]
    assert found[1].attributes == (("registry", "Verra"), ("serial", "A 1"))
    assert (found[1].quantity_micro, found[1].evidence) == (2_000_000, EvidenceClass.UPLOADED)
    assert found[1].start.date() == date(2025, 4, 30)


def test_other_units_and_kinds_are_not(two: tuple[Installation, Whose, Whose]) -> None:
    """Another serial, another kind, another registry."""
    installation, _, _ = two
    assert [one.record_key for one in claims(installation, "A 2")] == ["x"]
    assert claims(installation, "A 3") == ()
    assert claims(installation, "a1", kind="electricity_certificate") == ()


def test_corrected_and_removed_claims_are_not(two: tuple[Installation, Whose, Whose]) -> None:
    """Only what counts now claims."""
    installation, household, business = two
    installation.take(household, LINE % (b"h", b"Verra", b"B 9"), connector="activities")
    installation.take(business, b'{"id": "b", "removed": true}\n', connector="activities")
    assert claims(installation, "a1") == ()
    assert [one.record_key for one in claims(installation, "B9")] == ["h"]

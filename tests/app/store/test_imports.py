"""Import reports are kept per subject and found newest first."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.store import imports
from app.store.imports import ImportRow
from app.store.session import Engine, reading, unit_of_work
from domain.activity import EvidenceClass
from domain.errors import NotFoundError
from tests.app.store.builders import NOW, Home, make_document


def report(home: Home, number: int) -> ImportRow:
    """A report of a household, one minute after the one before."""
    return ImportRow(
        id=f"{home.subject_id}-{number}",
        tenant_id=home.tenant_id,
        subject_id=home.subject_id,
        document_sha256="aa" * 32,
        sealed_name=bytes([number]),
        at=NOW + timedelta(minutes=number),
        connector="green-button",
        evidence=EvidenceClass.UPLOADED,
        reading_count=24,
        new_count=1,
        changed_count=0,
        same_count=0,
        refused_count=0,
        first_date=date(2026, 2, 1),
        last_date=date(2026, 2, 1),
        totals_json="[]",
        refused_json="[]",
        notes_json='["note"]',
        months_json='["2026-02"]',
        inputs_sha256="ef" * 32,
    )


def test_a_report_comes_back_as_it_was(engine: Engine, home: Home) -> None:
    """Every column survives, days that are absent too."""
    row = replace(report(home, 1), first_date=None, last_date=None)
    with unit_of_work(engine) as session:
        imports.add(session, row)
    with reading(engine) as session:
        assert imports.by_id(session, home.tenant_id, row.id) == row


def test_same_inputs_are_found_while_their_original_is_kept(engine: Engine, home: Home) -> None:
    """Without the original nothing was read: a later sync takes it in again."""
    with unit_of_work(engine) as session:
        imports.add(session, report(home, 1))
        assert not imports.has_read(session, home.tenant_id, home.subject_id, "ef" * 32)
        make_document(session, home)
        assert imports.has_read(session, home.tenant_id, home.subject_id, "ef" * 32)
        assert not imports.has_read(session, home.tenant_id, home.subject_id, "00" * 32)


def test_latest_come_first(engine: Engine, home: Home, other_home: Home) -> None:
    """At most so many as asked, newest first, and nobody else's."""
    with unit_of_work(engine) as session:
        for number in (2, 1, 3):
            imports.add(session, report(home, number))
        imports.add(session, report(other_home, 9))
    with reading(engine) as session:
        found = imports.latest(session, home.tenant_id, home.subject_id, limit_count=2)
    assert [row.id for row in found] == ["ada-3", "ada-2"]


def test_a_documents_newest_name_is_given(engine: Engine, home: Home) -> None:
    """Of several imports of the same bytes the last one names them."""
    with unit_of_work(engine) as session:
        for number in (1, 3, 2):
            imports.add(session, report(home, number))
    with reading(engine) as session:
        found = imports.sealed_names(session, home.tenant_id, home.subject_id, {"aa" * 32, "bb" * 32})
    assert found == {"aa" * 32: ("ada-3", b"\x03")}


def test_another_tenants_report_is_not_there(engine: Engine, home: Home, other_home: Home) -> None:
    """An id is found in its own tenant only, and a report needs a subject of its tenant."""
    with unit_of_work(engine) as session:
        imports.add(session, report(home, 1))
    with reading(engine) as session, pytest.raises(NotFoundError, match="There is no such import"):
        imports.by_id(session, other_home.tenant_id, "ada-1")
    stolen = replace(report(home, 2), tenant_id=other_home.tenant_id)
    with unit_of_work(engine) as session, pytest.raises(NotFoundError, match="There is no such subject"):
        imports.add(session, stolen)

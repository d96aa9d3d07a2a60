"""Every import leaves its report; the file's name stays sealed."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.store import imports
from app.store.imports import ImportRow
from app.store.session import Engine, unit_of_work
from domain.activity import EvidenceClass
from domain.errors import NotFoundError
from tests.app.store.builders import NOW, Home

REPORT = ImportRow(
    id="i1",
    tenant_id="ada",
    subject_id="ada",
    document_sha256="aa" * 32,
    sealed_name=b"sealed name",
    at=NOW,
    connector="green_button",
    evidence=EvidenceClass.UPLOADED,
    reading_count=24,
    new_count=1,
    changed_count=0,
    same_count=0,
    refused_count=0,
    first_date=date(2025, 3, 1),
    last_date=None,
    totals_json="[]",
    refused_json="[]",
    notes_json="[]",
    months_json='["2025-03"]',
)


def test_report_comes_back(engine: Engine, home: Home) -> None:
    """A report is found by its id; one that is not there is told so."""
    with unit_of_work(engine) as session:
        imports.add(session, REPORT)
        assert imports.by_id(session, "ada", "i1") == REPORT
        with pytest.raises(NotFoundError, match="There is no such import"):
            imports.by_id(session, "ada", "nothing")


def test_newest_imports_come_first(engine: Engine, home: Home) -> None:
    """The list is bounded and newest first; of two imports of one document the newest name counts."""
    later = replace(REPORT, id="i2", at=NOW + timedelta(hours=1), sealed_name=b"other name")
    with unit_of_work(engine) as session:
        imports.add(session, REPORT)
        imports.add(session, later)
        assert imports.latest(session, "ada", "ada", limit_count=1) == (later,)
        assert imports.latest(session, "ada", "ada", limit_count=9) == (later, REPORT)
        names = imports.sealed_names(session, "ada", "ada", {"aa" * 32, "bb" * 32})
        assert names == {"aa" * 32: ("i2", b"other name")}

"""The store's own sums are those of the canonical text that every engine runs."""

from collections.abc import Callable
from datetime import date

from sqlalchemy import text

from app.store import activities, records
from app.store.session import Engine, reading, unit_of_work
from domain.activity import EvidenceClass
from domain.period import MonthRange
from scoring.engines import sql_text
from tests.app.store.builders import NOW, Home, meter_day, record


def test_canonical_text_gives_the_same_totals(engine: Engine, home: Home, new_id: Callable[[], str]) -> None:
    """`scoring/engines/sql/*/totals.sql` over the store's tables sums to what `activities.totals` says."""
    inputs = [
        record("a", meter_day(date(2025, 3, 1), (1, 2))),
        record("b", meter_day(date(2025, 3, 2), (4,), evidence=EvidenceClass.TYPED)),
        record("c", meter_day(date(2025, 4, 1), (2**40,))),
    ]
    with unit_of_work(engine) as session:
        records.upsert_many(session, home.tenant_id, home.subject_id, home.connection_id, inputs, recorded_at=NOW, new_id=new_id)
    with reading(engine) as session:
        rows = session.execute(text(sql_text("totals", engine.dialect.name))).mappings().all()
        ours = activities.totals(session, home.tenant_id, home.subject_id, MonthRange.from_text("2025"))
    mine = [row for row in rows if row["subject_id"] == home.subject_id]
    assert {(r["month_ym"], r["key_id"], r["evidence"]): int(r["quantity_micro"]) for r in mine} == {
        (total.month.ym, total.key.key_id, str(evidence)): quantity_micro
        for total in ours
        for evidence, quantity_micro in total.by_evidence_micro.items()
    }

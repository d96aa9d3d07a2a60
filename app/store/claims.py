"""Units of a registry that records claim: looked for over all tenants, because a unit is claimed once, whoever claims it.

What is found here is never shown to anybody but its own tenant: the caller compares, and says no more than *claimed*.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.store import tables
from domain.activity import EvidenceClass
from domain.claim import claimed_name


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """Units that a record of somebody claims and that count now.

    Attributes:
        tenant_id: Whose tenant: never shown to another.
        subject_id: Whose: never shown to another.
        record_key: The source's name of the record.
        start: Begin of the day that they were retired on, UTC.
        quantity_micro: Millionths of a kilogram.
        evidence: How it is known.
        attributes: Registry, serial, and what else is said of them.
    """

    tenant_id: str
    subject_id: str
    record_key: str
    start: datetime
    quantity_micro: int
    evidence: EvidenceClass
    attributes: tuple[tuple[str, str], ...]


def claims_of(session: Session, kind: str, registry: str, serial: str) -> tuple[ClaimRow, ...]:
    """Every current claim of these units on this installation, of whatever tenant.

    Args:
        session: The open transaction.
        kind: Name of the kind: "carbon_credit".
        registry: Registry that the units are of.
        serial: Serial numbers; case and spaces are not told apart, as people write them differently.

    Returns:
        The claims, by record key.
    """
    activity, key, record, revision = tables.ACTIVITY, tables.ACTIVITY_KEY, tables.RECORD, tables.RECORD_REVISION
    query = (
        select(
            activity.c.tenant_id,
            activity.c.subject_id,
            activity.c.start_at,
            activity.c.quantity_micro,
            activity.c.evidence,
            key.c.attributes_json,
            record.c.record_key,
        )
        .join(key, (key.c.tenant_id == activity.c.tenant_id) & (key.c.key_id == activity.c.key_id))
        .join(revision, revision.c.id == activity.c.record_revision_id)
        .join(record, record.c.id == revision.c.record_id)
        .where(key.c.kind == kind, activity.c.is_current)
        .order_by(record.c.record_key, activity.c.id)
    )
    wanted = claimed_name(registry, serial)
    found = []
    for row in session.execute(query):
        attributes = json.loads(row.attributes_json)
        if claimed_name(attributes.get("registry", ""), attributes.get("serial", "")) == wanted:
            found.append(
                ClaimRow(
                    row.tenant_id,
                    row.subject_id,
                    row.record_key,
                    row.start_at,
                    row.quantity_micro,
                    EvidenceClass(row.evidence),
                    tuple(sorted(attributes.items())),
                )
            )
    return tuple(found)

"""Activities and their keys between rows and the nouns of `domain`."""

import json
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, select

from app.store import profile_codec, tables
from app.store.tenant import of_tenant
from domain.activity import Activity, ActivityKey, EvidenceClass, Quality
from domain.canonical import to_canonical
from domain.period import Month


def activity_values(activity: Activity, *, tenant_id: str, subject_id: str, record_revision_id: str) -> dict[str, Any]:
    """The columns of an activity that is current."""
    return {
        "tenant_id": tenant_id,
        "subject_id": subject_id,
        "key_id": activity.key.key_id,
        "record_revision_id": record_revision_id,
        "start_at": activity.start,
        "end_at": activity.end,
        "month_ym": activity.month.ym,
        "quantity_micro": activity.quantity_micro,
        "unit": activity.key.unit,
        "quality": str(activity.quality),
        "evidence": str(activity.evidence),
        "profile": None if activity.profile is None else profile_codec.encode(activity.profile),
        "is_current": True,
    }


def key_values(key: ActivityKey, tenant_id: str) -> dict[str, Any]:
    """The columns of an activity key."""
    return {
        "tenant_id": tenant_id,
        "key_id": key.key_id,
        "kind": key.kind,
        "region": key.region,
        "year": key.year,
        "unit": key.unit,
        "attributes_json": to_canonical(dict(key.attributes)).decode(),
    }


def select_activities(tenant_id: str, *more: Any) -> Select[Any]:  # noqa: ANN401 - any column
    """A query for the activities of a tenant with their keys, and more columns of tables that the caller joins."""
    activity, key = tables.ACTIVITY, tables.ACTIVITY_KEY
    query = select(
        activity.c.id.label("activity_id"),
        activity.c.record_revision_id,
        activity.c.key_id,
        activity.c.start_at,
        activity.c.end_at,
        activity.c.month_ym,
        activity.c.quantity_micro,
        activity.c.quality,
        activity.c.evidence,
        activity.c.profile,
        key.c.kind,
        key.c.region,
        key.c.year,
        key.c.unit,
        key.c.attributes_json,
        *more,
    ).join(key, (key.c.tenant_id == activity.c.tenant_id) & (key.c.key_id == activity.c.key_id))
    return of_tenant(query, activity, tenant_id)


_MONTH_OF_YM = lru_cache(maxsize=4096)(Month.from_ym)
"""The same few months stand in thousands of rows."""


class ActivityReader:
    """Makes activities from the rows of `select_activities`, each key once."""

    def __init__(self) -> None:
        self._keys: dict[str, ActivityKey] = {}

    def key(self, row: Row[Any]) -> ActivityKey:
        """The key of a row."""
        found = self._keys.get(row.key_id)
        if found is None:
            attributes = tuple(sorted(json.loads(row.attributes_json).items()))
            found = self._keys[row.key_id] = ActivityKey(row.kind, row.region, row.year, row.unit, attributes)
        return found

    def activity(self, row: Row[Any]) -> Activity:
        """The activity of a row, with its profile."""
        return Activity(
            key=self.key(row),
            start=row.start_at,
            end=row.end_at,
            month=_MONTH_OF_YM(row.month_ym),
            quantity_micro=row.quantity_micro,
            quality=Quality(row.quality),
            evidence=EvidenceClass(row.evidence),
            profile=None if row.profile is None else profile_codec.decode(row.profile),
        )

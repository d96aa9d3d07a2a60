"""The auditor's part about declared activities: every record of a connector derived anew from all its originals together."""

from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from zoneinfo import ZoneInfo

from app.usecases.claimed_record import ClaimedRecord
from app.usecases.derive import DerivedMeters, DerivedRecord
from app.usecases.derive_declared import (
    DeclaredCheck,
    SourcedActivities,
    declared_record,
    newest_sayings,
    places_of_documents,
    region_of_line,
)
from domain.declared import DECLARED_USAGE_POINT, DeclaredActivity
from domain.errors import AuditError, InputError, PlaceError
from domain.period import zone_of
from domain.place import Place
from scoring.factors.factor_set import FactorSet

_SOMEWHERE = Place("WORLD", "WORLD")
"""Where activities are taken to be that say no place, in a document none of whose lines tells it: they count all the same."""


def derive_claimed(
    leaves: Sequence[ClaimedRecord], documents: Sequence[SourcedActivities], named: AbstractSet[str], factor_set: FactorSet
) -> DerivedMeters:
    """The records of declared activities from all originals that speak about them.

    What a document says counts where the records that name it say so, or where nothing speaks against it: no table lacks its
    values. A document that no record names can only take back or move what the named ones say.

    Args:
        leaves: What the statement claims of one connector.
        documents: All originals that were sent of it, in the order in which they came.
        named: SHA-256 of those that a record names.
        factor_set: The auditor's own factor set.

    Returns:
        The records, those that were taken back, and from which documents.

    Raises:
        AuditError: The records have different time zones, or a document's activities are at different places.
        PlaceError: There is no such time zone.
        TimeError: The zone skipped a day.
    """
    trails = {leaf.text("record_key"): tuple(leaf.texts("documents")) for leaf in leaves}
    zone = _zone_of(leaves)
    places = _places_of(leaves, documents, factor_set)
    checked = DeclaredCheck(factor_set)

    def place_of(sha256: str) -> Place:
        return places.get(sha256, _SOMEWHERE)

    def is_taken(sha256: str, activity: DeclaredActivity) -> bool:
        if sha256 in trails.get(activity.record_key, ()):
            return True
        try:
            return checked.can_be(activity, region_of_line(activity, place_of(sha256), factor_set))
        except PlaceError:
            return False

    spoken = newest_sayings((one for one in documents if one.sha256 in named), is_taken).keys() | trails.keys()
    records: dict[str, DerivedRecord] = {}
    fallen: dict[str, str] = {}
    digests: dict[str, tuple[str, ...]] = {}
    for record_key, said in newest_sayings(documents, is_taken).items():
        if record_key not in spoken:
            continue
        digests[record_key] = said.document_sha256s
        if said.activity is None:
            fallen[record_key] = DECLARED_USAGE_POINT
            continue
        region = region_of_line(said.activity, place_of(said.told_sha256), factor_set)
        records[record_key] = declared_record(said.activity, region, zone, said.evidence)
    return DerivedMeters(records, fallen, digests, ())


def check_declared_place(leaf: ClaimedRecord, factor_set: FactorSet) -> None:
    """Every region of a declared record is one that people can name.

    Args:
        leaf: The record.
        factor_set: The auditor's own factor set.

    Raises:
        PlaceError: There is no such region.
        CanonicalError: The leaf is no record.
    """
    for region in dict.fromkeys(activity.key.region for activity in leaf.activities()):
        factor_set.regions.chain(region, record=f"record {leaf.text('record_key')}")


def _zone_of(leaves: Sequence[ClaimedRecord]) -> ZoneInfo:
    """The one time zone of all records.

    Raises:
        AuditError: There are two.
        PlaceError: There is no such time zone.
    """
    zones = sorted({leaf.text("zone") for leaf in leaves})
    if len(zones) != 1:
        raise AuditError("Declared days are days of one time zone", expected="one zone", got=", ".join(zones))
    return zone_of(zones[0], record=DECLARED_USAGE_POINT)


def _places_of(
    leaves: Sequence[ClaimedRecord], documents: Sequence[SourcedActivities], factor_set: FactorSet
) -> dict[str, Place]:
    """Where the activities of each document happened that do not say it, as the records claim: one place for each document.

    Raises:
        AuditError: Its records claim several.
    """
    lines = {(one.sha256, activity.record_key): activity for one in documents for activity in one.document.activities}
    claims: list[tuple[str, DeclaredActivity, str]] = []
    for leaf in leaves:
        record_key = leaf.text("record_key")
        sha256 = next((one for one in reversed(leaf.texts("documents")) if (one, record_key) in lines), "")
        activity = lines.get((sha256, record_key))
        if activity is not None and not activity.region:
            regions = {claimed.key.region for claimed in leaf.activities()}
            claims += [(sha256, activity, region) for region in sorted(regions)]
    found = places_of_documents(claims)
    by_document: dict[str, set[str]] = defaultdict(set)
    for sha256, activity, region in claims:
        try:
            is_same = region_of_line(activity, found[sha256], factor_set) == region
        except InputError:
            is_same = False
        by_document[sha256] |= set() if is_same else {region}
    for sha256, others in sorted(by_document.items()):
        if others:
            raise AuditError(
                "The activities of one document are at one place where they say none",
                expected=found[sha256].region,
                got=", ".join(sorted(others)),
                record=sha256,
                next_step="Take the document in again, and write the region into lines that happened elsewhere.",
            )
    return found

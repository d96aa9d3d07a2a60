"""From declared activities to records: the same derivation for an import and for an auditor who repeats it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from zoneinfo import ZoneInfo

from app.usecases.derive import DerivedRecord
from domain.activity import Activity, EvidenceClass
from domain.declared import DECLARED_USAGE_POINT, ActivityDocument, DeclaredActivity, declared_key, split_over_days
from domain.errors import ConflictError, FactorError, InputError, PlaceError
from domain.period import Period, local_midnight
from domain.place import Place
from scoring.factors.factor_set import FactorSet
from scoring.resolve import check_key


@dataclass(frozen=True, slots=True)
class SourcedActivities:
    """A document's activities, with where they come from.

    Attributes:
        sha256: Of the original, 64 hexadecimal digits.
        evidence: How it is known.
        document: What it declares.
    """

    sha256: str
    evidence: EvidenceClass
    document: ActivityDocument


@dataclass(frozen=True, slots=True)
class Said:
    """What several documents say of one activity in the end.

    Attributes:
        told: As the newest document of its source declares it; None where that one takes it back.
        told_sha256: That document; empty where there is none.
        evidence: How that document is known.
        document_sha256s: All that speak about it, in the order in which they came.
        is_set_aside: Whether a person decided that it does not count.
    """

    told: DeclaredActivity | None
    told_sha256: str
    evidence: EvidenceClass
    document_sha256s: tuple[str, ...]
    is_set_aside: bool = False

    @property
    def activity(self) -> DeclaredActivity | None:
        """What counts of it; None where it was taken back or set aside."""
        return None if self.is_set_aside else self.told


def newest_sayings(documents: Iterable[SourcedActivities], is_taken: Callable[[str, DeclaredActivity], bool]) -> dict[str, Said]:
    """What stands of every activity after several documents: the newest word counts, and what was decided since.

    Args:
        documents: In the order in which they came.
        is_taken: Takes a document's SHA-256 and an activity of it: whether it was taken in, or refused for what it says.

    Returns:
        By record key.
    """
    found: dict[str, Said] = {}

    def say(one: SourcedActivities, record_key: str, activity: DeclaredActivity | None) -> None:
        before = found.get(record_key, Said(None, "", one.evidence, ()))
        trail = (*before.document_sha256s, one.sha256)
        found[record_key] = Said(activity, one.sha256, one.evidence, trail, before.is_set_aside)

    def decide(one: SourcedActivities, record_key: str, *, is_set_aside: bool) -> None:
        before = found.get(record_key, Said(None, "", one.evidence, ()))
        trail = (*before.document_sha256s, one.sha256)
        found[record_key] = replace(before, document_sha256s=trail, is_set_aside=is_set_aside)

    for one in documents:
        for activity in one.document.activities:
            if is_taken(one.sha256, activity):
                say(one, activity.record_key, activity)
        for record_key in one.document.removed_keys:
            say(one, record_key, None)
        for record_key in one.document.set_aside_keys:
            decide(one, record_key, is_set_aside=True)
        for record_key in one.document.restored_keys:
            decide(one, record_key, is_set_aside=False)
    return found


def region_of_line(activity: DeclaredActivity, default: Place | None, factor_set: FactorSet) -> str:
    """The region that an activity is counted at: its line's, else the default, of which the country where that is enough.

    Args:
        activity: As it was declared.
        default: Where activities happened that do not say it.
        factor_set: Knows the regions.

    Returns:
        Path of the region.

    Raises:
        PlaceError: There is no such region, or none is known.
    """
    if activity.region:
        return factor_set.regions.region_of_text(activity.region, record="region")
    if default is None or not default.region:
        raise PlaceError(
            "We do not know where this activity happened",
            expected="a ZIP code or a country",
            got="neither",
            record="region",
            next_step="Write the region into the line, or give a place for the whole file.",
        )
    return default.country if activity.needs_only_country else default.region


def declared_record(activity: DeclaredActivity, region: str, zone: ZoneInfo, evidence: EvidenceClass) -> DerivedRecord:
    """The record of one declared activity, split over months by days.

    Args:
        activity: As it was declared.
        region: Path of the region that it is counted at.
        zone: Time zone that its days are days of.
        evidence: How it is known.

    Returns:
        The record with one activity per month; they add up to what was declared.

    Raises:
        KindError: The kind is not measured so.
        AttributeValueError: An attribute is not one of the kind's.
        TimeError: The zone skipped the day.
    """
    activities = []
    for part in split_over_days(activity):
        span = Period(local_midnight(part.start_date, zone), local_midnight(part.end_date, zone))
        activities.append(
            Activity(
                key=declared_key(activity, region, part.month),
                start=span.start,
                end=span.end,
                month=part.month,
                quantity_micro=part.quantity_micro,
                quality=activity.quality,
                evidence=evidence,
            )
        )
    return DerivedRecord(activity.record_key, DECLARED_USAGE_POINT, tuple(activities))


class DeclaredCheck:
    """Whether activities can be taken in at a factor set: the region exists, and so do the values that its tables decide on.

    Args:
        factor_set: The published factors.
    """

    def __init__(self, factor_set: FactorSet) -> None:
        self._factor_set = factor_set
        self._known: dict[tuple[object, ...], InputError | FactorError | None] = {}

    def check(self, activity: DeclaredActivity, region: str) -> None:
        """Refuse what could never be scored.

        Args:
            activity: As it was declared.
            region: Path of the region that it is counted at.

        Raises:
            InputError: There is no such region, airport, food, merchant category, or another value that no table knows.
            FactorError: A table has no number for it: a currency without a rate in that month.
        """
        first, last = activity.start_date, activity.end_date
        asked = (activity.kind, activity.attributes, activity.unit, region, first.year, first.month, last.year, last.month)
        if asked not in self._known:
            self._known[asked] = self._refusal(activity, region)
        refusal = self._known[asked]
        if refusal is not None:
            raise refusal.with_traceback(None)  # asked for again and again: the traces would pile up

    def can_be(self, activity: DeclaredActivity, region: str) -> bool:
        """Whether `check` accepts it."""
        try:
            self.check(activity, region)
        except (InputError, FactorError):
            return False
        return True

    def _refusal(self, activity: DeclaredActivity, region: str) -> InputError | FactorError | None:
        try:
            for part in split_over_days(activity):
                check_key(declared_key(activity, region, part.month), self._factor_set)
        except (InputError, FactorError) as error:
            return error
        return None


def order_of_trails(trails: Iterable[Sequence[str]], *, record: str) -> tuple[str, ...]:
    """Documents in one order that agrees with that of every record.

    Args:
        trails: Documents of each record, in the order in which they came.
        record: What they belong to, for the message.

    Returns:
        Every document once.

    Raises:
        ConflictError: The records tell different orders.
    """
    before: dict[str, set[str]] = {}
    for trail in trails:
        for digest in trail:
            before.setdefault(digest, set())
        for earlier, later in pairwise(trail):
            before[later].add(earlier)
    try:
        return tuple(TopologicalSorter({digest: sorted(before[digest]) for digest in sorted(before)}).static_order())
    except CycleError as error:
        raise ConflictError(
            "The records name their originals in different orders",
            expected="the order in which the originals came",
            got=" before ".join(error.args[1]),
            record=record,
        ) from error


def places_of_documents(claims: Iterable[tuple[str, DeclaredActivity, str]]) -> dict[str, Place]:
    """Where the activities of each document happened that do not say it, as stored records tell.

    Args:
        claims: SHA-256 of a document, an activity of it that its record was taken from, and the region that this is counted at.

    Returns:
        Place by SHA-256, without zone; a document whose every line says its region is left out.
    """
    found: dict[str, Place] = {}
    for sha256, activity, region in claims:
        if activity.region:
            continue
        country = region.partition("/")[0]
        before: Mapping[str, Place] = found
        if sha256 not in before or (before[sha256].region == country and not activity.needs_only_country):
            found[sha256] = Place(region, country)
    return found

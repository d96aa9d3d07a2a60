"""Looking for things that two sources tell, and counting them once where the person says so; every decision can be taken back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.services import Whose, Work
from app.store import connections, duplicates, records, sightings
from app.store.duplicates import DuplicateRow, DuplicateState
from app.store.records import RecordPlace
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from connectors.decisions import MEDIA_TYPE, decision_document
from domain.activity import EvidenceClass
from domain.declared import DECLARED_USAGE_POINT
from domain.duplicates import REACH_MONTHS_COUNT, Candidate, Sighting, find_candidates
from domain.errors import ConflictError
from domain.period import Month, MonthRange, instant_to_text


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A pair as a person sees it.

    Attributes:
        row: The pair, and what was decided.
        keep: What the record says that goes on counting; None where it counts no longer.
        aside: What the record says that stands back, or would; None where it counts no longer.
    """

    row: DuplicateRow
    keep: Sighting | None
    aside: Sighting | None


def find_duplicates(work: Work, whose: Whose, months: Iterable[Month]) -> int:
    """Look for pairs around months whose activity changed: new ones are offered, those that are none any more are forgotten.

    Where what counted in place of a record that was set aside counts no longer, that record counts again.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        months: Months that changed.

    Returns:
        How many new pairs were offered.
    """
    changed = sorted(set(months))
    if not changed:
        return 0
    reach = MonthRange(changed[0].plus(-REACH_MONTHS_COUNT), changed[-1].plus(REACH_MONTHS_COUNT + 1))
    seen = sightings.of_subject(work.session, whose.tenant_id, whose.subject_id, reach)
    candidates = find_candidates(seen)
    _forget(work, whose, candidates, reach)
    now = work.services.clock.now()
    offered = [
        duplicates.offer(
            work.session,
            DuplicateRow(
                id=work.services.randomness.id(),
                tenant_id=whose.tenant_id,
                subject_id=whose.subject_id,
                pair_key=duplicates.pair_key(one.keep.record_id, one.aside.record_id),
                rule=str(one.rule),
                keep_record_id=one.keep.record_id,
                aside_record_id=one.aside.record_id,
                state=DuplicateState.OPEN,
                found_at=now,
                decided_at=None,
            ),
        )
        for one in candidates
    ]
    return sum(offered)


def list_duplicates(work: Work, whose: Whose) -> tuple[Duplicate, ...]:
    """Every pair of a subject with what both records say, open ones first, then newest first.

    Args:
        work: The open transaction and the services.
        whose: The subject.

    Returns:
        The pairs.
    """
    rows = duplicates.of_subject(work.session, whose.tenant_id, whose.subject_id)
    wanted = {record_id for row in rows for record_id in (row.keep_record_id, row.aside_record_id)}
    seen = {one.record_id: one for one in sightings.of_records(work.session, whose.tenant_id, whose.subject_id, wanted)}
    pairs = [Duplicate(row, seen.get(row.keep_record_id), seen.get(row.aside_record_id)) for row in rows]
    return tuple(
        sorted(pairs, key=lambda one: (one.row.state is not DuplicateState.OPEN, -one.row.found_at.timestamp(), one.row.id))
    )


def merge_duplicate(work: Work, whose: Whose, duplicate_id: str, *, aside_record_id: str = "") -> tuple[Month, ...]:
    """Count a pair once: one of the two records is set aside by a document of its own, which an auditor sees.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        duplicate_id: Which pair.
        aside_record_id: Which of the two no longer counts; the one that says less where left out.

    Returns:
        Months whose activity changed.

    Raises:
        NotFoundError: The subject has no such pair.
        ConflictError: It was decided already, the record is none of the two, or a meter says it.
    """
    pair = _of_state(work, whose, duplicate_id, DuplicateState.OPEN, DuplicateState.KEPT)
    aside = aside_record_id or pair.aside_record_id
    if aside not in (pair.aside_record_id, pair.keep_record_id):
        raise ConflictError(
            "This record is none of the two", expected=f"{pair.aside_record_id} or {pair.keep_record_id}", got=aside
        )
    keep = pair.keep_record_id if aside == pair.aside_record_id else pair.aside_record_id
    place = _declared(work, whose, aside)
    instead = records.place_of(work.session, whose.tenant_id, whose.subject_id, keep)
    duplicates.decide(
        work.session,
        whose.tenant_id,
        pair.id,
        DuplicateState.MERGED,
        aside_record_id=aside,
        now=work.services.clock.now(),
    )
    connector = connections.by_id(work.session, whose.tenant_id, instead.connection_id).connector
    return _decide(work, whose, place, because=pair.rule, instead=(connector, instead.record_key))


def keep_both(work: Work, whose: Whose, duplicate_id: str) -> None:
    """Note that the two of a pair are two things: it is not offered again.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        duplicate_id: Which pair.

    Raises:
        NotFoundError: The subject has no such pair.
        ConflictError: It counts once; take that back first.
    """
    pair = _of_state(work, whose, duplicate_id, DuplicateState.OPEN, DuplicateState.KEPT)
    now = work.services.clock.now()
    duplicates.decide(work.session, whose.tenant_id, pair.id, DuplicateState.KEPT, aside_record_id=pair.aside_record_id, now=now)


def undo_decision(work: Work, whose: Whose, duplicate_id: str) -> tuple[Month, ...]:
    """Take a decision back: the pair is open again, and what was set aside counts again, as its source says it by now.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        duplicate_id: Which pair.

    Returns:
        Months whose activity changed.

    Raises:
        NotFoundError: The subject has no such pair.
        ConflictError: Nothing was decided.
    """
    pair = _of_state(work, whose, duplicate_id, DuplicateState.MERGED, DuplicateState.KEPT)
    now = work.services.clock.now()
    duplicates.decide(work.session, whose.tenant_id, pair.id, DuplicateState.OPEN, aside_record_id=pair.aside_record_id, now=now)
    if pair.state is DuplicateState.KEPT:
        return ()
    return _decide(work, whose, _declared(work, whose, pair.aside_record_id), is_restored=True)


def release_pairs(work: Work, whose: Whose, connection_id: str) -> None:
    """Before a connection's records go: what stood back for one of them counts again.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection_id: The connection whose records are about to be deleted.
    """
    for row in duplicates.of_subject(work.session, whose.tenant_id, whose.subject_id):
        if row.state is DuplicateState.MERGED:
            keep, aside = (
                records.place_of(work.session, whose.tenant_id, whose.subject_id, record_id).connection_id
                for record_id in (row.keep_record_id, row.aside_record_id)
            )
            if keep == connection_id != aside:
                undo_decision(work, whose, row.id)


def _forget(work: Work, whose: Whose, candidates: Sequence[Candidate], reach: MonthRange) -> None:
    """Open pairs that are no candidates any more go; where the one that counted is gone, the other one counts again."""
    still = {duplicates.pair_key(one.keep.record_id, one.aside.record_id) for one in candidates}
    rows = duplicates.of_subject(work.session, whose.tenant_id, whose.subject_id)
    both = {record_id for row in rows for record_id in (row.keep_record_id, row.aside_record_id)}
    known = {one.record_id: one for one in sightings.of_records(work.session, whose.tenant_id, whose.subject_id, both)}
    gone = []
    for row in rows:
        keep = known.get(row.keep_record_id)
        if row.state is DuplicateState.OPEN and row.pair_key not in still:
            near = [one for one in (keep, known.get(row.aside_record_id)) if one]
            if len(near) < 2 or all(_lies_in(one, reach) for one in near):  # noqa: PLR2004 - both
                gone.append(row.id)
        elif row.state is DuplicateState.MERGED and keep is None:
            undo_decision(work, whose, row.id)
            gone.append(row.id)
    duplicates.forget_open(work.session, whose.tenant_id, gone)


def _lies_in(sighting: Sighting, reach: MonthRange) -> bool:
    return reach.first.first_date() <= sighting.start_date < reach.end.first_date()


def _of_state(work: Work, whose: Whose, duplicate_id: str, *states: DuplicateState) -> DuplicateRow:
    """The pair, if it stands there.

    Raises:
        ConflictError: It stands elsewhere.
    """
    pair = duplicates.by_id(work.session, whose.tenant_id, whose.subject_id, duplicate_id)
    if pair.state not in states:
        raise ConflictError(
            "This pair was decided otherwise",
            expected=" or ".join(states),
            got=pair.state,
            record=duplicate_id,
            next_step="Take the decision back first." if pair.state is DuplicateState.MERGED else "Look at the pair again.",
        )
    return pair


def _declared(work: Work, whose: Whose, record_id: str) -> RecordPlace:
    """Where a declared record belongs.

    Raises:
        ConflictError: A meter says it: that cannot be set aside.
    """
    place = records.place_of(work.session, whose.tenant_id, whose.subject_id, record_id)
    if place.usage_point != DECLARED_USAGE_POINT:
        raise ConflictError(
            "What a meter says cannot be set aside",
            expected="the other record of the pair",
            got=place.record_key,
            record=record_id,
            next_step="Set the other one aside, or disconnect the meter.",
        )
    return place


def _decide(
    work: Work,
    whose: Whose,
    place: RecordPlace,
    *,
    is_restored: bool = False,
    because: str = "",
    instead: Sequence[str] = (),
) -> tuple[Month, ...]:
    """Take in the document of a decision."""
    connection = connections.by_id(work.session, whose.tenant_id, place.connection_id)
    known = records.current_profiles(work.session, whose.tenant_id, place.connection_id, [place.record_key])
    body = decision_document(
        instant_to_text(work.services.clock.now()),
        number=len(known[place.record_key].document_sha256s),
        set_aside=() if is_restored else (place.record_key,),
        restored=(place.record_key,) if is_restored else (),
        because=because,
        instead=instead,
    )
    received = Received(body, MEDIA_TYPE, EvidenceClass.TYPED)
    return import_document(work, whose, connection.connector, received, connection=connection).months

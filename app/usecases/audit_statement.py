"""What a virtual auditor does: parse the originals again, derive everything anew, compare, and look for what is odd.

The auditor believes nothing that it can recompute. It gets a request, answers findings, and keeps nothing of the data.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from itertools import pairwise
from typing import NoReturn

from app.usecases.audit_declared import check_declared_place, derive_claimed
from app.usecases.claimed_record import ClaimedRecord
from app.usecases.derive import DerivedMeters, MeterSite, SourcedCut, believed_evidence, cut_document, derive_meters
from app.usecases.derive_declared import SourcedActivities
from domain.activity import Activity, ActivityKey, EvidenceClass
from domain.canonical import Json, from_canonical
from domain.coverage import MILLION_PPM, coverage_ppm
from domain.declared import DECLARED_USAGE_POINT, ActivityDocument
from domain.errors import AuditError, ClimateFitnessError
from domain.fields import Fields
from domain.manifest import Manifest, manifest_from_canonical
from domain.meter_day import CutSeries, Span
from domain.period import Month, instant_of_epoch_s
from domain.place import place_from_text
from domain.record import activity_from_json, activity_to_json
from domain.series import MeterDocument
from domain.statement import ActivityTotal
from ledger.inputs import InputGroup
from ledger.trees import build_trees
from scoring.factors.factor_set import FactorSet
from scoring.hourly import with_hourly_means
from scoring.lines import make_lines
from scoring.net import evidence_ppm, gwp_set_of, make_statement, method_name
from scoring.resolve import resolve
from scoring.retirements import retired_units

EVIDENCE_FLOOR = EvidenceClass.UPLOADED
"""Weakest class that counts as audited in this network."""

EVIDENCE_FLOOR_PPM = 950_000
"""Share of gross emissions that must be at or above the floor; below, a statement is self-declared."""


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """Everything that an auditor needs to recompute a statement.

    Attributes:
        manifest: Its canonical bytes.
        groups: Group key to the canonical bytes of its leaves.
        lines: Canonical bytes of the lines, as the subject computed them.
        statement_key: 32 bytes, from which all salts follow.
        originals: The bytes of the originals, by their SHA-256 in hexadecimal.
        also: Further originals that no record of the period names, because what they say of it is that something does not count:
            declared activities that were taken back, or moved out of the period.
        order: Connector of declared activities to the SHA-256 of all its originals, in the order in which they came.
    """

    manifest: bytes
    groups: Mapping[str, Sequence[bytes]]
    lines: Sequence[bytes]
    statement_key: bytes
    originals: Mapping[str, bytes]
    also: Mapping[str, bytes] = field(default_factory=dict)
    order: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an auditor does not accept.

    Attributes:
        code: Stable name: "manifest", "method", "parser", "original", "place", "record", "coverage", "lines", "trees".
        detail: What was expected, what came, which record.
    """

    code: str
    detail: str


TAKEN_AS_DECLARED = (
    Finding("place", "place: as declared; the region and its time zone fit each other, but no original says where a meter is"),
)
"""What an auditor that accepts takes from the subject without evidence."""


@dataclass(frozen=True, slots=True)
class Reader:
    """The auditor's own parsers.

    Attributes:
        parse: Takes a connector's name and a document's bytes.
        version: Takes a connector's name; gives the version of its parser.
    """

    parse: Callable[[str, bytes], MeterDocument | ActivityDocument]
    version: Callable[[str], str]


def audit_statement(
    request: AuditRequest, *, factor_set: FactorSet, reader: Reader
) -> tuple[Manifest | None, tuple[Finding, ...]]:
    """The findings of a recomputation from the originals; none where everything is equal.

    Args:
        request: What the subject sends.
        factor_set: The auditor's own factor set.
        reader: The auditor's own parsers.

    Returns:
        The manifest where it could be read, and the findings.
    """
    try:
        manifest = manifest_from_canonical(request.manifest)
    except ClimateFitnessError as error:
        return None, (Finding("manifest", error.sentence()),)
    try:
        audit = _Audit(request, manifest, factor_set, reader)
    except ClimateFitnessError as error:
        return manifest, (Finding("record", error.sentence()),)
    findings: list[Finding] = []
    for code, check in (
        ("method", audit.check_method),
        ("parser", audit.check_parsers),
        ("original", audit.check_originals),
        ("place", audit.check_places),
        ("record", audit.check_records),
        ("coverage", audit.check_coverage),
        ("lines", audit.check_lines),
        ("trees", audit.check_trees),
    ):
        try:
            check()
        except ClimateFitnessError as error:
            findings.append(Finding(code, error.sentence()))
    return manifest, tuple(findings)


def is_self_declared(shares_ppm: Mapping[EvidenceClass, int], counts: Mapping[EvidenceClass, int]) -> bool:
    """Whether evidence this weak makes a statement self-declared.

    Where something is emitted, the shares of emissions decide. Where nothing is (a typed 0, only exports, only what no factor
    fits), the number of records does: `is_self_declared(evidence_ppm(lines), record_counts(leaves))`.

    Args:
        shares_ppm: Share of gross emissions by evidence class, parts per million; empty where nothing is emitted.
        counts: Records by evidence class; used where nothing is emitted.

    Returns:
        Whether less than the floor's share is of the floor's class or stronger; true where there is neither share nor record.
    """
    weights = shares_ppm or counts
    order = list(EvidenceClass)
    strong = sum(weight for found, weight in weights.items() if order.index(found) >= order.index(EVIDENCE_FLOOR))
    whole = sum(weights.values())
    return not whole or strong * MILLION_PPM < EVIDENCE_FLOOR_PPM * whole


def record_counts(leaves: Iterable[bytes]) -> dict[EvidenceClass, int]:
    """How many records (one leaf each) are known in which way: by the weakest of a record's activities.

    Args:
        leaves: Canonical JSON of the records, all groups.

    Returns:
        Weakest class first, without classes of no record.

    Raises:
        CanonicalError: A leaf is not a record.
    """
    read = (Fields(from_canonical(one, record="input"), "input") for one in leaves)
    return weakest_counts([activity_from_json(value) for value in leaf.items("activities")] for leaf in read)


def weakest_counts(records: Iterable[Sequence[Activity]]) -> dict[EvidenceClass, int]:
    """How many records are known in which way: by the weakest of a record's activities.

    Args:
        records: The activities of each.

    Returns:
        Weakest class first, without classes of no record.
    """
    order = list(EvidenceClass)
    counts = Counter(min((one.evidence for one in activities), key=order.index, default=order[0]) for activities in records)
    return {evidence: counts[evidence] for evidence in order if counts[evidence]}


class _Audit:
    """One recomputation. Invariant: reads the request, changes nothing."""

    def __init__(self, request: AuditRequest, manifest: Manifest, factor_set: FactorSet, reader: Reader) -> None:
        self._request = request
        self._manifest = manifest
        self._factor_set = factor_set
        self._reader = reader
        self._meters: dict[tuple[str, str], list[Activity]] = {}  # every record derived anew; empty where one could not be
        self._unscored: list[bytes] = []
        self._leaves = [
            (group, ClaimedRecord(leaf, group)) for group, leaves in sorted(request.groups.items()) for leaf in leaves
        ]

    # (1) The same method and factor set.
    def check_method(self) -> None:
        _same("method", method_name(gwp_set_of(self._manifest.method)), self._manifest.method)
        _same("factor set", self._factor_set.id.to_json(), self._manifest.factor_set.to_json())

    # (2) The same parsers.
    def check_parsers(self) -> None:
        ours = {name: self._reader.version(name) for name in sorted({leaf.text("connector") for _, leaf in self._leaves})}
        if dict(self._manifest.parsers) != ours:
            raise AuditError(
                "This auditor holds other parsers",
                expected=_names(ours),
                got=_names(self._manifest.parsers),
                next_step="Ask an auditor that holds them, or take the originals in again with these.",
            )
        for _, leaf in self._leaves:
            _same(f"parser of the record {leaf.text('record_key')}", ours[leaf.text("connector")], leaf.text("parser"))

    # (3) The originals are what their hashes say, all are there, and no other.
    def check_originals(self) -> None:
        named = {digest for _, leaf in self._leaves for digest in leaf.texts("documents")}
        missing = named - set(self._request.originals)
        if missing:
            raise AuditError("An original is missing", expected=min(missing), got=f"{len(self._request.originals)} originals")
        unnamed = set(self._request.originals) - named
        if unnamed:
            raise AuditError("An original belongs to no record", expected="originals that a record names", got=min(unnamed))
        for digest, body in (*self._request.originals.items(), *self._request.also.items()):
            _same("hash of an original", digest, sha256(body).hexdigest())

    # (4) Every meter is at one place that people can name, in one of its time zones; declared activities name their places.
    def check_places(self) -> None:
        for leaf in (leaf for leaves in self._declared().values() for leaf in leaves):
            check_declared_place(leaf, self._factor_set)
        for usage_point, site in ((point, site) for sites in self._sites().values() for point, site in sites.items()):
            record = f"meter {usage_point}"
            name = site.region.removeprefix("US/zip/")
            _same(f"region of {record}", place_from_text(name, record=record).region, site.region)
            self._factor_set.regions.chain(site.region, record=record)
            zones = self._factor_set.regions.zones_of(site.region)
            if site.zone not in zones:
                raise AuditError(
                    "The time zone of a meter is none of its region",
                    expected=f"one of {', '.join(zones)}" if zones else f"a region with a time zone, not {site.region}",
                    got=site.zone,
                    record=record,
                    next_step="Give the meter its place and time zone again; its days move with it.",
                )

    # (5) Every record follows from all originals together, and everything that they say stands in a record.
    def check_records(self) -> None:
        sites = self._sites()
        derived = {connector: self._derive(connector, of_connector) for connector, of_connector in sites.items()}
        for connector, leaves in self._declared().items():
            if connector in derived:
                raise AuditError("A connector has meters or declared activities, not both", expected="one", got=connector)
            derived[connector] = self._derive_declared(connector, leaves)
        seen: set[tuple[str, str, str]] = set()
        meters: dict[tuple[str, str], list[Activity]] = defaultdict(list)
        for group, leaf in self._leaves:
            connector, record, month = leaf.text("connector"), leaf.text("record_key"), leaf.text("month")
            if (connector, record, month) in seen:
                raise AuditError("A record stands twice", expected="each record once a month", got=record, record=group)
            seen.add((connector, record, month))
            _same("group", f"{connector}|{leaf.text('usage_point')}|{month}", group)
            if not self._manifest.period.holds(leaf.made("month", Month.from_text)):
                raise AuditError("A record is outside the period", expected=str(self._manifest.period), got=month, record=record)
            again = _again(leaf, derived[connector])
            meters[f"{connector}|{leaf.text('usage_point')}", leaf.text("zone")] += again
        for connector, of_connector in derived.items():
            self._check_complete(connector, of_connector, seen)
        self._meters = meters

    # (6) The share of time that is measured follows from the records.
    def check_coverage(self) -> None:
        if self._meters:
            _same("coverage in ppm", coverage_ppm(self._meters, self._manifest.period), self._manifest.coverage_ppm)

    # (7) Lines, totals and shares follow from the records.
    def check_lines(self) -> None:
        measured = (activity for of_meter in self._meters.values() for activity in of_meter)
        totals = with_hourly_means(self._activity_totals(), measured, self._factor_set)
        gwp_set = gwp_set_of(self._manifest.method)
        lines, unscored = make_lines(totals, lambda key, basis: resolve(key, self._factor_set, basis, gwp_set=gwp_set))
        retired, not_retired = retired_units(totals)
        statement = make_statement(
            period=self._manifest.period,
            revision=self._manifest.revision,
            lines=lines,
            unscored=(*unscored, *not_retired),
            factor_set=self._factor_set.id,
            retired_g_co2e=sum(units.amount_g_co2e for units in retired),
            method=self._manifest.method,
        )
        _same("retired units", retired, self._manifest.retired_units)
        _same("lines", [line.canonical_bytes for line in statement.lines], list(self._request.lines))
        _same("totals", statement.totals.to_json(), self._manifest.totals.to_json())
        shares = evidence_ppm(statement.lines)
        _same("evidence shares", shares, dict(self._manifest.evidence_ppm))
        counts = weakest_counts(leaf.activities() for _, leaf in self._leaves)
        _same("self-declared", is_self_declared(shares, counts), self._manifest.is_self_declared)
        self._unscored = [found.canonical_bytes for found in statement.unscored]

    # (8) The trees are those of the manifest.
    def check_trees(self) -> None:
        totals = self._group_totals()
        groups = [InputGroup(group, totals.get(group, {}), list(leaves)) for group, leaves in self._request.groups.items()]
        named = sorted({digest for _, leaf in self._leaves for digest in leaf.texts("documents")})
        lines = [*self._request.lines, *self._unscored]
        trees = build_trees(groups, lines, named, self._request.statement_key, self._manifest.format)
        _same("inputs root", trees.inputs, self._manifest.inputs)
        _same("lines root", trees.lines, self._manifest.lines)
        _same("originals root", trees.originals, self._manifest.originals)

    def _sites(self) -> dict[str, dict[str, MeterSite]]:
        """Connector to usage point to the place that its records say.

        Raises:
            AuditError: A meter has two regions or two time zones, or a record has no activity.
        """
        sites: dict[str, dict[str, MeterSite]] = defaultdict(dict)
        for _, leaf in self._leaves:
            if leaf.text("usage_point") == DECLARED_USAGE_POINT:
                continue
            usage_point, zone = leaf.text("usage_point"), leaf.text("zone")
            regions = {value.region for value in (one.key for one in _activities(leaf))}
            for region in sorted(regions):
                site = sites[leaf.text("connector")].setdefault(usage_point, MeterSite(region, zone))
                _same(f"zone of meter {usage_point}", site.zone, zone)
                _same(f"region of meter {usage_point}", site.region, region)
        return sites

    def _derive(self, connector: str, sites: Mapping[str, MeterSite]) -> DerivedMeters:
        """All records of a connector of meters, from all its originals in the order that its records tell.

        Raises:
            AuditError: An original is missing, has a meter that no record is about, or the records tell no one order.
        """
        named = {digest for _, leaf in self._leaves if leaf.text("connector") == connector for digest in leaf.texts("documents")}
        cuts: dict[str, CutSeries] = {}
        for digest in sorted(named):
            body = self._request.originals.get(digest)
            if body is None:
                raise AuditError("An original is missing", expected=f"{digest} of {connector}", got="none")
            document = self._reader.parse(connector, body)
            if isinstance(document, ActivityDocument):
                raise AuditError("An original has no meters", expected=f"records of {DECLARED_USAGE_POINT}", got=min(sites))
            unknown = {series.usage_point for series in document.series} - sites.keys()
            cut = cut_document(document, {**dict.fromkeys(unknown, MeterSite("", "UTC")), **sites})
            self._check_no_other_meter(cut, unknown)
            cuts[digest] = cut
        evidence = believed_evidence(connector, list(EvidenceClass)[-1])
        documents = [SourcedCut(digest, evidence, cuts[digest]) for digest in self._order(connector, cuts)]
        return derive_meters(documents, sites)

    def _declared(self) -> dict[str, list[ClaimedRecord]]:
        """Connector to its records of declared activities."""
        found: dict[str, list[ClaimedRecord]] = defaultdict(list)
        for _, leaf in self._leaves:
            if leaf.text("usage_point") == DECLARED_USAGE_POINT:
                found[leaf.text("connector")].append(leaf)
        return found

    def _derive_declared(self, connector: str, leaves: Sequence[ClaimedRecord]) -> DerivedMeters:
        """All records of declared activities of a connector, from all its originals in the order in which they came.

        Raises:
            AuditError: An original is missing or has meters, or the order lacks one.
        """
        named = {digest for leaf in leaves for digest in leaf.texts("documents")}
        order = self._request.order.get(connector) or self._order(connector, dict.fromkeys(named, CutSeries({}, {}, (), ())))
        if not named <= set(order) or len(set(order)) != len(order):
            raise AuditError(
                "The order of the originals lacks one, or has one twice", expected=f"{len(named)} originals", got=connector
            )
        evidence = believed_evidence(connector, list(EvidenceClass)[-1])
        documents = []
        for digest in order:
            body = self._request.originals.get(digest, self._request.also.get(digest))
            if body is None:
                raise AuditError("An original is missing", expected=f"{digest} of {connector}", got="none")
            document = self._reader.parse(connector, body)
            if not isinstance(document, ActivityDocument):
                raise AuditError("An original declares no activities", expected="activities one by one", got=connector)
            documents.append(SourcedActivities(digest, evidence, document))
        return derive_claimed(leaves, documents, named, self._factor_set)

    def _check_no_other_meter(self, cut: CutSeries, unknown: AbstractSet[str]) -> None:
        """No meter without a record was read on a day that is in the period whatever the meter's time zone.

        Raises:
            AuditError: One was.
        """
        months = self._manifest.period
        first, last = months.first.first_date() + timedelta(days=1), months.end.first_date() - timedelta(days=2)
        found = {day.usage_point for day in cut.days if first <= day.day <= last}
        for span in cut.spans:
            start, end = (instant_of_epoch_s(at_s).date() for at_s in (span.start_s, span.start_s + span.duration_s - 1))
            if start <= last and first <= end:
                found.add(span.usage_point)
        left_out = sorted(found & unknown)
        if left_out:
            raise AuditError(
                "A meter of the originals is left out",
                expected=f"records of meter {left_out[0]}",
                got="none",
                record=str(months),
                next_step="Close the period with all meters of its files.",
            )

    def _order(self, connector: str, cuts: Mapping[str, CutSeries]) -> list[str]:
        """The originals in the one order that all records tell: as each lists them, and what stands after what it replaced.

        Raises:
            AuditError: The records tell different orders.
        """
        before: dict[str, set[str]] = {digest: set() for digest in sorted(cuts)}
        for _, leaf in self._leaves:
            if leaf.text("connector") == connector:
                for earlier, later in pairwise(leaf.texts("documents")):
                    before[later].add(earlier)
        claimed = {leaf.text("record_key") for _, leaf in self._leaves if leaf.text("connector") == connector}
        for earlier, later in _replaced(cuts, claimed):
            before[later].add(earlier)
        try:
            return list(TopologicalSorter(before).static_order())
        except CycleError as error:
            raise AuditError(
                "The records name their originals in different orders",
                expected="the order in which the originals came",
                got=" before ".join(error.args[1]),
                record=connector,
            ) from error

    def _check_complete(self, connector: str, derived: DerivedMeters, seen: AbstractSet[tuple[str, str, str]]) -> None:
        """Nothing that counts of what the originals say about the period is left out.

        Raises:
            AuditError: Something is.
        """
        for record_key, record in sorted(derived.records.items()):
            for month in sorted({activity.month for activity in record.activities}):
                if self._manifest.period.holds(month) and (connector, record_key, str(month)) not in seen:
                    raise AuditError(
                        "A record of the originals is left out",
                        expected=record_key,
                        got="no such record",
                        record=str(month),
                        next_step="Take the original in again, then close the period again.",
                    )

    def _activity_totals(self) -> list[ActivityTotal]:
        sums: dict[tuple[Month, ActivityKey], dict[EvidenceClass, int]] = defaultdict(dict)
        counts: dict[tuple[Month, ActivityKey], int] = defaultdict(int)
        for _, leaf in self._leaves:
            for activity in leaf.activities():
                by_evidence = sums[activity.month, activity.key]
                by_evidence[activity.evidence] = by_evidence.get(activity.evidence, 0) + activity.quantity_micro
                counts[activity.month, activity.key] += 1
        return [ActivityTotal(month, key, sum(parts.values()), parts, counts[month, key]) for (month, key), parts in sums.items()]

    def _group_totals(self) -> dict[str, dict[str, str]]:
        """By group and activity key, the sum in millionths as text."""
        sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for group, leaf in self._leaves:
            for activity in leaf.activities():
                sums[group][activity.key.key_id] += activity.quantity_micro
        return {group: {key_id: str(total) for key_id, total in sorted(of_group.items())} for group, of_group in sums.items()}


def _activities(leaf: ClaimedRecord) -> Sequence[Activity]:
    """The activities that a record claims.

    Raises:
        AuditError: It has none.
    """
    claimed = leaf.activities()
    if not claimed:
        raise AuditError("A record has no activity", expected="at least one", got="none", record=leaf.text("record_key"))
    return claimed


def _again(leaf: ClaimedRecord, derived: DerivedMeters) -> list[Activity]:
    """The activities of a record as they follow from the originals: they must be what it claims.

    Raises:
        AuditError: They are other ones, come from other originals, do not count, or are known less well than it claims.
    """
    record_key, evidence = leaf.text("record_key"), _activities(leaf)[0].evidence
    believed = believed_evidence(leaf.text("connector"), evidence)
    if believed is not evidence:
        raise AuditError(
            "The evidence of a record is weaker than it says", expected=str(believed), got=str(evidence), record=record_key
        )
    found = derived.records.get(record_key)
    if found is None:
        _refuse_record(record_key, derived.fallen.get(record_key))
    _same("meter of a record", found.usage_point, leaf.text("usage_point"))
    month = leaf.made("month", Month.from_text)
    again = [replace(activity, evidence=evidence) for activity in found.activities if activity.month == month]
    if [replace(activity, profile=None) for activity in again] != leaf.activities():  # a claim has no profile
        raise AuditError(
            "A record does not follow from its originals",
            expected=_amounts([activity_to_json(activity) for activity in again]),
            got=_amounts(leaf.items("activities")),
            record=record_key,
        )
    documents = derived.document_sha256s[record_key]
    if tuple(leaf.texts("documents")) != documents:
        raise AuditError(
            "A record names other originals than those that speak about it",
            expected=", ".join(digest[:16] for digest in documents),
            got=", ".join(digest[:16] for digest in leaf.texts("documents")),
            record=record_key,
        )
    return again


def _refuse_record(record_key: str, fallen_at: str | None) -> NoReturn:
    """Refuse a claimed record that does not follow from the originals: what was said of it does not count, or nothing was said.

    Raises:
        AuditError: Always.
    """
    message, expected = "A record is in none of its originals", "a day, bill or activity of the originals"
    if fallen_at == DECLARED_USAGE_POINT:
        message, expected = "A record was taken back by a later original", "what the newest original says"
    elif fallen_at is not None:
        message, expected = "A record does not count beside the others", "every instant of a meter once"
    raise AuditError(message, expected=expected, got=record_key)


def _replaced(cuts: Mapping[str, CutSeries], claimed: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    """Original and a later one: of overlapping spans of equally old feeds, the one that the statement counts came later."""
    meters: dict[tuple[str, str], list[tuple[Span, str]]] = defaultdict(list)
    for digest, cut in cuts.items():
        for span in cut.spans:
            meters[span.usage_point, span.kind].append((span, digest))
    for of_meter in meters.values():
        of_meter.sort(key=lambda one: (one[0].start_s, one[0].duration_s, one[1]))
        for index, (one, digest) in enumerate(of_meter):
            for other, other_digest in (of_meter[later] for later in range(index + 1, len(of_meter))):
                if other.start_s >= one.start_s + one.duration_s:
                    break
                is_one, is_other = one.record_key in claimed, other.record_key in claimed
                if digest != other_digest and is_one != is_other and one.feed_time_s == other.feed_time_s:
                    yield (other_digest, digest) if is_one else (digest, other_digest)


def _names(parsers: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(parsers.items())) or "none"


def _amounts(activities: Sequence[Json]) -> str:
    return ", ".join(f"{Fields(value, 'activity').text('quantity_micro')} millionths" for value in activities) or "no activity"


def _same(what: str, expected: object, got: object) -> None:
    if expected != got:
        raise AuditError(f"The {what} differs", expected=str(expected), got=str(got))

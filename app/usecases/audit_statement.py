"""What a virtual auditor does: parse the originals again, derive everything anew, compare, and look for what is odd.

The auditor believes nothing that it can recompute. It gets a request, answers findings, and keeps nothing of the data.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256

from app.usecases.derive import MeterSite, believed_evidence, cut_document, day_record, merge_documents, span_record
from domain.activity import Activity, ActivityKey, EvidenceClass
from domain.canonical import Json, from_canonical
from domain.coverage import MILLION_PPM, coverage_ppm
from domain.errors import AuditError, ClimateFitnessError
from domain.fields import Fields
from domain.manifest import Manifest, manifest_from_canonical
from domain.meter_day import CutSeries, MeterDayId, Span
from domain.period import Month
from domain.record import activity_from_json, activity_to_json
from domain.series import MeterDocument
from domain.statement import ActivityTotal
from ledger.inputs import InputGroup
from ledger.trees import build_trees
from scoring.factors.factor_set import FactorSet
from scoring.lines import make_lines
from scoring.net import METHOD, evidence_ppm, make_statement
from scoring.resolve import resolve

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
    """

    manifest: bytes
    groups: Mapping[str, Sequence[bytes]]
    lines: Sequence[bytes]
    statement_key: bytes
    originals: Mapping[str, bytes]


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

    parse: Callable[[str, bytes], MeterDocument]
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
    order = list(EvidenceClass)
    counts = Counter(
        min((activity_from_json(value).evidence for value in leaf.items("activities")), key=order.index, default=order[0])
        for leaf in (Fields(from_canonical(one, record="input"), "input") for one in leaves)
    )
    return {evidence: counts[evidence] for evidence in order if counts[evidence]}


class _Audit:
    """One recomputation. Invariant: reads the request, changes nothing."""

    def __init__(self, request: AuditRequest, manifest: Manifest, factor_set: FactorSet, reader: Reader) -> None:
        self._request = request
        self._manifest = manifest
        self._factor_set = factor_set
        self._reader = reader
        self._cuts: dict[tuple[str, str], CutSeries] = {}  # by connector and hash of the original
        self._days: dict[tuple[str, str], dict[str, MeterDayId]] = {}  # the same by record key
        self._meters: dict[tuple[str, str], list[Activity]] = {}  # every record derived anew; empty where one could not be
        self._leaves = [
            (group, Fields(from_canonical(leaf, record=group), f"input of {group}"))
            for group, leaves in sorted(request.groups.items())
            for leaf in leaves
        ]

    # (1) The same method and factor set.
    def check_method(self) -> None:
        _same("method", METHOD, self._manifest.method)
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

    # (3) The originals are what their hashes say, and all are there.
    def check_originals(self) -> None:
        named = {digest for _, leaf in self._leaves for digest in leaf.texts("documents")}
        missing = named - set(self._request.originals)
        if missing:
            raise AuditError("An original is missing", expected=min(missing), got=f"{len(self._request.originals)} originals")
        for digest, body in self._request.originals.items():
            _same("hash of an original", digest, sha256(body).hexdigest())

    # (4) Every record follows from its originals.
    def check_records(self) -> None:
        seen: set[tuple[str, str, str]] = set()
        meters: dict[tuple[str, str], list[Activity]] = defaultdict(list)
        zones = self._zones()
        for group, leaf in self._leaves:
            record = leaf.text("record_key")
            name = (leaf.text("connector"), record, leaf.text("month"))
            if name in seen:
                raise AuditError("A record stands twice", expected="each record once a month", got=record, record=group)
            seen.add(name)
            _same("group", f"{name[0]}|{leaf.text('usage_point')}|{name[2]}", group)
            if not self._manifest.period.holds(leaf.made("month", Month.from_text)):
                raise AuditError(
                    "A record is outside the period", expected=str(self._manifest.period), got=name[2], record=record
                )
            derived = self._derive(leaf, zones[name[0]])
            meters[f"{name[0]}|{leaf.text('usage_point')}", leaf.text("zone")] += derived
            again = [activity_to_json(activity) for activity in derived]
            if again != leaf.items("activities"):
                raise AuditError(
                    "A record does not follow from its originals",
                    expected=_amounts(again),
                    got=_amounts(leaf.items("activities")),
                    record=record,
                )
        self._check_complete(seen, zones)
        self._meters = meters

    # (5) The share of time that is measured follows from the records.
    def check_coverage(self) -> None:
        if self._meters:
            _same("coverage in ppm", coverage_ppm(self._meters, self._manifest.period), self._manifest.coverage_ppm)

    # (6) Lines, totals and shares follow from the records.
    def check_lines(self) -> None:
        totals = self._activity_totals()
        lines, unscored = make_lines(totals, lambda key, basis: resolve(key, self._factor_set, basis))
        statement = make_statement(
            period=self._manifest.period,
            revision=self._manifest.revision,
            lines=lines,
            unscored=unscored,
            factor_set=self._factor_set.id,
        )  # nothing can be retired yet, so a manifest that says so is wrong
        _same("lines", [line.canonical_bytes for line in statement.lines], list(self._request.lines))
        _same("totals", statement.totals.to_json(), self._manifest.totals.to_json())
        shares = evidence_ppm(statement.lines)
        _same("evidence shares", shares, dict(self._manifest.evidence_ppm))
        counts = record_counts(leaf for leaves in self._request.groups.values() for leaf in leaves)
        _same("self-declared", is_self_declared(shares, counts), self._manifest.is_self_declared)
        self._unscored = [found.canonical_bytes for found in statement.unscored]

    # (7) The trees are those of the manifest.
    def check_trees(self) -> None:
        groups = [InputGroup(group, self._group_totals(group), list(leaves)) for group, leaves in self._request.groups.items()]
        named = sorted({digest for _, leaf in self._leaves for digest in leaf.texts("documents")})
        lines = [*self._request.lines, *getattr(self, "_unscored", [])]
        trees = build_trees(groups, lines, named, self._request.statement_key)
        _same("inputs root", trees.inputs, self._manifest.inputs)
        _same("lines root", trees.lines, self._manifest.lines)
        _same("originals root", trees.originals, self._manifest.originals)

    def _zones(self) -> dict[str, dict[str, str]]:
        """Connector to usage point to the time zone that its days were cut in.

        Raises:
            AuditError: A meter has two.
        """
        zones: dict[str, dict[str, str]] = defaultdict(dict)
        for _, leaf in self._leaves:
            usage_point, zone = leaf.text("usage_point"), leaf.text("zone")
            _same(f"zone of meter {usage_point}", zones[leaf.text("connector")].setdefault(usage_point, zone), zone)
        return zones

    def _derive(self, leaf: Fields, zones: Mapping[str, str]) -> list[Activity]:
        """The activities of a leaf, from the originals that it names.

        Raises:
            AuditError: An original is missing, none of them has the record, or the evidence is claimed too strong.
        """
        connector, record_key = leaf.text("connector"), leaf.text("record_key")
        claimed = [activity_from_json(value, record=leaf.record) for value in leaf.items("activities")]
        if not claimed:
            raise AuditError("A record has no activity", expected="at least one", got="none", record=record_key)
        evidence = claimed[0].evidence
        if believed_evidence(connector, evidence) is not evidence:
            raise AuditError(
                "The evidence of a record is weaker than it says",
                expected=str(believed_evidence(connector, evidence)),
                got=str(evidence),
                record=record_key,
            )
        site = MeterSite(claimed[0].key.region, leaf.text("zone"))
        names = [(connector, digest) for digest in leaf.texts("documents")]
        cuts = [self._cut(name, zones) for name in names]
        month = leaf.made("month", Month.from_text)
        day = next((self._days[name][record_key] for name in names if record_key in self._days[name]), None)
        if day is not None:
            _same("meter of a record", day.usage_point, leaf.text("usage_point"))
            unit = next(cut.unit[day.kind] for cut in cuts if day in cut.days)
            record = day_record(day, merge_documents(day, cuts), unit=unit, site=site, evidence=evidence)
        else:
            span, unit = _find_span(record_key, cuts)
            _same("meter of a record", span.usage_point, leaf.text("usage_point"))
            record = span_record(span, unit=unit, site=site, evidence=evidence)
        return [activity for activity in record.activities if activity.month == month]

    def _cut(self, name: tuple[str, str], zones: Mapping[str, str]) -> CutSeries:
        if name not in self._cuts:
            connector, digest = name
            body = self._request.originals.get(digest)
            if body is None:
                raise AuditError("An original is missing", expected=f"{digest} of {connector}", got="none")
            document = self._reader.parse(connector, body)
            cut = cut_document(document, {point: MeterSite("", zone) for point, zone in zones.items()})
            self._cuts[name] = cut
            self._days[name] = {day.record_key: day for day in cut.days}
        return self._cuts[name]

    def _check_complete(self, seen: AbstractSet[tuple[str, str, str]], zones: Mapping[str, Mapping[str, str]]) -> None:
        """Nothing that the originals say about the period is left out.

        Raises:
            AuditError: Something is.
        """
        for (connector, _), cut in self._cuts.items():
            months = {day.record_key: {Month(day.day.year, day.day.month)} for day in cut.days}
            for span in cut.spans:
                site = MeterSite("", zones[connector][span.usage_point])
                record = span_record(span, unit=cut.unit[span.kind], site=site, evidence=EvidenceClass.TYPED)
                months[record.record_key] = {activity.month for activity in record.activities}
            for record_key, found in months.items():
                for month in sorted(found):
                    if self._manifest.period.holds(month) and (connector, record_key, str(month)) not in seen:
                        raise AuditError(
                            "A record of the originals is left out", expected=record_key, got="no such record", record=str(month)
                        )

    def _activity_totals(self) -> list[ActivityTotal]:
        sums: dict[tuple[Month, ActivityKey], dict[EvidenceClass, int]] = defaultdict(dict)
        counts: dict[tuple[Month, ActivityKey], int] = defaultdict(int)
        for _, leaf in self._leaves:
            for value in leaf.items("activities"):
                activity = activity_from_json(value, record=leaf.record)
                by_evidence = sums[activity.month, activity.key]
                by_evidence[activity.evidence] = by_evidence.get(activity.evidence, 0) + activity.quantity_micro
                counts[activity.month, activity.key] += 1
        return [ActivityTotal(month, key, sum(parts.values()), parts, counts[month, key]) for (month, key), parts in sums.items()]

    def _group_totals(self, group: str) -> dict[str, str]:
        sums: dict[str, int] = defaultdict(int)
        for name, leaf in self._leaves:
            if name == group:
                for value in leaf.items("activities"):
                    activity = activity_from_json(value, record=leaf.record)
                    sums[activity.key.key_id] += activity.quantity_micro
        return {key_id: str(total) for key_id, total in sorted(sums.items())}


def _find_span(record_key: str, cuts: Sequence[CutSeries]) -> tuple[Span, str]:
    for cut in reversed(cuts):
        for span in cut.spans:
            if span.record_key == record_key:
                return span, cut.unit[span.kind]
    raise AuditError("A record is in none of its originals", expected=record_key, got=f"{len(cuts)} originals")


def _names(parsers: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(parsers.items())) or "none"


def _amounts(activities: Sequence[Json]) -> str:
    return ", ".join(f"{Fields(value, 'activity').text('quantity_micro')} millionths" for value in activities) or "no activity"


def _same(what: str, expected: object, got: object) -> None:
    if expected != got:
        raise AuditError(f"The {what} differs", expected=str(expected), got=str(got))

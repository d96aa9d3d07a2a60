"""What closing makes of a period, from its sums and records alone: lines, totals, trees, manifest. Nothing is read or written."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.store.periods import PeriodRow
from app.store.records import StoredRevision
from app.store.resolutions import ResolutionRow
from app.store.statements import InputRow
from app.usecases.audit_statement import is_self_declared, weakest_counts
from domain.activity import Activity, EvidenceClass
from domain.coverage import coverage_ppm
from domain.errors import ConflictError
from domain.factor import Basis, GwpSet
from domain.manifest import Manifest
from domain.period import Month, MonthRange
from domain.statement import ActivityTotal, Statement
from ledger.inputs import InputGroup
from ledger.trees import build_trees
from scoring.factors.factor_set import FactorSet
from scoring.lines import make_lines
from scoring.net import evidence_ppm, make_statement, method_name
from scoring.resolve import resolve
from scoring.retirements import retired_units


class PeriodInputs:
    """The record revisions of a period as leaves and groups.

    Args:
        revisions: Each with its activities of the period at least.
        zones: IANA zone of each meter, by connector and usage point.
        months: The period.

    Raises:
        ConflictError: There is none: nothing is measured.
    """

    def __init__(self, revisions: Sequence[StoredRevision], zones: Mapping[tuple[str, str], str], months: MonthRange) -> None:
        if not revisions:
            raise ConflictError(
                "Nothing is measured in this period",
                expected="at least one reading or bill",
                got="none",
                record=str(months),
                next_step="Import a file or type a bill first; a month without data is not zero.",
            )
        self._leaves: dict[str, dict[bytes, tuple[StoredRevision, Month]]] = defaultdict(dict)
        self._activities: dict[bytes, tuple[Activity, ...]] = {}
        self.originals: set[str] = set()
        self.parsers: dict[str, str] = {}
        self.meters: dict[tuple[str, str], list[Activity]] = defaultdict(list)
        newest: dict[str, datetime] = {}
        for stored in revisions:
            revision = stored.revision
            zone = zones[revision.connector, revision.usage_point]
            self.originals.update(revision.document_sha256s)
            if revision.recorded_at >= newest.get(revision.connector, revision.recorded_at):
                newest[revision.connector] = revision.recorded_at
                self.parsers[revision.connector] = revision.parser_version
            self.meters[f"{revision.connector}|{revision.usage_point}", zone] += revision.activities
            for month in sorted({a.month for a in revision.activities if months.holds(a.month)}):
                leaf = revision.leaf(month, zone)
                self._leaves[revision.group_key(month)][leaf] = (stored, month)
                self._activities[leaf] = tuple(a for a in revision.activities if a.month == month)

    def groups(self) -> list[InputGroup]:
        """Source, meter and month to its leaves and sums."""
        return [InputGroup(name, self._totals(leaves), list(leaves)) for name, leaves in self._leaves.items()]

    def rows(self) -> list[InputRow]:
        """The leaves in the order of the tree, as they are stored."""
        return [
            InputRow(group_index, leaf_index, name, stored.record_revision_id, month, leaf)
            for group_index, (name, leaves) in enumerate(sorted(self._leaves.items()))
            for leaf_index, (leaf, (stored, month)) in enumerate(sorted(leaves.items(), key=lambda item: item[0]))
        ]

    def record_counts(self) -> dict[EvidenceClass, int]:
        """How many leaves are known in which way."""
        return weakest_counts(self._activities[leaf] for leaves in self._leaves.values() for leaf in leaves)

    def _totals(self, leaves: Iterable[bytes]) -> dict[str, str]:
        """By activity key, the sum in millionths as text: what the group's node commits to."""
        sums: dict[str, int] = defaultdict(int)
        for leaf in leaves:
            for activity in self._activities[leaf]:
                sums[activity.key.key_id] += activity.quantity_micro
        return {key_id: str(sums[key_id]) for key_id in sorted(sums)}


@dataclass(frozen=True, slots=True)
class Closing:
    """A period that is being closed.

    Attributes:
        period: Which.
        revision: Number of the statement to make.
        reason: Why it is restated; empty the first time.
        gwp_set: Set that single gases are weighted with.
    """

    period: PeriodRow
    revision: int
    reason: str
    gwp_set: GwpSet


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing made.

    Attributes:
        statement: Lines and totals.
        manifest: Everything that it was computed from, by hash.
        inputs: The leaves.
        statement_key: 32 bytes, from which all salts follow.
    """

    statement: Statement
    manifest: Manifest
    inputs: PeriodInputs
    statement_key: bytes


def make_closed(
    closing: Closing, totals: Sequence[ActivityTotal], inputs: PeriodInputs, *, factor_set: FactorSet, statement_key: bytes
) -> Closed:
    """Steps (3) to (7) of closing a period.

    Args:
        closing: Which period, and why.
        totals: All activity of it by month and key, with what hourly factors say.
        inputs: The records that the totals are the sums of.
        factor_set: The published factors.
        statement_key: 32 random bytes.

    Returns:
        The statement with its manifest.

    Raises:
        LineOverflowError: A line is 2^63 or more.
    """
    months, gwp_set = closing.period.months, closing.gwp_set
    # (3) Choose a published factor for every key, and (4) multiply once.
    lines, unscored = make_lines(totals, lambda key, basis: resolve(key, factor_set, basis, gwp_set=gwp_set))
    # (5) Add up: gross, retired, net.
    retired, not_retired = retired_units(totals)
    statement = make_statement(
        period=months,
        revision=closing.revision,
        lines=lines,
        unscored=(*unscored, *not_retired),
        factor_set=factor_set.id,
        retired_g_co2e=sum(units.amount_g_co2e for units in retired),
        method=method_name(gwp_set),
    )
    # (6) Name the inputs: every record revision a salted leaf; and (7) write the manifest over their trees.
    manifest = replace(_manifest(closing, statement, inputs, statement_key), retired_units=retired)
    return Closed(statement, manifest, inputs, statement_key)


def resolution_rows(totals: Iterable[ActivityTotal], factor_set: FactorSet, gwp_set: GwpSet) -> tuple[ResolutionRow, ...]:
    """Why each factor was chosen: a later factor set may choose another one, and the statement still says why.

    Args:
        totals: Activity by month and key.
        factor_set: The published factors.
        gwp_set: Set that single gases are weighted with.

    Returns:
        One for each key and basis.
    """
    rows = {}
    for key in {total.key.key_id: total.key for total in totals}.values():
        for basis in Basis:
            found = resolve(key, factor_set, basis, gwp_set=gwp_set)
            factor_id = found.chosen.factor.factor_id if found.chosen else None
            row = ResolutionRow(key.key_id, str(basis), factor_id, found.steps, found.flags)
            rows[row.key_id, row.basis] = row
    return tuple(rows.values())


def _manifest(closing: Closing, statement: Statement, inputs: PeriodInputs, statement_key: bytes) -> Manifest:
    line_leaves = [line.canonical_bytes for line in statement.lines] + [u.canonical_bytes for u in statement.unscored]
    trees = build_trees(inputs.groups(), line_leaves, sorted(inputs.originals), statement_key)
    shares = evidence_ppm(statement.lines)
    return Manifest(
        subject_hex=closing.period.subject_commitment.hex(),
        period=statement.period,
        revision=statement.revision,
        reason=closing.reason,
        inputs=trees.inputs,
        originals=trees.originals,
        lines=trees.lines,
        evidence_ppm=shares,
        coverage_ppm=coverage_ppm(inputs.meters, statement.period),
        factor_set=statement.factor_set,
        method=statement.method,
        parsers=dict(sorted(inputs.parsers.items())),
        totals=statement.totals,
        is_self_declared=is_self_declared(shares, inputs.record_counts()),
    )

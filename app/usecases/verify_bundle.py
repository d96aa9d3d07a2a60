"""Walking a statement back from its bundle: token, quorum, manifest, lines, inputs, originals.

Nothing is believed that can be recomputed. Each step stands for itself, so that a changed byte names the step that it breaks.
A step that lacks what it needs (no chain, no shown inputs) says *not checked*; it never passes silently. Numbers that agree with
each other are not enough: anybody can make such a bundle. It *holds* where auditors that the verifier believes have signed it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, partial
from hashlib import sha256

from app.usecases.audit_statement import is_self_declared, record_counts
from domain.activity import Activity, ActivityKey, EvidenceClass, find_kind
from domain.bundle import Bundle, BundleGroup, Signed, bundle_from_bytes, checksum_of_bytes
from domain.canonical import from_canonical
from domain.coverage import coverage_ppm
from domain.errors import ClimateFitnessError, ProofError
from domain.factor import Basis, CompiledFactor, EmissionFactor, LifeCycleScope, Part, factor_from_json
from domain.hourly import HOURLY
from domain.issuance import IssuanceKind
from domain.kinds import scope_and_category
from domain.manifest import Manifest
from domain.merkle import leaf_hash, verify_inclusion
from domain.number import grams_of_micrograms
from domain.period import Month
from domain.record import RecordLeaf, record_leaf_from_canonical
from domain.statement import ActivityTotal, Line, line_from_json
from ledger.inputs import InputGroup
from ledger.issuance import envelope_digest, leaf_of, token_id, verify_batch_proof
from ledger.signing import check_quorum, recover_signer
from ledger.trees import INPUTS, LINES, ORIGINALS, flat_tree_id, inputs_tree_id, original_leaf
from scoring.arithmetic import line_emissions
from scoring.certificates import CERTIFICATE_KIND, certificate_lines
from scoring.factors.compile import compile_factor
from scoring.factors.factor_set import FactorSet
from scoring.hourly import holds_hours_of, mean_of_line
from scoring.lines import make_lines
from scoring.net import evidence_ppm, gwp_set_of, make_totals, method_name
from scoring.resolve import resolve
from scoring.retirements import CREDIT_KIND, retired_units


class StepState(StrEnum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


class Verdict(StrEnum):
    """What a verification comes to."""

    HOLDS = "holds"
    """Nothing failed, and a quorum of auditors that the verifier believes has signed."""

    CONSISTENT = "consistent"
    """Nothing failed, but nobody that the verifier knows has signed: anybody could have made it."""

    BROKEN = "broken"
    """A step failed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a verification.

    Attributes:
        name: Stable name: "bundle", "manifest", "issuance", "batch", "signatures", "lines", "factors", "choice", "arithmetic",
            "totals", "evidence", "inputs", "quantities", "originals", "chain".
        state: How it ended.
        detail: What was found, in plain words.
    """

    name: str
    state: StepState
    detail: str


@dataclass(frozen=True, slots=True)
class TrustedAuditors:
    """Whom the verifier believes.

    Attributes:
        source: Where the list comes from, for people: "the chain", "auditors.json".
        regions_by_address: Bitmap of regions by 0x address.
        quorum: How many must have signed.
    """

    source: str
    regions_by_address: Mapping[str, int]
    quorum: int


@dataclass(frozen=True, slots=True)
class OnChain:
    """What a chain says about a bundle's batch and token.

    Attributes:
        label: Which chain, in plain words.
        chain_id: Its id.
        contract: 0x address of the contract that was asked.
        is_anchored: Whether the batch's root is in the contract.
        token_root: Root that the token names, or None where there is no token.
        is_final: Whether the block can no longer change.
        ended: Why the token, or the whole batch, no longer stands: `SUPERSEDED`, `REVOKED`; empty while it does.
    """

    label: str
    chain_id: int
    contract: str
    is_anchored: bool
    token_root: bytes | None
    is_final: bool
    ended: str = ""


_MAX_MIXED_COUNT = 1_000
"""Lines of more than one evidence class in a statement: weighing takes the square of their number."""

_MAX_METER_MONTH_COUNT = 200_000
"""Meters times months in a statement."""

SUPERSEDED, REVOKED = "superseded", "revoked"
"""Why a token no longer stands on a chain."""

VOUCHING = frozenset({"signatures", "statement"})
"""Steps of which one must hold: auditors that the verifier believes, or, of a disclosure, a statement that it knows."""

ChainLookup = Callable[[bytes, int], OnChain]
"""Takes a batch root and a token id, asks a chain."""


TrustOf = Callable[[Signed], TrustedAuditors | None]
"""Takes what was signed, gives whom the verifier believes about it: asked once the bundle is read."""


class NotChecked(Exception):  # noqa: N818  # no error: a step that cannot be taken
    """A step lacks what it needs."""


@dataclass(frozen=True)
class _Walk:
    """A bundle on its way back, with what the verifier brings along."""

    bundle: Bundle
    factor_set: FactorSet
    trusted: TrustedAuditors | None
    chain: ChainLookup | None

    @cached_property
    def manifest(self) -> Manifest:
        return self.bundle.read_manifest()

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        if LINES not in self.bundle.keys:
            if self.manifest.lines.leaf_count == 0:
                return ()
            raise NotChecked("the lines are not shown in this bundle")
        return tuple(
            line_from_json(from_canonical(text.encode(), record=f"line {i}"), record=f"line {i}")
            for i, text in enumerate(self.bundle.lines, 1)
        )

    @cached_property
    def records_by_group(self) -> list[tuple[BundleGroup, list[RecordLeaf]]]:
        if INPUTS not in self.bundle.keys:
            raise NotChecked("the inputs are not shown in this bundle")
        return [
            (group, [record_leaf_from_canonical(leaf.encode(), record=f"input of {group.group_key}") for leaf in group.leaves])
            for group in self.bundle.groups
        ]

    @cached_property
    def records(self) -> list[RecordLeaf]:
        return [record for _, records in self.records_by_group for record in records]

    @cached_property
    def activities(self) -> list[Activity]:
        return [activity for record in self.records for activity in record.activities]

    @cached_property
    def key_ids(self) -> dict[ActivityKey, str]:
        """Id of each activity key of the inputs: hashed once, not once an activity."""
        return {key: key.key_id for key in {activity.key for activity in self.activities}}

    @cached_property
    def rows(self) -> dict[str, EmissionFactor]:
        rows = [factor_from_json(from_canonical(f.row.encode(), record="factor")) for f in self.bundle.factors]
        return {row.factor_id: row for row in rows}


def verify_bundle(
    data: bytes, *, factor_set: FactorSet, trusted: TrustedAuditors | TrustOf | None = None, chain: ChainLookup | None = None
) -> tuple[Step, ...]:
    """Every step from the token to the inputs.

    Args:
        data: The bundle's bytes.
        factor_set: The verifier's own factor set.
        trusted: Whom the verifier believes, or who says it; None where it has no list.
        chain: How to ask a chain; None without one.

    Returns:
        The steps in order; `verdict` says what they come to.
    """
    try:
        bundle = _read(data)
    except ClimateFitnessError as error:
        return (
            Step("bundle", StepState.FAILED, error.sentence()),
            *(Step(name, StepState.NOT_CHECKED, "the bundle cannot be read") for name, _ in _STEPS),
        )
    believed = trusted(bundle) if callable(trusted) else trusted
    walk = _Walk(bundle, factor_set, believed, chain)
    checksum = "canonical, its checksum fits"
    return (Step("bundle", StepState.OK, checksum), *(taken(name, partial(check, walk)) for name, check in _STEPS))


def verdict(steps: Sequence[Step]) -> Verdict:
    """What the steps come to: broken where one failed, and no more than consistent where nobody the verifier believes vouches."""
    if first_failure(steps) is not None:
        return Verdict.BROKEN
    is_vouched = any(step.name in VOUCHING and step.state is StepState.OK for step in steps)
    return Verdict.HOLDS if is_vouched else Verdict.CONSISTENT


def holds(steps: Sequence[Step]) -> bool:
    """Whether no step failed and auditors that the verifier believes have signed."""
    return verdict(steps) is Verdict.HOLDS


def signers_of(signed: Signed) -> tuple[str, ...]:
    """Checksummed addresses of those whose signatures are there, believed or not.

    Args:
        signed: A bundle, or the signed part of a disclosure.

    Returns:
        One for each signature, in their order.

    Raises:
        LedgerError: A signature is none, or the envelope does not fit the contract's types.
        ProofError: A signature is not hexadecimal.
    """
    digest = envelope_digest(signed.envelope, chain_id=signed.chain.chain_id, contract=signed.chain.contract)
    return tuple(recover_signer(digest, from_hex(text, "signature")) for text in signed.signatures)


def first_failure(steps: Sequence[Step]) -> Step | None:
    """The first step that failed, or None."""
    return next((step for step in steps if step.state is StepState.FAILED), None)


def _read(data: bytes) -> Bundle:
    bundle = bundle_from_bytes(data)
    check_same("checksum", checksum_of_bytes(data, bundle), bundle.checksum_hex)
    return bundle


def taken(name: str, check: Callable[[], str]) -> Step:
    """How a step ended.

    Args:
        name: Its name.
        check: Says what was found; raises where it does not hold, or cannot be taken.

    Returns:
        The step.
    """
    try:
        return Step(name, StepState.OK, check())
    except NotChecked as reason:
        return Step(name, StepState.NOT_CHECKED, str(reason))
    except ClimateFitnessError as error:
        return Step(name, StepState.FAILED, error.sentence())


def check_same(what: str, expected: object, got: object) -> None:
    """Nothing, where both are equal.

    Args:
        what: What they are.
        expected: What was computed here, or what it must be.
        got: What the file says.

    Raises:
        ProofError: They are not.
    """
    if expected != got:
        raise ProofError(f"The {what} differs", expected=str(expected), got=str(got))


# (1) The manifest is canonical and of a format that we know.
def _manifest(walk: _Walk) -> str:
    manifest = walk.manifest
    return f"period {manifest.period}, revision {manifest.revision}, SHA-256 {manifest.manifest_hash.hex()[:16]}…"


# (2) The issuance says what the manifest says.
def _issuance(walk: _Walk) -> str:
    manifest, issuance = walk.manifest, walk.bundle.issuance
    totals = manifest.totals
    check_same("manifest hash", manifest.manifest_hash.hex(), issuance.manifest_hash.hex())
    check_same("inputs root", manifest.inputs.root_hex, issuance.inputs_root.hex())
    check_same("subject", manifest.subject_hex, issuance.subject.hex())
    check_same("first month", manifest.period.first.ym, issuance.from_month_ym)
    check_same("end month", manifest.period.end.ym, issuance.to_month_ym)
    check_same("revision", manifest.revision, issuance.revision)
    check_same("method", sha256(manifest.method.encode()).hexdigest(), issuance.method_hash.hex())
    check_same("gross (location)", grams_of_micrograms(totals.gross_location_ug_co2e), issuance.gross_location_g_co2e)
    check_same("gross (market)", grams_of_micrograms(totals.gross_market_ug_co2e), issuance.gross_market_g_co2e)
    check_same("retired", totals.retired_g_co2e, issuance.retired_g_co2e)
    check_same("net", totals.net_g_co2e, issuance.net_g_co2e)
    kind = IssuanceKind.SELF_DECLARED_EMISSIONS if manifest.is_self_declared else IssuanceKind.AUDITED_EMISSIONS
    check_same("kind", kind.name, issuance.kind.name)
    check_same("token id", f"{token_id(issuance):064x}", walk.bundle.chain.token_id_hex)
    return f"net {issuance.net_g_co2e} g CO2e, {issuance.kind.name.lower().replace('_', ' ')}"


# (3) The issuance is in the batch that was signed.
def _batch(walk: _Walk) -> str:
    return check_batch(walk.bundle)


def check_batch(signed: Signed) -> str:
    """What is to be said of an issuance that is in the batch that was signed.

    Args:
        signed: A bundle, or the signed part of a disclosure.

    Returns:
        The root and the count.

    Raises:
        ProofError: It is not, or the envelope is of another region or method.
        LedgerError: A field of the issuance does not fit the contract's types.
    """
    envelope, issuance = signed.envelope, signed.issuance
    proof = [from_hex(node, "batch proof") for node in signed.batch_proof]
    is_sized = all(len(node) == 32 for node in proof)  # noqa: PLR2004  # SHA-256 and Keccak-256
    if not is_sized or not verify_batch_proof(leaf_of(issuance), proof, envelope.root):
        raise ProofError("The issuance is not in this batch", expected=envelope.root.hex(), got=leaf_of(issuance).hex())
    check_same("region", envelope.region, issuance.region)
    check_same("method of the batch", envelope.method_hash.hex(), issuance.method_hash.hex())
    return f"leaf in the root {envelope.root.hex()[:16]}… of {envelope.count}"


# (4) A quorum of auditors signed the batch.
def _signatures(walk: _Walk) -> str:
    return check_signatures(walk.bundle, walk.trusted)


def check_signatures(signed: Signed, trusted: TrustedAuditors | None) -> str:
    """What is to be said of a batch that a quorum of auditors signed.

    Args:
        signed: A bundle, or the signed part of a disclosure.
        trusted: Whom the verifier believes; None where it has no list.

    Returns:
        Who signed.

    Raises:
        ProofError: Nobody signed, or somebody whom the file does not name.
        QuorumError: Too few of those whom the verifier believes.
        LedgerError: A signature is none.
        NotChecked: There is no list.
    """
    if not signed.signatures:
        raise ProofError("Nobody has signed this batch", expected="at least one signature", got="none")
    if trusted is None:
        signers = signers_of(signed)
        named = {auditor.address.lower() for auditor in signed.auditors}
        for signer in signers:
            if signer.lower() not in named:
                raise ProofError(
                    "A signature is not of an auditor that the bundle names", expected=", ".join(sorted(named)), got=signer
                )
        raise NotChecked(f"signed by {', '.join(signers)}; whether they are auditors: no list and no chain to ask")
    signers = check_quorum(
        signed.envelope,
        [from_hex(text, "signature") for text in signed.signatures],
        chain_id=signed.chain.chain_id,
        contract=signed.chain.contract,
        auditors=trusted.regions_by_address,
        quorum=trusted.quorum,
    )
    return f"{len(signers)} of at least {trusted.quorum} auditors signed ({trusted.source}): {', '.join(signers)}"


# (5) The lines shown are those of the manifest.
def _lines(walk: _Walk) -> str:
    if LINES not in walk.bundle.keys:
        raise NotChecked("the lines are not shown in this bundle")
    leaves = [line.canonical_bytes for line in walk.lines] + [unscored.canonical_bytes for unscored in walk.bundle.unscored]
    found = flat_tree_id(LINES, leaves, from_hex(walk.bundle.keys[LINES], "key"), walk.manifest.format)
    check_same("lines root", walk.manifest.lines, found)
    return f"{len(walk.lines)} lines, {len(walk.bundle.unscored)} unscored"


# (6) Every factor used is a row of the factor set that the manifest names.
def _factors(walk: _Walk) -> str:
    factor_set = walk.manifest.factor_set
    used, rows = {line.factor_id for line in walk.lines}, walk.rows
    for proof in walk.bundle.factors:
        path = tuple(from_hex(node, "factor proof") for node in proof.path)
        is_in = verify_inclusion(
            leaf_hash(proof.row.encode()), proof.index, factor_set.size, path, bytes.fromhex(factor_set.root_hex)
        )
        if not is_in:
            raise ProofError("A factor is not in the factor set", expected=factor_set.root_hex, got=proof.row[:80])
    missing = used - set(rows)
    if missing:
        raise ProofError("A factor is not shown", expected=f"proofs of {len(used)} factors", got=f"none of {sorted(missing)}")
    if len(walk.bundle.factors) != len(used):
        raise ProofError(
            "A factor is shown that no line uses", expected=f"{len(used)} factors, each once", got=f"{len(walk.bundle.factors)}"
        )
    publishers = sorted({f"{row.publisher} {row.edition}" for row in rows.values()})
    return f"{len(rows)} factors in the set of {factor_set.size} rows: {'; '.join(publishers) or 'none needed'}"


# (7) They are the factors that the method chooses.
def _choice(walk: _Walk) -> str:
    if walk.manifest.factor_set != walk.factor_set.id:
        raise NotChecked("this program holds another factor set than the statement used")
    if method_name(gwp_set_of(walk.manifest.method)) != walk.manifest.method:
        raise NotChecked(f"this program does not know the method {walk.manifest.method}")
    gwp_set = gwp_set_of(walk.manifest.method)
    lines = [line for line in walk.lines if line.part is not Part.CERTIFICATE]
    totals = [replace(_total_of(of_key[0]), hourly=mean_of_line(of_key, walk.factor_set)) for of_key in _by_key(lines)]
    again, unscored = make_lines(
        totals,
        lambda key, basis: resolve(key, walk.factor_set, basis, gwp_set=gwp_set),
    )
    expected = {_identity(line): (line.factor_id, line.scale, line.flags) for line in again}
    for line in lines:
        check_same(
            f"factor of {line.key.kind} in {line.month}",
            expected.get(_identity(line)),
            (line.factor_id, line.scale, line.flags),
        )
    if unscored or len(again) != len(lines):
        raise ProofError("The method gives other lines", expected=f"{len(again)} lines", got=f"{len(lines)} lines")
    _check_certificates(walk.lines)
    for total in walk.bundle.unscored:
        if total.key.kind in {CERTIFICATE_KIND, CREDIT_KIND}:
            continue  # it has no factor to find: something is said of why it takes nothing away
        if resolve(total.key, walk.factor_set, Basis.LOCATION, gwp_set=gwp_set).chosen is not None:
            raise ProofError(
                "An unscored activity has a factor", expected="no factor", got=total.key.kind, record=str(total.month)
            )
    chosen = f"the method {walk.manifest.method} chooses the same {len({line.factor_id for line in walk.lines})} factors"
    return "; not checked: ".join([chosen, *_unchecked_hours(lines, walk.factor_set)])


def _unchecked_hours(lines: Sequence[Line], factor_set: FactorSet) -> list[str]:
    """What of lines by the hour follows from the readings in the originals alone."""
    uses = [line for line in lines if line.part is Part.USE and line.basis is Basis.LOCATION]
    by_hour_count = sum(HOURLY in line.flags for line in uses)
    without_count = sum(HOURLY not in line.flags and holds_hours_of(line.key, line.month, factor_set) for line in uses)
    found = []
    if by_hour_count:
        found.append(
            f"the hourly means, {by_hour_count} in all, which follow from the readings in the originals (each lies between the "
            "hourly factors of its month)"
        )
    if without_count:
        found.append(f"what has no hourly mean, {without_count} in all, which follows from the readings alike")
    return found


def _identity(line: Line) -> tuple[Month, str, Part, Basis]:
    return line.month, line.key.key_id, line.part, line.basis


def _check_certificates(lines: Sequence[Line]) -> None:
    """Every certificate takes away from a market-based line of the same factor, and no more than there is.

    Raises:
        ProofError: One does not.
    """
    used = {_identity(line): line for line in lines}
    for line in lines:
        if line.part is not Part.CERTIFICATE:
            continue
        covered = used.get((line.month, line.key.key_id, Part.USE, Basis.MARKET))
        fits = (
            covered is not None
            and line.basis is Basis.MARKET
            and (covered.factor_id, covered.scale) == (line.factor_id, line.scale)
            and "supplier_factor" not in covered.flags
            and -covered.quantity_micro <= line.quantity_micro < 0
        )
        if not fits:
            raise ProofError(
                "A certificate takes away what is not there",
                expected="a market-based line of the same factor with at least this quantity",
                got=str(line.quantity_micro),
                record=f"{line.key.kind}, {line.month}",
            )


# (8) Quantity x factor gives the emissions of every line, by gas.
def _arithmetic(walk: _Walk) -> str:
    gwp_set = gwp_set_of(walk.manifest.method)
    for line in walk.lines:
        row = walk.rows.get(line.factor_id)
        if row is None:
            raise ProofError("A line's factor is not shown", expected=line.factor_id, got="none", record=str(line.month))
        if line.scale == 1 and row.life_cycle_scope is not LifeCycleScope.AS_REPORTED:  # of that, 1 may be kg CO2e per kWh
            check_same("unit of the factor", line.key.unit, row.unit)
        compiled = compile_factor(row, gwp_set, walk.factor_set.gwps, scale=line.scale)
        check_same(f"GWP set of {line.month}", compiled.gwp_set, line.gwp_set)
        check_same(
            f"line {line.month} {line.key.kind} {line.basis}",
            line_emissions(line.quantity_micro, compiled),
            line.emissions,
        )
        kind = find_kind(line.key.kind)
        check_same("avoided", kind.is_avoided, line.is_avoided)
        if line.part in {Part.USE, Part.CERTIFICATE}:
            check_same("scope", scope_and_category(kind, dict(line.key.attributes)), (line.scope, line.category))
    return f"{len(walk.lines)} multiplications redone, equal to the microgram"


# (9) The lines add up to the totals.
def _totals(walk: _Walk) -> str:
    retired_g_co2e = sum(units.amount_g_co2e for units in walk.manifest.retired_units)
    again = make_totals(walk.lines, retired_g_co2e=retired_g_co2e, unscored_count=len(walk.bundle.unscored))
    check_same("totals", again, walk.manifest.totals)
    return f"gross {again.gross_location_ug_co2e} ug CO2e (location), net {again.net_ug_co2e} ug CO2e"


# (10) The evidence is what the lines and, where they are shown, the inputs say.
def _evidence(walk: _Walk) -> str:
    manifest = walk.manifest
    shares = _shares_ppm(walk.lines)
    check_same("evidence shares", shares, dict(manifest.evidence_ppm))
    said = ["shares"]
    if INPUTS in walk.bundle.keys:
        check_same("parsers", _parsers(walk.records), dict(manifest.parsers))
        most_ppm = _check_coverage(walk.records, manifest)
        said += ["parsers", f"at most {most_ppm} ppm of the hours"]
    if not shares and INPUTS not in walk.bundle.keys:
        raise NotChecked("nothing is emitted, and the inputs, whose evidence would count, are not shown")
    counts = {} if shares else record_counts(leaf.encode() for group in walk.bundle.groups for leaf in group.leaves)
    check_same("self-declared", is_self_declared(shares, counts), manifest.is_self_declared)
    word = "self-declared" if manifest.is_self_declared else "audited"
    return f"{', '.join(said)} recomputed: {word}"


# (11) The inputs shown are those that the inputs root commits to.
def _inputs(walk: _Walk) -> str:
    if INPUTS not in walk.bundle.keys:
        raise NotChecked("the inputs are not shown in this bundle")
    groups = []
    for group, records in walk.records_by_group:
        for record in records:
            check_same(f"group of a record of {group.group_key}", group.group_key, record.group_key)
        groups.append(InputGroup(group.group_key, _group_totals(walk, records), [leaf.encode() for leaf in group.leaves]))
    found = inputs_tree_id(groups, from_hex(walk.bundle.keys[INPUTS], "key"), walk.manifest.format)
    check_same("inputs root", walk.manifest.inputs, found)
    return f"{found.leaf_count} records in {len(groups)} groups"


# (12) The quantities of the lines are the sums of the inputs.
def _quantities(walk: _Walk) -> str:
    from_inputs: dict[tuple[Month, str, EvidenceClass], int] = defaultdict(int)
    for activity in walk.activities:
        from_inputs[activity.month, walk.key_ids[activity.key], activity.evidence] += activity.quantity_micro
    from_lines: dict[tuple[Month, str, EvidenceClass], int] = {}
    scored_lines = [line for line in walk.lines if line.part is not Part.CERTIFICATE]
    for line in _one_per_key(scored_lines):
        check_same("quantity by evidence", line.quantity_micro, sum(line.by_evidence_micro.values()))
        from_lines |= {(line.month, line.key.key_id, c): q for c, q in line.by_evidence_micro.items()}
    scored = {(line.month, line.key.key_id) for line in scored_lines}
    whole: dict[tuple[Month, str], int] = defaultdict(int)  # summed once: asking anew for each total would be quadratic
    for (month, key_id, _), part_micro in from_inputs.items():
        whole[month, key_id] += part_micro
    certificates, credits_keys = _keys_of(walk, CERTIFICATE_KIND), _keys_of(walk, CREDIT_KIND)
    for total in walk.bundle.unscored:
        if total.key.kind in {CERTIFICATE_KIND, CREDIT_KIND}:
            continue
        found = whole.get((total.month, total.key.key_id), 0)
        check_same(f"unscored quantity of {total.key.kind}", found, total.quantity_micro)
    known = {(total.month, total.key.key_id) for total in walk.bundle.unscored} | scored
    for month, key_id, _ in from_inputs:
        if (month, key_id) not in known and key_id not in certificates | credits_keys:
            raise ProofError(
                "An input is in no line", expected="every input in a line or unscored", got=key_id, record=str(month)
            )
    check_same("sums of the inputs", {k: v for k, v in from_inputs.items() if k[:2] in scored}, from_lines)
    _check_retired(walk)
    _check_certificate_lines(walk)
    return f"{len(from_lines)} sums redone from {len(walk.records)} records"


# (13) The originals named by the inputs are those of the manifest.
def _originals(walk: _Walk) -> str:
    if ORIGINALS not in walk.bundle.keys:
        raise NotChecked("the originals are not shown in this bundle")
    leaves = [original_leaf(digest) for digest in walk.bundle.originals]
    found = flat_tree_id(ORIGINALS, leaves, from_hex(walk.bundle.keys[ORIGINALS], "key"), walk.manifest.format)
    check_same("originals root", walk.manifest.originals, found)
    named = {digest for record in walk.records for digest in record.document_sha256s}
    check_same("originals named by the inputs", sorted(named), sorted(walk.bundle.originals))
    return f"{found.leaf_count} originals named by their SHA-256"


# (14) The chain holds the batch, and the token where one was issued.
def _chain(walk: _Walk) -> str:
    return check_on_chain(walk.bundle, walk.chain)


def check_on_chain(signed: Signed, chain: ChainLookup | None) -> str:
    """What is to be said of a batch that the chain holds, and of the token where one was issued.

    Args:
        signed: A bundle, or the signed part of a disclosure.
        chain: How to ask a chain; None without one.

    Returns:
        What was found there.

    Raises:
        ProofError: It is not there.
        NotChecked: There is no chain to ask, or it is another one.
    """
    if chain is None:
        raise NotChecked("not checked: on chain")
    reference, envelope = signed.chain, signed.envelope
    found = chain(envelope.root, int.from_bytes(from_hex(reference.token_id_hex, "token id")))
    if found.ended == REVOKED:
        raise ProofError(
            "The auditors have revoked this statement", expected="a statement that stands", got=REVOKED, record=found.label
        )
    if (found.chain_id, found.contract.lower()) != (reference.chain_id, reference.contract.lower()):
        if not found.is_anchored and found.token_root != envelope.root:
            raise NotChecked(f"the chain at hand is {found.chain_id}, the statement is on {reference.chain_id}")
        what = "root" if found.is_anchored else "token"
        after = "" if found.is_final else "; not final yet"
        return f"{what} found; {found.label}{after}; the file names chain {reference.chain_id}, its root was anchored here again"
    if reference.action == "issue":
        check_same("root that the token names", envelope.root.hex(), found.token_root.hex() if found.token_root else "no token")
    elif not found.is_anchored:
        raise ProofError("The batch is not on the chain", expected=envelope.root.hex(), got="no such root")
    what = "token" if reference.action == "issue" else "root"
    ended = ", superseded there by a newer revision" if found.ended == SUPERSEDED else ""
    return f"{what} found{ended}; {found.label}{'' if found.is_final else '; not final yet'}"


_STEPS: tuple[tuple[str, Callable[[_Walk], str]], ...] = (
    ("manifest", _manifest),
    ("issuance", _issuance),
    ("batch", _batch),
    ("signatures", _signatures),
    ("lines", _lines),
    ("factors", _factors),
    ("choice", _choice),
    ("arithmetic", _arithmetic),
    ("totals", _totals),
    ("evidence", _evidence),
    ("inputs", _inputs),
    ("quantities", _quantities),
    ("originals", _originals),
    ("chain", _chain),
)


def _group_totals(walk: _Walk, records: Sequence[RecordLeaf]) -> dict[str, str]:
    """Quantity totals of a group by activity key: what its node in the inputs tree commits to."""
    totals: dict[str, int] = defaultdict(int)
    for record in records:
        for activity in record.activities:
            totals[walk.key_ids[activity.key]] += activity.quantity_micro
    return {key_id: str(total) for key_id, total in sorted(totals.items())}


def _shares_ppm(lines: Sequence[Line]) -> dict[EvidenceClass, int]:
    """Share of gross by evidence class.

    Raises:
        ProofError: The lines are none that a method of ours makes, and weighing them would take too long.
    """
    parts = [part for line in lines for part in (*line.by_evidence_micro.values(), line.emissions.total_ug_co2e)]
    mixed_count = sum(len(line.by_evidence_micro) > 1 for line in lines)
    if mixed_count > _MAX_MIXED_COUNT or any(abs(part) >= 2**63 for part in parts):
        raise ProofError(
            "These lines are too many or too large to weigh their evidence",
            expected=f"at most {_MAX_MIXED_COUNT} lines of mixed evidence, amounts below 2^63",
            got=f"{mixed_count} lines of mixed evidence",
        )
    return evidence_ppm(lines)


def _parsers(records: Sequence[RecordLeaf]) -> dict[str, str]:
    """Connector to the version of its parser.

    Raises:
        ProofError: A connector has two.
    """
    found: dict[str, str] = {}
    for record in records:
        name, version = record.connector, record.parser
        check_same(f"parser of {name}", found.setdefault(name, version), version)
    return found


def _check_coverage(records: Sequence[RecordLeaf], manifest: Manifest) -> int:
    """The most coverage that the records can have, in ppm: they say their spans, not the gaps inside.

    Raises:
        ProofError: The manifest claims more.
    """
    most_ppm = _most_coverage_ppm(records, manifest)
    if manifest.coverage_ppm > most_ppm:
        raise ProofError(
            "The inputs cover less of the period than the manifest says",
            expected=f"at most {most_ppm} ppm",
            got=f"{manifest.coverage_ppm} ppm",
        )
    return most_ppm


def _most_coverage_ppm(records: Sequence[RecordLeaf], manifest: Manifest) -> int:
    meters: dict[tuple[str, str], list[Activity]] = defaultdict(list)
    for record in records:
        meters[f"{record.connector}|{record.usage_point}", record.zone] += record.activities
    first, end = manifest.period.first, manifest.period.end
    month_count = (end.year - first.year) * 12 + end.number - first.number
    if month_count * len(meters) > _MAX_METER_MONTH_COUNT:
        raise ProofError(
            "This period is too long to measure its coverage",
            expected=f"at most {_MAX_METER_MONTH_COUNT:,} months of meters",
            got=f"{month_count:,} months of {len(meters):,} meters",
        )
    return coverage_ppm(meters, manifest.period)


def _check_retired(walk: _Walk) -> None:
    """The units that the manifest names are those of the inputs.

    Raises:
        ProofError: They are others.
    """
    found = _totals_of_kind(walk, CREDIT_KIND)
    check_same("retired units", retired_units(found)[0], walk.manifest.retired_units)


def _check_certificate_lines(walk: _Walk) -> None:
    """What the certificates among the inputs take away, and what of them is unused, is what the method says.

    Raises:
        ProofError: It is more, less or elsewhere.
    """
    gwp_set = gwp_set_of(walk.manifest.method)

    def factor_of(line: Line) -> CompiledFactor:
        return compile_factor(walk.rows[line.factor_id], gwp_set, walk.factor_set.gwps, scale=line.scale)

    made = [line for line in walk.lines if line.part is Part.CERTIFICATE]
    others = [line for line in walk.lines if line.part is not Part.CERTIFICATE]
    again, unused = certificate_lines(_totals_of_kind(walk, CERTIFICATE_KIND), others, factor_of)
    check_same("lines of certificates", _by_identity(again), _by_identity(made))
    check_same(
        "certificates unused",
        sorted((total.month, total.key.key_id, total.quantity_micro) for total in unused),
        sorted(
            (total.month, total.key.key_id, total.quantity_micro)
            for total in walk.bundle.unscored
            if total.key.kind == CERTIFICATE_KIND
        ),
    )


def _by_identity(lines: Iterable[Line]) -> dict[tuple[Month, str, Part, Basis], tuple[int, dict[EvidenceClass, int], bool]]:
    return {
        _identity(line): (line.quantity_micro, dict(line.by_evidence_micro), "certificate_without_serial" in line.flags)
        for line in lines
    }


def _totals_of_kind(walk: _Walk, kind: str) -> list[ActivityTotal]:
    """Totals of the inputs of one kind, by month and key."""
    found: dict[tuple[Month, ActivityKey], list[Activity]] = defaultdict(list)
    for activity in walk.activities:
        if activity.key.kind == kind:
            found[activity.month, activity.key].append(activity)
    return [_total_of_activities(month, key, activities) for (month, key), activities in found.items()]


def _total_of_activities(month: Month, key: ActivityKey, activities: Sequence[Activity]) -> ActivityTotal:
    by_evidence_micro: dict[EvidenceClass, int] = defaultdict(int)
    for activity in activities:
        by_evidence_micro[activity.evidence] += activity.quantity_micro
    return ActivityTotal(month, key, sum(by_evidence_micro.values()), by_evidence_micro, len(activities))


def _keys_of(walk: _Walk, kind: str) -> set[str]:
    """Ids of the activity keys of a kind among the inputs."""
    return {key_id for key, key_id in walk.key_ids.items() if key.kind == kind}


def _by_key(lines: Sequence[Line]) -> list[list[Line]]:
    found: dict[tuple[Month, str], list[Line]] = defaultdict(list)
    for line in lines:
        found[line.month, line.key.key_id].append(line)
    return list(found.values())


def _one_per_key(lines: Sequence[Line]) -> list[Line]:
    return list({(line.month, line.key.key_id): line for line in lines}.values())


def _total_of(line: Line) -> ActivityTotal:
    return ActivityTotal(line.month, line.key, line.quantity_micro, line.by_evidence_micro, activity_count=0)


def from_hex(text: str, what: str) -> bytes:
    """The bytes that hexadecimal text says.

    Args:
        text: Hexadecimal digits.
        what: What they are, for the message.

    Returns:
        The bytes.

    Raises:
        ProofError: It is something else.
    """
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ProofError(f"This {what} is not hexadecimal", expected="hexadecimal digits", got=text) from error

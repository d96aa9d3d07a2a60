"""The last step of the way back, for the owner: every original that a statement names, fetched and hashed again."""

from dataclasses import dataclass
from hashlib import sha256

from app.chain import ChainDesk
from app.services import Work
from app.store import documents, statements
from app.store.statements import StatementRow
from app.usecases.keep_original import fetch_original
from app.usecases.verify_bundle import Step, StepState, Verdict, verdict
from app.usecases.verify_disclosure import KnownStatement
from app.usecases.verify_statement import Verifications, verify_statement
from domain.errors import ArchiveError, ConflictError, NotFoundError, SecurityError
from domain.manifest import manifest_from_canonical
from domain.record import record_leaf_from_canonical


@dataclass(frozen=True, slots=True)
class OriginalFound:
    """An original that a statement names.

    Attributes:
        sha256: Of its bytes, 64 hexadecimal digits, as the inputs name it.
        record_count: Records of the statement that were taken from it.
        size_bytes: Its length; 0 where it is not there.
        state: Whether its bytes were fetched and have this hash.
        detail: What was found.
    """

    sha256: str
    record_count: int
    size_bytes: int
    state: StepState
    detail: str


def find_originals(work: Work, statement: StatementRow, *, most_count: int | None = None) -> tuple[OriginalFound, ...]:
    """Every original of a statement, fetched and hashed again.

    Args:
        work: The open transaction and the services; nothing is written.
        statement: Which.
        most_count: After so many the others are named only; None fetches all.

    Returns:
        One for each, those with the most records first.

    Raises:
        NotFoundError: The inputs are erased.
    """
    counts: dict[str, int] = {}
    for row in statements.inputs_of(work.session, statement.tenant_id, statement.id):
        if row.leaf is None:
            raise NotFoundError(
                "The inputs of this statement are erased", expected="a statement whose subject's key exists", got=statement.id
            )
        for digest in record_leaf_from_canonical(row.leaf).document_sha256s:
            counts[digest] = counts.get(digest, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        _found(work, statement, digest, count) if most_count is None or index < most_count else _unasked(digest, count)
        for index, (digest, count) in enumerate(ordered)
    )


def archive_step(found: tuple[OriginalFound, ...]) -> Step:
    """The step of the archive, from what was found of each original.

    Args:
        found: As `find_originals` gives it.

    Returns:
        Failed where one is missing or changed; not checked where one was not asked for; else it holds.
    """
    bad = [one for one in found if one.state is StepState.FAILED]
    if bad:
        return Step("archive", StepState.FAILED, f"{len(bad)} of {len(found)} originals: {bad[0].sha256[:16]}…: {bad[0].detail}")
    left_count = sum(one.state is StepState.NOT_CHECKED for one in found)
    if left_count:
        return Step("archive", StepState.NOT_CHECKED, f"{left_count} of {len(found)} originals were not fetched here")
    size_bytes = sum(one.size_bytes for one in found)
    return Step(
        "archive", StepState.OK, f"{len(found)} originals fetched, {size_bytes:,} bytes, each with the SHA-256 that is named"
    )


def known_statement(work: Work, manifest_hash_hex: str, *, chain: ChainDesk | None, kept: Verifications) -> KnownStatement | None:
    """The statement of this installation with a manifest hash, where it holds.

    Args:
        work: The open transaction and the services; nothing is written.
        manifest_hash_hex: 64 hexadecimal digits.
        chain: The chain at hand; None without one.
        kept: What was found lately.

    Returns:
        The statement; None where there is none, it was not signed, is erased or does not hold.
    """
    row = statements.of_manifest_hash(work.session, manifest_hash_hex)
    if row is None:
        return None
    try:
        steps = verify_statement(work, row, chain=chain, kept=kept)
    except (ConflictError, NotFoundError):
        return None
    if verdict(steps) is not Verdict.HOLDS:
        return None
    return KnownStatement("a statement that holds here", manifest_from_canonical(row.manifest).inputs.root_hex)


def _found(work: Work, statement: StatementRow, digest: str, record_count: int) -> OriginalFound:
    try:
        row = documents.by_sha256(work.session, statement.tenant_id, statement.subject_id, digest)
        body = fetch_original(work, row)
    except (ArchiveError, NotFoundError, SecurityError) as error:
        return OriginalFound(digest, record_count, 0, StepState.FAILED, error.sentence())
    if sha256(body).hexdigest() != digest:  # fetch_original compared it with the row; this is what the inputs name
        return OriginalFound(digest, record_count, len(body), StepState.FAILED, f"its bytes have {sha256(body).hexdigest()}")
    return OriginalFound(digest, record_count, len(body), StepState.OK, f"{len(body):,} bytes, the hash is the same")


def _unasked(digest: str, record_count: int) -> OriginalFound:
    return OriginalFound(digest, record_count, 0, StepState.NOT_CHECKED, "not fetched here")

"""`verify` and `export`: a statement leaves the installation, and is walked back from its bundle."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from app.assemble import open_desk, open_services
from app.chain import ChainDesk
from app.chain_node import http_node
from app.cli.installation import embedded_chain_path, find_statement, installation, settings_of
from app.cli.terminal import STANDARD_INPUT, ExitCode, print_json, read_file, say, tell, write_file
from app.clock import SystemClock, SystemRandomness
from app.factor_packs import installed_factor_set
from app.services import Work
from app.settings import Settings
from app.store.session import reading
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.find_factor_set import factor_set_of_bundle
from app.usecases.find_successor import UNKNOWN, Standing, Successor, successor_of_bundle
from app.usecases.look_at_chain import known_by, lookup_of, signers_known_to, trusted_by
from app.usecases.verify_bundle import (
    NotChecked,
    Step,
    StepState,
    TrustedAuditors,
    Verdict,
    first_failure,
    taken,
    verdict,
    verify_bundle,
)
from app.usecases.verify_disclosure import Brought, KnownStatement, check_originals, verify_disclosure
from app.usecases.verify_statement import Verifications
from app.usecases.walk_back import archive_step, find_originals, known_statement
from domain.bundle import bundle_from_bytes
from domain.disclosure import is_disclosure
from domain.errors import ChainError, InputError
from domain.issuance import REGIONS
from domain.schema import schema_bytes
from ledger.chain import ChainClient
from ledger.signing import RelayerKey

FOREIGN_TIMEOUT_S = 20.0
"""How long somebody else's chain may take for an answer, seconds."""

MARKS: Mapping[StepState, tuple[str, str]] = {
    StepState.OK: ("✓", "ok"),
    StepState.FAILED: ("✗", "FAILED"),
    StepState.NOT_CHECKED: ("–", "not checked"),
}
"""Sign and word of each end of a step."""

_ROOT = re.compile("[0-9a-f]{64}")

_STANDINGS: Mapping[Standing, str] = {
    Standing.NEWEST: "No newer revision is known to this installation.",
    Standing.SUPERSEDED: "Superseded by revision {revision}: {reason}",
    Standing.REVOKED: "Revoked by its auditors: nobody should rely on it.",
    Standing.NOT_CHECKED: "Not checked: whether a newer revision has replaced it.",
}


def run_verify(
    bundle_name: str,
    *,
    auditors_path: Path | None,
    chain_url: str,
    contract: str,
    is_json: bool,
    data_folder: Path | None,
    inputs_root: str = "",
    original_paths: Sequence[Path] = (),
) -> int:
    """Walk a bundle back, or a statement of the installation down to its originals; check a disclosure.

    Args:
        bundle_name: Its file, "-", or a token of the installation.
        auditors_path: List of the auditors that the verifier believes, or None.
        chain_url: JSON-RPC address of the chain to ask; the installation's own chain where empty.
        contract: 0x address of the contract that the verifier believes, with `chain_url`.
        is_json: Answer for programs.
        inputs_root: Inputs root of the statement that a disclosure is said to be of, 64 hexadecimal digits; empty for none.
        original_paths: Documents that are said to be originals.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 0 where it holds, 1 where a step failed, 3 where it is consistent but nobody known has signed.
    """
    data, archive = _bundle_bytes(bundle_name, data_folder)
    listed = trusted_from_json(read_file(str(auditors_path)), str(auditors_path)) if auditors_path else None
    originals = tuple((str(path), read_file(str(path))) for path in original_paths)
    folder = settings_of(data_folder).data_folder
    with _chain_at_hand(chain_url, contract, data_folder) as desk:
        lookup = lookup_of(desk) if desk else None
        if is_disclosure(data):
            known = _known(data, inputs_root, desk, data_folder)
            trusted = listed or (trusted_by(data, desk) if desk else None)
            steps = verify_disclosure(data, Brought(trusted, lookup, known, originals))
        else:
            factor_set = factor_set_of_bundle(data, installed=installed_factor_set(folder), data_folder=folder)
            trust = listed or (partial(signers_known_to, desk) if desk else None)
            steps = verify_bundle(data, factor_set=factor_set, trusted=trust, chain=lookup)
            steps += (*archive, *_original_steps(data, originals))
    found, successor = verdict(steps), _successor(data, data_folder)
    if is_json:
        failed = first_failure(steps)
        print_json(
            {
                "verdict": str(found),
                "holds": found is Verdict.HOLDS,
                "first_failure": failed.name if failed else None,
                "standing": str(successor.standing),
                "superseded_by_revision": successor.revision if successor.standing is Standing.SUPERSEDED else None,
                "superseded_reason": successor.reason if successor.standing is Standing.SUPERSEDED else "",
                "steps": [{"name": one.name, "state": str(one.state), "detail": one.detail} for one in steps],
            }
        )
    else:
        _show(steps, found, successor)
    return {Verdict.HOLDS: ExitCode.DONE, Verdict.BROKEN: ExitCode.PARTLY, Verdict.CONSISTENT: ExitCode.UNSIGNED}[found]


def run_export(statement_text: str, *, output: str, extent: str, data_folder: Path | None) -> None:
    """Write the bundle of a statement.

    Args:
        statement_text: Which statement.
        output: Its file, "-", or empty for a name after the manifest's hash.
        extent: "totals", "lines" or "everything".
        data_folder: Folder of the installation; the setting where left out.

    Raises:
        NotFoundError: There is no such statement.
        ConflictError: It was not signed yet.
    """
    with installation(data_folder) as services, reading(services.engine) as session:
        statement = find_statement(session, statement_text)
        data = export_bundle(Work(session, services), statement, Shown[extent.upper()]).to_bytes()
    if output == STANDARD_INPUT:
        sys.stdout.buffer.write(data)
        return
    path = Path(output or f"statement-{statement.manifest_hash_hex[:12]}.json")
    write_file(path, data)
    say(f"{path}: {len(data)} bytes. Anybody can verify it: climate-fitness verify {path}")


def run_export_schema(name: str, *, output: str) -> None:
    """Write a JSON Schema.

    Args:
        name: One of `SCHEMA_NAMES`.
        output: Its file, or "-".
    """
    data = schema_bytes(name)
    if output == STANDARD_INPUT:
        sys.stdout.buffer.write(data)
        return
    write_file(Path(output), data)
    say(f"{output}: {len(data)} bytes")


def trusted_from_json(data: bytes, record: str) -> TrustedAuditors:
    """The auditors of a file: `{"quorum": 1, "auditors": [{"address": "0x…", "regions": ["US"]}]}`.

    Args:
        data: JSON.
        record: The file's name, for people and messages.

    Returns:
        Whom the verifier believes.

    Raises:
        InputError: It is something else.
    """
    try:
        value = json.loads(data)
        regions_by_address = {
            str(one["address"]): sum(1 << REGIONS.index(region) for region in set(one["regions"])) for one in value["auditors"]
        }
        quorum = range(1, 256).index(value["quorum"]) + 1
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            "This list of auditors cannot be read",
            expected='{"quorum": 1, "auditors": [{"address": "0x...", "regions": ["US"]}]}',
            got=f"{type(error).__name__}: {error}",
            record=record,
            next_step=f"Regions are {', '.join(REGIONS)}; the quorum is 1 or more.",
        ) from error
    return TrustedAuditors(record, regions_by_address, quorum)


def _original_steps(data: bytes, originals: tuple[tuple[str, bytes], ...]) -> tuple[Step, ...]:
    """The step of the documents that somebody brought along; none where there are none, or the bundle cannot be read."""
    if not originals:
        return ()

    def check() -> str:
        named = bundle_from_bytes(data).originals
        if not named:
            raise NotChecked("the originals are not shown in this bundle")
        return check_originals(originals, named)

    return (taken("original", check),)


def _known(data: bytes, inputs_root: str, desk: ChainDesk | None, data_folder: Path | None) -> KnownStatement | None:
    """The statement that a disclosure is of: as the verifier says, else as the installation knows it.

    Raises:
        InputError: That is no root.
    """
    if inputs_root:
        if not _ROOT.fullmatch(inputs_root.lower()):
            raise InputError("This is not an inputs root", expected="64 hexadecimal digits, from the proof page", got=inputs_root)
        return KnownStatement("the statement that you named", inputs_root.lower())
    if not settings_of(data_folder).data_folder.is_dir():
        return None
    with installation(data_folder) as services, reading(services.engine) as session:
        work, kept = Work(session, services), Verifications()
        return known_by(data, lambda manifest_hash: known_statement(work, manifest_hash, chain=desk, kept=kept))


def _bundle_bytes(name: str, data_folder: Path | None) -> tuple[bytes, tuple[Step, ...]]:
    """The bytes of a file; or, where there is no such file, of a token of the installation, with the step of its archive."""
    settings = settings_of(data_folder)
    is_file_name = name == STANDARD_INPUT or "." in name or Path(name).name != name
    if is_file_name or Path(name).exists() or not settings.data_folder.is_dir():
        return read_file(name), ()
    with installation(data_folder) as services, reading(services.engine) as session:
        statement, work = find_statement(session, name), Work(session, services)
        data = export_bundle(work, statement, Shown.EVERYTHING).to_bytes()
        return data, (archive_step(find_originals(work, statement)),)


@contextmanager
def _chain_at_hand(url: str, contract: str, data_folder: Path | None) -> Iterator[ChainDesk | None]:
    """The chain that can be asked; None, said on standard error, where there is none."""
    try:
        desk = _foreign_chain(url, contract) if url else _own_chain(settings_of(data_folder))
    except ChainError as error:
        tell(f"The chain cannot be asked: {error.sentence()}")
        desk = None
    if desk is None:
        yield None
        return
    with closing(desk):
        yield desk


def _foreign_chain(url: str, contract: str) -> ChainDesk:
    """A chain elsewhere, asked only.

    Raises:
        InputError: No contract is named.
        ChainError: It does not answer.
    """
    if not contract:
        raise InputError(
            "A chain needs its contract",
            expected="--contract with the address that you believe",
            got="--chain alone",
            next_step="Whoever made the bundle must not choose the contract: take its address from somebody you trust.",
        )
    node = http_node(url, timeout_s=FOREIGN_TIMEOUT_S)
    try:
        client = ChainClient(node, contract=contract)
    except ChainError:
        node.close()
        raise
    nobody = RelayerKey.from_bytes(SystemRandomness().bytes(32))  # pays for nothing: reading is free
    return ChainDesk(client, nobody, label=f"chain {client.chain_id}", close=node.close)


def _own_chain(settings: Settings) -> ChainDesk | None:
    """The chain of the installation; None where it has none yet.

    Raises:
        ChainError: Another process owns it, or it does not answer.
    """
    if not settings.chain_url.get_secret_value() and not embedded_chain_path(settings).exists():
        return None
    services = open_services(settings, clock=SystemClock(), randomness=SystemRandomness())
    try:
        return open_desk(services)
    finally:
        services.engine.dispose()  # from now on the chain is asked, not the database


def _successor(data: bytes, data_folder: Path | None) -> Successor:
    """What this installation, where there is one, knows of newer revisions."""
    if not settings_of(data_folder).data_folder.is_dir():
        return UNKNOWN
    with installation(data_folder) as services, reading(services.engine) as session:
        return successor_of_bundle(Work(session, services), data)


def _show(steps: tuple[Step, ...], found: Verdict, successor: Successor) -> None:
    what = "disclosure" if steps[0].name == "disclosure" else "bundle"
    width = max(len(step.name) for step in steps)
    for step in steps:
        sign, word = MARKS[step.state]
        say(f"{_sign(sign)} {step.name.ljust(width)}  {word}: {step.detail.removeprefix(f'{word}: ')}")
    say()
    failed = first_failure(steps)
    if failed:
        say(f"This {what} does not hold. The first broken step is: {failed.name}")
        return
    left_count = sum(step.state is StepState.NOT_CHECKED for step in steps)
    left = f"; {left_count} not checked, for lack of what they need" if left_count else ""
    taken = f"{len(steps) - left_count} of {len(steps)} steps recomputed{left}."
    if found is Verdict.HOLDS:
        say(f"This {what} holds: {taken}")
    else:
        say(f"This {what} is consistent, but nobody known has signed it: {taken}")
        root = ", or the inputs root of a proof page (--inputs-root)," if what == "disclosure" else ""
        say(f"Anybody could have made it. Bring a list (--auditors) or a chain (--chain, --contract){root} that you trust.")
    say(_STANDINGS[successor.standing].format(revision=successor.revision, reason=successor.reason))


def _sign(text: str) -> str:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "*"
    return text

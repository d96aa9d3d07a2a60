"""Asking the virtual auditor: it recomputes the statement from the originals and signs, or says what is wrong.

The signed batch and its outbox row are written in the transaction that makes the statement *endorsed*.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256

from app.chain import AuditorNode, ChainDesk
from app.security.vault import WrappedKey
from app.services import Services, Work
from app.store import ledger, statements, subjects
from app.store.audit_facts import AuditFacts, DeclaredTrail, audit_facts_of
from app.store.ledger import EndorsementRow, IssuanceRow, LedgerAction, OutboxState, Verdict
from app.store.session import reading, unit_of_work
from app.store.statements import StatementRow, StatementState
from app.store.subjects import PEOPLE, SubjectKind
from app.usecases.audit_statement import TAKEN_AS_DECLARED, AuditRequest, Finding, Reader, audit_statement
from app.usecases.close_period import statement_key_field
from app.usecases.derive_declared import order_of_trails
from app.usecases.find_factor_set import factor_set_then
from app.usecases.keep_original import open_original
from app.usecases.revoke_statement import revoke_former
from app.usecases.sign_batch import ContractNow, ToSign, contract_now, sign_again, sign_batch
from connectors import registry
from domain.bundle import issuance_to_json
from domain.canonical import from_json, to_canonical
from domain.declared import DECLARED_USAGE_POINT, ActivityDocument
from domain.errors import NotFoundError
from domain.fields import Fields
from domain.issuance import ZERO_ADDRESS, Issuance, IssuanceKind
from domain.manifest import Manifest
from domain.number import grams_of_micrograms
from domain.record import quick_leaf
from domain.series import MeterDocument
from ledger.issuance import leaf_of, token_id


def endorse_statement(services: Services, chain: ChainDesk, tenant_id: str, statement_id: str) -> StatementState:
    """Have a closed statement recomputed and signed; doing it again changes nothing.

    Args:
        services: What the program works with.
        chain: Gives epoch and contract for the envelope.
        tenant_id: The statement's tenant.
        statement_id: Which statement.

    Returns:
        Where the statement stands now.

    Raises:
        NotFoundError: There is no such statement, or its inputs were erased.
    """
    with reading(services.engine) as session:
        statement = statements.by_id(session, tenant_id, statement_id)
        if statement.state is not StatementState.CLOSED:
            return statement.state
        request = audit_request(Work(session, services), statement)
        holder = subjects.by_id(session, tenant_id, statement.subject_id).chain_holder
    # A pack may have come between closing and now; where the set of then is gone, the auditor says that its own is another one.
    factor_set = factor_set_then(services, statement.factor_set) or services.factor_set
    manifest, findings = audit_statement(request, factor_set=factor_set, reader=OUR_READER)
    at = contract_now(chain)
    with unit_of_work(services.engine) as session:
        work = Work(session, services)
        answer = answer_of(services, statement, findings)
        if not ledger.add_endorsement(session, answer):
            ledger.renew_endorsement(session, answer)
        if findings or manifest is None:
            statements.set_state(session, tenant_id, statement_id, StatementState.FINDINGS, expected=[StatementState.CLOSED])
            return StatementState.FINDINGS
        issuance = issuance_of(manifest, services.auditor, holder)
        queue_statement(work, statement, issuance, at)
        statements.set_state(session, tenant_id, statement_id, StatementState.QUEUED, expected=[StatementState.CLOSED])
        if _is_final(work, statement):
            statements.set_state(session, tenant_id, statement_id, StatementState.ISSUED, expected=[StatementState.QUEUED])
            return StatementState.ISSUED
    return StatementState.QUEUED


def _is_final(work: Work, statement: StatementRow) -> bool:
    """Whether its batch is on the chain already: others of the same batch had it signed again before."""
    issuance = ledger.issuance_of_statement(work.session, statement.tenant_id, statement.id)
    if issuance is None:
        return False
    return ledger.outbox_of(work.session, statement.tenant_id, issuance.batch_root_hex).state is OutboxState.FINAL


def audit_request(work: Work, statement: StatementRow) -> AuditRequest:
    """Everything that an auditor needs to recompute a statement.

    Args:
        work: The open transaction and the services.
        statement: Which.

    Returns:
        Manifest, leaves, lines, key and originals.

    Raises:
        NotFoundError: The subject's key was destroyed.
        ArchiveError: An original is lost or changed.
        CanonicalError: A leaf is damaged.
        ConflictError: Records name their originals in different orders.
    """
    return request_of(work.services, statement, audit_facts_of(work.session, [statement])[statement.id])


def request_of(services: Services, statement: StatementRow, facts: AuditFacts) -> AuditRequest:
    """What an auditor needs to recompute a statement, of what is stored about it.

    Args:
        services: Gives the archive and opens seals.
        statement: Which.
        facts: What is stored of it and its subject.

    Returns:
        Manifest, leaves, lines, key and originals.

    Raises:
        NotFoundError: The subject's key was destroyed, or an original is not known.
        ArchiveError: An original is lost or changed.
        CanonicalError: A leaf is damaged.
        ConflictError: Records name their originals in different orders.
    """
    if facts.key is None:
        raise NotFoundError("There is no such subject key", expected="a subject that was not erased", got=statement.subject_id)
    wrapped = WrappedKey(facts.key.kek_id, facts.key.wrapped_key)
    vault = services.vault.of_subject(statement.tenant_id, statement.subject_id, wrapped)
    groups: dict[str, list[bytes]] = defaultdict(list)
    named: dict[str, dict[str, None]] = defaultdict(dict)
    declared: dict[str, set[str]] = defaultdict(set)
    for group_key, data in facts.leaves:
        leaf = data or b""
        groups[group_key].append(leaf)
        connector, usage_point, digests = _sources_of(leaf)
        named[connector] |= dict.fromkeys(digests)
        if usage_point == DECLARED_USAGE_POINT:
            declared[connector].update(digests)
    order = {
        connector: order_of_trails(trails, record=connector)
        for connector, trails in _trails_of_declared(statement, facts.trails, declared).items()
    }
    in_records = dict.fromkeys(digest for of_connector in named.values() for digest in of_connector)
    further = dict.fromkeys(digest for digests in order.values() for digest in digests if digest not in in_records)

    def original(digest: str) -> bytes:
        document = facts.documents.get(digest)
        if document is None:
            raise NotFoundError("There is no such document", expected="an original of the subject", got=digest)
        return open_original(services.archive, vault, document)

    return AuditRequest(
        manifest=statement.manifest,
        groups=groups,
        lines=facts.lines,
        statement_key=vault.open(statement_key_field(statement.id), statement.sealed_statement_key),
        originals={digest: original(digest) for digest in in_records},
        also={digest: original(digest) for digest in further},
        order=order,
    )


def _sources_of(leaf: bytes) -> tuple[str, str, tuple[str, ...]]:
    """Connector, usage point and originals of a record; whether it is canonical is the auditor's to find.

    Raises:
        CanonicalError: The leaf is damaged.
    """
    quick = quick_leaf(leaf)
    if quick is not None:
        return quick.connector, quick.usage_point, quick.document_sha256s
    fields = Fields(from_json(leaf, record="input"), "input")
    return fields.text("connector"), fields.text("usage_point"), fields.texts("documents")


def _trails_of_declared(
    statement: StatementRow, known: Iterable[DeclaredTrail], named: Mapping[str, set[str]]
) -> dict[str, list[Sequence[str]]]:
    """Originals of every declared activity that the named ones speak about, also where it counts no longer.

    What came after the statement was closed is left out: it says nothing about what was closed.

    Args:
        statement: When it was closed.
        known: Of its subject.
        named: Connector to the SHA-256 of the originals that its records of the period name.

    Returns:
        By connector.
    """
    trails: dict[str, list[Sequence[str]]] = defaultdict(list)
    for trail in known:
        of_connector = named.get(trail.connector)
        if of_connector and any(digest in of_connector for digest, _ in trail.sources):
            trails[trail.connector].append([digest for digest, at in trail.sources if at <= statement.created_at])
    return trails


def parse_original(connector: str, body: bytes) -> MeterDocument | ActivityDocument:
    """What a connector reads in an original."""
    return registry.read(connector, body)


OUR_READER = Reader(parse_original, lambda connector: registry.find(connector).manifest.parser_version)
"""The parsers of this program."""


def issuance_of(manifest: Manifest, auditor: AuditorNode, holder: str) -> Issuance:
    """The statement as the chain will hold it; a person has no holder and is anchored.

    Args:
        manifest: What the statement was computed from.
        auditor: Whose region signs.
        holder: 0x address, or empty.
    """
    totals = manifest.totals
    return Issuance(
        holder=holder or ZERO_ADDRESS,
        kind=IssuanceKind.SELF_DECLARED_EMISSIONS if manifest.is_self_declared else IssuanceKind.AUDITED_EMISSIONS,
        region=auditor.region_index,
        from_month_ym=manifest.period.first.ym,
        to_month_ym=manifest.period.end.ym,
        revision=manifest.revision,
        subject=bytes.fromhex(manifest.subject_hex),
        inputs_root=bytes.fromhex(manifest.inputs.root_hex),
        manifest_hash=manifest.manifest_hash,
        method_hash=sha256(manifest.method.encode()).digest(),
        gross_location_g_co2e=grams_of_micrograms(totals.gross_location_ug_co2e),
        gross_market_g_co2e=grams_of_micrograms(totals.gross_market_ug_co2e),
        retired_g_co2e=totals.retired_g_co2e,
        net_g_co2e=totals.net_g_co2e,
    )


def answer_of(services: Services, statement: StatementRow, findings: tuple[Finding, ...]) -> EndorsementRow:
    """The answer of this installation's auditor about a statement, as it is stored.

    Args:
        services: Gives the auditor, an id and the time.
        statement: What it looked at.
        findings: What it does not accept; empty accepts.
    """
    auditor = services.auditor
    return EndorsementRow(
        id=services.randomness.id(),
        tenant_id=statement.tenant_id,
        statement_id=statement.id,
        node_id=auditor.node_id,
        node_region=auditor.region,
        signer_address=auditor.key.address,
        manifest_hash_hex=statement.manifest_hash_hex,
        verdict=Verdict.FINDINGS if findings else Verdict.ACCEPTED,
        findings_json=json.dumps([asdict(one) for one in findings or TAKEN_AS_DECLARED]),
        created_at=services.clock.now(),
    )


def is_token(issuance: Issuance, kind: SubjectKind) -> bool:
    """Whether a statement becomes a token by itself: a business's; restated, in place of the former. A person's is anchored."""
    return kind not in PEOPLE and issuance.holder != ZERO_ADDRESS


def queue_statement(work: Work, statement: StatementRow, issuance: Issuance, at: ContractNow) -> None:
    """Sign a batch of one and put it in the outbox; a batch that expired or failed goes out under a new envelope.

    Args:
        work: The open transaction and the services.
        statement: The statement, accepted.
        issuance: It, as the chain will hold it.
        at: What the envelope holds for.
    """
    leaf = leaf_of(issuance)
    former = ledger.issuance_of_statement(work.session, statement.tenant_id, statement.id)
    if former is not None and former.batch_root_hex != leaf.hex():  # it stands in a batch with others
        sign_again(work, at, statement.tenant_id, former.batch_root_hex)
        return
    kind = subjects.by_id(work.session, statement.tenant_id, statement.subject_id).kind
    action = LedgerAction.ISSUE if is_token(issuance, kind) else LedgerAction.ANCHOR
    signing = ToSign(statement.tenant_id, leaf, 1, issuance.method_hash, action)
    batch, outbox = sign_batch(
        work.services, at, signing, payload={"issuance": issuance_to_json(issuance), "statement_id": statement.id}
    )
    row = issuance_row(statement, issuance, leaf, (), leaf_index=0, action=action)
    if not ledger.add_batch(work.session, batch, (row,), outbox):
        ledger.renew_batch(work.session, batch, outbox)
    if issuance.revision > 1:
        revoke_former(work, at, statement, issuance, is_token=action is LedgerAction.ISSUE)


def issuance_row(
    statement: StatementRow,
    issuance: Issuance,
    root: bytes,
    proof: Sequence[bytes],
    *,
    leaf_index: int,
    action: LedgerAction = LedgerAction.ANCHOR,
) -> IssuanceRow:
    """A statement's place in a batch, as it is stored.

    Args:
        statement: The statement.
        issuance: It, as the chain will hold it.
        root: Root of the batch, 32 bytes.
        proof: Hashes from its leaf upwards.
        leaf_index: Where in the batch.
        action: Whether it becomes a token by itself.
    """
    return IssuanceRow(
        token_id_hex=f"{token_id(issuance):064x}",
        tenant_id=statement.tenant_id,
        statement_id=statement.id,
        batch_root_hex=root.hex(),
        leaf_index=leaf_index,
        proof_json=json.dumps([one.hex() for one in proof]),
        issuance_json=to_canonical(issuance_to_json(issuance)).decode(),
        action=action,
    )

"""A statement and what follows from it, for store tests."""

from datetime import timedelta

from app.store import ledger, periods, statements
from app.store.ledger import BatchRow, EndorsementRow, IssuanceRow, LedgerAction, OutboxRow, OutboxState, Verdict
from app.store.session import Session
from app.store.statements import InputRow, StatementRow, StatementState
from domain.activity import ActivityKey, EvidenceClass
from domain.factor import Basis, FactorSetId, GasSplit
from domain.period import Month, MonthRange
from domain.statement import Line, Totals, Unscored
from tests.app.store.builders import NOW, Home

MARCH = Month(2025, 3)
KEY = ActivityKey("electricity", "US/zip/94110", 2025, "kWh")
HUGE_UG = 2**63 + 5

LINES = tuple(
    Line(
        month=MARCH,
        key=KEY,
        basis=basis,
        quantity_micro=120_000_000,
        by_evidence_micro={EvidenceClass.UPLOADED: 120_000_000},
        factor_id="ab" * 8,
        gwp_set="AR5",
        emissions=GasSplit(co2_ug=10, ch4_ug=2, n2o_ug=3, unsplit_ug=0),
        scope=2,
        category=0,
        is_avoided=False,
        flags=("year_earlier",),
    )
    for basis in Basis
)
INPUTS = tuple(
    InputRow(group, leaf, f"green_button|m|{group}", f"r{group}{leaf}", MARCH, b'{"n":1}') for group in (0, 1) for leaf in (0, 1)
)


def make_statement(session: Session, home: Home, *, revision: int = 1, name: str = "s1") -> StatementRow:
    """A stored statement of March, with its lines and inputs."""
    period = periods.get_or_open(
        session,
        home.tenant_id,
        home.subject_id,
        MonthRange.of_month(MARCH),
        period_id=f"{home.subject_id}-march",
        subject_commitment=b"c" * 32,
    )
    statement = StatementRow(
        id=name,
        tenant_id=home.tenant_id,
        subject_id=home.subject_id,
        period_id=period.id,
        revision=revision,
        reason="" if revision == 1 else "late reading",
        method="cf-method/1",
        factor_set=FactorSetId(1000, "0f" * 32),
        totals=Totals(HUGE_UG, 15, 0, -7, 0, 1),
        unscored=statements.unscored_to_json([Unscored(MARCH, KEY, 5, "no factor")]),
        sealed_statement_key=b"sealed",
        manifest=b'{"revision":1}',
        manifest_hash_hex=f"{name}-hash",
        public_token=f"{name}-token",
        state=StatementState.CLOSED,
        created_at=NOW,
    )
    statements.add(session, statement, LINES, INPUTS)
    return statement


def make_endorsement(session: Session, statement: StatementRow, node_id: str = "node-us") -> bool:
    """Whether a node's acceptance is new."""
    return ledger.add_endorsement(
        session,
        EndorsementRow(
            id=f"{statement.id}-{node_id}",
            tenant_id=statement.tenant_id,
            statement_id=statement.id,
            node_id=node_id,
            node_region="US",
            signer_address="0x" + "11" * 20,
            manifest_hash_hex=statement.manifest_hash_hex,
            verdict=Verdict.ACCEPTED,
            findings_json="[]",
            created_at=NOW,
        ),
    )


def make_batch(session: Session, statement: StatementRow, root_hex: str = "root", *, due_in_s: int = 0) -> bool:
    """Whether a batch of this one statement is new."""
    batch = BatchRow(
        root_hex=root_hex,
        tenant_id=statement.tenant_id,
        count=1,
        region="US",
        method_hash_hex="aa" * 32,
        deadline_s=2**40,
        epoch=1,
        chain_id=31337,
        contract="0x" + "22" * 20,
        signatures_json="[]",
        created_at=NOW,
    )
    issuance = IssuanceRow(
        token_id_hex=f"{root_hex}-token",
        tenant_id=statement.tenant_id,
        statement_id=statement.id,
        batch_root_hex=root_hex,
        leaf_index=0,
        proof_json="[]",
        issuance_json="{}",
        action=LedgerAction.ANCHOR,
    )
    outbox = OutboxRow(
        root_hex=root_hex,
        tenant_id=statement.tenant_id,
        action=LedgerAction.ANCHOR,
        state=OutboxState.QUEUED,
        payload_json="{}",
        next_at=NOW + timedelta(seconds=due_in_s),
        created_at=NOW,
        updated_at=NOW,
        chain_id=batch.chain_id,
        contract=batch.contract,
    )
    return ledger.add_batch(session, batch, (issuance,), outbox)

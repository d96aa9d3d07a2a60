"""A person's statement is anchored, and becomes a token only where the person asked for it and a wallet sends the claim."""

from datetime import date

import pytest

from app.chain import ChainDesk
from app.services import Whose
from app.store import subjects
from app.store.statements import StatementRow
from app.store.subjects import SubjectKind
from app.usecases.claim_statement import WARNING, ClaimCall, allow_claims, claim_of, forbid_claims
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.endorse_statement import endorse_statement
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.show_proof import is_issued
from domain.errors import ConflictError, InputError
from domain.issuance import ZERO_ADDRESS
from domain.place import place_from_text
from tests.app.usecases.installation import Installation, steady

WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def closed(installation: Installation, whose: Whose, last: int = 2, *, reason: str = "") -> StatementRow:
    """A closed month."""
    installation.take(whose, steady(date(2025, 4, 1), date(2025, 4, last)))
    return installation.close_months(whose, "2025-04", reason=reason)


def allow(installation: Installation, whose: Whose, *, is_public_understood: bool = True) -> str:
    """Opt in."""
    with installation.work() as work:
        return allow_claims(work, whose, WALLET.lower(), is_public_understood=is_public_understood)


def claim(installation: Installation, row: StatementRow) -> ClaimCall:
    """The transaction."""
    with installation.looking() as work:
        return claim_of(work, row, is_public_understood=True)


def send(desk: ChainDesk, call: ClaimCall) -> None:
    """What a wallet does: simulate, sign, send."""
    planned = desk._client._plan(desk.signer_address, to=call.contract, data=call.data)  # noqa: SLF001  # no wallet here
    desk.broadcast(desk.sign(planned, nonce=desk.next_nonce(desk.signer_address)).raw)


def test_opted_in_statement_stays_anchored_until_claimed(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """Closed with a wallet in its leaf, only its root is on the chain; the sent claim makes the wallet's token, also twice."""
    assert allow(installation, household) == WALLET
    row = installation.issue(desk, closed(installation, household))
    call = claim(installation, row)
    with installation.looking() as work:
        assert not is_issued(work, row)
        bundle = export_bundle(work, row, Shown.TOTALS)
    assert (bundle.chain.action, bundle.issuance.holder) == ("anchor", WALLET)
    token = int(call.token_id_hex, 16)
    assert desk.standing(bundle.envelope.root, token).token_root is None
    for _ in range(2):
        send(desk, call)
        assert desk.standing(bundle.envelope.root, token).token_root == bundle.envelope.root
    found = desk._client.token(token)  # noqa: SLF001  # what a wallet would show
    assert found is not None
    assert (found.holder.lower(), found.net_g_co2e) == (WALLET.lower(), call.net_g_co2e)
    assert (call.holder, call.net_g_co2e) == (WALLET, bundle.issuance.net_g_co2e)


def test_without_asking_nobody_can_claim(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """A statement closed before has no wallet in its leaf, and after opting out none again."""
    row = installation.issue(desk, closed(installation, household))
    with pytest.raises(ConflictError, match=r"closed for nobody's wallet; .*Allow claims .*, then restate the period"):
        claim(installation, row)
    allow(installation, household)
    with installation.work() as work:
        forbid_claims(work, household)
    restated = installation.issue(desk, closed(installation, household, 3, reason="another day"))
    with pytest.raises(ConflictError, match="closed for nobody's wallet"):
        claim(installation, restated)


@pytest.mark.parametrize("what", ["allow", "claim"])
def test_warning_comes_first(installation: Installation, household: Whose, desk: ChainDesk, what: str) -> None:
    """Without agreement nothing happens, and the refusal is the warning."""
    if what == "allow":
        with pytest.raises(InputError) as refused:
            allow(installation, household, is_public_understood=False)
    else:
        allow(installation, household)
        row = installation.issue(desk, closed(installation, household))
        with installation.looking() as work, pytest.raises(InputError) as refused:
            claim_of(work, row, is_public_understood=False)
    assert WARNING in refused.value.next_step
    with installation.looking() as work:
        holder = subjects.by_id(work.session, household.tenant_id, household.subject_id).chain_holder
    assert holder == ("" if what == "allow" else WALLET)


def test_unanchored_statement_cannot_be_claimed(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """Before its root is final there is nothing to claim."""
    allow(installation, household)
    row = closed(installation, household)
    with pytest.raises(ConflictError, match=r"This statement is not on the chain yet; .*got closed"):
        claim(installation, row)
    endorse_statement(installation.services, desk, row.tenant_id, row.id)
    with pytest.raises(ConflictError, match="This statement is not on the chain yet"):
        claim(installation, row)


def test_business_needs_no_claim(installation: Installation, business: Whose, desk: ChainDesk) -> None:
    """Its statements are tokens by themselves; it neither opts in nor out."""
    with installation.work() as work, pytest.raises(ConflictError, match="The statements of a business are tokens by themselves"):
        allow_claims(work, business, WALLET, is_public_understood=True)
    with installation.work() as work, pytest.raises(ConflictError, match="The statements of a business are tokens"):
        forbid_claims(work, business)
    row = installation.issue(desk, closed(installation, business))
    with pytest.raises(ConflictError, match="This statement is a token already"):
        claim(installation, row)


@pytest.mark.parametrize("kind", [SubjectKind.PERSON, SubjectKind.HOUSEHOLD])
def test_people_are_not_made_with_a_holder(installation: Installation, kind: SubjectKind) -> None:
    """There is no way past the warning."""
    new = NewSubject(kind, "Ada", place_from_text("10001", zone="America/New_York"), chain_holder=WALLET)
    with installation.work() as work, pytest.raises(InputError, match="The statements of people are anchored, not held"):
        create_subject(work, new, owner_account_id="")


def test_zero_is_no_wallet(installation: Installation, household: Whose) -> None:
    """The address that stands for nobody is refused."""
    with installation.work() as work, pytest.raises(InputError):
        allow_claims(work, household, ZERO_ADDRESS, is_public_understood=True)

"""Claims by API and command: nothing without the warning, nothing for statements that were closed for nobody's wallet."""

import json

import pytest

from app.cli.claiming import run_allow, run_claim, run_forbid
from domain.errors import InputError
from tests.app.live import Live

WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def test_person_opts_in_and_claims(live: Live) -> None:
    """Opt-in behind the warning; the next closing has the wallet in its leaf, and its claim can be had, again behind it."""
    ada = live.ada
    path = f"/v1/subjects/{ada.household}/claiming"
    refused = live.post(path, as_=ada, json={"holder": WALLET})
    assert refused.status_code == 422
    assert "Claiming makes public, for good" in refused.text
    opted = live.post(path, as_=ada, json={"holder": WALLET.lower(), "is_public_understood": True})
    assert (opted.status_code, opted.json()["chain_holder"]) == (200, WALLET)
    closed = live.post(f"/v1/subjects/{ada.household}/periods/2026-02/close", json={}, as_=ada).json()
    live.work()
    claim = f"/v1/statements/{closed['id']}/claim"
    assert live.get(claim, as_=ada).status_code == 422
    call = live.get(f"{claim}?is_public_understood=true", as_=ada).json()
    assert (call["holder"], call["data"][:2], call["warning"][:22]) == (WALLET, "0x", "Claiming makes public,")
    former = live.get(f"/v1/statements/{ada.statement_id}/claim?is_public_understood=true", as_=ada)
    assert former.status_code == 409
    assert "closed for nobody's wallet" in former.text
    assert live.post(path, as_=ada, json={"holder": ""}).json()["chain_holder"] == ""
    assert live.post(path, as_=live.bob, json={"holder": ""}).status_code == 404


def test_business_is_told(shared_live: Live) -> None:
    """Its statements are tokens already."""
    ada = shared_live.ada
    reply = shared_live.post(
        f"/v1/subjects/{ada.business}/claiming", as_=ada, json={"holder": WALLET, "is_public_understood": True}
    )
    assert reply.status_code == 409
    made = {"kind": "household", "name": "Us", "place": "94110", "chain_holder": WALLET}
    assert shared_live.post("/v1/subjects", as_=ada, json=made).status_code == 422


def test_commands(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    """`claim allow`, `claim show`, `claim forbid`."""
    ada, folder = live.ada, live.folder
    with pytest.raises(InputError, match="Claiming makes holder and amounts public"):
        run_allow(ada.household, holder=WALLET, makes_public=False, data_folder=folder)
    run_allow(ada.household, holder=WALLET, makes_public=True, data_folder=folder)
    assert f"can be claimed by {WALLET}. Nothing is public yet." in capsys.readouterr().out
    closed = live.post(f"/v1/subjects/{ada.household}/periods/2026-02/close", json={}, as_=ada).json()
    live.work()
    capsys.readouterr()
    run_claim(closed["id"], makes_public=True, is_json=True, data_folder=folder)
    said = capsys.readouterr()
    assert json.loads(said.out)["holder"] == WALLET
    assert "Claiming makes public, for good" in said.err
    run_claim(closed["id"], makes_public=True, is_json=False, data_folder=folder)
    assert "data   0x" in capsys.readouterr().out
    run_forbid(ada.household, data_folder=folder)
    assert "anchored only from now on" in capsys.readouterr().out


def test_page_asks_before_anything_is_public(live: Live) -> None:
    """The statement's page warns, takes the wallet only with agreement, and gives the transaction of a later statement."""
    ada = live.ada
    home = f"/s/{ada.household}"
    first = live.browse(f"{home}/statements/{ada.statement_id}", as_=ada).text
    assert "A claim makes public, for good" in first
    assert "This statement was closed for nobody’s wallet." in first
    form = {"statement": ada.statement_id, "holder": WALLET}
    assert live.submit(f"{home}/claiming", as_=ada, data=form).status_code == 422
    allowed = live.submit(f"{home}/claiming", as_=ada, data={**form, "agree": "1"})
    assert (allowed.status_code, allowed.headers["Location"]) == (303, f"{home}/statements/{ada.statement_id}")
    assert WALLET in live.browse(allowed.headers["Location"], as_=ada).text
    closed = live.post(f"/v1/subjects/{ada.household}/periods/2026-02/close", json={}, as_=ada).json()
    live.work()
    later = f"{home}/statements/{closed['id']}"
    assert "It was closed for the account" in live.browse(later, as_=ada).text
    assert live.browse(f"{later}/claim", as_=ada).status_code == 422
    given = live.browse(f"{later}/claim?agree=1", as_=ada)
    assert given.headers["Content-Disposition"].startswith('attachment; filename="claim-')
    assert given.json()["holder"] == WALLET
    live.submit(f"{home}/claiming", as_=ada, data={"statement": closed["id"]})
    assert "Name no wallet" not in live.browse(later, as_=ada).text
    assert "A claim makes public" not in live.browse(f"/s/{ada.business}/statements/{ada.business_statement_id}", as_=ada).text

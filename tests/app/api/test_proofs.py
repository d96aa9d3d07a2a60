"""Public proofs: verified once for many visitors, and with the factor set that the statement was made with."""

import pytest

from app.usecases.import_factors import import_factors
from domain.errors import ConflictError
from scoring.factors.importers.registry import FILE_KINDS, NamedFile
from tests.app.live import Installation, Live, start

PACK = (
    "kind,region,year,unit,published_unit,co2e,life_cycle_scope,publisher,source\n"
    "electricity,US/egrid/CAMX,2026,kWh,g/kWh,1,generation,Somebody,Table 1\n"
)


def states(answer: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    """How each step ended, by name."""
    return {step["name"]: step["state"] for step in answer["steps"]}


def test_visitors_share_one_verification(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """API and page, again and again: one verification; the second visitor is told the same, also when verifying would fail."""
    path = f"/v1/proofs/{live.ada.public_token}"
    first = live.get(path)
    assert (first.json()["holds"], live.hosting.verifications.count()) == (True, 1)

    def refuse(*_: object, **__: object) -> None:
        raise ConflictError("Verified again")

    monkeypatch.setattr("app.usecases.verify_statement.verify_with_chain", refuse)
    assert live.get(path).json() == first.json()
    assert live.browse(f"/proof/{live.ada.public_token}").status_code == 200
    assert live.get(f"/v1/proofs/{live.bob.public_token}").status_code == 409


def test_statement_from_before_a_pack_still_holds(installation: Installation) -> None:
    """After a pack: proof, sent bundle and page recompute the choice in the set of then; the exported bundle is the same."""
    with start(installation) as before:
        ada = before.ada
        bundle = before.get(f"/v1/statements/{ada.statement_id}/bundle", as_=ada).content
    import_factors(installation.folder, FILE_KINDS["own-factors"], [NamedFile("own.csv", PACK.encode())])
    with start(installation) as live:
        named = live.get(f"/v1/statements/{ada.statement_id}", as_=ada).json()["factor_set"]
        assert named["size"] == live.services.factor_set.id.size - 1
        assert live.get(f"/v1/statements/{ada.statement_id}/bundle", as_=ada).content == bundle
        proof = live.get(f"/v1/proofs/{ada.public_token}").json()
        sent = live.post("/v1/proofs/verify", content=bundle, headers={"Content-Type": "application/json"}).json()
        assert set(states(proof).values()) == set(states(sent).values()) == {"ok"}
        page = live.submit("/proof", files={"bundle": ("statement.json", bundle, "application/json")}).text
        assert "another factor set" not in page

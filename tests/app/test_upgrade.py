"""A data folder of a former version, with statements under contract 1.0.0, opened by this version: nothing is lost.

`tests/vectors/folder_of_contract_1_0_0.tar.xz` was made by the last version before contract 2.0.0: its data folder, the bundles
that it exported, and `about.json` with what it said of each statement. Its keys are those of this file and of nothing else.
"""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.assemble import open_desk, open_services
from app.chain import ChainDesk
from app.clock import FixedClock, SystemRandomness
from app.jobs.worker import Worker
from app.settings import Settings
from app.store import anchors, ledger, statements
from app.store.ledger import OutboxState
from app.store.statements import StatementRow, StatementState
from app.usecases.look_at_chain import verify_with_chain
from app.usecases.migrate_chain import elsewhere_count, migrate_roots
from app.usecases.verify_bundle import StepState, Verdict, verdict
from app.usecases.walk_back import find_originals
from migrations import HEAD_REVISION
from tests.app.usecases.installation import Installation

AFTER = datetime(2025, 7, 1, tzinfo=UTC)
SIGNED = ("household", "business", "superseded", "restated", "month-end Ada", "month-end Bo", "month-end Cy", "queued")


@dataclass
class Upgraded:
    """The former version's folder, opened by this one.

    Attributes:
        installation: The installation.
        about: What the former version said of each statement.
        bundles: The bundles that it exported, by statement.
    """

    installation: Installation
    about: dict[str, dict[str, Any]]
    bundles: dict[str, bytes]

    def row(self, name: str) -> StatementRow:
        """A statement as it stands now."""
        with self.installation.looking() as work:
            return statements.by_id(work.session, self.about[name]["tenant"], self.about[name]["id"])


@pytest.fixture
def upgraded(repository: Path, tmp_path: Path) -> Iterator[Upgraded]:
    """It, in a folder of its own."""
    with tarfile.open(repository / "tests/vectors/folder_of_contract_1_0_0.tar.xz") as archive:
        archive.extractall(tmp_path)  # noqa: S202 - it is ours
    clock = FixedClock(AFTER)
    services = open_services(Settings(data_folder=tmp_path / "data"), clock=clock, randomness=SystemRandomness())
    about = json.loads((tmp_path / "about.json").read_text(encoding="utf-8"))
    bundles = {path.stem.replace("_", " "): path.read_bytes() for path in (tmp_path / "bundles").iterdir()}
    made = Upgraded(Installation(services, clock), about, bundles)
    yield made
    made.installation.close()


@pytest.fixture
def desk(upgraded: Upgraded) -> Iterator[ChainDesk]:
    """Its chain, with this version's contract beside the former one."""
    opened = open_desk(upgraded.installation.services)
    yield opened
    opened.close()


def move(upgraded: Upgraded, desk: ChainDesk) -> int:
    """What a start of the server does: sign every root for the new contract, and work until nothing is left; how many."""
    moved_count = migrate_roots(upgraded.installation.services, desk)
    assert Worker(upgraded.installation.services, desk).drain()
    return moved_count


def test_nothing_is_lost(upgraded: Upgraded, desk: ChainDesk) -> None:
    """Every statement, manifest and total is what it was; what was on its way arrives; what was on the chain is there again."""
    former = upgraded.about["_"]
    assert (former["version"], desk.contract != former["contract"]) == ("1.0.0", True)
    assert desk.chain_id == former["chain"]
    services = upgraded.installation.services
    assert elsewhere_count(services, desk) == 6
    assert move(upgraded, desk) == 6
    assert (elsewhere_count(services, desk), migrate_roots(services, desk)) == (0, 0)
    for name, said in upgraded.about.items():
        if name != "_":
            row = upgraded.row(name)
            assert (row.totals.net_ug_co2e, row.manifest_hash_hex, row.public_token) == (
                said["net"],
                said["manifest"],
                said["public_token"],
            )
            state = StatementState.SUPERSEDED if name == "superseded" else StatementState.ISSUED
            assert row.state is state, name
    with upgraded.installation.looking() as work:
        assert work.session.connection().exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == HEAD_REVISION


def test_old_proofs_hold(upgraded: Upgraded, desk: ChainDesk) -> None:
    """Bundles that the former version gave away hold against the new contract: all steps, the chain's too."""
    move(upgraded, desk)
    factor_set = upgraded.installation.services.factor_set
    assert set(upgraded.bundles) == set(SIGNED)
    for name, data in upgraded.bundles.items():
        steps = verify_with_chain(data, factor_set=factor_set, chain=desk)
        assert {step.state for step in steps} == {StepState.OK}, (name, steps)
        assert verdict(steps) is Verdict.HOLDS
        assert "its root was anchored here again" in steps[-1].detail


def test_tokens_are_issued_again(upgraded: Upgraded, desk: ChainDesk) -> None:
    """A business's token is its own again; a restated one, which the former contract could only anchor, is a token now."""
    move(upgraded, desk)
    tokens = {name: desk.token(int(upgraded.about[name]["token"], 16)) for name in SIGNED}
    status = {name: token and token.status for name, token in tokens.items()}
    assert status == {**dict.fromkeys(SIGNED), "business": 1, "superseded": 2, "restated": 1, "queued": 1}


def test_former_chain_stays_known(upgraded: Upgraded, desk: ChainDesk) -> None:
    """Signatures and transactions under the former contract are kept, in the state that they had reached."""
    move(upgraded, desk)
    with upgraded.installation.looking() as work:
        for name in SIGNED:
            said = upgraded.about[name]
            (former,) = anchors.former_anchors(work.session, said["root"])
            assert (former.contract, str(former.state)) == (upgraded.about["_"]["contract"], said["outbox"])
            assert ledger.outbox_of(work.session, said["tenant"], said["root"]).state is OutboxState.FINAL


def test_originals_are_still_there(upgraded: Upgraded, desk: ChainDesk) -> None:
    """A statement of the former version is walked back to the documents that it was made of."""
    move(upgraded, desk)
    with upgraded.installation.looking() as work:
        for name in ("household", "restated", "month-end Bo"):
            found = find_originals(work, upgraded.row(name))
            assert found, name
            assert {one.state for one in found} == {StepState.OK}, found

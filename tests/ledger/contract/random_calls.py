"""Random calls of every entry over few subjects, people and batches, so that doubles, restatements and refusals are common.

A call is plain data, so that one sequence can be given to several contracts. `World` turns it into a call of one contract, with
that contract's own signatures; `number` makes the subjects of one sequence its own, as a contract outlives one example.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from random import Random
from typing import Any

from domain.issuance import Issuance, IssuanceKind
from ledger.issuance import batch_root, keccak, leaf_of, token_id
from tests.ledger.contract.scene import ADMIN, AUDITORS, PEOPLE, Outcome, Scene, auditor, by_leaf, issuance, unit

NETS_G_CO2E = (119_000, -5, 1, 2**63 - 1)
AMOUNTS = (0, 1, 1, 50, 50, 400, 1_000, 2**255)
SUBJECTS_COUNT = 6
WEIGHTS = {
    "issue": 6,
    "supersede": 6,
    "issue_many": 5,
    "anchor": 3,
    "claim": 14,
    "revoke": 4,
    "revoke_batch": 1,
    "transfer": 10,
    "transfer_many": 6,
    "approve": 4,
    "retire": 8,
    "checkpoint": 6,
    "pause": 0.5,
    "unpause": 2,
    "start_epoch": 1,
}
BENEFICIARIES = (keccak(b"one"), keccak(b"other"))
MOODS: dict[str, dict[str, Any]] = {
    "few": {"signers": AUDITORS[:1]},
    "stranger": {"signers": (AUDITORS[0], auditor(110))},
    "late": {"deadline_s": 1},
    "other region": {"signers": (auditor(104), auditor(105))},
}

MOODS_OF_TEN = ("good",) * 19 + (*MOODS, "former epoch")

Call = tuple[Any, ...]


def calls_of(seed: int, *, length: int) -> list[Call]:
    """A sequence: first what makes something to call about, then anything.

    Drawn with weights and not by hypothesis, which tries simple things first: most of its sequences never move a unit.
    """
    draw = Random(seed)  # noqa: S311 - repeatable
    begin: list[Call] = [("anchor", batch, "good") for batch in range(4) if draw.random() < 0.8]
    begin += [("issue", (subject, draw.choice((1, 2)), 1, 0, 0, 0), "good") for subject in (1, 2)]
    begin += [("claim", batch, index, 0) for batch in range(3) for index in range(4) if draw.random() < 0.4]
    begin = draw.sample(begin, len(begin))
    return begin + [_any_call(draw) for _ in range(length)]


def _any_call(draw: Random) -> Call:
    mood = draw.choice(MOODS_OF_TEN)
    one, other, third = draw.choices((0, 0, 1, 2), k=3)
    name = draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    given: dict[str, Callable[[], Call]] = {
        "issue": lambda: (_statement(draw), mood),
        "supersede": lambda: (_statement(draw, is_restated=True), mood),
        "issue_many": lambda: (tuple(_many(draw)), draw.random() < 0.9, mood),
        "anchor": lambda: (draw.randrange(4), mood),
        "claim": lambda: (draw.randrange(4), draw.randrange(4), one),
        "revoke": lambda: (_statement(draw, is_restated=draw.random() < 0.3), draw.choice((0, 0, 0, 1)), mood),
        "revoke_batch": lambda: (draw.randrange(4), mood),
        "transfer": lambda: (one, draw.choice((None, None, third)), other, _statement(draw), draw.choice(AMOUNTS)),
        # Never one: there OpenZeppelin logs TransferSingle and we TransferBatch, and both may.
        "transfer_many": lambda: (
            one,
            other,
            tuple((_statement(draw), draw.choice(AMOUNTS)) for _ in range(draw.choice((0, 2, 3)))),
        ),
        "approve": lambda: (one, other, draw.random() < 0.5),
        "retire": lambda: (one, _statement(draw), draw.choice(AMOUNTS), draw.randrange(2)),
        "checkpoint": lambda: (one, draw.choice((0, 1)), draw.randint(0, 3)),
    }
    return (name, *given.get(name, tuple)())


def _many(draw: Random) -> Iterator[tuple[int, ...]]:
    for _ in range(draw.randint(1, 4)):
        _, *rest = _statement(draw, is_restated=draw.random() < 0.3)
        yield draw.randrange(SUBJECTS_COUNT), *rest


def _statement(draw: Random, *, is_restated: bool = False) -> tuple[int, ...]:
    """Subject, kind, revision, net, holder, region."""
    kind = draw.choice((3, 3, 3, 4) if is_restated else (1, 2, 3, 3, 3, 4))
    revision = draw.choice((2, 3)) if is_restated else 1
    return (draw.randrange(3), kind, revision, draw.randrange(4), draw.choice((0, 0, 1, 2)), draw.choice((0,) * 9 + (1,)))


class World:
    """The subjects, statements and batches of one sequence, on one contract.

    Args:
        scene: The contract.
        number: Of the sequence.
    """

    def __init__(self, scene: Scene, number: int) -> None:
        self.scene = scene
        self.number = number
        # Batches overlap each other and what is issued alone; the last one is of the other region.
        self.batches = [
            [self.statement((subject, kind, revision, net, holder, region)) for subject, kind, revision, net, holder in rows]
            for rows, region in (
                (((0, 3, 1, 0, 0), (1, 3, 1, 0, 1), (0, 2, 1, 0, 0), (1, 1, 1, 0, 0)), 0),
                (((0, 3, 2, 0, 0), (0, 3, 1, 2, 0), (1, 4, 1, 1, 2), (2, 2, 1, 0, 1)), 0),
                (((0, 3, 3, 0, 0), (2, 3, 1, 0, 1), (2, 3, 2, 1, 1), (0, 2, 1, 0, 1)), 0),
                (((2, 3, 3, 0, 0), (1, 3, 2, 0, 1), (2, 1, 1, 0, 2), (1, 4, 2, 0, 2)), 1),
            )
        ]

    def statement(self, spec: Sequence[int]) -> Issuance:
        """A statement, or a unit of 1,000."""
        subject, kind, revision, net, holder, region = spec
        fields: dict[str, Any] = {"holder": PEOPLE[holder].address, "kind": kind, "revision": revision, "region": region}
        if kind < IssuanceKind.AUDITED_EMISSIONS:
            return unit(10 * self.number + subject, 1_000, **fields)
        return issuance(10 * self.number + subject, net_g_co2e=NETS_G_CO2E[net], **fields)

    def call(self, call: Call) -> Outcome:
        """What becomes of a call on this contract."""
        name, *given = call
        with self._signing(given[-1] if given else "good"):
            if name in {"issue", "supersede"}:
                return self.scene.issue(self.statement(given[0]), entry=name)
            if name in {"anchor", "claim", "issue_many", "revoke", "revoke_batch"}:
                return self._of_batches(name, given)
            return self._of_holders(name, given)

    def _of_batches(self, name: str, given: list[Any]) -> Outcome:
        scene = self.scene
        match name:
            case "issue_many":
                # Statements of one region, as the packed ones of a batch are.
                listed = [self.statement((*spec[:5], given[0][0][5])) for spec in given[0]]
                different = list({leaf_of(one): one for one in listed}.values())
                return scene.issue_many(by_leaf(different) if given[1] else different)
            case "anchor":
                return scene.anchor(self.batches[given[0]])
            case "claim":
                return scene.claim(self.batches[given[0]], given[1], PEOPLE[given[2]])
            case "revoke":
                return scene.revoke(token_id(self.statement(given[0])), region=given[1])
        return scene.revoke_batch(self.root(given[0]))

    def _of_holders(self, name: str, given: list[Any]) -> Outcome:
        scene = self.scene
        match name:
            case "transfer":
                sender, owner, receiver, spec, amount = given
                terms = (PEOPLE[sender if owner is None else owner].address, PEOPLE[receiver].address)
                return scene.call(PEOPLE[sender], "safeTransferFrom", *terms, self._unit(spec), amount, b"")
            case "transfer_many":
                sender, receiver, moved = given
                ids, amounts = [self._unit(spec) for spec, _ in moved], [amount for _, amount in moved]
                terms = (PEOPLE[sender].address, PEOPLE[receiver].address)
                return scene.call(PEOPLE[sender], "safeBatchTransferFrom", *terms, ids, amounts, b"")
            case "approve":
                return scene.call(PEOPLE[given[0]], "setApprovalForAll", PEOPLE[given[1]].address, given[2])
            case "retire":
                person, spec, amount, beneficiary = given
                return scene.call(PEOPLE[person], "retire", self._unit(spec), amount, BENEFICIARIES[beneficiary])
            case "checkpoint":
                return self._checkpoint(*given)
        outcome = scene.call(ADMIN, name)
        scene.epoch += outcome.is_done
        return outcome

    def _checkpoint(self, writer: int, former_size: int, size: int) -> Outcome:
        channel = keccak(b"channel %d" % self.number)
        roots = [bytes(32), *(keccak(b"log %d" % number) for number in range(1, 4))]
        return self.scene.call(
            PEOPLE[writer], "checkpoint", channel, former_size, roots[former_size], size, roots[size] if size else keccak(b"none")
        )

    def _unit(self, spec: Sequence[int]) -> int:
        """Mostly a unit: moving a debt is refused each time."""
        subject, kind, _, net, *_ = spec
        return token_id(self.statement((subject, kind if net == 1 else 1 + kind % 2, 1, 0, 0, 0)))

    def root(self, batch: int) -> bytes:
        """Root of one of the batches."""
        return batch_root([leaf_of(one) for one in self.batches[batch]])

    def _signing(self, mood: object) -> Any:  # noqa: ANN401 - a context
        if mood == "former epoch":
            return self.scene.signing(epoch=self.scene.epoch - 1)
        return self.scene.signing(**MOODS[mood]) if isinstance(mood, str) and mood in MOODS else nullcontext()

    def tokens(self) -> list[Issuance]:
        """One statement for each token that a sequence can make."""
        return [
            self.statement((subject, kind, revision, 0, 0, 0))
            for subject in range(SUBJECTS_COUNT)
            for kind in (1, 2, 3, 4)
            for revision in ((1,) if kind < IssuanceKind.AUDITED_EMISSIONS else (1, 2, 3))
        ]

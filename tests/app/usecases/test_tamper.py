"""Nothing that was changed is accepted: bytes, parts of two bundles exchanged, other sizes, two roots for one batch, old for new.

Bytes that are changed one by one stand in `test_verify_bundle.py` and `test_disclose.py`. Here whoever tampers knows the format:
the checksum is made anew, so that the step that is concerned must refuse, and says why.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from app.assemble import open_desk
from app.cli.verifying import MARKS
from app.store.statements import StatementRow
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.find_successor import Standing, successor_of_bundle
from app.usecases.look_at_chain import lookup_of, trusted_by
from app.usecases.verify_bundle import (
    REVOKED,
    SUPERSEDED,
    ChainLookup,
    OnChain,
    Step,
    StepState,
    TrustedAuditors,
    Verdict,
    first_failure,
    verdict,
    verify_bundle,
)
from domain.bundle import Bundle, bundle_from_bytes
from domain.canonical import to_canonical
from ledger.issuance import leaf_of, token_id
from ledger.signing import AuditorKey, sign_envelope
from scoring.factors.factor_set import FactorSet
from tests.app.usecases.installation import Installation, steady

Content = dict[str, Any]
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Scene:
    """Two businesses' statements on one chain, the first one restated.

    Attributes:
        made: Their installation.
        old: The first one's revision 1.
        new: Its revision 2.
        other: The second one's.
        factor_set: The verifier's.
        trusted: Whom it believes.
        chain: What the chain says.
        key: The auditor's, for what an auditor that lies could do.
    """

    made: Installation
    old: bytes
    new: bytes
    other: bytes
    factor_set: FactorSet
    trusted: TrustedAuditors
    chain: ChainLookup
    key: AuditorKey

    def steps(self, data: bytes, *, chain: ChainLookup | None = None) -> tuple[Step, ...]:
        """Every step, with list and chain."""
        return verify_bundle(data, factor_set=self.factor_set, trusted=self.trusted, chain=chain or self.chain)

    def refused(self, data: bytes, *, chain: ChainLookup | None = None) -> Step:
        """The step that refuses; it must say what is wrong."""
        steps = self.steps(data, chain=chain)
        found = first_failure(steps)
        assert found is not None, "accepted"
        assert verdict(steps) is Verdict.BROKEN
        assert len(found.detail) > 20
        return found


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Three days each, with hours that differ."""
    made = Installation.open(tmp_path_factory.mktemp("tampered"))
    desk = open_desk(made.services)
    first, second = made.business(), made.business()

    def issued(whose: Any, watt_hours: int, last: int, reason: str = "") -> StatementRow:  # noqa: ANN401
        made.take(whose, steady(date(2025, 4, 1), date(2025, 4, last), watt_hours=watt_hours))
        made.stay(whose, f"2025-04-{last:02d}")
        return made.issue(desk, made.close_months(whose, "2025-04", reason=reason))

    bundles = []
    for row in (issued(first, 500, 2), issued(first, 500, 3, "another day came"), issued(second, 700, 2)):
        with made.looking() as work:
            bundles.append(export_bundle(work, row, Shown.EVERYTHING).to_bytes())
    trusted = trusted_by(bundles[0], desk)
    assert trusted is not None
    known: dict[tuple[bytes, int], OnChain] = {}

    def remembered(root: bytes, token: int) -> OnChain:
        if (root, token) not in known:
            known[root, token] = lookup_of(desk)(root, token)
        return known[root, token]

    old, new, other = bundles
    yield Scene(made, old, new, other, made.services.factor_set, trusted, remembered, made.services.auditor.key)
    desk.close()
    made.close()


def resealed(content: Content) -> bytes:
    """Canonical bytes of a bundle's content with the checksum that it has now."""
    body = {name: value for name, value in content.items() if name != "checksum"}
    return to_canonical({**body, "checksum": sha256(to_canonical(body)).hexdigest()})


def at(content: Any, path: Path) -> Any:  # noqa: ANN401 - any JSON
    """The value at a path."""
    for name in path:
        content = content[name]
    return content


def with_value(content: Content, path: Path, value: object) -> Content:
    """A copy with another value at a path."""
    copy: Content = json.loads(json.dumps(content))
    at(copy, path[:-1])[path[-1]] = value
    return copy


def paths(value: object, path: Path = ()) -> Iterator[Path]:
    """Paths of all values, containers too."""
    if path:
        yield path
    if isinstance(value, dict):
        for name in value:
            yield from paths(value[name], (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


def inner(content: Content, path: Path, change: Callable[[Content], None]) -> Content:
    """A copy with something changed inside a text that is JSON itself."""
    value = json.loads(at(content, path))
    change(value)
    return with_value(content, path, to_canonical(value).decode())


def is_free(path: Path) -> bool:
    """Whether a value is for people only: nothing is concluded from it, and no signature covers it."""
    return path[0] == "auditors" or path in {("chain", "label"), ("chain", "transaction"), ("chain", "block_number")}


def test_untouched_bundles_hold(scene: Scene) -> None:
    """Before anything is changed all three hold, to the chain."""
    for data in (scene.old, scene.new, scene.other):
        assert {step.state for step in scene.steps(data)} == {StepState.OK}


def test_parts_of_two_bundles_do_not_mix(scene: Scene) -> None:
    """Each value and each part of one bundle put into the other's place: leaves, ways, signatures, keys, texts, totals."""
    mine = json.loads(scene.old)
    tried = set()
    for theirs in (json.loads(scene.new), json.loads(scene.other)):
        for path in paths(mine):
            try:
                value = at(theirs, path)
            except (LookupError, TypeError):
                continue
            if value == at(mine, path) or path == ("checksum",) or is_free(path) or path == ("chain",):
                continue
            scene.refused(resealed(with_value(mine, path, value)))
            tried.add(str(path[0]))
    assert tried >= {"envelope", "groups", "issuance", "keys", "lines", "manifest", "originals", "signatures", "chain"}


def test_parts_of_one_bundle_do_not_change_places(scene: Scene) -> None:
    """Neighbours in a list exchanged, doubled or left out: nodes of ways, records, lines, originals, groups, signatures."""
    mine = json.loads(scene.new)
    for path in paths(mine):
        items = at(mine, path)
        if not isinstance(items, list) or not items or path[0] == "auditors":
            continue
        for index in range(len(items)):
            changes = {"left out": items[:index] + items[index + 1 :], "doubled": [*items[: index + 1], *items[index:]]}
            if index and items[index] != items[index - 1]:
                changes["exchanged"] = [*items[: index - 1], items[index], items[index - 1], *items[index + 1 :]]
            for how, changed in changes.items():
                if how == "exchanged" and path[0] in UNORDERED:
                    continue
                assert is_bad(*first_bad(scene, with_value(mine, path, changed))), (path, index, how)


def first_bad(scene: Scene, content: Content) -> tuple[Step, ...]:
    """The first step that refuses, or the last one."""
    steps = scene.steps(resealed(content))
    return (first_failure(steps) or steps[-1],)


UNORDERED = {"lines", "unscored", "groups", "originals", "factors"}
"""Sets: a tree sorts its leaves itself, so their order in the file says nothing. Ways to a root are lists all the same."""


def test_ways_of_factors_have_their_order(scene: Scene) -> None:
    """Two nodes of a factor's way exchanged are refused by the step of the factors."""
    mine = json.loads(scene.new)
    for index, factor in enumerate(mine["factors"]):
        way = factor["path"]
        for node in range(1, len(way)):
            changed = [*way[: node - 1], way[node], way[node - 1], *way[node + 1 :]]
            assert scene.refused(resealed(with_value(mine, ("factors", index, "path"), changed))).name == "factors"


@pytest.mark.parametrize("by", [-1, 1, 7, 2**20])
def test_other_sizes_are_refused(scene: Scene, by: int) -> None:
    """Sizes and places of trees one or many off: of the factor set, the manifest's trees, a factor's index, the batch."""
    mine = json.loads(scene.new)
    for tree in ("inputs", "lines", "originals"):

        def resize(manifest: Content, tree: str = tree) -> None:
            manifest[tree]["leaf_count"] += by

        assert tree in {step.name for step in scene.steps(resealed(inner(mine, ("manifest",), resize))) if is_bad(step)}

    def grow(manifest: Content) -> None:
        manifest["factor_set"]["size"] += by

    scene.refused(resealed(inner(mine, ("manifest",), grow)))
    for index, factor in enumerate(mine["factors"]):
        moved = with_value(mine, ("factors", index, "index"), factor["index"] + by)
        assert scene.refused(resealed(moved)).name in {"factors", "bundle"}
    counted = with_value(mine, ("envelope", "count"), max(mine["envelope"]["count"] + by, 0))
    assert scene.refused(resealed(counted)).name == "signatures"


def is_bad(step: Step) -> bool:
    """Whether a step failed."""
    return step.state is StepState.FAILED


def edits(data: bytes, *, stride: int) -> Iterator[bytes]:
    """The file with a byte left out, doubled, or put in, at every place or some; and with more behind it."""
    for index in range(0, len(data), stride):
        yield data[:index] + data[index + 1 :]
        yield data[: index + 1] + data[index:]
        for byte in (b"0", b" ", b'"', b","):
            yield data[:index] + byte + data[index:]
    for more in (b"\n", b"\x00", b"{}", b" ", data):
        yield data + more
    yield b"\xef\xbb\xbf" + data


def ends(data: bytes, *, stride: int) -> Iterator[bytes]:
    """The file cut at its end, or at its beginning, at every place or some."""
    for index in range(1, len(data), stride):
        yield data[:-index]
        yield data[index:]


def check_not_one_holds(scene: Scene, variants: Iterator[bytes], whole: bytes) -> None:
    """Each is refused; those that are still JSON by the checksum or a step, the others as no bundle."""
    for changed in variants:
        if changed != whole:
            assert verdict(scene.steps(changed)) is Verdict.BROKEN


def test_shorter_and_longer_files_are_refused(scene: Scene) -> None:
    """A byte left out, doubled or put in at every 29th place; cut and extended ends."""
    check_not_one_holds(scene, edits(scene.old, stride=29), scene.old)
    check_not_one_holds(scene, ends(scene.old, stride=211), scene.old)


@pytest.mark.slow
def test_every_shorter_and_longer_file_is_refused(scene: Scene) -> None:
    """The same at every place."""
    check_not_one_holds(scene, edits(scene.old, stride=1), scene.old)
    check_not_one_holds(scene, ends(scene.old, stride=1), scene.old)


def equivocated(scene: Scene, bundle: Bundle) -> bytes:
    """Another statement for the same token, signed by the auditor itself: what an auditor that lies could hand out."""
    content = {**json.loads(bundle.manifest), "reason": "told to somebody else"}
    manifest = to_canonical(content)
    issuance = replace(bundle.issuance, manifest_hash=sha256(manifest).digest())
    envelope = replace(bundle.envelope, root=leaf_of(issuance))
    signature = sign_envelope(scene.key, envelope, chain_id=bundle.chain.chain_id, contract=bundle.chain.contract)
    made = replace(
        bundle, manifest=manifest.decode(), issuance=issuance, envelope=envelope, signatures=(signature.hex(),), batch_proof=()
    )
    assert token_id(issuance) == token_id(bundle.issuance)
    return made.sealed().to_bytes()


def test_split_view_is_refused(scene: Scene) -> None:
    """Two roots for one token, both signed by the quorum: the chain has one, and the other is refused with both named."""
    bundle = bundle_from_bytes(scene.old)
    data = equivocated(scene, bundle)
    alone = verify_bundle(data, factor_set=scene.factor_set, trusted=scene.trusted)
    assert {step.name for step in alone if step.state is StepState.NOT_CHECKED} == {"chain"}
    found = scene.refused(data)
    assert found.name == "chain"
    assert bundle_from_bytes(data).envelope.root.hex() in found.detail
    assert bundle.envelope.root.hex() in found.detail


def test_batch_of_another_root_is_refused(scene: Scene) -> None:
    """An anchored statement whose batch has another root on the chain than the one in the file."""
    bundle = bundle_from_bytes(scene.old)
    anchored = replace(bundle, chain=replace(bundle.chain, action="anchor"))

    def elsewhere(root: bytes, token: int) -> OnChain:
        return replace(scene.chain(root, token), is_anchored=False, token_root=None)

    assert scene.refused(anchored.sealed().to_bytes(), chain=elsewhere).detail.startswith("The batch is not on the chain")


def test_old_revision_is_told(scene: Scene) -> None:
    """An older revision presented as the newest: the installation says which has replaced it, the chain that one has."""
    with scene.made.looking() as work:
        assert successor_of_bundle(work, scene.old).standing is Standing.SUPERSEDED
        assert successor_of_bundle(work, scene.old).revision == 2
        assert successor_of_bundle(work, scene.new).standing is Standing.NEWEST

    def later(root: bytes, token: int) -> OnChain:
        return replace(scene.chain(root, token), ended=SUPERSEDED)

    last = scene.steps(scene.old, chain=later)[-1]
    assert (last.state, "superseded there by a newer revision" in last.detail) == (StepState.OK, True)


@pytest.mark.parametrize("what", ["manifest", "issuance", "both"])
def test_old_revision_cannot_be_renumbered(scene: Scene, what: str) -> None:
    """Revision 1 that calls itself revision 2 or 3: its hash, its token or its signature no longer fits."""
    for number in (2, 3):
        content = json.loads(scene.old)
        if what != "issuance":
            content = inner(content, ("manifest",), lambda manifest, number=number: manifest.update(revision=number))  # type: ignore[misc]
        if what != "manifest":
            content = with_value(content, ("issuance", "revision"), number)
        assert scene.refused(resealed(content)).name == "issuance"


def test_revoked_statement_is_refused(scene: Scene) -> None:
    """A token that its auditors revoked on the chain does not hold, whatever else agrees."""

    def revoked(root: bytes, token: int) -> OnChain:
        return replace(scene.chain(root, token), ended=REVOKED)

    found = scene.refused(scene.old, chain=revoked)
    assert found.detail.startswith("The auditors have revoked this statement; expected a statement that stands; got revoked")


def test_every_state_has_a_mark() -> None:
    """What the command line prints beside a step that refuses."""
    assert MARKS[StepState.FAILED] == ("✗", "FAILED")

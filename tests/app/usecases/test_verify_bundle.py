"""A bundle is walked back step by step; whatever is changed in it, the step that breaks is named."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from app.assemble import open_desk
from app.chain import ChainDesk, Standing
from app.store.subjects import SubjectKind
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.look_at_chain import trusted_by
from app.usecases.verify_bundle import (
    REVOKED,
    OnChain,
    Step,
    StepState,
    TrustedAuditors,
    Verdict,
    first_failure,
    holds,
    signers_of,
    verdict,
    verify_bundle,
)
from domain.activity import ActivityKey, Direction
from domain.bundle import AuditorName, Bundle, bundle_from_bytes
from domain.canonical import to_canonical
from domain.errors import ConflictError
from domain.issuance import IssuanceKind
from domain.manifest import Manifest, ManifestFormat
from domain.period import Month
from domain.place import place_from_text
from domain.statement import Unscored
from ledger.issuance import leaf_of, token_id
from ledger.signing import AuditorKey, sign_envelope
from ledger.trees import build_trees
from scoring.factors.factor_set import FactorSet
from tests.app.usecases.installation import HOLDER, Installation, document, hours, series

ALL = (
    *("bundle", "manifest", "issuance", "batch", "signatures", "lines", "factors", "choice"),
    *("arithmetic", "totals", "evidence", "inputs", "quantities", "originals", "chain"),
)
Content = dict[str, Any]


@dataclass(frozen=True)
class World:
    """A business's statement on a chain, and what a verifier brings along.

    Attributes:
        bundles: By how much they show.
        factor_set: The verifier's factor set.
        trusted: Whom the chain trusts.
        chain: What the chain answers, by root and token.
    """

    bundles: dict[Shown, Bundle]
    factor_set: FactorSet
    trusted: TrustedAuditors
    chain: Callable[[bytes, int], OnChain]

    @property
    def data(self) -> bytes:
        """The bundle that shows everything."""
        return self.bundles[Shown.EVERYTHING].to_bytes()

    def verify(self, data: bytes) -> dict[str, Step]:
        """Every step by its name, with list and chain."""
        return {
            step.name: step for step in verify_bundle(data, factor_set=self.factor_set, trusted=self.trusted, chain=self.chain)
        }

    def states(self, data: bytes) -> dict[str, StepState]:
        """How every step ended."""
        return {name: step.state for name, step in self.verify(data).items()}

    def failed(self, content: Content) -> list[str]:
        """Steps that fail for a bundle with this content, its checksum made anew."""
        return [name for name, state in self.states(resealed(content)).items() if state is StepState.FAILED]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two days of hourly readings with export and gas, and a stay: lines of three kinds, one unscored total, one token."""
    made = Installation.open(tmp_path_factory.mktemp("world"))
    home = place_from_text("10001", zone="America/New_York")
    with made.work() as work:
        whose = create_subject(work, NewSubject(SubjectKind.ENTITY, "Bakery", home, chain_holder=HOLDER), owner_account_id="")
    starts_s = hours(date(2025, 4, 1), date(2025, 4, 2))
    export = series(starts_s, range(48), direction=Direction.EXPORT)
    made.take(whose, document(series(starts_s, range(400, 448)), export))
    gas = document(series(starts_s, [1] * 48, kind="natural_gas", source_unit="therm"))
    made.take(whose, gas.replace(b"UsagePoint/1", b"UsagePoint/2"))
    made.stay(whose)
    desk = open_desk(made.services)
    row = made.issue(desk, made.close_months(whose, "2025-04"))
    with made.looking() as work:
        bundles = {shown: export_bundle(work, row, shown) for shown in Shown}
    bundle = bundles[Shown.EVERYTHING]
    known = {bundle.envelope.root: desk.standing(bundle.envelope.root, int(bundle.chain.token_id_hex, 16))}
    token_id = int(bundle.chain.token_id_hex, 16)

    def chain(root: bytes, token: int) -> OnChain:
        standing = known.get(root)
        is_anchored = standing is not None and standing.is_anchored
        token_root = known[bundle.envelope.root].token_root if token == token_id else None
        return OnChain(desk.label, desk.chain_id, desk.contract, is_anchored=is_anchored, token_root=token_root, is_final=True)

    trusted = TrustedAuditors("the chain", desk.regions_of([a.address for a in bundle.auditors]), desk.quorum())
    yield World(bundles, made.services.factor_set, trusted, chain)
    desk.close()
    made.close()


def resealed(content: Content) -> bytes:
    """Canonical bytes of a bundle's content with the checksum that it has now."""
    body = {name: value for name, value in content.items() if name != "checksum"}
    return to_canonical({**body, "checksum": sha256(to_canonical(body)).hexdigest()})


def inner(text: str, change: Callable[[Content], None]) -> str:
    """Canonical text with something changed inside."""
    value = json.loads(text)
    change(value)
    return to_canonical(value).decode()


def test_whole_bundle_holds(world: World) -> None:
    """With list, chain and everything shown, every step is taken and holds."""
    assert world.states(world.data) == dict.fromkeys(ALL, StepState.OK)


def test_lines_bundle_hides_the_inputs(world: World) -> None:
    """A bundle with lines leaves inputs and originals unchecked, and nothing fails."""
    states = world.states(world.bundles[Shown.LINES].to_bytes())
    hidden = {name for name, state in states.items() if state is StepState.NOT_CHECKED}
    assert hidden == {"inputs", "quantities", "originals"}
    assert states["evidence"] is StepState.OK
    assert StepState.FAILED not in states.values()


def test_totals_bundle_hides_the_lines_too(world: World) -> None:
    """A bundle with totals only: who signed what, and where it stands; the rest is not checked, none failed."""
    states = world.states(world.bundles[Shown.TOTALS].to_bytes())
    taken = {name for name, state in states.items() if state is StepState.OK}
    assert taken == {"bundle", "manifest", "issuance", "batch", "signatures", "chain"}
    assert StepState.FAILED not in states.values()


@pytest.mark.parametrize("shown", [Shown.TOTALS, Shown.LINES])
def test_hidden_parts_are_not_in_the_file(world: World, shown: Shown) -> None:
    """What is not shown cannot be read from the file: no record, no key that opens it."""
    content = json.loads(world.bundles[shown].to_bytes())
    assert (content["groups"], content["originals"]) == ([], [])
    assert set(content["keys"]) == ({"lines"} if shown is Shown.LINES else set())
    assert bool(content["lines"]) == (shown is Shown.LINES)


def test_lines_without_their_key_are_refused(world: World) -> None:
    """Lines that somebody adds to a bundle of totals could not be checked against the root: the file is refused."""
    content = json.loads(world.bundles[Shown.TOTALS].to_bytes())
    content["lines"] = json.loads(world.data)["lines"]
    found = world.verify(resealed(content))["bundle"]
    assert found.state is StepState.FAILED
    assert found.detail.startswith("This bundle shows lines without the key that they are checked with")


def reordered(text: str) -> str:
    """The same JSON with its fields in another order."""
    return json.dumps(dict(reversed(json.loads(text).items())), ensure_ascii=False, separators=(",", ":"))


def spaced(text: str) -> str:
    """The same JSON with white space."""
    return json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True)


def doubled(text: str) -> str:
    """The same JSON with its first field twice."""
    name, value = next(iter(json.loads(text).items()))
    return "{" + json.dumps({name: value}, sort_keys=True, separators=(",", ":"))[1:-1] + "," + text[1:]


def escaped(text: str) -> str:
    """The same JSON with a letter written as an escape."""
    return text.replace("e", "\\u0065", 1)


def fraction(text: str) -> str:
    """The same JSON with a whole number written as a fraction."""
    return re.sub(r":(\d+)(?=[,}])", r":\1.0", text, count=1)


NOT_CANONICAL = {"order": reordered, "space": spaced, "twice": doubled, "escape": escaped, "fraction": fraction}
TEXTS: dict[str, tuple[tuple[str | int, ...], str]] = {
    "manifest": (("manifest",), "manifest"),
    "line": (("lines", 0), "lines"),
    "factor": (("factors", 0, "row"), "factors"),
    "record": (("groups", 0, "leaves", 0), "inputs"),
}


@pytest.mark.parametrize("how", NOT_CANONICAL)
@pytest.mark.parametrize("what", TEXTS)
def test_inner_text_must_be_canonical(world: World, what: str, how: str) -> None:
    """A text inside the bundle that says the same in other bytes is refused by its own step, as not canonical."""
    path, step = TEXTS[what]
    content = json.loads(world.data)
    set_at(*path, to=NOT_CANONICAL[how])(content)
    data = resealed(content)
    assert data != world.data
    found = world.verify(data)[step]
    assert found.state is StepState.FAILED
    said = {"twice": "A key stands twice", "fraction": "expected an integer, or the amount as a string"}
    assert said.get(how, "These bytes are not canonical JSON") in found.detail


@pytest.mark.parametrize("how", NOT_CANONICAL)
def test_file_must_be_canonical(world: World, how: str) -> None:
    """So is the file itself."""
    data = NOT_CANONICAL[how](world.data.decode()).encode()
    assert data != world.data
    assert world.states(data)["bundle"] is StepState.FAILED


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "climate-fitness/record/2"}, "This record has a format that this version does not know"),
        ({"note": "x"}, "This record has other fields than its format"),
        ({"usage_point": "another"}, "The group of a record of activities|declared|2025-04 differs"),
    ],
)
def test_records_are_of_their_format(world: World, change: Content, words: str) -> None:
    """A record of another version, with a field too many, or of another group is refused by name."""
    content = json.loads(world.data)
    set_at("groups", 0, "leaves", 0, to=lambda text: inner(text, lambda value: value.update(change)))(content)
    assert world.verify(resealed(content))["inputs"].detail.startswith(words)


def test_without_chain_says_so(world: World) -> None:
    """Without a chain the last step says what it did not do."""
    *_, last = verify_bundle(world.data, factor_set=world.factor_set, trusted=world.trusted)
    assert last == Step("chain", StepState.NOT_CHECKED, "not checked: on chain")


def test_without_list_names_the_signers(world: World) -> None:
    """Without a list the signatures are recovered, and whether they are auditors' stays open."""
    steps = {step.name: step for step in verify_bundle(world.data, factor_set=world.factor_set)}
    assert steps["signatures"].state is StepState.NOT_CHECKED
    assert world.bundles[Shown.EVERYTHING].auditors[0].address in steps["signatures"].detail


@pytest.mark.parametrize(
    "trusted",
    [
        TrustedAuditors("file", {"0x" + "11" * 20: 1}, 1),
        TrustedAuditors("file", {}, 1),
    ],
)
def test_wrong_list_fails_the_signatures(world: World, trusted: TrustedAuditors) -> None:
    """Signatures of somebody who is not on the verifier's list do not count."""
    steps = verify_bundle(world.data, factor_set=world.factor_set, trusted=trusted, chain=world.chain)
    assert [step.name for step in steps if step.state is StepState.FAILED] == ["signatures"]


def test_higher_quorum_fails_the_signatures(world: World) -> None:
    """One signature is not two."""
    steps = verify_bundle(world.data, factor_set=world.factor_set, trusted=replace(world.trusted, quorum=2))
    failure = first_failure(steps)
    assert failure is not None
    assert failure.name == "signatures"


def test_other_chain_is_not_checked(world: World) -> None:
    """A chain with another id that does not have the root says nothing about the statement."""

    def other(root: bytes, token: int) -> OnChain:
        return replace(world.chain(root, token), chain_id=1, is_anchored=False, token_root=None)

    steps = verify_bundle(world.data, factor_set=world.factor_set, trusted=world.trusted, chain=other)
    assert (steps[-1].state, holds(steps)) == (StepState.NOT_CHECKED, True)


def test_root_that_was_anchored_again_counts(world: World) -> None:
    """On another chain that has the root too, it is found, and the words say that the file names the former one."""

    def later(root: bytes, token: int) -> OnChain:
        return replace(world.chain(root, token), chain_id=1)

    last = verify_bundle(world.data, factor_set=world.factor_set, trusted=world.trusted, chain=later)[-1]
    assert last.state is StepState.OK
    assert last.detail.endswith("its root was anchored here again")
    revoked = verify_bundle(
        world.data,
        factor_set=world.factor_set,
        trusted=world.trusted,
        chain=lambda root, token: replace(later(root, token), ended=REVOKED),
    )
    assert first_failure(revoked) == revoked[-1]


def test_missing_on_the_chain_fails(world: World) -> None:
    """A chain that does not have the token makes the last step fail."""

    def empty(root: bytes, token: int) -> OnChain:
        return replace(world.chain(root, token), is_anchored=False, token_root=None)

    steps = verify_bundle(world.data, factor_set=world.factor_set, trusted=world.trusted, chain=empty)
    assert first_failure(steps) == steps[-1]


def test_layout_is_refused(world: World) -> None:
    """The same content in another layout is not the bundle."""
    content = json.loads(world.data)
    for text in (json.dumps(content), json.dumps(content, indent=1), world.data.decode() + "\n"):
        steps = world.verify(text.encode())
        assert steps["bundle"].state is StepState.FAILED
        assert {step.state for name, step in steps.items() if name != "bundle"} == {StepState.NOT_CHECKED}


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b"{" * 10_000, b'{"format":"climate-fitness/bundle/2"}'])
def test_other_files_are_refused(world: World, data: bytes) -> None:
    """Whatever is no bundle fails the first step and nothing else is tried."""
    assert world.states(data)["bundle"] is StepState.FAILED


def check_every_byte(world: World, data: bytes, *, step: int) -> None:
    """No changed byte is accepted: some named step fails."""
    for index in range(0, len(data), step):
        for other in {data[index] ^ 1, data[index] ^ 0x20, 0x30 if data[index] != 0x30 else 0x31} - {data[index]}:
            changed = data[:index] + bytes([other]) + data[index + 1 :]
            steps = verify_bundle(changed, factor_set=world.factor_set, trusted=world.trusted, chain=world.chain)
            assert verdict(steps) is Verdict.BROKEN, f"byte {index} changed to {other} is accepted"


@pytest.mark.parametrize("shown", list(Shown))
def test_every_third_byte_counts(world: World, shown: Shown) -> None:
    """A changed byte anywhere is found."""
    check_every_byte(world, world.bundles[shown].to_bytes(), step=3)


@pytest.mark.slow
@pytest.mark.parametrize("shown", list(Shown))
def test_every_byte_counts(world: World, shown: Shown) -> None:
    """The same for every byte of every kind of bundle."""
    check_every_byte(world, world.bundles[shown].to_bytes(), step=1)


def test_cut_bundle_is_refused(world: World) -> None:
    """A file that ends early is refused wherever it ends."""
    for end in range(0, len(world.data), 997):
        assert world.states(world.data[:end])["bundle"] is StepState.FAILED


def set_at(*path: str | int, to: Any) -> Callable[[Content], None]:  # noqa: ANN401 - any JSON
    """A change of one field of a bundle."""

    def change(content: Content) -> None:
        at: Any = content
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = to(at[path[-1]]) if callable(to) else to

    return change


def inside(*path: str | int, **fields: object) -> Callable[[Content], None]:
    """A change inside a text that is canonical JSON itself."""
    return set_at(*path, to=lambda text: inner(text, lambda value: value.update(fields)))


def one_more(text: str) -> str:
    """A number in text, one higher."""
    return str(int(text) + 1)


def other_digit(text: str) -> str:
    """Hexadecimal text with its last digit changed."""
    return text[:-1] + ("1" if text[-1] == "0" else "0")


def total(name: str) -> Callable[[Content], None]:
    """A change of one of the manifest's totals, by one."""

    def change(manifest: Content) -> None:
        manifest["totals"][name] = one_more(manifest["totals"][name])
        totals = manifest["totals"]
        totals["net_ug_co2e"] = str(int(totals["gross_market_ug_co2e"]) - int(totals["retired_g_co2e"]) * 1_000_000)

    return set_at("manifest", to=lambda text: inner(text, change))


def quantity(activity: Content) -> None:
    """One millionth more in an activity."""
    activity["quantity_micro"] = one_more(activity["quantity_micro"])


def leaf_changed(change: Callable[[Content], None]) -> Callable[[Content], None]:
    """A change of the first record."""
    return set_at("groups", 0, "leaves", 0, to=lambda text: inner(text, change))


FORGERIES: dict[str, tuple[Callable[[Content], None], set[str]]] = {
    "total, location": (total("gross_location_ug_co2e"), {"issuance", "totals"}),
    "total, market": (total("gross_market_ug_co2e"), {"issuance", "totals"}),
    "total, retired": (total("retired_g_co2e"), {"issuance", "totals"}),
    "total, avoided": (total("avoided_ug_co2e"), {"issuance", "totals"}),
    "period": (inside("manifest", period="2025-03"), {"issuance"}),
    "revision": (inside("manifest", revision=2), {"issuance"}),
    "reason": (inside("manifest", reason="none"), {"issuance"}),
    "coverage": (inside("manifest", coverage_ppm=1_000_000), {"issuance"}),
    "parsers": (inside("manifest", parsers={}), {"issuance"}),
    "method": (inside("manifest", method="cf-method/1"), {"issuance"}),
    "self-declared": (inside("manifest", is_self_declared=True), {"issuance"}),
    "inputs root": (inside("manifest", inputs={"leaf_count": 6, "root": "ab" * 32}), {"issuance", "inputs"}),
    "lines root": (inside("manifest", lines={"leaf_count": 4, "root": "ab" * 32}), {"issuance", "lines"}),
    "originals root": (inside("manifest", originals={"leaf_count": 2, "root": "ab" * 32}), {"issuance", "originals"}),
    "factor set": (inside("manifest", factor_set={"root": "ab" * 32, "size": 6407}), {"issuance", "factors"}),
    "manifest format": (inside("manifest", format="climate-fitness/manifest/3"), {"manifest", "issuance"}),
    "line quantity": (
        set_at("lines", 0, to=lambda text: inner(text, quantity)),
        {"lines", "arithmetic", "quantities"},
    ),
    "line emissions": (
        set_at("lines", 0, to=lambda text: inner(text, lambda x: x["emissions_ug_co2e"].update(co2="1"))),
        {"lines", "arithmetic", "totals"},
    ),
    "line flag": (inside("lines", 0, flags=[]), {"lines", "choice"}),
    "line factor": (inside("lines", 0, factor_id="ab" * 32), {"lines", "factors", "choice", "arithmetic"}),
    "line evidence": (
        set_at("lines", 0, to=lambda text: text.replace('"uploaded"', '"signed_channel"')),
        {"lines", "quantities"},
    ),
    "line left out": (set_at("lines", to=lambda lines: lines[1:]), {"lines", "totals", "quantities"}),
    "factor row": (
        set_at("factors", 0, "row", to=lambda text: inner(text, lambda row: row["published"].update(co2="1.0"))),
        {"factors"},
    ),
    "factor path": (set_at("factors", 0, "path", 0, to=other_digit), {"factors"}),
    "factor path no hexadecimal": (set_at("factors", 0, "path", 0, to="zz"), {"factors"}),
    "factor index": (set_at("factors", 0, "index", to=lambda index: index + 1), {"factors"}),
    "factor index below zero": (set_at("factors", 0, "index", to=-1), {"factors"}),
    "leaf quantity": (leaf_changed(lambda leaf: quantity(leaf["activities"][0])), {"inputs", "quantities"}),
    "leaf original": (leaf_changed(lambda leaf: leaf.update(documents=["ab" * 32])), {"inputs", "originals"}),
    "leaf zone": (leaf_changed(lambda leaf: leaf.update(zone="America/Chicago")), {"inputs"}),
    "leaf without activities": (leaf_changed(lambda leaf: leaf.pop("activities")), {"inputs", "quantities"}),
    "leaf no JSON": (set_at("groups", 0, "leaves", 0, to="x"), {"inputs"}),
    "leaf twice": (set_at("groups", 0, "leaves", to=lambda leaves: [*leaves, leaves[0]]), {"inputs", "quantities"}),
    "group key": (set_at("groups", 0, "group", to="other"), {"inputs"}),
    "group twice": (set_at("groups", to=lambda groups: [*groups, groups[0]]), {"inputs", "quantities"}),
    "group empty": (set_at("groups", 0, "leaves", to=[]), {"inputs", "quantities"}),
    "key of the inputs": (set_at("keys", "inputs", to=other_digit), {"inputs"}),
    "key of the lines": (set_at("keys", "lines", to=other_digit), {"lines"}),
    "key of the originals": (set_at("keys", "originals", to=other_digit), {"originals"}),
    "signature": (set_at("signatures", 0, to=other_digit), {"signatures"}),
    "signature twice": (set_at("signatures", to=lambda all_: [*all_, all_[0]]), {"signatures"}),
    "signature left out": (set_at("signatures", to=[]), {"signatures"}),
    "signature short": (set_at("signatures", 0, to="ab"), {"signatures"}),
    "signature no hexadecimal": (set_at("signatures", 0, to="x" * 130), {"signatures"}),
    "envelope root": (set_at("envelope", "root", to=other_digit), {"batch", "signatures"}),
    "envelope count": (set_at("envelope", "count", to=2), {"signatures"}),
    "envelope count below zero": (set_at("envelope", "count", to=-1), {"signatures"}),
    "envelope region": (set_at("envelope", "region", to=1), {"batch", "signatures"}),
    "envelope method": (set_at("envelope", "method_hash", to=other_digit), {"batch", "signatures"}),
    "envelope deadline": (set_at("envelope", "deadline_s", to=lambda s: s + 1), {"signatures"}),
    "envelope deadline too far": (set_at("envelope", "deadline_s", to=2**53 - 1), {"signatures"}),
    "envelope epoch": (set_at("envelope", "epoch", to=lambda e: e + 1), {"signatures"}),
    "batch proof": (set_at("batch_proof", to=["ab" * 32]), {"batch"}),
    "batch proof no hexadecimal": (set_at("batch_proof", to=["zz" * 32]), {"batch"}),
    "batch proof short": (set_at("batch_proof", to=["ab"]), {"batch"}),
    "issuance holder": (set_at("issuance", "holder", to="0x" + "cd" * 20), {"batch"}),
    "issuance holder no address": (set_at("issuance", "holder", to="nobody"), {"batch"}),
    "issuance kind": (set_at("issuance", "kind", to=4), {"issuance", "batch"}),
    "issuance region": (set_at("issuance", "region", to=1), {"batch"}),
    "issuance region too high": (set_at("issuance", "region", to=2**40), {"batch"}),
    "issuance months": (set_at("issuance", "from_month_ym", to=202503), {"issuance", "batch"}),
    "issuance end": (set_at("issuance", "to_month_ym", to=202506), {"issuance", "batch"}),
    "issuance revision": (set_at("issuance", "revision", to=2), {"issuance", "batch"}),
    "issuance revision below zero": (set_at("issuance", "revision", to=-1), {"issuance", "batch"}),
    "issuance subject": (set_at("issuance", "subject", to=other_digit), {"issuance", "batch"}),
    "issuance inputs root": (set_at("issuance", "inputs_root", to=other_digit), {"issuance", "batch"}),
    "issuance manifest hash": (set_at("issuance", "manifest_hash", to=other_digit), {"issuance", "batch"}),
    "issuance method": (set_at("issuance", "method_hash", to=other_digit), {"issuance", "batch"}),
    "issuance gross": (set_at("issuance", "gross_location_g_co2e", to=one_more), {"issuance", "batch"}),
    "issuance market": (set_at("issuance", "gross_market_g_co2e", to=one_more), {"issuance", "batch"}),
    "issuance retired": (set_at("issuance", "retired_g_co2e", to=one_more), {"issuance", "batch"}),
    "issuance net": (set_at("issuance", "net_g_co2e", to=one_more), {"issuance", "batch"}),
    "issuance net too large": (set_at("issuance", "net_g_co2e", to=str(2**70)), {"issuance", "batch"}),
    "chain id": (set_at("chain", "chain_id", to=one_more), {"signatures"}),
    "chain id below zero": (set_at("chain", "chain_id", to="-1"), {"signatures"}),
    "contract": (set_at("chain", "contract", to="0x" + "cd" * 20), {"signatures"}),
    "contract no address": (set_at("chain", "contract", to="x"), {"signatures"}),
    "action": (set_at("chain", "action", to="anchor"), {"chain"}),
    "action that does not exist": (set_at("chain", "action", to="mint"), {"bundle"}),
    "token id": (set_at("chain", "token_id", to=other_digit), {"issuance", "chain"}),
    "token id no hexadecimal": (set_at("chain", "token_id", to="zz"), {"issuance", "chain"}),
    "original": (set_at("originals", 0, to=other_digit), {"originals"}),
    "original left out": (set_at("originals", to=lambda all_: all_[1:]), {"originals"}),
    "original twice": (set_at("originals", to=lambda all_: [*all_, all_[0]]), {"originals"}),
    "unscored quantity": (set_at("unscored", 0, "quantity_micro", to=one_more), {"lines", "quantities"}),
    "unscored reason": (set_at("unscored", 0, "reason", to="none"), {"lines"}),
    "unscored left out": (set_at("unscored", to=[]), {"lines", "totals", "quantities"}),
}
"""Name of a change to what it does and the steps that must fail; the checksum is made anew each time."""


@pytest.mark.parametrize("name", FORGERIES)
def test_forgery_is_named(world: World, name: str) -> None:
    """A change by somebody who knows the format breaks the very step that it is about, and never passes."""
    content = json.loads(world.data)
    change, expected = FORGERIES[name]
    change(content)
    assert resealed(content) != world.data
    assert expected <= set(world.failed(content))


def leaves_of(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of all plain values of a bundle."""
    if isinstance(value, dict):
        for name in value:
            yield from leaves_of(value[name], (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves_of(item, (*path, index))
    else:
        yield path


UNSIGNED = {("chain", "label"), ("chain", "transaction"), ("chain", "block_number")}
"""For people: nothing is concluded from them, and no signature covers them."""


def test_no_value_can_be_replaced(world: World) -> None:
    """Whatever plain value is replaced by another one of its kind, some step fails; only names for people are free."""
    free = set()
    for path in leaves_of(json.loads(world.data)):
        for other in ("", "ff", 0, -1, 2**53 - 1, None, True):
            content = json.loads(world.data)
            set_at(*path, to=other)(content)
            if path != ("checksum",) and resealed(content) != world.data and not world.failed(content):
                free.add(path)
    of_auditors = {("auditors", 0, name) for name in ("address", "node", "operator", "region")}
    assert free <= UNSIGNED | of_auditors


def fabricated(bundle: Bundle, **of_manifest: object) -> bytes:
    """A bundle with other words in its manifest, everything behind it made anew, signed with a stranger's own key."""
    content = {**json.loads(bundle.manifest), "subject": "77" * 32, **of_manifest}
    manifest = to_canonical(content)
    kind = IssuanceKind.SELF_DECLARED_EMISSIONS if content["is_self_declared"] else IssuanceKind.AUDITED_EMISSIONS
    subject = bytes.fromhex("77" * 32)
    issuance = replace(bundle.issuance, manifest_hash=sha256(manifest).digest(), subject=subject, kind=kind)
    key = AuditorKey.from_bytes((12345).to_bytes(32, "big"))
    envelope = replace(bundle.envelope, root=leaf_of(issuance))
    contract = "0x" + "11" * 20
    chain = replace(
        bundle.chain, chain_id=1, contract=contract, label="Ethereum", token_id_hex=f"{token_id(issuance):064x}", action="issue"
    )
    made = replace(
        bundle,
        manifest=manifest.decode(),
        issuance=issuance,
        envelope=envelope,
        signatures=(sign_envelope(key, envelope, chain_id=1, contract=contract).hex(),),
        chain=chain,
        auditors=(AuditorName(key.address, "big-us", "US", "A Big Auditing Company"),),
    )
    return made.sealed().to_bytes()


@pytest.mark.parametrize("shown", list(Shown))
def test_fabricated_bundle_is_consistent_at_most(world: World, shown: Shown) -> None:
    """Numbers that agree, signed by somebody on a chain that nobody asked: consistent, never more."""
    data = fabricated(world.bundles[shown])
    steps = verify_bundle(data, factor_set=world.factor_set)
    assert (verdict(steps), holds(steps), first_failure(steps)) == (Verdict.CONSISTENT, False, None)


def test_fabricated_bundle_is_broken_for_who_knows_auditors(world: World) -> None:
    """Whoever brings a list sees that the signature is a stranger's."""
    steps = verify_bundle(fabricated(world.bundles[Shown.EVERYTHING]), factor_set=world.factor_set, trusted=world.trusted)
    assert (verdict(steps), first_failure(steps)) == (Verdict.BROKEN, steps[4])
    assert steps[4].name == "signatures"


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ({"evidence_ppm": {"fetched_by_auditor": 1_000_000}}, "The evidence shares differs"),
        ({"evidence_ppm": {"typed": 500_000, "uploaded": 500_000}}, "The evidence shares differs"),
        ({"evidence_ppm": {}}, "The evidence shares differs"),
        ({"is_self_declared": True}, "The self-declared differs"),
        ({"coverage_ppm": 1_000_000}, "The inputs cover less of the period than the manifest says; expected at most 66666 ppm"),
        ({"parsers": {"green-button": "99"}}, "The parsers differs"),
        ({"parsers": {}}, "The parsers differs"),
    ],
)
def test_claimed_evidence_is_recomputed(world: World, claim: dict[str, Any], words: str) -> None:
    """Stronger evidence, more coverage or other parsers than lines and inputs say break the step of the evidence alone."""
    steps = verify_bundle(fabricated(world.bundles[Shown.EVERYTHING], **claim), factor_set=world.factor_set)
    (failed,) = [step for step in steps if step.state is StepState.FAILED]
    assert failed.name == "evidence"
    assert failed.detail.startswith(words)
    assert verdict(steps) is Verdict.BROKEN


def test_evidence_of_lines_needs_no_inputs(world: World) -> None:
    """A bundle that shows its lines is enough to refuse shares that they do not have."""
    data = fabricated(world.bundles[Shown.LINES], evidence_ppm={"signed_channel": 1_000_000})
    assert [step.name for step in verify_bundle(data, factor_set=world.factor_set) if step.state is StepState.FAILED] == [
        "evidence"
    ]


def test_evidence_without_emissions_needs_the_records(installation: Installation) -> None:
    """Where nothing is emitted the records decide; where they are not shown either, the step is not checked."""
    whose = installation.household()
    installation.stay(whose)
    desk = open_desk(installation.services)
    row = installation.issue(desk, installation.close_months(whose, "2025-04"))
    with installation.looking() as work:
        bundles = {shown: export_bundle(work, row, shown) for shown in Shown}
    desk.close()
    factor_set = installation.services.factor_set

    def evidence(data: bytes) -> StepState:
        return {step.name: step.state for step in verify_bundle(data, factor_set=factor_set)}["evidence"]

    assert evidence(bundles[Shown.EVERYTHING].to_bytes()) is StepState.OK
    assert evidence(bundles[Shown.LINES].to_bytes()) is StepState.NOT_CHECKED
    assert evidence(fabricated(bundles[Shown.EVERYTHING], is_self_declared=True)) is StepState.FAILED


def test_many_unscored_totals_take_linear_time(world: World) -> None:
    """Ten thousand unscored totals and as many inputs are compared once each, in seconds."""
    whole = world.bundles[Shown.EVERYTHING]
    leaf = json.loads(whole.groups[0].leaves[0])
    keys = [ActivityKey("water", "US/zip/10001", 2025, "m3", ((f"a{index}", "x"),)) for index in range(10_000)]
    leaf["activities"] = [{**leaf["activities"][0], "key": key.to_json(), "quantity_micro": "1"} for key in keys]
    group = replace(whole.groups[0], leaves=(to_canonical(leaf).decode(),))
    leaf_size = len(group.leaves[0])
    parts = [to_canonical({**leaf, "activities": leaf["activities"][at : at + 500]}).decode() for at in range(0, 10_000, 500)]
    group = replace(group, leaves=tuple(parts))
    unscored = tuple(Unscored(Month(2025, 4), key, 1, "none") for key in keys)
    data = replace(whole, unscored=unscored, groups=(group,)).sealed().to_bytes()
    begun_s = process_time()
    steps = verify_bundle(data, factor_set=world.factor_set)
    assert verdict(steps) is Verdict.BROKEN
    assert leaf_size > 1_000_000
    assert process_time() - begun_s < 20  # squared it took two minutes


def test_too_many_mixed_lines_are_refused(world: World) -> None:
    """Weighing very many lines of mixed evidence would take minutes; no statement has them, and the step says so."""
    whole = world.bundles[Shown.LINES]
    line = json.loads(whole.lines[0])
    line["by_evidence_micro"] = {"typed": "1", "uploaded": "2"}
    steps = verify_bundle(
        replace(whole, lines=(to_canonical(line).decode(),) * 1_001).sealed().to_bytes(), factor_set=world.factor_set
    )
    assert "too many or too large to weigh" in {step.name: step.detail for step in steps}["evidence"]


def test_endless_period_is_refused(world: World) -> None:
    """Coverage is not measured over more months of meters than there can be."""
    whole = world.bundles[Shown.EVERYTHING]
    of_meter = next(group for group in whole.groups if group.group_key.startswith("green-button"))
    leaf = json.loads(of_meter.leaves[0])
    leaves = tuple(to_canonical({**leaf, "usage_point": str(index)}).decode() for index in range(50))
    bundle = replace(whole, groups=(replace(of_meter, leaves=leaves),))
    steps = verify_bundle(
        fabricated(bundle, period="1000-01..2999-12", parsers={"green-button": leaf["parser"]}), factor_set=world.factor_set
    )
    assert "too long to measure its coverage" in {step.name: step.detail for step in steps}["evidence"]


class AskedDesk(ChainDesk):
    """A desk that notes which addresses it is asked about."""

    def __init__(self, chain_id: int, contract: str) -> None:
        self.chain_id, self.contract = chain_id, contract
        self.asked: list[str] = []

    def regions_of(self, addresses: Sequence[str]) -> dict[str, int]:
        """Everybody may sign for the first region."""
        self.asked += addresses
        return dict.fromkeys(addresses, 1)

    def quorum(self) -> int:
        """One signature."""
        return 1

    def standing(self, root: bytes, token_id: int) -> Standing:  # noqa: ARG002  # as the desk's
        """Nothing is on it."""
        return Standing(is_anchored=False, token_root=None, is_final=False)


def test_chain_is_asked_for_signers_only(world: World) -> None:
    """Auditors that a bundle only names cost the chain nothing; whoever signed is asked for once."""
    whole = world.bundles[Shown.EVERYTHING]
    desk = AskedDesk(whole.chain.chain_id, whole.chain.contract)
    named = tuple(AuditorName(f"0x{index:040x}", "n", "US", "o") for index in range(60))
    data = replace(whole, auditors=named, signatures=whole.signatures * 3).sealed().to_bytes()
    assert trusted_by(data, desk) is not None
    assert desk.asked == list(signers_of(whole))
    other = AskedDesk(7, whole.chain.contract)
    assert (trusted_by(data, other), other.asked) == (None, [])


def test_unsigned_statement_has_no_bundle(installation: Installation, tmp_path: Path) -> None:
    """A statement that no auditor signed cannot be exported."""
    assert tmp_path.exists()
    whose = installation.household()
    starts_s = hours(date(2025, 4, 1), date(2025, 4, 1))
    installation.take(whose, document(series(starts_s, [1] * 24)))
    row = installation.close_months(whose, "2025-04")
    with installation.looking() as work, pytest.raises(ConflictError, match="This statement was not signed yet"):
        export_bundle(work, row, Shown.TOTALS)


def test_statement_without_lines_shows_its_unscored(installation: Installation) -> None:
    """A bundle of a statement of which nothing can be scored is checked to the end."""
    whose = installation.household()
    installation.stay(whose)
    desk = open_desk(installation.services)
    row = installation.issue(desk, installation.close_months(whose, "2025-04"))
    with installation.looking() as work:
        data = export_bundle(work, row, Shown.EVERYTHING).to_bytes()
    desk.close()
    states = {step.name: step.state for step in verify_bundle(data, factor_set=installation.services.factor_set)}
    assert {name for name, state in states.items() if state is not StepState.OK} == {"signatures", "chain"}


def test_former_layout_still_holds(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement closed with the manifest's version 1 is endorsed, exported and walked back as before."""
    monkeypatch.setattr("app.usecases.make_closed.build_trees", partial(build_trees, layout=ManifestFormat.V1))
    monkeypatch.setattr("app.usecases.make_closed.Manifest", partial(Manifest, format=ManifestFormat.V1))
    whose = installation.household()
    starts_s = hours(date(2025, 4, 1), date(2025, 4, 1))
    installation.take(whose, document(series(starts_s, [1] * 24)))
    desk = open_desk(installation.services)
    row = installation.issue(desk, installation.close_months(whose, "2025-04"))
    with installation.looking() as work:
        bundle = export_bundle(work, row, Shown.EVERYTHING)
    desk.close()
    assert bundle.read_manifest().format is ManifestFormat.V1
    states = {step.name: step.state for step in verify_bundle(bundle.to_bytes(), factor_set=installation.services.factor_set)}
    assert {name for name, state in states.items() if state is not StepState.OK} == {"signatures", "chain"}
    relabelled = inner(bundle.manifest, lambda manifest: manifest.update(format=str(ManifestFormat.V2)))
    steps = verify_bundle(replace(bundle, manifest=relabelled).sealed().to_bytes(), factor_set=installation.services.factor_set)
    assert {"issuance", "lines", "inputs", "originals"} <= {step.name for step in steps if step.state is StepState.FAILED}


def test_round_trip(world: World) -> None:
    """A bundle's bytes are read as the bundle that they were written from."""
    for bundle in world.bundles.values():
        assert bundle_from_bytes(bundle.to_bytes()) == bundle

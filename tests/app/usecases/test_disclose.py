"""One bill or one group is shown, and nothing else: neither another salt, amount or name, nor anything that can be changed."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.assemble import open_desk
from app.chain import ChainDesk
from app.services import Whose
from app.store import statements, subjects
from app.store.statements import StatementRow
from app.usecases.disclose import disclose_group, disclose_record, show_inputs
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.look_at_chain import lookup_of, trusted_by, verify_with_chain
from app.usecases.verify_bundle import Step, StepState, Verdict, first_failure, verdict
from app.usecases.verify_disclosure import STEP_NAMES, Brought, KnownStatement, verify_disclosure
from app.usecases.verify_statement import Verifications
from app.usecases.walk_back import known_statement
from domain.canonical import to_canonical
from domain.disclosure import Disclosure, disclosure_from_bytes, is_disclosure
from domain.errors import ConflictError, InputError, LedgerError, NotFoundError
from domain.manifest import manifest_from_canonical
from ledger.inputs import group_salt, leaf_salt
from tests.app.usecases.installation import Installation, document, hours, series
from tests.schemas import validator

MANY = "\n".join(
    json.dumps(
        {"id": f"thing {number}", "kind": kind, "quantity": amount, "unit": unit, "start": f"2025-04-{number:02d}", **more}
    )
    for number, (kind, amount, unit, more) in enumerate(
        (
            ("hotel", "3", "room_night", {"region": "MC"}),
            ("hotel", "17", "room_night", {"region": "GB"}),
            ("purchase", "4242.42", "USD", {"naics": "722511"}),
            ("car", "8181", "km", {"region": "GB"}),
            ("rail", "717", "pkm", {"region": "GB"}),
        ),
        start=1,
    )
).encode()


@dataclass(frozen=True)
class Scene:
    """An anchored statement with many records.

    Attributes:
        made: Its installation.
        row: The statement.
        desk: The chain.
        whole: Its bundle with everything.
    """

    made: Installation
    row: StatementRow
    desk: ChainDesk
    whole: dict[str, Any]

    def record(self, wanted: str, *, is_signed: bool | None = None) -> Disclosure:
        """The disclosure of the record with a key."""
        with self.made.looking() as work:
            ids = {one.leaf.record_key: one.record_id for group in show_inputs(work, self.row) for one in group.records}
            return disclose_record(work, self.row, ids[wanted], is_signed=is_signed)

    def group(self, wanted: str, *, is_signed: bool | None = None) -> Disclosure:
        """The disclosure of a group."""
        with self.made.looking() as work:
            return disclose_group(work, self.row, wanted, is_signed=is_signed)

    def brought(self, data: bytes, **more: Any) -> Brought:  # noqa: ANN401 - fields of Brought
        """A list, a chain and the statement."""
        root_hex = manifest_from_canonical(self.row.manifest).inputs.root_hex
        known = KnownStatement("the proof page", root_hex)
        return Brought(**{"trusted": trusted_by(data, self.desk), "chain": lookup_of(self.desk), "known": known, **more})


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A household with a meter and a file of activities: many records in one group."""
    made = Installation.open(tmp_path_factory.mktemp("disclosed"))
    whose = made.household("Ada Lovelace")
    starts_s = hours(date(2025, 4, 1), date(2025, 4, 5))
    made.take(whose, document(series(starts_s, range(400, 520))))
    made.take(whose, MANY, connector="activities")
    desk = open_desk(made.services)
    row = made.issue(desk, made.close_months(whose, "2025-04"))
    with made.looking() as work:
        whole = json.loads(export_bundle(work, row, Shown.EVERYTHING).to_bytes())
    yield Scene(made, row, desk, whole)
    desk.close()
    made.close()


DECLARED = "activities|declared|2025-04"
METER = "green-button|espi/RetailCustomer/1/UsagePoint/1|2025-04"


def by_name(steps: tuple[Step, ...]) -> dict[str, StepState]:
    """How each step ended."""
    return {step.name: step.state for step in steps}


def secrets_of(scene: Scene) -> dict[str, bytes]:
    """Every salt of the inputs tree, and every key, by name."""
    key = bytes.fromhex(scene.whole["keys"]["inputs"])
    count = sum(len(group["leaves"]) for group in scene.whole["groups"])
    salts = {f"leaf salt {i}": leaf_salt(key, i) for i in range(count)}
    salts |= {f"group salt {i}": group_salt(key, i) for i in range(len(scene.whole["groups"]))}
    return salts | {f"key {name}": bytes.fromhex(value) for name, value in scene.whole["keys"].items()}


def words_of(value: object) -> set[str]:
    """Every text and number of JSON, with its names, read down into texts that are JSON themselves."""
    if isinstance(value, dict):
        return {word for name, one in value.items() for word in {name} | words_of(one)}
    if isinstance(value, list):
        return {word for one in value for word in words_of(one)}
    if isinstance(value, str) and value.startswith("{"):
        return words_of(json.loads(value))
    return {str(value)}


@pytest.mark.parametrize("record_key", ["thing 1", "thing 3", "espi/RetailCustomer/1/UsagePoint/1|electricity|2025-04-02"])
def test_record_is_shown_alone(scene: Scene, record_key: str) -> None:
    """In the bytes of a disclosed record: its own salt and no other, its own amounts and names and no others."""
    data = scene.record(record_key).to_bytes()
    found = {name for name, secret in secrets_of(scene).items() if secret.hex().encode() in data}
    assert len(found) == 1
    assert found.pop().startswith("leaf salt")
    leaves = [leaf for group in scene.whole["groups"] for leaf in group["leaves"]]
    (own,) = [leaf for leaf in leaves if json.loads(leaf)["record_key"] == record_key]
    others = {word for leaf in leaves if leaf != own for word in words_of(leaf)} | words_of(scene.whole["manifest"])
    others |= words_of(scene.whole["lines"]) | words_of(scene.whole["issuance"]) | {"Ada Lovelace", str(scene.row.id)}
    allowed = words_of(own) | {scene.row.manifest_hash_hex, manifest_from_canonical(scene.row.manifest).inputs.root_hex}
    told = words_of(json.loads(data))
    format_words = {"format", "group", "leaf", "text", "path", "salt", "signed", "checksum", "sibling", "side", "about"}
    leaked = (told & others) - allowed - format_words - {"manifest_hash", "inputs_root", "None"}
    assert leaked == set()
    assert set(re.findall(rb"[0-9]{4,}(?![0-9a-f])", b" ".join(re.findall(rb'"[0-9]+"', data)))) <= set(
        re.findall(rb"[0-9]{4,}", own.encode())
    )


def test_totals_of_the_group_are_not_told(scene: Scene) -> None:
    """The record's group has five records: none of its sums, nor how many there are, follows from one of them."""
    data = scene.record("thing 1").to_bytes()
    group = scene.group(DECLARED)
    for name, total in group.to_json()["group"]["totals"].items():  # type: ignore[index,call-overload,union-attr]  # JSON
        assert name.encode() not in data
        assert total == "3000000" or f'"{total}"'.encode() not in data
    assert b"leaf_count" not in data


def test_group_is_shown_without_its_records(scene: Scene) -> None:
    """In the bytes of a disclosed group: its sums, its own salt, and no record of it."""
    data = scene.group(METER).to_bytes()
    found = [name for name, secret in secrets_of(scene).items() if secret.hex().encode() in data]
    assert found == ["group salt 1"]
    for group in scene.whole["groups"]:
        for leaf in group["leaves"]:
            content = json.loads(leaf)
            assert content["record_key"].encode() not in data
            for digest in content["documents"]:
                assert digest.encode() not in data
            for activity in content["activities"]:
                assert f'"{activity["quantity_micro"]}"'.encode() not in data
    total = sum(
        int(activity["quantity_micro"])
        for group in scene.whole["groups"]
        if group["group"] == METER
        for leaf in group["leaves"]
        for activity in json.loads(leaf)["activities"]
    )
    assert f'"{total}"'.encode() in data


def test_every_record_and_group_verifies(scene: Scene) -> None:
    """Whatever is shown stands below the inputs root; a list, a chain and the root are enough to hold."""
    with scene.made.looking() as work:
        groups = show_inputs(work, scene.row)
        shown = [disclose_record(work, scene.row, one.record_id) for group in groups for one in group.records]
        shown += [disclose_group(work, scene.row, group.group_key) for group in groups]
    assert len(shown) == 5 + 5 + 2
    for made in shown:
        data = made.to_bytes()
        validator("disclosure-1").validate(json.loads(data))
        assert (is_disclosure(data), disclosure_from_bytes(data)) == (True, made)
        steps = verify_disclosure(data, scene.brought(data))
        assert (verdict(steps), [step.name for step in steps]) == (Verdict.HOLDS, list(STEP_NAMES))
        told = {name for name, state in by_name(steps).items() if state is StepState.OK}
        assert told == {"disclosure", "shown", "statement"}


def test_signatures_come_with_the_totals(scene: Scene) -> None:
    """With the signed part a disclosure is checked down to the chain; its words say that it tells the net."""
    data = scene.record("thing 1", is_signed=True).to_bytes()
    validator("disclosure-1").validate(json.loads(data))
    steps = verify_disclosure(data, scene.brought(data, known=None))
    assert {name for name, state in by_name(steps).items() if state is not StepState.OK} == {"statement", "original"}
    assert verdict(steps) is Verdict.HOLDS
    assert f"net {scene.whole['issuance']['net_g_co2e']} g CO2e" in {step.name: step.detail for step in steps}["issuance"]


def test_token_is_signed_by_itself(installation: Installation, business: Whose, desk: ChainDesk) -> None:
    """A token's grams are on the chain by its holder's choice: its disclosures carry the signatures unless told not to."""
    installation.stay(business)
    row = installation.issue(desk, installation.close_months(business, "2025-04"))
    with installation.looking() as work:
        ((record,),) = [group.records for group in show_inputs(work, row)]
        assert disclose_record(work, row, record.record_id).signed is not None
        assert disclose_record(work, row, record.record_id, is_signed=False).signed is None
        assert disclose_group(work, row, "activities|declared|2025-04").signed is not None


def test_alone_it_is_consistent(scene: Scene) -> None:
    """Without list, chain and statement nobody vouches for the root."""
    steps = verify_disclosure(scene.record("thing 1").to_bytes(), Brought())
    assert verdict(steps) is Verdict.CONSISTENT
    assert by_name(steps)["statement"] is StepState.NOT_CHECKED


def test_other_statement_is_refused(scene: Scene) -> None:
    """A root of another statement is not the one below which it stands."""
    data = scene.record("thing 1").to_bytes()
    steps = verify_disclosure(data, Brought(known=KnownStatement("another proof page", "ab" * 32)))
    assert first_failure(steps) is not None
    assert "The inputs root of another proof page differs" in {step.name: step.detail for step in steps}["statement"]


def test_installation_knows_its_statement(scene: Scene) -> None:
    """Where it is sent to the installation that closed it, the statement's own verification vouches."""
    data, kept = scene.record("thing 1").to_bytes(), Verifications()
    with scene.made.looking() as work:
        steps = verify_with_chain(
            data,
            factor_set=scene.made.services.factor_set,
            chain=scene.desk,
            known_of=lambda manifest_hash: known_statement(work, manifest_hash, chain=scene.desk, kept=kept),
        )
        assert known_statement(work, "ab" * 32, chain=scene.desk, kept=kept) is None
        assert known_statement(work, scene.row.manifest_hash_hex, chain=None, kept=kept) is None  # nobody vouches for it
    assert (verdict(steps), by_name(steps)["statement"]) == (Verdict.HOLDS, StepState.OK)


def test_original_is_compared(scene: Scene) -> None:
    """Who has the bill compares its bytes: the right one holds, one changed byte is refused by name."""
    made = scene.record("thing 1")
    data = made.to_bytes()
    named = json.loads(json.loads(data)["leaf"]["text"])["documents"]
    assert named == [sha256(MANY).hexdigest()]
    held = verify_disclosure(data, scene.brought(data, originals=(("bill.ndjson", MANY),)))
    assert by_name(held)["original"] is StepState.OK
    other = verify_disclosure(data, scene.brought(data, originals=(("bill.ndjson", MANY + b" "),)))
    assert (first_failure(other), verdict(other)) == (other[-1], Verdict.BROKEN)
    assert "This is not an original that the proof names" in other[-1].detail
    assert "bill.ndjson" in other[-1].detail
    group = scene.group(DECLARED).to_bytes()
    steps = verify_disclosure(group, scene.brought(group, originals=(("bill.ndjson", MANY),)))
    assert by_name(steps)["original"] is StepState.NOT_CHECKED


def resealed(content: dict[str, Any]) -> bytes:
    """Canonical bytes of a disclosure's content with the checksum that it has now."""
    body = {name: value for name, value in content.items() if name != "checksum"}
    return to_canonical({**body, "checksum": sha256(to_canonical(body)).hexdigest()})


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of all values that are no objects."""
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*path, name))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from places(item, (*path, index))
    else:
        yield path


UNSIGNED = {"label", "transaction", "block_number"}
"""For people: nothing is concluded from them."""

FORGED_VALUES: tuple[object, ...] = ("", "ff", "ab" * 32, 0, 1, 2**53 - 1, None, True, "left", "right", [])


@pytest.mark.parametrize("is_signed", [False, True], ids=["bare", "signed"])
@pytest.mark.parametrize("what", ["record", "group"])
def test_no_value_can_be_replaced(scene: Scene, what: str, *, is_signed: bool) -> None:
    """Each value replaced by others of its kind, with the checksum made anew: refused, but for names for people."""
    made = scene.record("thing 2", is_signed=is_signed) if what == "record" else scene.group(METER, is_signed=is_signed)
    data = made.to_bytes()
    for path in places(json.loads(data)):
        for other in FORGED_VALUES:
            content = json.loads(data)
            at: Any = content
            for name in path[:-1]:
                at = at[name]
            at[path[-1]] = other
            if path == ("checksum",) or resealed(content) == data or path[-1] in UNSIGNED or "auditors" in path:
                continue
            if path == ("manifest_hash",) and not is_signed:
                continue  # only names the statement to ask for
            steps = verify_disclosure(resealed(content), scene.brought(data))
            assert verdict(steps) is Verdict.BROKEN, (path, other)


@pytest.mark.parametrize("what", ["record", "group"])
def test_every_byte_counts(scene: Scene, what: str) -> None:
    """Any byte changed, any end: the first step refuses, and nothing else is tried."""
    made = scene.record("thing 2") if what == "record" else scene.group(METER)
    data = made.to_bytes()
    for index in range(len(data)):
        changed = data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]
        assert verdict(verify_disclosure(changed, scene.brought(data))) is Verdict.BROKEN, index
    for end in range(0, len(data), 7):
        assert verdict(verify_disclosure(data[:end], scene.brought(data))) is Verdict.BROKEN
    assert verdict(verify_disclosure(data + b" ", scene.brought(data))) is Verdict.BROKEN


def test_parts_of_two_disclosures_do_not_mix(scene: Scene) -> None:
    """A record with the way, salt or group of another one, a group with the sums of another: refused."""
    first, second, group = (
        json.loads(one.to_bytes()) for one in (scene.record("thing 1"), scene.record("thing 2"), scene.group(METER))
    )
    for name in ("text", "salt", "path"):
        mixed = {**first, "leaf": {**first["leaf"], name: second["leaf"][name]}}
        assert verdict(verify_disclosure(resealed(mixed), Brought())) is Verdict.BROKEN
    meter = json.loads(scene.record("espi/RetailCustomer/1/UsagePoint/1|electricity|2025-04-02").to_bytes())
    for name in ("about", "group_path"):
        mixed = {**first, "leaf": {**first["leaf"], name: meter["leaf"][name]}}
        assert verdict(verify_disclosure(resealed(mixed), Brought())) is Verdict.BROKEN
    other = json.loads(scene.group(DECLARED).to_bytes())
    for name in ("group", "totals", "keys", "leaf_count", "salt", "subtree_root", "path"):
        mixed = {**group, "group": {**group["group"], name: other["group"][name]}}
        if mixed != group:
            assert verdict(verify_disclosure(resealed(mixed), Brought())) is Verdict.BROKEN, name
    for both in ({**first, "group": group["group"]}, {**first, "leaf": None}):
        steps = verify_disclosure(resealed(both), Brought())
        assert "A disclosure shows one thing" in steps[0].detail


def test_longer_ways_are_refused(scene: Scene) -> None:
    """More steps than a tree of 2^64 leaves has are not walked."""
    content = json.loads(scene.record("thing 1").to_bytes())
    content["leaf"]["path"] = [{"sibling": "ab" * 32, "side": "left"}] * 65
    steps = verify_disclosure(resealed(content), Brought())
    assert "This disclosure has more path than a disclosure may have; expected at most 64; got 65" in steps[0].detail


def test_later_version_is_refused(scene: Scene) -> None:
    """It is recognised as a disclosure, and its version refused by name."""
    content = {**json.loads(scene.record("thing 1").to_bytes()), "format": "climate-fitness/disclosure/2"}
    assert is_disclosure(resealed(content))
    steps = verify_disclosure(resealed(content), Brought())
    assert "This disclosure has a format that this version does not know" in steps[0].detail


@pytest.mark.parametrize("record_id", ["", "abc", "ffffffffffff", "zz zz"])
def test_unknown_record_is_refused(scene: Scene, record_id: str) -> None:
    """What the statement does not have cannot be shown."""
    with scene.made.looking() as work, pytest.raises(NotFoundError, match="This statement has no such record"):
        disclose_record(work, scene.row, record_id)


def test_unknown_group_is_refused(scene: Scene) -> None:
    """Nor can a group that it does not have."""
    with (
        scene.made.looking() as work,
        pytest.raises(NotFoundError, match="This statement has no such group; expected one of: act"),
    ):
        disclose_group(work, scene.row, "none")


def test_ambiguous_record_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A beginning that several records have needs more digits."""
    monkeypatch.setattr("app.usecases.disclose.record_id_of", lambda leaf: "abcd" + sha256(leaf).hexdigest()[:12])
    with scene.made.looking() as work, pytest.raises(InputError, match="Several records begin so"):
        disclose_record(work, scene.row, "abcd")


def test_unsigned_and_erased_statements_show_nothing(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """Before an auditor signed, and after the subject was erased, nothing is disclosed."""
    installation.stay(household)
    row = installation.close_months(household, "2025-04")
    with installation.looking() as work:
        ((record,),) = [group.records for group in show_inputs(work, row)]
        with pytest.raises(ConflictError, match="This statement was not signed yet"):
            disclose_record(work, row, record.record_id)
    row = installation.issue(desk, row)
    with installation.work() as work:
        statements.erase_inputs(work.session, row.tenant_id, row.id)
        subjects.erase(work.session, row.tenant_id, row.subject_id, installation.clock.now())
    with installation.looking() as work, pytest.raises(NotFoundError, match="The inputs of this statement are erased"):
        disclose_record(work, row, record.record_id)


def test_former_statement_must_be_restated(scene: Scene) -> None:
    """Of a statement with a manifest of version 1 nothing can be shown alone, and the message says what to do."""
    former = replace(scene.row, manifest=scene.row.manifest.replace(b"manifest/2", b"manifest/1"))
    with scene.made.looking() as work:
        ((record, *_), *_) = [group.records for group in show_inputs(work, former)]
        with pytest.raises(LedgerError, match="Of this statement nothing can be shown alone"):
            disclose_record(work, former, record.record_id)


def test_folder_is_not_needed(scene: Scene, tmp_path: Path) -> None:
    """The bytes are all that the receiver needs."""
    path = tmp_path / "bill.json"
    path.write_bytes(scene.record("thing 1").to_bytes())
    assert verdict(verify_disclosure(path.read_bytes(), Brought())) is Verdict.CONSISTENT

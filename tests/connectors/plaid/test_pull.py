"""Pulling from Plaid: pages, the cursor with the last of them, updates that begin again, refusals, and what a store ends with."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Batch, Document, LinkedItem, Post
from connectors.plaid import HELD_COUNT, MOST_PAGES_COUNT, MOST_TRIES_COUNT, PLAID
from domain.declared import ActivityDocument
from domain.errors import ConnectorBugError, DocumentError, FormatChangedError, NeedsConsentError, TryLaterError
from tests.connectors.plaid.sync_text import TRANSFER, amounts, answer, payment, refusal, stored

Answer = tuple[int, bytes]
MUTATION = (400, refusal("TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION", "TRANSACTIONS_ERROR"))


def driven(provider: Callable[[str, int], Answer], cursor: str | None) -> Generator[Batch, None, None]:
    """The batches of one pull; the provider answers cursor ("" for none) and count."""
    pulling = PLAID.pull({"base_url": "https://sandbox.plaid.com"}, cursor)
    sent: Document | None = None
    while True:
        try:
            said = pulling.send(sent)
        except StopIteration:
            return
        if isinstance(said, Batch):
            sent = None
            yield said
        else:
            assert isinstance(said, Post)
            assert said.url == "/transactions/sync"
            assert said.passes == {400}
            count = said.json["count"]
            assert isinstance(count, int)
            status, body = provider(str(said.json.get("cursor", "")), count)
            sent = Document(body, said.url, status=status)


def script(*answers: bytes | Answer) -> tuple[Callable[[str, int], Answer], list[str]]:
    """A provider that gives these answers in turn, and the cursors that it was asked with."""
    left, asked = list(answers), list[str]()

    def provide(cursor: str, _count: int) -> Answer:
        asked.append(cursor)
        said = left.pop(0)
        return said if isinstance(said, tuple) else (200, said)

    return provide, asked


def cursors(batches: Sequence[Batch]) -> list[str | None]:
    """What each batch makes the next pull begin with."""
    return [one.cursor for one in batches]


def test_cursor_comes_with_the_last_page() -> None:
    """All pages are read before one is stored; only the last brings the cursor, and each has its own document."""
    pages = [
        answer([payment("t1")], next_cursor="c1", has_more=True),
        answer([payment("t2")], next_cursor="c2", has_more=True),
        answer([payment("t3")], next_cursor="c3"),
    ]
    provide, asked = script(*pages)
    batches = list(driven(provide, "c0"))
    assert asked == ["c0", "c1", "c2"]
    assert cursors(batches) == [None, None, "c3"]
    assert [one.source.body for one in batches if one.source] == pages
    assert [PLAID.parse(one.source.body) for one in batches if one.source] == [one.document for one in batches]
    assert stored(batches).keys() == {"t1", "t2", "t3"}


def test_first_pull_asks_for_everything() -> None:
    """Without a cursor none is sent, and as many payments are asked for as Plaid gives."""
    request = next(PLAID.pull({}, None))
    assert isinstance(request, Post)
    assert dict(request.json) == {"count": 500}


def test_no_credentials_in_requests() -> None:
    """The driver adds client, secret and token; the connector knows none."""
    request = next(PLAID.pull({"access_token": "access-1"}, "c0"))
    assert isinstance(request, Post)
    assert dict(request.json) == {"count": 500, "cursor": "c0"}


def test_mutation_begins_again_before_page_one() -> None:
    """Payments that change between pages: nothing of that try is stored, and the update begins at its first cursor again."""
    provide, asked = script(
        answer([payment("gone")], next_cursor="c1", has_more=True), MUTATION, answer([payment("t1")], next_cursor="c9")
    )
    batches = list(driven(provide, "c0"))
    assert (asked, cursors(batches), stored(batches)) == (["c0", "c1", "c0"], ["c9"], {"t1": 12_340_000})


def test_endless_mutation_waits() -> None:
    """Payments that always change: another time; nothing is stored."""
    provide, asked = script(
        *(one for _ in range(MOST_TRIES_COUNT) for one in (answer(next_cursor="c1", has_more=True), MUTATION))
    )
    with pytest.raises(TryLaterError, match="change faster"):
        list(driven(provide, "c0"))
    assert asked == ["c0", "c1"] * MOST_TRIES_COUNT


@pytest.mark.parametrize("lost", [MUTATION, (400, refusal("INVALID_FIELD", "INVALID_REQUEST", "cursor is not valid"))])
def test_lost_cursor_reads_everything_again(lost: Answer) -> None:
    """A stored cursor that is refused twice is none any more: everything is read again, under the same names."""
    provide, asked = script(lost, lost, answer([payment("t1")], next_cursor="c9"))
    batches = list(driven(provide, "c0"))
    assert (asked, cursors(batches)) == (["c0", "c0", ""], ["c9"])


def test_bank_that_is_not_ready() -> None:
    """An empty next cursor means that the bank has handed over nothing yet; it is never kept."""
    provide, _ = script(answer(next_cursor="", status="NOT_READY"))
    with pytest.raises(TryLaterError) as caught:
        list(driven(provide, None))
    assert caught.value.wait_s == 120


def test_history_is_asked_for_soon() -> None:
    """After the first payments the history follows within minutes: what is there is stored, and the rest is asked for soon."""
    first = answer([payment("t1")], status="INITIAL_UPDATE_COMPLETE")
    pulling = driven(script(first)[0], None)
    assert next(pulling).cursor == "c1"
    with pytest.raises(TryLaterError, match="older payments"):
        next(pulling)
    assert cursors(list(driven(script(first)[0], "c0"))) == ["c1"]


@pytest.mark.parametrize(
    ("code", "kind", "error"),
    [
        ("ITEM_LOGIN_REQUIRED", "ITEM_ERROR", NeedsConsentError),
        ("INVALID_ACCESS_TOKEN", "INVALID_INPUT", NeedsConsentError),
        ("USER_PERMISSION_REVOKED", "ITEM_ERROR", NeedsConsentError),
        ("SOMETHING_NEW", "ITEM_ERROR", NeedsConsentError),
        ("PRODUCT_NOT_READY", "ITEM_ERROR", TryLaterError),
        ("INSTITUTION_DOWN", "INSTITUTION_ERROR", TryLaterError),
        ("SOMETHING_NEW", "API_ERROR", TryLaterError),
        ("TRANSACTIONS_SYNC_LIMIT", "RATE_LIMIT_EXCEEDED", TryLaterError),
        ("INVALID_API_KEYS", "INVALID_INPUT", ConnectorBugError),
        ("INVALID_FIELD", "INVALID_REQUEST", ConnectorBugError),
        ("", "", FormatChangedError),
    ],
)
def test_refusals_have_their_meaning(code: str, kind: str, error: type[Exception]) -> None:
    """Each refusal is one of three: the person is asked, the bank is asked later, or the mistake is ours."""
    provide, _ = script((400, refusal(code, kind)))
    with pytest.raises(error):
        list(driven(provide, "c0"))


def test_consent_says_why() -> None:
    """A person reads why they are asked again, and that nothing is lost."""
    with pytest.raises(NeedsConsentError, match=r"Your bank wants you to sign in again.*what was read stays"):
        list(driven(script((400, refusal("ITEM_LOGIN_REQUIRED")))[0], "c0"))


@pytest.mark.parametrize("body", [b"", b"<html>blocked</html>", b"[1]"])
def test_refusal_that_is_no_json(body: bytes) -> None:
    """A refusal that is a web page is another format, never a lost consent."""
    with pytest.raises((DocumentError, FormatChangedError)):
        list(driven(script((400, body))[0], "c0"))


def test_page_that_repeats_itself() -> None:
    """A next cursor that is the one just asked with would never end."""
    with pytest.raises(FormatChangedError, match="same page"):
        list(driven(script(answer(next_cursor="c0", has_more=True))[0], "c0"))


def test_endless_pages_end() -> None:
    """Pages without end are given up on; the cursor stays, and memory holds no more than some pages."""
    asked: list[str] = []

    def endless(cursor: str, _count: int) -> Answer:
        asked.append(cursor)
        return 200, answer([payment(f"t{len(asked)}")], next_cursor=f"c{len(asked)}", has_more=True)

    batches: list[Batch] = []
    with pytest.raises(FormatChangedError, match="no end"):
        batches.extend(driven(endless, "start"))
    assert len(asked) == MOST_PAGES_COUNT
    assert set(cursors(batches)) <= {None}


def test_long_update_is_stored_as_it_comes() -> None:
    """Of an update of many pages the first are stored before the last has come, under the old cursor."""
    count = HELD_COUNT + 5

    def pages(cursor: str, _count: int) -> Answer:
        number = int(cursor[1:] or 0) + 1
        return 200, answer([payment(f"t{number}")], next_cursor=f"c{number}", has_more=number < count)

    batches = list(driven(pages, None))
    assert cursors(batches) == [None] * (count - 1) + [f"c{count}"]
    assert stored(batches).keys() == {f"t{number}" for number in range(1, count + 1)}


class Ledger:
    """A provider that keeps what happened in order, and answers as Plaid does: changes since a cursor, page by page.

    What is added and removed between two cursors is never told where `forgets` is set: the client must not have seen it.
    """

    def __init__(self, *, forgets: bool, page_size: int) -> None:
        self.forgets, self.page_size = forgets, page_size
        self.log: list[tuple[str, dict[str, Any] | None]] = []
        self.changes_between: list[Callable[[], None]] = []

    def truth(self) -> dict[str, int]:
        """Purchases that stand now."""
        last = dict(self.log)
        body = answer([one for one in last.values() if one is not None])
        document = PLAID.parse(body)
        return {name: amount for name, amount in amounts(document).items() if last.get(name) is not None}

    def provide(self, cursor: str, count: int) -> Answer:
        """The page at a cursor."""
        since, until, offset = (int(part) for part in cursor.split("-")) if cursor else (0, 0, 0)
        if offset and self.changes_between:
            self.changes_between.pop()()
        if offset and until != len(self.log):
            return MUTATION
        until = len(self.log)
        known = {name for name, said in self.log[:since] if said is not None}
        before = {name for name, said in dict(self.log[:since]).items() if said is not None}
        events = [(name, said) for name, said in dict(self.log[since:]).items()]
        told = [(name, said) for name, said in events if said is not None or not self.forgets or name in known]
        page = told[offset : offset + min(count, self.page_size)]
        has_more = offset + len(page) < len(told)
        return 200, answer(
            [said for name, said in page if said is not None and name not in before],
            modified=[said for name, said in page if said is not None and name in before],
            removed=[name for name, said in page if said is None],
            next_cursor=f"{since}-{until}-{offset + len(page)}" if has_more else f"{until}-{until}-0",
            has_more=has_more,
        )


_NAMES = st.sampled_from([f"t{number}" for number in range(6)])
_EVENTS = st.lists(
    st.one_of(
        st.tuples(_NAMES, st.integers(1, 99), st.sampled_from(["FOOD_AND_DRINK_GROCERIES", TRANSFER])),
        st.tuples(_NAMES, st.just(0), st.just("")),
        st.tuples(_NAMES, st.integers(1, 99), st.just("posted")),
    ),
    max_size=12,
)


def happen(ledger: Ledger, events: Sequence[tuple[str, int, str]]) -> None:
    """Payments appear, change, become transfers, are posted under another name, and go; a name that went never comes back."""
    for name, amount, what in events:
        live = dict(ledger.log).get(name)
        if (name, None) in ledger.log:
            continue
        if what == "posted":
            if live is not None:
                ledger.log.append((name, None))
                posted = f"{name}-{len(ledger.log)}"
                ledger.log.append((posted, payment(posted, amount=str(amount), pending_of=name)))
        elif what:
            ledger.log.append((name, payment(name, amount=str(amount), category=what)))
        elif live is not None:
            ledger.log.append((name, None))


@settings(max_examples=150, deadline=None)
@given(
    rounds=st.lists(st.tuples(_EVENTS, st.lists(_EVENTS, max_size=2)), min_size=1, max_size=4),
    page_size=st.integers(1, 4),
    forgets=st.booleans(),
)
def test_store_ends_as_the_bank(
    rounds: Sequence[tuple[Sequence[tuple[str, int, str]], Sequence[Sequence[tuple[str, int, str]]]]],
    page_size: int,
    *,
    forgets: bool,
) -> None:
    """Whatever happens at the bank, also between two pages, the store ends with what the bank has, to the cent."""
    ledger, state, cursor = Ledger(forgets=forgets, page_size=page_size), dict[str, int](), None
    for events, between in rounds:
        happen(ledger, events)
        ledger.changes_between = [lambda some=some: happen(ledger, some) for some in between]  # type: ignore[misc]
        batches = list(driven(ledger.provide, cursor))
        assert cursors(batches)[:-1] == [None] * (len(batches) - 1)
        state, cursor = stored(batches, state), batches[-1].cursor
        assert state == ledger.truth()


@settings(max_examples=150, deadline=None)
@given(
    rounds=st.lists(st.tuples(_EVENTS, st.integers(0, 6)), min_size=1, max_size=5),
    page_size=st.integers(1, 3),
)
def test_store_survives_being_killed(rounds: Sequence[tuple[Sequence[tuple[str, int, str]], int]], page_size: int) -> None:
    """Killed after any batch, the next pull goes on from the cursor that was stored, and nothing is lost or double."""
    ledger, state, cursor = Ledger(forgets=False, page_size=page_size), dict[str, int](), None
    for events, lives in [*rounds, ([], 1_000)]:
        happen(ledger, events)
        for batch, _ in zip(driven(ledger.provide, cursor), range(lives), strict=False):
            state = stored([batch], state)
            cursor = batch.cursor or cursor
    assert state == ledger.truth()


def test_manifest_says_what_is_needed() -> None:
    """The sandbox works at once, production after Plaid admitted us; both are consented to on Plaid's page."""
    manifest = PLAID.manifest
    assert (manifest.works_now, manifest.availability()) == (
        True,
        "works now (some providers); pulling needs registration with the provider, about 14 days",
    )
    assert all(isinstance(one.auth, LinkedItem) and one.base_url.startswith("https://") for one in manifest.providers)
    assert isinstance(PLAID.parse(answer()), ActivityDocument)

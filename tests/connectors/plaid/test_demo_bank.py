"""The connector against the demo's bank, over a year of its life with all of its bad days."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.clock import FixedClock, SeededRandomness
from app.demo.providers.bank import Bank
from app.demo.providers.oauth import Client
from app.demo.providers.wire import Request
from connectors.base import Batch, Document, Post
from connectors.plaid import PAGE_SIZE, PLAID
from domain.errors import NeedsConsentError, TryLaterError
from tests.connectors.plaid.sync_text import stored

START = date(2024, 1, 1)
OURS = {"client_id": "climate-fitness", "secret": "secret"}
RETURN = "https://app.example/callback"


def lines(first: date, end: date) -> bytes:
    """A restaurant every day, and a shirt every week, of the customer."""
    found = []
    day = first
    while day < end:
        mcc = "5651" if day.weekday() == 5 else "5812"
        said = {"kind": "purchase", "quantity": f"{day.day}.{day.month:02}", "unit": "USD", "start": str(day), "mcc": mcc}
        found.append(json.dumps({"id": str(day), **said}))
        day += timedelta(days=1)
    return "\n".join(found).encode()


class Customer:
    """Somebody who linked the demo's bank; the driver's part, without its network."""

    def __init__(self) -> None:
        self.clock = FixedClock(datetime(2024, 3, 1, 12, tzinfo=UTC))
        self.bank = Bank(lines=lines, start=START, clock=self.clock, randomness=SeededRandomness("plaid"))
        self.bank.origin = "https://bank.example"
        self.bank.register(Client("climate-fitness", "secret", "Climate Fitness", (RETURN,)))
        self.page_size = PAGE_SIZE
        self.cursor: str | None = None
        self.state: dict[str, int] = {}
        self.cursors: list[str | None] = []
        link = self.asked("/link/token/create", hosted_link={"completion_redirect_uri": RETURN})
        form = f"ticket={link['link_token']}&decision=allow&allow=checking&allow=card".encode()
        self.bank.answer(Request("POST", f"/link/page/{link['link_token']}", body=form))
        said = self.asked("/link/token/get", link_token=link["link_token"])
        public = said["link_sessions"][0]["results"]["item_add_results"][0]["public_token"]
        self.access = self.asked("/item/public_token/exchange", public_token=public)["access_token"]

    def asked(self, path: str, **fields: object) -> dict[str, Any]:
        """The JSON that the bank answers, status beside."""
        body = json.dumps({**OURS, **fields}).encode()
        found: dict[str, Any] = json.loads(self.bank.answer(Request("POST", path, body=body)).body)
        return found

    def answer(self, request: Post) -> Document:
        """What the driver does with a request: our name and the token go into the body."""
        said: Mapping[str, object] = {**request.json, "count": self.page_size, **OURS, "access_token": self.access}
        reply = self.bank.answer(Request("POST", request.url, body=json.dumps(said).encode()))
        assert reply.status == 200 or reply.status in request.passes
        return Document(reply.body, request.url, status=reply.status)

    def pull(self) -> None:
        """One sync, each batch stored with its cursor."""
        pulling = PLAID.pull({}, self.cursor)
        sent: Document | None = None
        while True:
            try:
                said = pulling.send(sent)
            except StopIteration:
                return
            sent = None
            if isinstance(said, Batch):
                self.state = stored([said], self.state)
                self.cursors.append(said.cursor)
                self.cursor = said.cursor or self.cursor
            else:
                assert isinstance(said, Post)
                sent = self.answer(said)

    def truth(self) -> dict[str, int]:
        """Purchases as the bank has them now: everything at once, asked for with the simulator's own paging."""
        fresh = Customer.__new__(Customer)
        fresh.__dict__ |= self.__dict__
        fresh.cursor, fresh.state, fresh.cursors, fresh.page_size = None, {}, [], PAGE_SIZE
        fresh.pull()
        return fresh.state


@pytest.fixture
def customer() -> Customer:
    """Somebody who just linked the bank."""
    return Customer()


def test_year_of_a_bank(customer: Customer) -> None:
    """Through a year of pending and posted payments, corrections and removals, the store is what the bank has."""
    customer.page_size = 7
    for week in range(45):
        customer.pull()
        assert customer.bank.quirks.mutation_count == 0
        assert customer.state == customer.truth()
        customer.clock.advance(3_600)
        posted = sorted(one for one in customer.state if one.startswith("t-"))
        if week % 3 == 0:
            customer.bank.change(posted[week % len(posted)], amount="0.07")
        if week % 5 == 0:
            customer.bank.remove(posted[-1 - week % 4])
        if week % 4 == 0:
            customer.bank.quirks.mutation_count = 1
        customer.clock.advance(7 * 86_400)
    assert len(customer.state) > 300
    assert None in customer.cursors
    assert 70_000 in customer.state.values()


def test_first_day_is_not_ready(customer: Customer) -> None:
    """A bank that is still collecting is asked again; nothing is kept of it."""
    customer.bank.quirks.not_ready_count = 1
    with pytest.raises(TryLaterError):
        customer.pull()
    assert (customer.cursor, customer.state) == (None, {})
    customer.pull()
    assert customer.state == customer.truth()


def test_new_sign_in_keeps_the_cursor(customer: Customer) -> None:
    """A bank that wants a new sign-in is asked no more; afterwards the connection goes on where it was."""
    customer.pull()
    before = customer.cursor
    customer.bank.quirks.is_login_required = True
    with pytest.raises(NeedsConsentError):
        customer.pull()
    assert customer.cursor == before
    customer.bank.quirks.is_login_required = False
    customer.clock.advance(86_400)
    customer.pull()
    assert customer.state == customer.truth()


def test_cash_and_income_stay_out(customer: Customer) -> None:
    """Salary and savings of the demo's customer are no purchases; groceries and the pharmacy are."""
    customer.pull()
    names = json.loads(customer.answer(Post("/transactions/sync", {"count": PAGE_SIZE})).body)["added"]
    bought = {one["personal_finance_category"]["primary"] for one in names if one["transaction_id"] in customer.state}
    left_out = {one["personal_finance_category"]["primary"] for one in names if one["transaction_id"] not in customer.state}
    assert bought == {"FOOD_AND_DRINK", "GENERAL_MERCHANDISE", "MEDICAL"}
    assert left_out == {"INCOME", "TRANSFER_OUT"}

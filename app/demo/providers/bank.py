"""A bank behind an aggregator, in the shape of Plaid: link tokens, a page for the consent, `/transactions/sync` with a cursor.

    bank = Bank(lines=household_lines, start=date(2024, 11, 1), clock=clock, randomness=randomness)
    with DemoProviders([bank]) as providers:
        bank.register(Client("climate-fitness", "secret", "Climate Fitness", (redirect_uri,)))

Everything is POST with JSON that has `client_id` and `secret`. The way of one connection, by hand:

1. `/link/token/create` with `hosted_link.completion_redirect_uri` (and `access_token`, to mend a connection that needs a new
   sign-in): `link_token`, and `hosted_link_url`, which the browser opens.
2. The person allows: 303 to the redirect address with `public_token`, `link_token` and the `state` that the address had. The
   same public token is in `/link/token/get`, where the browser is not believed. It lives 30 minutes and works once.
3. `/item/public_token/exchange`: `access_token` and `item_id`. `/item/remove` ends it.
4. `/transactions/sync` with `access_token`, `cursor` (empty at first) and `count` (1 to 500): `added`, `modified`, `removed`,
   `next_cursor`, `has_more`. The cursor is to be kept only when `has_more` is false.

A purchase is *pending* for two days; then it is `removed` under its first id, and `added` under another one that names the first
as `pending_transaction_id`. `change(...)` and `remove(...)` do the same to what is posted. Amounts are JSON numbers, and positive
where money goes out.

On request (`quirks`): `mutation_count` answers the next following page 400 `TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION` (begin
again with the cursor before the first page); `is_login_required` answers 400 `ITEM_LOGIN_REQUIRED` until the person went through
Link again; `not_ready_count` answers an empty page with an empty cursor; `is_endless`, 429, 503, web pages.

Purchases are those of the demo's activities (`app.demo.activities`), with a salary, a transfer and a pharmacy beside them, and
petrol on the days of `fuel_dates`.

Source:
    Plaid API 2020-09-14: /link/token/create, /item/public_token/exchange, /transactions/sync.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from hmac import compare_digest
from random import Random
from threading import RLock
from typing import Any
from urllib.parse import urlencode, urlsplit

from app.clock import Clock, Randomness
from app.demo.providers.oauth import Client
from app.demo.providers.pages import STYLE_PATH, Choice, ConsentPage, consent_page, message_page, style_reply
from app.demo.providers.quirks import Quirks
from app.demo.providers.wire import Reply, Request, disturbed, json_reply, not_found, redirect, trouble
from domain.period import Month

LINK_PATH = "/link"
"""Where the page of the consent is."""

CURRENCY = "USD"
CHECKING, CARD = "checking", "card"
_SEED = 20260103
_TANK_USD = "48.60"
_PENDING_FOR = timedelta(days=2)
_POSTED_AT = time(6, tzinfo=UTC)
_PUBLIC_LIFETIME = timedelta(minutes=30)
_LINK_LIFETIME = timedelta(hours=4)
_MOST_COUNT = 500
_USUAL_COUNT = 100
_ACCOUNTS = (
    {"account_id": CHECKING, "name": "Demo Checking", "mask": "0042", "type": "depository", "subtype": "checking"},
    {"account_id": CARD, "name": "Demo Card", "mask": "4207", "type": "credit", "subtype": "credit card"},
)
_PERMISSIONS = (
    Choice(CHECKING, "Demo Checking ••0042", "Payments and transfers of two years"),
    Choice(CARD, "Demo Card ••4207", "Purchases of two years"),
)
_OF_MCC = {
    "5812": ("Taqueria El Demo", "FOOD_AND_DRINK", "FOOD_AND_DRINK_RESTAURANT"),
    "5651": ("Thread & Demo Clothing", "GENERAL_MERCHANDISE", "GENERAL_MERCHANDISE_CLOTHING_AND_ACCESSORIES"),
}

Transaction = dict[str, Any]
Lines = Callable[[date, date], bytes]
"""Activities from a first day to the day after the last, as NDJSON."""


class Bank:
    """The simulator.

    Args:
        lines: What the customer does; purchases with a merchant category are paid by card.
        start: First day of the accounts.
        clock: Tells the time: what is posted by now.
        randomness: Makes tokens.
        fuel_dates: Days on which petrol was paid by card.
        customer: The customer's name for people.
        title: Its name for people.
        name: Its name among the demo's providers.
    """

    def __init__(
        self,
        *,
        lines: Lines,
        start: date,
        clock: Clock,
        randomness: Randomness,
        fuel_dates: Sequence[date] = (),
        customer: str = "Demo customer",
        title: str = "Demo Bank",
        name: str = "bank",
    ) -> None:
        self.name, self.title, self.origin = name, title, ""
        self.quirks = Quirks()
        self.lock = RLock()
        self.book: dict[str, Any] = {}
        self._lines, self._start, self._customer = lines, start, customer
        self._fuel_dates = fuel_dates
        self._clock, self._randomness = clock, randomness

    def register(self, client: Client) -> None:
        """Admit a client."""
        self._shelf("clients")[client.client_id] = asdict(client)

    def change(self, transaction_id: str, *, amount: str) -> None:
        """Change the amount of a posted transaction: the merchant corrected it."""
        self._shelf("changes")[transaction_id] = {"amount": amount, "at": self._now().isoformat()}

    def remove(self, transaction_id: str) -> None:
        """Take a posted transaction back."""
        self._shelf("changes")[transaction_id] = {"amount": None, "at": self._now().isoformat()}

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        if request.method == "GET" and request.path == STYLE_PATH:
            return style_reply()
        if request.path.startswith(f"{LINK_PATH}/page/"):
            return self._page(request) if request.method == "GET" else self._decide(request)
        routes: dict[str, Callable[[Mapping[str, Any], Client], Reply]] = {
            "/link/token/create": self._link,
            "/link/token/get": self._link_state,
            "/item/public_token/exchange": self._exchange,
            "/item/remove": self._end,
            "/item/get": self._item,
            "/accounts/get": self._accounts,
            "/transactions/sync": self._sync,
        }
        route = routes.get(request.path)
        if route is None or request.method != "POST":
            return not_found()
        said = request.json()
        client = self._client(said)
        return (
            _error("INVALID_INPUT", "INVALID_API_KEYS", "client_id or secret is wrong") if client is None else route(said, client)
        )

    # Link

    def _link(self, said: Mapping[str, Any], client: Client) -> Reply:
        hosted = said.get("hosted_link")
        returns_to = hosted.get("completion_redirect_uri") if isinstance(hosted, dict) else said.get("redirect_uri")
        if not isinstance(returns_to, str) or _without_query(returns_to) not in client.redirect_uris:
            return _error("INVALID_REQUEST", "INVALID_FIELD", "the redirect address is not registered")
        mended = ""
        if said.get("access_token"):
            mended = self._item_id(said)
            if not mended:
                return _error("INVALID_INPUT", "INVALID_ACCESS_TOKEN", "there is no such item")
        token = f"link-sandbox-{self._randomness.id()}"
        until = self._now() + _LINK_LIFETIME
        kept = {"client_id": client.client_id, "returns_to": returns_to, "item": mended, "until": until.isoformat()}
        self._shelf("links")[_digest(token)] = kept
        return _said(link_token=token, expiration=_stamp(until), hosted_link_url=f"{self.origin}{LINK_PATH}/page/{token}")

    def _page(self, request: Request, problem: str = "") -> Reply:
        token = request.path.rpartition("/")[2]
        kept = self._link_of(token)
        if kept is None:
            return message_page(self.title, "This page is too old", "Go back to where you came from, and connect again.", 404)
        client = self._shelf("clients")[kept["client_id"]]
        page = ConsentPage(
            provider=self.title,
            asks=client["title"],
            action=f"{LINK_PATH}/page/{token}",
            ticket=token,
            returns_to=kept["returns_to"],
            accounts=[Choice("customer", self._customer)],
            permissions=_PERMISSIONS,
            problem=problem,
        )
        return consent_page(page)

    def _decide(self, request: Request) -> Reply:
        token = request.path.rpartition("/")[2]
        kept = self._link_of(token)
        form = request.form()
        if kept is None or form.get("ticket") != token or kept.get("public_token"):
            return message_page(self.title, "This page is too old", "Go back to where you came from, and connect again.")
        if form.get("decision") != "allow":
            del self._shelf("links")[_digest(token)]
            return redirect(_with(kept["returns_to"], error="access_denied", link_token=token))
        known = [one.value for one in _PERMISSIONS]
        accounts = [value for name, value in request.form_pairs() if name == "allow" and value in known]
        if not accounts:
            return self._page(request, "Choose at least one account.")
        public = f"public-sandbox-{self._randomness.id()}"
        kept["public_token"] = public
        item_id = kept["item"] or self._randomness.id()
        until = self._now() + _PUBLIC_LIFETIME
        told = {"client_id": kept["client_id"], "item": item_id, "accounts": accounts, "until": until.isoformat()}
        self._shelf("publics")[_digest(public)] = told
        if kept["item"]:
            self._shelf("items")[item_id]["accounts"] = accounts
        self.quirks.is_login_required = False
        return redirect(_with(kept["returns_to"], public_token=public, link_token=token))

    def _link_state(self, said: Mapping[str, Any], client: Client) -> Reply:
        kept = self._link_of(str(said.get("link_token", "")))
        if kept is None or kept["client_id"] != client.client_id:
            return _error("INVALID_INPUT", "INVALID_LINK_TOKEN", "there is no such link token")
        added = [{"public_token": kept["public_token"], "institution": None}] if kept.get("public_token") else []
        return _said(link_token=said["link_token"], link_sessions=[{"results": {"item_add_results": added}}])

    def _exchange(self, said: Mapping[str, Any], client: Client) -> Reply:
        told = self._shelf("publics").pop(_digest(str(said.get("public_token", ""))), None)
        if told is None or told["client_id"] != client.client_id or datetime.fromisoformat(told["until"]) <= self._now():
            return _error("INVALID_INPUT", "INVALID_PUBLIC_TOKEN", "the public token is unknown, used, or too old")
        access = f"access-sandbox-{self._randomness.token()}"
        self._shelf("items")[told["item"]] = {"client_id": client.client_id, "accounts": told["accounts"]}
        self._shelf("access")[_digest(access)] = told["item"]
        return _said(access_token=access, item_id=told["item"])

    def _end(self, said: Mapping[str, Any], _client: Client) -> Reply:
        item_id = self._item_id(said)
        if not item_id:
            return _error("INVALID_INPUT", "INVALID_ACCESS_TOKEN", "there is no such item")
        del self._shelf("items")[item_id]
        return _said()

    # Data

    def _item(self, said: Mapping[str, Any], _client: Client) -> Reply:
        item_id = self._item_id(said)
        if not item_id:
            return _error("INVALID_INPUT", "INVALID_ACCESS_TOKEN", "there is no such item")
        fault = {"error_type": "ITEM_ERROR", "error_code": "ITEM_LOGIN_REQUIRED"} if self.quirks.is_login_required else None
        return _said(item={"item_id": item_id, "error": fault, "institution_name": self.title})

    def _accounts(self, said: Mapping[str, Any], _client: Client) -> Reply:
        item_id = self._item_id(said)
        if not item_id:
            return _error("INVALID_INPUT", "INVALID_ACCESS_TOKEN", "there is no such item")
        return _said(accounts=self._accounts_of(item_id))

    def _sync(self, said: Mapping[str, Any], _client: Client) -> Reply:
        item_id = self._item_id(said)
        count, where = said.get("count", _USUAL_COUNT), _cursor_of(said.get("cursor") or "")
        wrong = trouble(self.quirks) or self._item_fault(item_id)
        if wrong is not None:
            return wrong
        if where is None or not isinstance(count, int) or not 1 <= count <= _MOST_COUNT:
            return _error("INVALID_REQUEST", "INVALID_FIELD", "cursor or count cannot be")
        since, until, offset = where
        if offset and self.quirks.bites("mutation_count"):
            said_why = "Underlying transaction data changed since last page was fetched. Restart pagination from last update."
            return _error("TRANSACTIONS_ERROR", "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION", said_why)
        if not since and self.quirks.bites("not_ready_count"):
            return self._synced(item_id, [], cursor="", has_more=False, status="NOT_READY")
        until = until or _stamp(self._now())
        accounts = self._shelf("items")[item_id]["accounts"]
        events = [one for one in self._events(since, until) if one[2]["account_id"] in accounts]
        page = events[offset : offset + count]
        has_more = offset + count < len(events) or self.quirks.is_endless
        after = _cursor(since, until, offset + len(page)) if has_more else _cursor(until, "", 0)
        return disturbed(self._synced(item_id, page, cursor=after, has_more=has_more), self.quirks)

    def _item_fault(self, item_id: str) -> Reply | None:
        """Why this item gives no data; None where it does."""
        if not item_id or self.quirks.is_revoked:
            return _error("INVALID_INPUT", "INVALID_ACCESS_TOKEN", "there is no such item")
        if self.quirks.is_login_required:
            return _error("ITEM_ERROR", "ITEM_LOGIN_REQUIRED", "the login details of this item have changed")
        return None

    def _synced(
        self,
        item_id: str,
        page: Sequence[tuple[str, str, Transaction]],
        *,
        cursor: str,
        has_more: bool,
        status: str = "HISTORICAL_UPDATE_COMPLETE",
    ) -> Reply:
        gone = [
            {"transaction_id": one["transaction_id"], "account_id": one["account_id"]}
            for _, what, one in page
            if what == "removed"
        ]
        return _said(
            accounts=self._accounts_of(item_id),
            added=[one for _, what, one in page if what == "added"],
            modified=[one for _, what, one in page if what == "modified"],
            removed=gone,
            next_cursor=cursor,
            has_more=has_more,
            transactions_update_status=status,
        )

    def _events(self, since: str, until: str) -> list[tuple[str, str, Transaction]]:
        """What happened after `since` up to `until`, in order; what came and went in between is left out."""
        happened: list[tuple[str, str, Transaction]] = []
        for at, what, transaction in self._history():
            if since < at <= until:
                happened.append((at, what, transaction))
        added = {one["transaction_id"] for _, what, one in happened if what == "added"}
        fleeting = {one["transaction_id"] for _, what, one in happened if what == "removed"} & added
        return sorted(
            (one for one in happened if one[2]["transaction_id"] not in fleeting),
            key=lambda one: (one[0], one[2]["transaction_id"]),
        )

    def _history(self) -> Iterator[tuple[str, str, Transaction]]:
        """Everything that ever happened: when, what, and the transaction."""
        changes = self._shelf("changes")
        for one in self.transactions():
            pending = {**one, "transaction_id": f"p-{one['transaction_id']}", "pending": True, "pending_transaction_id": None}
            bought = datetime.combine(date.fromisoformat(one["date"]), time(18, tzinfo=UTC))
            posted = datetime.combine(bought.date() + _PENDING_FOR, _POSTED_AT)
            yield _stamp(bought), "added", pending
            yield _stamp(posted), "removed", pending
            yield _stamp(posted), "added", one
            change = changes.get(one["transaction_id"])
            if change:
                at = _stamp(datetime.fromisoformat(change["at"]))
                changed = one if change["amount"] is None else {**one, "amount": float(change["amount"])}
                yield at, "removed" if change["amount"] is None else "modified", changed

    def transactions(self) -> Iterator[Transaction]:
        """All transactions of the accounts up to today, as they are once posted."""
        today = self._now().date()
        for line in self._lines(self._start, today).splitlines():
            said = json.loads(line)
            if said["kind"] == "purchase" and said.get("mcc") in _OF_MCC:
                name, primary, detailed = _OF_MCC[said["mcc"]]
                yield _transaction(CARD, said["start"], said["quantity"], name, primary, detailed)
        for day in self._fuel_dates:
            if day <= today:
                yield _transaction(CARD, day.isoformat(), _TANK_USD, "Demo Fuel", "TRANSPORTATION", "TRANSPORTATION_GAS")
        month = Month(self._start.year, self._start.month)
        while month.first_date() <= today:
            chance = Random(f"{_SEED} {month}")
            for account_id, day, amount, *named in _usual(month, chance):
                if self._start <= day <= today:
                    yield _transaction(account_id, day.isoformat(), amount, *named)
            month = month.plus(1)

    # What is remembered

    def _client(self, said: Mapping[str, Any]) -> Client | None:
        kept = self._shelf("clients").get(str(said.get("client_id", "")))
        if kept is None or not compare_digest(kept["secret"].encode(), str(said.get("secret", "")).encode()):
            return None
        return Client(**{**kept, "redirect_uris": tuple(kept["redirect_uris"])})

    def _item_id(self, said: Mapping[str, Any]) -> str:
        """The item behind an access token that is the client's own; empty where there is none."""
        item_id: str = self._shelf("access").get(_digest(str(said.get("access_token", ""))), "")
        item = self._shelf("items").get(item_id)
        return item_id if item and item["client_id"] == said.get("client_id") else ""

    def _accounts_of(self, item_id: str) -> list[dict[str, object]]:
        balances = {"available": None, "current": 0, "iso_currency_code": CURRENCY, "unofficial_currency_code": None}
        chosen = self._shelf("items")[item_id]["accounts"]
        return [{**one, "balances": balances} for one in _ACCOUNTS if one["account_id"] in chosen]

    def _link_of(self, token: str) -> dict[str, Any] | None:
        kept: dict[str, Any] | None = self._shelf("links").get(_digest(token))
        return kept if kept and datetime.fromisoformat(kept["until"]) > self._now() else None

    def _shelf(self, name: str) -> dict[str, Any]:
        shelf: dict[str, Any] = self.book.setdefault(name, {})
        return shelf

    def _now(self) -> datetime:
        return self._clock.now().astimezone(UTC)


def _usual(month: Month, chance: Random) -> Iterator[tuple[str, date, str, str, str, str]]:
    """What a month brings besides: salary, savings, a pharmacy."""
    first = month.first_date()
    yield CHECKING, first, "-4150.00", "Demo Payroll", "INCOME", "INCOME_WAGES"
    yield CHECKING, first + timedelta(days=1), "600.00", "Transfer to savings", "TRANSFER_OUT", "TRANSFER_OUT_SAVINGS"
    paid = f"{Decimal(chance.randint(900, 4_500)) / 100:.2f}"
    yield CARD, first + timedelta(days=15), paid, "Demo Pharmacy", "MEDICAL", "MEDICAL_PHARMACIES_AND_SUPPLEMENTS"


def _transaction(account_id: str, day: str, amount: str, name: str, primary: str, detailed: str) -> Transaction:  # noqa: PLR0917
    transaction_id = f"t-{sha256(f'{day} {name} {amount}'.encode()).hexdigest()[:24]}"
    return {
        "account_id": account_id,
        "amount": float(amount),
        "authorized_date": day,
        "date": day,
        "iso_currency_code": CURRENCY,
        "merchant_name": name,
        "name": name.upper(),
        "payment_channel": "in store",
        "pending": False,
        "pending_transaction_id": f"p-{transaction_id}",
        "personal_finance_category": {"primary": primary, "detailed": detailed, "confidence_level": "VERY_HIGH"},
        "transaction_id": transaction_id,
        "unofficial_currency_code": None,
    }


def _cursor(since: str, until: str, offset: int) -> str:
    return urlsafe_b64encode(json.dumps([since, until, offset]).encode()).decode()


def _cursor_of(text: str) -> tuple[str, str, int] | None:
    """Since, until and offset of a cursor; None where it is none of ours."""
    if not text:
        return "", "", 0
    try:
        since, until, offset = json.loads(urlsafe_b64decode(text))
    except (ValueError, TypeError, Base64Error):
        return None
    return (since, until, offset) if isinstance(since, str) and isinstance(until, str) and isinstance(offset, int) else None


def _said(**fields: object) -> Reply:
    return json_reply({**fields, "request_id": "demo"})


def _error(error_type: str, error_code: str, said: str) -> Reply:
    """An error as Plaid writes it."""
    told = {"error_type": error_type, "error_code": error_code, "error_message": said, "display_message": None}
    return json_reply({**told, "request_id": "demo"}, 400)


def _with(address: str, **query: str) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"


def _without_query(address: str) -> str:
    return address.partition("?")[0]


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()

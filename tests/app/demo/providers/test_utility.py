"""The demo's utility by itself: windows of its feed, prepared files, and what it refuses."""

import json
from collections.abc import Mapping
from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.clock import FixedClock
from app.demo.providers.oauth import Client, challenge_of
from app.demo.providers.utility import SCOPE, Utility
from app.demo.providers.wire import Reply, Request
from connectors.green_button.notification import notified_urls
from connectors.green_button.parse import parse
from domain.period import instant_of_epoch_s, local_day
from tests.app.demo.providers.scene import NOW, PACIFIC, START, utility

REDIRECT = "http://localhost:8000/back"
VERIFIER = "v" * 64


class Customer:
    """Somebody who has consented, with an access token."""

    def __init__(self, at: Utility) -> None:
        at.register(Client("us", "", "Us", (REDIRECT,)))
        at.quirks.access_lifetime_s = 999_999
        asked = {
            "response_type": "code",
            "client_id": "us",
            "redirect_uri": REDIRECT,
            "scope": SCOPE,
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
        }
        page = at.answer(Request("GET", "/oauth/authorize", asked)).body.decode()
        ticket = page.partition('name="ticket" value="')[2].partition('"')[0]
        form = f"ticket={ticket}&account=household&allow=usage&allow=export&decision=allow"
        back = at.answer(Request("POST", "/oauth/authorize", body=form.encode()))
        code = dict(parse_qsl(urlsplit(back.headers["Location"]).query))["code"]
        form = f"grant_type=authorization_code&client_id=us&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}"
        said = json.loads(at.answer(Request("POST", "/oauth/token", body=form.encode())).body)
        self.at, self.token, self.resource, self.authorization = (
            at,
            said["access_token"],
            said["resourceURI"],
            said["authorizationURI"],
        )

    def ask(self, address: str = "", *, method: str = "GET", query: Mapping[str, str] | None = None) -> Reply:
        """A request with the token."""
        parts = urlsplit(address or self.resource)
        headers = {"authorization": f"Bearer {self.token}"}
        return self.at.answer(Request(method, parts.path, dict(parse_qsl(parts.query)) | dict(query or {}), headers))

    def days(self, **query: str) -> list[date]:
        """Local days of an answer's delivered readings."""
        reply = self.ask(query={name.replace("_", "-"): value for name, value in query.items()})
        if reply.status == 204:
            return []
        starts_s = parse(reply.body).series[0].starts_s
        return sorted({local_day(instant_of_epoch_s(one), PACIFIC) for one in starts_s})


@pytest.fixture
def clock() -> FixedClock:
    """Eight in the morning."""
    return FixedClock(NOW)


@pytest.fixture
def customer(clock: FixedClock) -> Customer:
    """A household that has consented."""
    return Customer(utility(clock))


def test_windows_are_of_publication(customer: Customer) -> None:
    """A day is published the next morning at six: a window holds its begin, and not its end."""
    assert customer.days()[0] == START
    assert customer.days(published_min="2026-01-02T14:00:00Z", published_max="2026-01-04T14:00:00Z") == [
        date(2026, 1, 1),
        date(2026, 1, 2),
    ]
    assert customer.days(published_min="2026-03-11T00:00:00Z") == []


def test_yesterday_comes_in_the_morning(customer: Customer, clock: FixedClock) -> None:
    """Before six in the morning yesterday is not there."""
    clock.advance(86_400 - 4 * 3_600)
    assert customer.days(published_min="2026-03-09T15:00:00Z")[-1] == date(2026, 3, 9)


def test_updated_is_new_or_corrected(customer: Customer, clock: FixedClock) -> None:
    """`updated-min` gives new days, and corrected ones with their new values."""
    clock.advance(86_400)
    customer.at.correct("household", date(2026, 1, 5), pct=50)
    assert customer.days(updated_min="2026-03-10T15:00:00Z") == [date(2026, 1, 5), date(2026, 3, 10)]


@pytest.mark.parametrize(
    "query",
    [
        {"published-min": "yesterday"},
        {"published-min": "2026-01-01T00:00:00+01:00"},
        {"published-min": "2026-01-01T00:00:00Z", "updated-max": "2026-01-02T00:00:00Z"},
    ],
)
def test_windows_that_cannot_be(customer: Customer, query: dict[str, str]) -> None:
    """A window that is no UTC time, or of two sorts, is refused."""
    assert customer.ask(query=query).status == 400


def test_prepared_files(clock: FixedClock) -> None:
    """Prepared files together are the whole window; after two days they are gone."""
    at = utility(clock)
    at.quirks.turn({"pending_count": "1", "part_count": "4"})
    customer = Customer(at)
    assert customer.ask().status == 202
    addresses = notified_urls(at.notifications[0], "http://127.0.0.1:1")
    parts = [parse(customer.ask(one).body).series[0] for one in addresses]
    whole = parse(customer.ask().body).series[0]
    assert len(parts) == 4
    assert [value for one in parts for value in one.values] == list(whole.values)
    clock.advance(2 * 86_400)
    assert {customer.ask(one).status for one in addresses} == {404}


def test_withdrawn_by_us(customer: Customer) -> None:
    """DELETE of the authorization ends the consent; another's is not found."""
    assert customer.ask(f"{customer.authorization}0", method="DELETE").status == 404
    assert customer.ask(customer.authorization, method="DELETE").status == 200
    assert customer.ask().status == 401


def test_data_of_others(clock: FixedClock) -> None:
    """A token opens its own subscription, and no other one; none opens nothing."""
    at = utility(clock)
    first, second = Customer(at), Customer(at)
    assert first.ask(second.resource).status == 404
    assert at.answer(Request("GET", first.resource)).status == 401

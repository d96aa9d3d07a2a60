"""Flights counted with the Travel Impact Model: asked over HTTP, in their own records, reversible, and an auditor agrees."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

import pytest

from app.chain import ChainDesk
from app.demo.providers.server import DemoProviders
from app.demo.simulators.travel_impact import TravelImpact
from app.security.outbound import Outbound
from app.services import Whose
from app.store import activities, connections, documents, quarantine, records
from app.store.statements import StatementState
from app.usecases.connection_secrets import Tokens
from app.usecases.enrich_flights import Enriched, enrich_flights, take_back_flights
from app.usecases.keep_original import fetch_original
from app.usecases.retry_held import retry_held
from app.usecases.sync_connection import sync_connection
from connectors import registry
from connectors.travel_impact_model import TRAVEL_IMPACT_MODEL
from connectors.travel_impact_model.parse import is_flights
from domain.activity import EvidenceClass, Quality
from domain.errors import ConflictError, FormatChangedError, NeedsConsentError, TryLaterError
from domain.period import Month, MonthRange
from domain.statement import ActivityTotal
from tests.app.usecases.dialable import connect
from tests.app.usecases.installation import Installation

OURS = TRAVEL_IMPACT_MODEL.manifest.connector_id
OUT = {"id": "out", "kind": "flight", "quantity": "2", "unit": "passenger", "start": "2025-04-11", "cabin": "economy"}
OUT |= {"origin": "JFK", "destination": "LIS"}
HOME = OUT | {"id": "home", "start": "2025-04-20", "origin": "LIS", "destination": "JFK", "cabin": "business"}
UNKNOWN = OUT | {"id": "unknown", "destination": "ZRH"}
NO_CABIN = OUT | {"id": "no cabin", "cabin": "average"}
APRIL = MonthRange.from_text("2025-04")


@dataclass
class Asking:
    """An installation, a traveller, and the model.

    Attributes:
        installation: Real, in a folder.
        whose: The traveller.
        model: The simulator, over HTTP.
        http: What calls it.
    """

    installation: Installation
    whose: Whose
    model: TravelImpact
    http: Outbound

    def take(self, *flights: dict[str, str]) -> None:
        """Import a file of flights."""
        self.installation.take(self.whose, "".join(json.dumps(one) + "\n" for one in flights).encode(), connector="activities")

    def enrich(self) -> Enriched:
        """Ask about them."""
        services = self.installation.services
        return enrich_flights(services, self.whose.tenant_id, "c1", http=self.http, sleep=self.installation.clock.advance)

    def take_back(self) -> int:
        """Count by distance again."""
        with self.installation.work() as work:
            return take_back_flights(work, self.whose)

    def totals(self) -> dict[str, ActivityTotal]:
        """What counts in April, by destination and cabin."""
        with self.installation.looking() as work:
            found = activities.totals(work.session, self.whose.tenant_id, self.whose.subject_id, APRIL)
        return {"-".join(dict(one.key.attributes)[name] for name in ("destination", "cabin")): one for one in found}

    def grams(self) -> dict[str, str | None]:
        """Grams of one passenger that the model says, by destination and cabin; None where the distance counts."""
        return {name: dict(one.key.attributes).get("reported_g_co2e_per_passenger") for name, one in self.totals().items()}

    def health(self) -> tuple[str, str, str]:
        """How the connection does."""
        with self.installation.looking() as work:
            row = connections.by_id(work.session, self.whose.tenant_id, "c1")
        return str(row.state), str(row.health), row.health_said

    def gross_ug(self, reason: str = "") -> int:
        """Gross emissions of April, closed."""
        return self.installation.close_months(self.whose, "2025-04", reason=reason).totals.gross_location_ug_co2e


@pytest.fixture
def asking(installation: Installation, household: Whose) -> Iterator[Asking]:
    """A household with the key of a model that knows two routes."""
    model = TravelImpact("good key", {("JFK", "LIS"): 270_000, ("LIS", "JFK"): 280_001})
    with DemoProviders([model]) as providers:
        [row] = TRAVEL_IMPACT_MODEL.manifest.providers
        origin = providers.origins["travel-impact"]
        registry.set_local_providers({OURS: [replace(row, base_url=origin, requests_per_s=1000.0)]})
        connect(installation, household, tokens=Tokens("good key"), connector=OURS, provider=row.provider_id)
        yield Asking(installation, household, model, Outbound(allowed_local_origins=[origin]))
    registry.set_local_providers({})


def test_known_flights_carry_the_models_grams(asking: Asking) -> None:
    """Each flight stays one record, with its passengers; the others count by distance as before."""
    asking.take(OUT, HOME, UNKNOWN, NO_CABIN)
    assert asking.enrich() == Enriched(2, 1, 1)
    assert asking.grams() == {"LIS-economy": "270000", "JFK-business": "840003", "ZRH-economy": None, "LIS-average": None}
    assert {one.quantity_micro for one in asking.totals().values()} == {2_000_000}
    said = (
        "2 flights count with Google's Travel Impact Model (CC BY-SA 4.0). It knows nothing of 1; distance counts there. "
        "It was not asked about 1."
    )
    assert asking.health() == ("active", "ok", said)


def test_second_time_says_how_many_count(asking: Asking) -> None:
    """What was enriched before still counts so, and the sentence says it."""
    asking.take(OUT)
    assert asking.enrich() == Enriched(1, 0, 0)
    said = "1 flight counts with Google's Travel Impact Model (CC BY-SA 4.0)."
    assert asking.health() == ("active", "ok", said)
    assert asking.enrich() == Enriched(0, 0, 0, before_count=1)
    assert asking.health() == ("active", "ok", said)


def test_statement_counts_the_grams_once(asking: Asking) -> None:
    """Two passengers of 270 kg are 540 kg, and nothing of the distance is left."""
    asking.take(OUT)
    before_ug = asking.gross_ug()
    asking.enrich()
    assert asking.gross_ug("the model's grams") == 540_000_000_000 != before_ug


def test_taken_back_and_asked_again(asking: Asking) -> None:
    """The same statement as before, and the same grams as before, as often as one likes."""
    asking.take(OUT, HOME)
    before, before_ug = asking.totals(), asking.gross_ug()
    for number in range(2):
        assert asking.enrich().enriched_count == 2
        assert set(asking.grams().values()) == {"270000", "840003"}
        asking.installation.clock.advance(seconds=60)
        assert asking.take_back() == 2
        assert asking.totals() == before
        assert asking.gross_ug(f"taken back {number}") == before_ug
        asking.installation.clock.advance(seconds=60)
    assert asking.take_back() == 0


@pytest.mark.parametrize("moves", ["", "back", "again", "again+enrich"])
def test_auditor_agrees(asking: Asking, desk: ChainDesk, moves: str) -> None:
    """What counts follows from the archived documents alone."""
    asking.take(OUT, HOME, UNKNOWN)
    asking.enrich()
    if moves == "back":
        asking.take_back()
    elif moves:
        asking.take(OUT, HOME | {"quantity": "3"})
        if moves == "again+enrich":
            asking.enrich()
    issued = asking.installation.issue(desk, asking.installation.close_months(asking.whose, "2025-04"))
    assert issued.state is StatementState.ISSUED


def test_answer_is_archived_with_the_question(asking: Asking) -> None:
    """The document of a record names what was asked and holds the model's bytes; the flight's own document stays before it."""
    asking.take(OUT)
    asking.enrich()
    with asking.installation.looking() as work:
        [stored] = records.counting_of_kind(work.session, asking.whose.tenant_id, asking.whose.subject_id, "flight")
        trail = stored.revision.document_sha256s
        row = documents.by_sha256(work.session, asking.whose.tenant_id, asking.whose.subject_id, trail[-1])
        body = fetch_original(work, row)
    assert (len(trail), stored.revision.revision, is_flights(body)) == (2, 2, True)
    assert json.loads(body.splitlines()[2])["flightEmissions"][0]["wtwEmissionsGramsPerPax"] == "270000"
    [activity] = stored.revision.activities
    assert (activity.quality, activity.evidence) == (Quality.CALCULATED, EvidenceClass.UPLOADED)


def test_source_that_tells_a_flight_anew_is_never_counted_beside(asking: Asking) -> None:
    """A corrected file is the newest word; the next run asks about it again. The same file again changes nothing."""
    asking.take(OUT)
    asking.enrich()
    asking.take(OUT)
    assert asking.grams() == {"LIS-economy": "270000"}
    asking.take(OUT | {"quantity": "3"})
    assert [(one.quantity_micro, asking.grams()) for one in asking.totals().values()] == [(3_000_000, {"LIS-economy": None})]
    assert asking.enrich() == Enriched(1, 0, 0)
    assert [one.quantity_micro for one in asking.totals().values()] == [3_000_000]


def test_routes_are_asked_about_once(asking: Asking) -> None:
    """Many flights of a route and year are one leg; flights that carry grams are not asked about again."""
    asking.take(*(OUT | {"id": str(number)} for number in range(30)))
    assert asking.enrich() == Enriched(30, 0, 0)
    assert [len(one) for one in asking.model.asked] == [1]
    assert asking.enrich() == Enriched(0, 0, 0, before_count=30)
    assert len(asking.model.asked) == 1


def test_a_thousand_legs_a_question(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """More legs are asked about in several questions."""
    monkeypatch.setattr("app.usecases.enrich_flights.MOST_LEGS_COUNT", 2)
    asking.take(OUT, HOME, UNKNOWN, OUT | {"id": "a", "cabin": "first"}, HOME | {"id": "b", "cabin": "economy"})
    assert asking.enrich() == Enriched(4, 1, 0)
    assert [len(one) for one in asking.model.asked] == [2, 2, 1]


def test_flight_over_a_month_end_stays_whole(asking: Asking) -> None:
    """A flight that was divided over two months is asked about as one, and divided again."""
    asking.take(OUT | {"start": "2025-04-30", "end": "2025-05-02"})
    asking.enrich()
    with asking.installation.looking() as work:
        months = MonthRange(Month(2025, 4), Month(2025, 6))
        found = activities.totals(work.session, asking.whose.tenant_id, asking.whose.subject_id, months)
    assert [(str(one.month), one.quantity_micro) for one in found] == [("2025-04", 1_000_000), ("2025-05", 1_000_000)]
    assert {dict(one.key.attributes)["reported_g_co2e_per_passenger"] for one in found} == {"270000"}


def test_nothing_to_ask(asking: Asking) -> None:
    """Without flights nobody is asked."""
    assert asking.enrich() == Enriched(0, 0, 0)
    assert asking.model.asked == []


def test_turned_answers_are_not_used(asking: Asking) -> None:
    """Answers in another order than the questions are told by their flights, and change nothing."""
    asking.take(OUT, HOME)
    asking.model.is_turned = True
    found = asking.enrich()
    assert (found.enriched_count, len(found.refused)) == (0, 2)
    assert set(asking.grams().values()) == {None}
    assert len(held(asking)) == 2
    assert "" not in {record for record, _ in held(asking)}


def test_wrong_key_asks_for_another_one(asking: Asking) -> None:
    """Google's 400 about a key is a matter for the person, and the connection says so."""
    asking.model._api_key = "another key"  # noqa: SLF001 - Google withdrew it
    asking.take(OUT)
    with pytest.raises(NeedsConsentError, match="Google does not take this key"):
        asking.enrich()
    state, health, said = asking.health()
    assert (state, health) == ("needs_consent", "needs_consent")
    assert said.startswith("Google does not take this key. Give another one")
    with pytest.raises(ConflictError, match="cannot be asked about flights"):
        asking.enrich()


@pytest.mark.parametrize(("dial", "value"), [("too_many_count", 9), ("unavailable_count", 1), ("web_page_count", 1)])
def test_bad_days_are_tried_again(asking: Asking, dial: str, value: int) -> None:
    """429, 503 and a web page: nothing changed, the connection waits, and the next run does it."""
    asking.take(OUT)
    setattr(asking.model.quirks, dial, value)
    asking.model.quirks.retry_after = "900"
    with pytest.raises(TryLaterError):
        asking.enrich()
    assert asking.health()[:2] == ("active", "waiting")
    assert set(asking.grams().values()) == {None}
    setattr(asking.model.quirks, dial, 0)
    asking.installation.clock.advance(seconds=1000)
    assert asking.enrich().enriched_count == 1


def test_short_wait_is_waited_for(asking: Asking) -> None:
    """A Retry-After of a second is waited for in place."""
    asking.take(OUT)
    asking.model.quirks.too_many_count = 1
    began = asking.installation.clock.now()
    assert asking.enrich().enriched_count == 1
    assert 1 <= (asking.installation.clock.now() - began).total_seconds() <= 3


@pytest.mark.parametrize("dial", ["changed_format_count", "missing"])
def test_changed_format_changes_nothing(asking: Asking, dial: str) -> None:
    """Another shape, or fewer answers than questions: the connection says so, and everything counts as before."""
    asking.take(OUT)
    if dial == "missing":
        asking.model.missing_count = 1
    else:
        asking.model.quirks.changed_format_count = 1
    with pytest.raises(FormatChangedError):
        asking.enrich()
    assert asking.health()[:2] == ("active", "format_changed")
    assert asking.grams() == {"LIS-economy": None}
    ((record, message),) = held(asking)
    assert (record, bool(message)) == ("", True)
    assert retry_held(asking.installation.services, asking.whose.tenant_id, "c1").released_count == 0
    assert asking.grams() == {"LIS-economy": None}
    asking.model.missing_count = 0
    asking.installation.clock.advance(seconds=86_400)
    assert asking.enrich().enriched_count == 1
    assert held(asking) == []


def held(asking: Asking) -> list[tuple[str, str]]:
    """Record and reason of what is set aside; its original is there."""
    with asking.installation.looking() as work:
        rows = quarantine.of_connection(work.session, asking.whose.tenant_id, "c1")
        for row in rows:
            kept = documents.by_sha256(work.session, row.tenant_id, row.subject_id, row.document_sha256)
            assert sha256(fetch_original(work, kept)).hexdigest() == row.document_sha256
    return [(row.record, str(json.loads(row.reason_json)["message"])) for row in rows]


def test_cut_off_answer_changes_nothing(asking: Asking) -> None:
    """An answer that breaks off is asked for again later."""
    asking.take(OUT)
    asking.model.quirks.cut_off_count = 1
    with pytest.raises((TryLaterError, FormatChangedError)):
        asking.enrich()
    assert asking.grams() == {"LIS-economy": None}
    asking.installation.clock.advance(seconds=7200)
    assert asking.enrich().enriched_count == 1


def test_one_run_at_a_time(asking: Asking) -> None:
    """A connection that is asking is left to it."""
    services = asking.installation.services
    with asking.installation.work() as work:
        now = services.clock.now()
        connections.claim_run(work.session, asking.whose.tenant_id, "c1", run_id="other", now=now, until=now.replace(hour=23))
    with pytest.raises(TryLaterError, match="asking just now"):
        asking.enrich()


def test_other_connections_are_refused(asking: Asking, household: Whose) -> None:
    """Only a connection to the model is asked."""
    connect(asking.installation, household, connector="plaid", provider="x", connection_id="c2")
    with pytest.raises(ConflictError, match="expected an active connection of travel-impact-model; got plaid, active"):
        enrich_flights(asking.installation.services, household.tenant_id, "c2", http=asking.http)


def test_sync_of_the_connection_asks_about_flights(asking: Asking) -> None:
    """The clock's sync of this connection is a question; its report is that of any sync."""
    asking.take(OUT, UNKNOWN)
    services, tenant_id = asking.installation.services, asking.whose.tenant_id
    report = sync_connection(services, tenant_id, "c1", http=asking.http)
    assert (report.changed_count, report.health, report.error_code) == (1, "ok", "")
    assert report.said.startswith("1 flight counts with Google's Travel Impact Model (CC BY-SA 4.0)")
    asking.model.quirks.changed_format_count = 1
    asking.installation.clock.advance(seconds=60)
    changed = sync_connection(services, tenant_id, "c1", http=asking.http)
    assert (changed.changed_count, changed.health, changed.error_code) == (0, "format_changed", "format-changed")
    asking.model._api_key = "another key"  # noqa: SLF001 - Google withdrew it
    refused = sync_connection(services, tenant_id, "c1", http=asking.http)
    assert (refused.health, refused.error_code) == ("needs_consent", "needs-consent")
    paused = sync_connection(services, tenant_id, "c1", http=asking.http)
    assert (paused.changed_count, paused.error_code) == (0, "needs_consent")

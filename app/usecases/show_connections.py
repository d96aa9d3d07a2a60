"""The page of connections: how each does, what was set aside, and what else can be connected."""

import json
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from app.services import Whose, Work
from app.store import connections, provider_clients, quarantine, subjects, sync_runs
from app.store.connections import ConnectionRow, ConnectionState
from app.store.quarantine import QuarantineRow
from app.store.sync_runs import SyncState
from app.usecases.register_provider import find_provider
from app.usecases.show_dashboard import file_connectors
from app.usecases.show_days import meter_zone
from app.usecases.show_hrefs import Hrefs
from app.usecases.start_connection import KEY_ANSWER
from connectors import registry
from connectors.base import ApiKey, Connector, Provider
from dashboards.messages import Messages
from dashboards.pages.connections import (
    Asked,
    ConnectionCard,
    ConnectionsModel,
    ConnectModel,
    Health,
    HeldPart,
    Offer,
    OfferGroup,
    RunNow,
)
from dashboards.pages.dashboard import FormState
from domain.errors import NotFoundError

SHOWN_HELD_COUNT = 20
"""Records set aside that the page shows of one connection; the count says how many there are."""

LONGEST_FIND_COUNT = 100
"""Characters of a search that are looked at."""

_SAYS_IT_ALL = frozenset({Health.RUNNING, Health.WAITING, Health.NEEDS_CONSENT, Health.FORMAT_CHANGED, Health.PAUSED})
"""Of these the code says everything, and the catalogue has the words; of the others the sentence that was stored is shown."""

_FIRST = (Health.NEEDS_CONSENT, Health.FORMAT_CHANGED, Health.TRYING, Health.WAITING)


def show_connections(
    work: Work, whose: Whose, messages: Messages, *, find: str = "", can_change: bool = True
) -> ConnectionsModel:
    """Everything that the page of connections shows.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        messages: Language, in which names of countries and kinds are searched.
        find: Words that an offer must hold; empty: all of them.
        can_change: Whether the person may change anything.

    Returns:
        The page.

    Raises:
        NotFoundError: There is no such subject.
    """
    subject, hrefs = subjects.by_id(work.session, whose.tenant_id, whose.subject_id), Hrefs(whose.subject_id)
    zone = meter_zone(work, subject)
    rows = [one for one in connections.of_subject(work.session, whose.tenant_id, whose.subject_id) if not one.is_file]
    cards = [_card(work, hrefs, row, zone, can_change=can_change) for row in rows]
    now, later = _offers(work, hrefs, messages, find[:LONGEST_FIND_COUNT])
    return ConnectionsModel(
        subject_name=subject.name,
        cards=tuple(sorted((one for one in cards if not one.is_ended), key=lambda one: one.health not in _FIRST)),
        ended=tuple(reversed([one for one in cards if one.is_ended])),
        now=now,
        later=later,
        files=tuple(title for _, title in file_connectors()),
        files_href=f"{hrefs.home}#connect",
        find_href=hrefs.connections,
        find=find[:LONGEST_FIND_COUNT],
        back_href=hrefs.home,
        can_change=can_change,
    )


def show_connect(
    hrefs: Hrefs, connector: str, provider: str, *, again_id: str = "", form: FormState | None = None
) -> ConnectModel:
    """The form that connects an account at a provider, or connects one again.

    Args:
        hrefs: Of the subject.
        connector: Id of the connector.
        provider: Id of the provider.
        again_id: The connection that is connected again; empty for a new one.
        form: What was typed and what is wrong with it.

    Returns:
        The form. A key is never in it.

    Raises:
        NotFoundError: There is no such connector or provider.
    """
    found, row = find_provider(connector, provider)
    given = form or FormState()
    return ConnectModel(
        title=row.title,
        connector_title=found.manifest.title,
        kinds=tuple(sorted(found.manifest.kinds)),
        every_hours=found.manifest.every_hours,
        asked=_asked(found, row, is_again=bool(again_id)),
        goes_away=not _is_open(row),
        is_again=bool(again_id),
        post_href=hrefs.connection(again_id, "again") if again_id else hrefs.connect(connector, provider),
        back_href=hrefs.connections,
        help_url=row.help_url,
        form=FormState({name: text for name, text in given.values.items() if name != KEY_ANSWER}, given.errors),
    )


def _asked(connector: Connector, provider: Provider, *, is_again: bool) -> tuple[Asked, ...]:
    found = [
        Asked(
            one.name,
            one.label,
            one.help,
            one.choices,
            is_required=one.is_required and not is_again,
            asked_as=f"{connector.manifest.connector_id}.{one.name}",
        )
        for one in connector.manifest.questions
    ]
    if isinstance(provider.auth, ApiKey):
        found.append(Asked(KEY_ANSWER, "", provider.auth.help, is_secret=True, asked_as=f"{provider.provider_id}.{KEY_ANSWER}"))
    return tuple(found)


def _is_open(provider: Provider) -> bool:
    """Whether a provider needs no registration of ours: a key of the person is enough, or nothing."""
    return provider.auth is None or isinstance(provider.auth, ApiKey)


# What is connected.


def _card(work: Work, hrefs: Hrefs, row: ConnectionRow, zone: ZoneInfo, *, can_change: bool) -> ConnectionCard:
    run = _run(work, row, zone)
    health = Health.RUNNING if run else Health(row.health)
    connector, provider = _known(row)
    is_active = row.state is ConnectionState.ACTIVE
    is_over = row.state is ConnectionState.ENDED
    held = () if is_over else quarantine.of_connection(work.session, row.tenant_id, row.id, limit_count=SHOWN_HELD_COUNT)
    may_ask_again = can_change and provider is not None and not is_over

    def href(verb: str, *, is_there: bool) -> str:
        return hrefs.connection(row.id, verb) if can_change and is_there else ""

    return ConnectionCard(
        connection_id=row.id,
        title=row.title or (provider.title if provider else row.connector),
        connector_title=connector.manifest.title if connector else row.connector,
        health=health,
        said="" if health in _SAYS_IT_ALL else row.health_said,
        synced_at=_at(row.synced_at, zone),
        next_at=_at(row.next_at, zone) if is_active and not run else None,
        created_at=row.created_at.astimezone(zone),
        run=run,
        held=tuple(_held(one, zone) for one in held),
        held_count=quarantine.held_count(work.session, row.tenant_id, row.id) if held else 0,
        sync_href=href("sync", is_there=is_active and not run),
        pause_href=href("pause", is_there=is_active),
        resume_href=href("resume", is_there=row.state is ConnectionState.PAUSED),
        again_href=hrefs.connection(row.id, "again") if may_ask_again and row.state is ConnectionState.NEEDS_CONSENT else "",
        asks_again=provider is not None and _is_open(provider),
        end_href=href("end", is_there=not is_over),
        retry_href=href("retry", is_there=bool(held) and not run),
        events_href=f"/v1/connections/{row.id}/events" if is_active else "",
    )


def _known(row: ConnectionRow) -> tuple[Connector | None, Provider | None]:
    """The connector and provider of a connection, where they are still installed."""
    try:
        return find_provider(row.connector, row.provider)
    except NotFoundError:
        return None, None


def _run(work: Work, row: ConnectionRow, zone: ZoneInfo) -> RunNow | None:
    """The sync that is running; one whose claim has ended has died."""
    if row.running_until is None or row.running_until <= work.services.clock.now():
        return None
    newest = sync_runs.of_connection(work.session, row.tenant_id, row.id, limit_count=1)
    if not newest or newest[0].state is not SyncState.RUNNING:
        return None
    run = newest[0]
    return RunNow(run.started_at.astimezone(zone), run.documents_count, run.new_count, run.changed_count, run.refused_count)


def _held(row: QuarantineRow, zone: ZoneInfo) -> HeldPart:
    reason = json.loads(row.reason_json)
    parts = [
        str(reason["message"]),
        *(f"{word} {reason[word]}" for word in ("expected", "got") if reason.get(word)),
    ]
    return HeldPart(row.record, "; ".join(parts), str(reason.get("next_step", "")), row.at.astimezone(zone))


def _at(instant: datetime | None, zone: ZoneInfo) -> datetime | None:
    return instant.astimezone(zone) if instant else None


# What can be connected.


def _offers(work: Work, hrefs: Hrefs, messages: Messages, find: str) -> tuple[tuple[OfferGroup, ...], tuple[OfferGroup, ...]]:
    """What can be connected at once, and what needs a registration first, each by connector."""
    registered = {one.provider for one in provider_clients.all_registered(work.session)}
    words = find.casefold().split()
    now, later = [], []
    for connector in registry.connectors():
        manifest = connector.manifest
        if connector.pull is None:
            continue
        rows = [one for one in manifest.providers if _fits(connector, one, messages, words)]
        ready = [one for one in rows if _is_open(one) or one.provider_id in registered]
        waiting = [one for one in rows if one not in ready]
        now += _group(hrefs, connector, ready, is_ready=True)
        later += _group(hrefs, connector, waiting, is_ready=False)
    return tuple(now), tuple(later)


def _group(hrefs: Hrefs, connector: Connector, rows: Iterable[Provider], *, is_ready: bool) -> list[OfferGroup]:
    manifest = connector.manifest
    offers = tuple(
        Offer(
            title=one.title,
            countries=tuple(sorted(one.countries)),
            kinds=tuple(sorted(manifest.kinds)),
            href=hrefs.connect(manifest.connector_id, one.provider_id) if is_ready else "",
            asks_key=isinstance(one.auth, ApiKey),
            registration_days_count=one.registration_days_count,
            help_url=one.help_url,
        )
        for one in sorted(rows, key=lambda one: one.title.casefold())
    )
    return [OfferGroup(manifest.title, offers)] if offers else []


def _fits(connector: Connector, provider: Provider, messages: Messages, words: Iterable[str]) -> bool:
    """Whether every word is said of a provider: by its name, its connector's, its countries or what comes from it."""
    manifest = connector.manifest
    kinds = [messages(f"kind.{kind}") for kind in manifest.kinds]
    said = " ".join([provider.title, provider.provider_id, manifest.title, *kinds, *provider.countries]).casefold()
    return all(word in said for word in words)

"""Beginning a connection: the person is sent to the provider to consent, or their key is taken as it is.

Nothing is connected yet where a consent page is asked: what binds its answer to this person, this browser, this provider and
this question waits in a consent request for ten minutes, and `finish_connection` takes it, once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from app.security.linked_item import LinkClient, LinkPage
from app.security.oauth_client import FlowSecrets, Send, authorize_url, new_secrets
from app.security.outbound import outbound_of
from app.services import Services, Whose, Work
from app.store import connections, consent_requests
from app.store.connections import ConnectionRow, ConnectionState, Health
from app.store.consent_requests import ConsentRequestRow
from app.store.session import reading
from app.usecases.check_key import check_key
from app.usecases.connection_secrets import Tokens, full_link, open_link, open_tokens, seal_link, seal_tokens
from app.usecases.redirects import own_redirect_uri
from app.usecases.register_provider import find_provider, our_client
from app.usecases.sealing import seal
from connectors.base import ApiKey, Connector, LinkedItem, OAuth2, Provider, Question
from domain.canonical import Json, to_canonical
from domain.errors import ConflictError, InputError
from domain.period import instant_to_text

CONSENT_LIFETIME = timedelta(minutes=10)
"""How long a person may take at the provider's page."""

KEY_ANSWER = "api_key"
"""Name of the answer that holds the person's key, where a provider asks for one."""

LONGEST_ANSWER_COUNT = 200
LONGEST_KEY_COUNT = 1024

_KEY = re.compile(r"[\x21-\x7e]+\Z")


@dataclass(frozen=True, slots=True)
class Started:
    """How it goes on.

    Attributes:
        redirect_url: Where to send the person; empty where the connection is made already.
        connection_id: The connection; empty where it comes with the consent.
    """

    redirect_url: str = field(default="", repr=False)
    connection_id: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of a provider before the transaction: its key works, or it gave a page to send the person to.

    Attributes:
        state: Of the flow; drawn before, because it stands in the address that the page leads back to.
        page: The provider's page; None for keys.
    """

    state: str = field(default="", repr=False)
    page: LinkPage | None = None


def ask_provider(
    services: Services,
    whose: Whose,
    connector: str,
    provider: str,
    answers: Mapping[str, str],
    *,
    redirect_uri: str,
    connection: ConnectionRow | None = None,
    send: Send | None = None,
) -> Asked | None:
    """What must be asked of a provider before a connection can begin: without a transaction, because it takes a while.

    Args:
        services: The installation.
        whose: The subject.
        connector: Id of the connector.
        provider: Id of the provider.
        answers: What the person said, by name; the key under `api_key`.
        redirect_uri: The common address where people come back; a page may lead to the provider's own below it.
        connection: That is consented to again; None for a new one.
        send: Sends; the program's own client where left out.

    Returns:
        What was learnt; None where nothing has to be asked.

    Raises:
        InputError: An answer is missing or cannot be, or the provider does not take the key.
        NotFoundError: There is no such connector or provider.
        ConflictError: This installation is not registered there.
        TryLaterError: The provider is away.
        ConnectorError: It refuses our registration, or answers what cannot be read.
    """
    found, row = find_provider(connector, provider)
    checked = checked_answers(found, row, answers, is_again=connection is not None)
    send = send or outbound_of(services.settings).send
    if isinstance(row.auth, ApiKey):
        own = checked
        if connection is not None:
            with reading(services.engine) as session:
                own = open_link(Work(session, services), connection) | checked
        key = own.pop(KEY_ANSWER)
        check_key(found, row, key, {**full_link(row, own), "now": instant_to_text(services.clock.now())}, send)
        return Asked()
    if not isinstance(row.auth, LinkedItem):
        return None
    access_token = ""
    with reading(services.engine) as session:
        work = Work(session, services)
        client = our_client(work, row)
        if connection is not None:
            tokens = open_tokens(work, connection)
            access_token = tokens.access_token if tokens else ""
    state = services.randomness.token()
    page = LinkClient(send, row, client, services.clock.now()).page(
        user_id=_user_id(whose),
        return_uri=f"{own_redirect_uri(redirect_uri, row)}?{urlencode({'state': state})}",
        access_token=access_token,
        notice_uri=notice_uri(redirect_uri, connector, row.provider_id),
    )
    return Asked(state, page)


def notice_uri(redirect_uri: str, connector: str, provider: str) -> str:
    """Where a provider may tell us that there is something new: beside the address that people come back to; https only.

    Args:
        redirect_uri: Where people come back.
        connector: Id of the connector.
        provider: Id of the provider.

    Returns:
        The address; empty where this installation has none that a provider could reach.
    """
    parts = urlsplit(redirect_uri)
    return f"https://{parts.netloc}/notify/{connector}/{provider}" if parts.scheme == "https" else ""


def start_connection(  # noqa: PLR0917 - who, whose, what, with whom, what they said: the order of the sentence
    work: Work,
    account_id: str,
    whose: Whose,
    connector: str,
    provider: str,
    answers: Mapping[str, str],
    *,
    redirect_uri: str,
    session_sha256: bytes = b"",
    asked: Asked | None = None,
    connection: ConnectionRow | None = None,
) -> Started:
    """Begin a connection, or consent to one again.

    Args:
        work: The open transaction and the services.
        account_id: Who connects.
        whose: The subject whose data they are.
        connector: Id of the connector.
        provider: Id of the provider; may be empty where the connector has one only.
        answers: What the person said, by name; the key under `api_key`.
        redirect_uri: The common address where people come back; see `app.usecases.redirects` for the provider's own.
        session_sha256: SHA-256 of the browser session that is sent away; empty on the command line.
        asked: What `ask_provider` learnt; it is asked here where left out, and the transaction waits.
        connection: That is consented to again: it keeps its id, its data and its cursor. None for a new one.

    Returns:
        Where to send the person, or the connection.

    Raises:
        InputError: An answer is missing or cannot be, or the provider does not take the key.
        NotFoundError: There is no such connector, provider or subject.
        ConflictError: This installation is not registered there.
        TryLaterError: The provider is away.
        ConnectorError: It refuses our registration, or answers what cannot be read.
    """
    services = work.services
    found, row = find_provider(connector, provider)
    checked = checked_answers(found, row, answers, is_again=connection is not None)
    if asked is None:
        asked = ask_provider(services, whose, connector, provider, answers, redirect_uri=redirect_uri, connection=connection)
    if isinstance(row.auth, ApiKey) or row.auth is None:
        tokens = Tokens(checked.pop(KEY_ANSWER, ""))
        return Started(connection_id=_connected(work, whose, found, row, link=checked, tokens=tokens, again=connection))
    client = our_client(work, row)
    own_uri = own_redirect_uri(redirect_uri, row)
    secrets = new_secrets(services.randomness.token)
    if isinstance(row.auth, OAuth2):
        address = authorize_url(row.auth, client, secrets, redirect_uri=own_uri)
    elif asked is not None and asked.page is not None:
        secrets, address = FlowSecrets(asked.state, "", asked.page.link_token), asked.page.url
    else:
        raise InputError("This provider cannot be connected so", expected="a page of the provider", got="nothing")
    now = services.clock.now()
    consent_requests.prune(work.session, now)
    state_sha256 = sha256(secrets.state.encode()).digest()
    plain: Json = {"verifier": secrets.verifier, "nonce": secrets.nonce, "answers": dict(checked)}
    consent_requests.add(
        work.session,
        ConsentRequestRow(
            state_sha256=state_sha256,
            tenant_id=whose.tenant_id,
            account_id=account_id,
            session_sha256=session_sha256,
            connector=found.manifest.connector_id,
            provider=row.provider_id,
            subject_id=whose.subject_id,
            connection_id=connection.id if connection else "",
            sealed=seal(work, whose, consent_field(state_sha256), to_canonical(plain)),
            redirect_uri=own_uri,
            created_at=now,
            expires_at=now + CONSENT_LIFETIME,
        ),
    )
    return Started(redirect_url=address)


def consent_field(state_sha256: bytes) -> str:
    """What the sealed part of a consent request is sealed for."""
    return f"consent/{state_sha256.hex()}"


def checked_answers(
    connector: Connector, provider: Provider, answers: Mapping[str, str], *, is_again: bool = False
) -> dict[str, str]:
    """What the person said, if it answers the connector's questions.

    Args:
        connector: Whose questions.
        provider: Whom it asks; a key is one answer more.
        answers: By name.
        is_again: Whether the connection knows answers already: then none but the key is needed.

    Returns:
        The answers that are not empty.

    Raises:
        InputError: One is missing, unknown or cannot be; a key is never shown.
    """
    questions = {one.name: one for one in connector.manifest.questions}
    is_keyed = isinstance(provider.auth, ApiKey)
    unknown = sorted(answers.keys() - questions.keys() - ({KEY_ANSWER} if is_keyed else set()))
    if unknown:
        known = sorted(questions) + ([KEY_ANSWER] if is_keyed else [])
        raise InputError(
            "This connector asks no such question", expected=", ".join(known) or "no answers", got=unknown[0], record="answers"
        )
    given = {name: text.strip() for name, text in answers.items() if text.strip()}
    for name, question in questions.items():
        _check_answer(question, given.get(name, ""), is_needed=question.is_required and not is_again)
    key = given.get(KEY_ANSWER, "")
    if is_keyed and (not key or len(key) > LONGEST_KEY_COUNT or not _KEY.match(key)):
        help_text = provider.auth.help if isinstance(provider.auth, ApiKey) else ""
        raise InputError(
            f"{provider.title} needs a key",
            expected=f"1 to {LONGEST_KEY_COUNT} visible characters",
            got=f"{len(key)} characters" if key else "nothing",
            record=KEY_ANSWER,
            next_step=help_text,
        )
    return given


def _check_answer(question: Question, text: str, *, is_needed: bool) -> None:
    if not text:
        if is_needed:
            raise InputError(question.label, expected="an answer", got="nothing", record=question.name, next_step=question.help)
        return
    is_choice = not question.choices or text in question.choices
    is_fitting = not question.pattern or re.fullmatch(question.pattern, text) is not None
    if len(text) > LONGEST_ANSWER_COUNT or not text.isprintable() or not is_choice or not is_fitting:
        raise InputError(
            question.label,
            expected=f"one of {', '.join(question.choices)}" if question.choices else question.help or "another form",
            got=text,
            record=question.name,
            next_step=question.help,
        )


def _connected(
    work: Work,
    whose: Whose,
    connector: Connector,
    provider: Provider,
    *,
    link: Mapping[str, str],
    tokens: Tokens,
    again: ConnectionRow | None,
) -> str:
    """Keep a connection that needs no consent page; its id."""
    connection_id = again.id if again else work.services.randomness.id()
    own = (open_link(work, again) if again else {}) | dict(link)
    keep_connection(
        work,
        ConnectionRow(
            id=connection_id,
            tenant_id=whose.tenant_id,
            subject_id=whose.subject_id,
            connector=connector.manifest.connector_id,
            state=ConnectionState.ACTIVE,
            is_file=False,
            cursor="",
            sealed_tokens=seal_tokens(work, whose, connection_id, tokens),
            created_at=work.services.clock.now(),
            provider=provider.provider_id,
            title=provider.title,
            sealed_link=seal_link(work, whose, connection_id, own),
        ),
        is_again=again is not None,
    )
    return connection_id


def keep_connection(work: Work, row: ConnectionRow, *, is_again: bool, said: str = "") -> None:
    """Keep a connection that was just consented to, due at once; one that was there keeps its cursor, title and data.

    Args:
        work: The open transaction and the services.
        row: As it is now, with sealed tokens and link.
        is_again: Whether it was there.
        said: What to tell the person about it.

    Raises:
        ConflictError: It has ended meanwhile.
        NotFoundError: It, or its subject, is gone.
    """
    session, now = work.session, work.services.clock.now()
    if not is_again:
        connections.add(session, _due(row, said, work))
        return
    before = connections.by_id(session, row.tenant_id, row.id)
    if before.state is ConnectionState.ENDED or before.subject_id != row.subject_id or row.sealed_tokens is None:
        raise ConflictError(
            "This connection has ended", expected="one that is active or paused", record=row.id, next_step="Connect it anew."
        )
    connections.set_tokens(
        session,
        row.tenant_id,
        row.id,
        row.sealed_tokens,
        granted_scope=row.granted_scope,
        access_expires_at=row.access_expires_at,
    )
    if row.sealed_link is not None:
        connections.set_link(session, row.tenant_id, row.id, row.sealed_link)
    if row.item_sha256:
        connections.set_item(session, row.tenant_id, row.id, row.item_sha256)
    connections.set_state(session, row.tenant_id, row.id, ConnectionState.ACTIVE)
    connections.set_health(session, row.tenant_id, row.id, Health.OK, said, next_at=now)


def _due(row: ConnectionRow, said: str, work: Work) -> ConnectionRow:
    return replace(row, health=Health.OK, health_said=said, next_at=work.services.clock.now())


def _user_id(whose: Whose) -> str:
    """Our name of a subject at a provider: a hash, so that it says nothing here or there."""
    return sha256(f"climate-fitness/link-user/1/{whose.tenant_id}/{whose.subject_id}".encode()).hexdigest()[:32]

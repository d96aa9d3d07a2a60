"""The pages of connections: what is connected and how it does, what else can be, and the form that connects it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.pages.dashboard import FormState
from dashboards.templating import page_text


class Health(StrEnum):
    """How a connection does; the words of the store, and one more for a sync that is running."""

    OK = "ok"
    RUNNING = "running"
    WAITING = "waiting"
    TRYING = "trying"
    NEEDS_CONSENT = "needs_consent"
    FORMAT_CHANGED = "format_changed"
    PAUSED = "paused"
    ENDED = "ended"


_GLYPHS = {
    Health.OK: "ok",
    Health.RUNNING: "running",
    Health.WAITING: "running",
    Health.TRYING: "running",
    Health.NEEDS_CONSENT: "changed",
    Health.FORMAT_CHANGED: "changed",
    Health.PAUSED: "paused",
    Health.ENDED: "failed",
}
_GOOD = frozenset({Health.OK, Health.RUNNING})
_BAD = frozenset({Health.NEEDS_CONSENT, Health.FORMAT_CHANGED})


@dataclass(frozen=True, slots=True)
class RunNow:
    """A sync that is running.

    Attributes:
        started_at: When it began, aware.
        documents_count: Documents that it fetched so far.
        new_count: Records that are new so far.
        changed_count: Records that were corrected so far.
        refused_count: Records that were set aside so far.
    """

    started_at: datetime
    documents_count: int
    new_count: int
    changed_count: int
    refused_count: int


@dataclass(frozen=True, slots=True)
class HeldPart:
    """Something that came and could not be used.

    Attributes:
        record: Which record; empty: a whole document.
        reason: Why.
        next_step: What can be done about it; empty where nothing has to be.
        at: When it was set aside, aware.
    """

    record: str
    reason: str
    next_step: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ConnectionCard:
    """One connection.

    Attributes:
        connection_id: Its id: also where a link of this page leads.
        title: As the provider is called.
        connector_title: What reads it.
        health: How it does.
        said: The same in a sentence; empty: the words of `health` say it.
        synced_at: When it was last read to its end, aware; None where it never was.
        next_at: When it is read next, aware; None: not by itself.
        created_at: When it was connected, aware.
        run: The sync that is running; None where none is.
        held: What was set aside, newest first, as far as it is shown.
        held_count: How much was set aside.
        sync_href: Where the button *Sync now* posts; empty hides it.
        pause_href: Where *Pause* posts; empty hides it.
        resume_href: Where *Resume* posts; empty hides it.
        again_href: Where *Connect again* posts, or the form that asks for a new key; empty hides it.
        asks_again: Whether `again_href` is a form of ours, because a key must be typed.
        end_href: Where *Disconnect* posts; empty hides it.
        retry_href: Where *Try again* posts, for what was set aside; empty hides it.
        events_href: Where the progress of its syncs is told as they go on; empty where none can run.
    """

    connection_id: str
    title: str
    connector_title: str
    health: Health
    said: str
    synced_at: datetime | None
    next_at: datetime | None
    created_at: datetime
    run: RunNow | None = None
    held: tuple[HeldPart, ...] = ()
    held_count: int = 0
    sync_href: str = ""
    pause_href: str = ""
    resume_href: str = ""
    again_href: str = ""
    asks_again: bool = False
    end_href: str = ""
    retry_href: str = ""
    events_href: str = ""

    @property
    def is_ended(self) -> bool:
        """Whether it is over."""
        return self.health is Health.ENDED

    @property
    def glyph(self) -> str:
        """The mark beside its health."""
        return _GLYPHS[self.health]

    @property
    def tone(self) -> str:
        """Class of its badge: good, bad or soft; the words beside it say the same."""
        return "good" if self.health in _GOOD else "bad" if self.health in _BAD else "soft"


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider whose account can be connected, or will be once this installation is registered there.

    Attributes:
        title: Its name.
        countries: Two-letter codes where it serves.
        kinds: Names of the kinds of activity that come from it.
        href: The form; empty while this installation is not registered there.
        asks_key: Whether the person copies a key, and is sent nowhere.
        registration_days_count: Days until the provider admits an installation.
        help_url: The provider's own page about it; empty where there is none.
    """

    title: str
    countries: tuple[str, ...]
    kinds: tuple[str, ...]
    href: str
    asks_key: bool = False
    registration_days_count: int = 0
    help_url: str = ""


@dataclass(frozen=True, slots=True)
class OfferGroup:
    """The providers of one connector.

    Attributes:
        title: Name of the connector.
        offers: Its providers.
    """

    title: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class ConnectionsModel:
    """The page.

    Attributes:
        subject_name: Whose.
        cards: Connections that are there, the one that needs somebody first.
        ended: Connections that are over.
        now: What can be connected at once.
        later: What needs a registration with the provider first.
        files: Names of files that can be brought instead.
        files_href: Where they are brought.
        find_href: Where the search is sent.
        find: What is searched for.
        back_href: The subject's page.
        can_change: Whether the person may change anything here.
    """

    subject_name: str
    cards: tuple[ConnectionCard, ...]
    ended: tuple[ConnectionCard, ...]
    now: tuple[OfferGroup, ...]
    later: tuple[OfferGroup, ...]
    files: tuple[str, ...]
    files_href: str
    find_href: str
    back_href: str
    find: str = ""
    can_change: bool = True

    @property
    def is_running(self) -> bool:
        """Whether a sync is running."""
        return any(card.run for card in self.cards)


@dataclass(frozen=True, slots=True)
class Asked:
    """A field of the form: something that only the person can say.

    Attributes:
        name: Of the field.
        label: For people.
        help: Where they find it.
        choices: Value to label; empty for free text.
        is_required: Whether it may be left out.
        is_secret: Whether it is a key, which is never shown again.
        asked_as: Where the catalogue may have its words, below `ask`: "octopus.gas_unit"; they go before those that stand here.
    """

    name: str
    label: str
    help: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    is_required: bool = True
    is_secret: bool = False
    asked_as: str = ""


@dataclass(frozen=True, slots=True)
class ConnectModel:
    """The form that connects an account.

    Attributes:
        title: Name of the provider.
        connector_title: What reads it.
        kinds: Names of the kinds of activity that come from it.
        every_hours: How often it is read.
        asked: The fields.
        goes_away: Whether the person is sent to the provider's page afterwards.
        is_again: Whether the account was connected before.
        post_href: Where it posts.
        back_href: The page of connections.
        help_url: The provider's own page; empty where there is none.
        form: What was typed and what is wrong with it; under the empty name what is wrong with all of it.
    """

    title: str
    connector_title: str
    kinds: tuple[str, ...]
    every_hours: int
    asked: tuple[Asked, ...]
    goes_away: bool
    is_again: bool
    post_href: str
    back_href: str
    help_url: str = ""
    form: FormState = field(default_factory=FormState)


@dataclass(frozen=True, slots=True)
class LeaveModel:
    """The page between us and a provider: it leads on by itself, because a form of ours may lead to no other site.

    Attributes:
        title: Name of the provider.
        href: The provider's page.
        host: Its host, so that a person sees where they are led.
        back_href: The page of connections.
    """

    title: str
    href: str = field(repr=False)
    host: str
    back_href: str


def render(model: ConnectionsModel, messages: Messages, frame: Frame) -> str:
    """The page of connections as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("connections.html", messages, frame, page=model)


def render_connect(model: ConnectModel, messages: Messages, frame: Frame) -> str:
    """The form that connects an account, as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("connect.html", messages, frame, page=model)


def render_leave(model: LeaveModel, messages: Messages, frame: Frame) -> str:
    """The page that leads to a provider, as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("leave.html", messages, frame, page=model)

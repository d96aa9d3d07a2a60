"""Addresses of a subject's pages, as every page links them."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from domain.period import MonthRange

NEW_SUBJECT_HREF = "/subjects/new"
"""Where somebody adds a subject."""


@dataclass(frozen=True, slots=True)
class Hrefs:
    """Addresses below one subject.

    Attributes:
        subject_id: Whose pages.
    """

    subject_id: str

    @property
    def home(self) -> str:
        """The dashboard."""
        return f"/s/{self.subject_id}"

    @property
    def upload(self) -> str:
        """Where a file posts."""
        return f"{self.home}/documents"

    def waiting(self, waiting_id: str) -> str:
        """The page on which a person says what the columns of a file mean."""
        return f"{self.home}/files/{waiting_id}"

    def map_again(self, sha256: str) -> str:
        """Where the button posts that opens the page of a table's columns once more."""
        return f"{self.home}/documents/{sha256}/again"

    @property
    def bill(self) -> str:
        """Where a typed bill posts."""
        return f"{self.home}/bills"

    @property
    def figures(self) -> str:
        """Folder of the figures' files."""
        return f"{self.home}/figures"

    @property
    def connections(self) -> str:
        """The connections, and where another account is connected."""
        return f"{self.home}/connections"

    @property
    def duplicates(self) -> str:
        """The inbox of pairs that may be one thing."""
        return f"{self.home}/duplicates"

    def connect(self, connector: str, provider: str) -> str:
        """The form that connects an account at a provider."""
        return f"{self.connections}/new/{quote(connector, safe='')}/{quote(provider, safe='')}"

    def connection(self, connection_id: str, verb: str) -> str:
        """Where something is done with a connection: sync, pause, resume, again, end."""
        return f"{self.connections}/{connection_id}/{verb}"

    def duplicate(self, duplicate_id: str) -> str:
        """Where the decision about a pair posts."""
        return f"{self.duplicates}/{duplicate_id}"

    def why(self, months: MonthRange, *, cursor: str = "") -> str:
        """The trace of a period, from a place in its records on."""
        return f"{self.home}/why/{months}{_query(cursor=cursor)}"

    def activities(self, months: MonthRange | None = None, *, cursor: str = "") -> str:
        """The list of activities, of a period, from a place on."""
        return f"{self.home}/activities{_query(period=str(months) if months else '', cursor=cursor)}"

    def activities_csv(self, months: MonthRange | None = None) -> str:
        """The same list as CSV, whole."""
        return f"{self.home}/activities.csv{_query(period=str(months) if months else '')}"

    def remove(self, record_id: str) -> str:
        """Where the form posts that removes a record."""
        return f"{self.home}/records/{record_id}/remove"

    def close(self, months: MonthRange) -> str:
        """Where a close form posts."""
        return f"{self.home}/periods/{months}/close"

    def statement(self, statement_id: str) -> str:
        """A statement's page."""
        return f"{self.home}/statements/{statement_id}"

    def bundle(self, statement_id: str) -> str:
        """A statement's bundle as a download."""
        return f"{self.statement(statement_id)}/bundle"

    def share(self, statement_id: str) -> str:
        """Where the form for a share link posts."""
        return f"{self.statement(statement_id)}/share"

    @property
    def claiming(self) -> str:
        """Where the form posts that names the wallet of a person's statements."""
        return f"{self.home}/claiming"

    def claim(self, statement_id: str) -> str:
        """The transaction that claims a statement, as a download."""
        return f"{self.statement(statement_id)}/claim"

    def walk(self, statement_id: str) -> str:
        """The way from a statement back to its originals."""
        return f"{self.statement(statement_id)}/walk"

    def disclosure(self, statement_id: str, *, record: str = "", group: str = "") -> str:
        """One record or group of a statement, alone, as a download."""
        return f"{self.statement(statement_id)}/disclosure{_query(record=record, group=group)}"

    def lines_csv(self, statement_id: str) -> str:
        """A statement's lines as CSV."""
        return f"{self.statement(statement_id)}/lines.csv"

    def imported(self, import_id: str) -> str:
        """The result page of an import."""
        return f"{self.home}/imports/{import_id}"

    def original(self, sha256: str) -> str:
        """An original document as a download."""
        return f"{self.home}/documents/{sha256}"


def proof_href(public_token: str) -> str:
    """The public proof page of a statement."""
    return f"/proof/{public_token}"


def disclosure_href(public_token: str, share: str) -> str:
    """What a share link shows alone, as a download."""
    return f"{proof_href(public_token)}/disclosure{_query(share=share)}"


VERIFY_HREF = "/proof"
"""Where a dropped bundle posts."""


def _query(**values: str) -> str:
    given = {name: value for name, value in values.items() if value}
    return f"?{urlencode(given)}" if given else ""

"""The way from a statement back to its originals, for its owner; and what of it can be shown to somebody alone."""

from dataclasses import dataclass

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.pages.proof import ShownAmount, StepState, Verification
from dashboards.templating import page_text
from domain.period import MonthRange


@dataclass(frozen=True, slots=True)
class OriginalRow:
    """An original that the statement names.

    Attributes:
        sha256_hex: Of its bytes.
        name: As the owner named the file; empty for none.
        href: As a download; empty where it is not there.
        records_count: Records that were taken from it.
        state: Whether it was fetched and has this hash.
        detail: What was found.
    """

    sha256_hex: str
    name: str
    href: str
    records_count: int
    state: StepState
    detail: str


@dataclass(frozen=True, slots=True)
class WalkRecord:
    """A record of the statement.

    Attributes:
        record_id: Names it inside the statement.
        name: The source's own name of it.
        amounts: What it says.
        file_href: It alone, as a download.
    """

    record_id: str
    name: str
    amounts: tuple[ShownAmount, ...]
    file_href: str


@dataclass(frozen=True, slots=True)
class WalkGroup:
    """A group of records.

    Attributes:
        name: Connector, usage point and month.
        records: The first of its records.
        records_count: How many it has.
        file_href: Its sums alone, as a download.
    """

    name: str
    records: tuple[WalkRecord, ...]
    records_count: int
    file_href: str


@dataclass(frozen=True, slots=True)
class WalkModel:
    """The way back.

    Attributes:
        subject_name: As the person gave it.
        period: What the statement covers.
        verification: Every step, down to the archive.
        originals: What the archive holds.
        groups: The inputs.
        is_token: Whether the totals in grams are on the chain anyway.
        can_disclose: Whether records can be shown alone: not of statements that were closed long ago.
        back_href: The statement's page.
        share_href: Where the forms for share links post (`record` or `group`).
    """

    subject_name: str
    period: MonthRange
    verification: Verification
    originals: tuple[OriginalRow, ...]
    groups: tuple[WalkGroup, ...]
    is_token: bool
    can_disclose: bool
    back_href: str
    share_href: str


def render(model: WalkModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("walk.html", messages, frame, page=model)

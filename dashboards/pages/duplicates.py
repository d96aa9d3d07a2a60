"""The inbox of duplicates: two records that may be one thing, side by side, and what the person decided."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from dashboards.format import attributes_text
from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.templating import page_text
from domain.activity import ActivityKey


class PairState(StrEnum):
    """What was decided about a pair."""

    OPEN = "open"
    MERGED = "merged"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class PairSide:
    """One record of a pair.

    Attributes:
        record_id: Of the record.
        source: Which account or file says it.
        key: Kind, attributes and unit; None where it does not count, so that only its source is known.
        quantity_micro: How much, millionths of the key's unit.
        start_date: First local day; None with `key`.
        end_date: Last local day, inclusive; None with `key`.
        can_go: Whether it can be set aside: what a meter says cannot.
    """

    record_id: str
    source: str
    key: ActivityKey | None = None
    quantity_micro: int = 0
    start_date: date | None = None
    end_date: date | None = None
    can_go: bool = True


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that may be one thing.

    Attributes:
        duplicate_id: Id of the pair.
        rule: Why we think so: a name of `domain.duplicates.Rule`.
        state: What was decided.
        keep: The record that says more, or that goes on counting.
        aside: The other one.
        days_apart_count: Days between their first days.
        decided_at: When it was decided, aware; None while it is open.
        post_href: Where a decision posts (`decision`, `aside`).
    """

    duplicate_id: str
    rule: str
    state: PairState
    keep: PairSide
    aside: PairSide
    days_apart_count: int
    decided_at: datetime | None
    post_href: str

    @property
    def sides(self) -> tuple[tuple[PairSide, PairSide], ...]:
        """Each record with the other one."""
        return ((self.keep, self.aside), (self.aside, self.keep))


@dataclass(frozen=True, slots=True)
class DuplicatesModel:
    """The inbox.

    Attributes:
        subject_name: Whose.
        open: Pairs to decide, as far as they are shown.
        open_count: How many there are.
        decided: Pairs that were decided, newest first, as far as they are shown.
        decided_count: How many there are.
        back_href: The subject's page.
        can_change: Whether the person may decide.
    """

    subject_name: str
    open: tuple[Pair, ...]
    open_count: int
    decided: tuple[Pair, ...]
    decided_count: int
    back_href: str
    can_change: bool = True


def render(model: DuplicatesModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("duplicates.html", messages, frame, page=model, attributes_text=attributes_text)

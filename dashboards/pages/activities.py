"""The activities of a subject, each with how it is known."""

from dataclasses import dataclass
from datetime import date

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.templating import page_text
from domain.activity import ActivityKey, EvidenceClass, Quality
from domain.period import MonthRange


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One activity.

    Attributes:
        start_date: First local day.
        end_date: Last local day, inclusive.
        key: What it is: kind, region, unit, attributes.
        quantity_micro: Millionths of the key's unit.
        quality: How the amount came about.
        evidence: How it is known.
        source: Connector or utility.
        href: Its trace; empty for none.
        remove_href: Where the form posts that removes its record; empty where that is not offered.
    """

    start_date: date
    end_date: date
    key: ActivityKey
    quantity_micro: int
    quality: Quality
    evidence: EvidenceClass
    source: str
    href: str = ""
    remove_href: str = ""


@dataclass(frozen=True, slots=True)
class ActivitiesModel:
    """One page of activities.

    Attributes:
        period: What is shown; None for all.
        rows: In order of time.
        total_count: How many there are in all.
        next_href: The next page; empty at the end.
        csv_href: All of them as CSV.
        back_href: The subject's page.
    """

    period: MonthRange | None
    rows: tuple[ActivityRow, ...]
    total_count: int
    next_href: str
    csv_href: str
    back_href: str


def render(model: ActivitiesModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("activities.html", messages, frame, page=model, classes=tuple(EvidenceClass))

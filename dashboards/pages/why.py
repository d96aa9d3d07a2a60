"""Why this number: from a figure down to the records and original documents, in steps that a calculator can follow."""

from dataclasses import dataclass
from datetime import date

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.pages.trace import BIOGENIC, GASES, NOTHING_APART, Apart, TracedLine, rings_of, unscored_in_order
from dashboards.templating import page_text
from domain.activity import EvidenceClass
from domain.factor import Basis
from domain.period import MonthRange
from domain.statement import Unscored

_OPEN_COUNT = 6
"""Up to so many lines stand open; more are folded, so that the page stays an overview."""


@dataclass(frozen=True, slots=True)
class DocumentLink:
    """One original document.

    Attributes:
        sha256_hex: Its hash, 64 hexadecimal digits.
        name: As the person named the file; empty where unknown.
        href: Where the original is fetched; empty where it is not archived.
    """

    sha256_hex: str
    name: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record behind the number.

    Attributes:
        record_key: The source's own name of the thing.
        start_date: First local day.
        end_date: Last local day, inclusive.
        quantity_micro: Millionths of `unit`.
        unit: Canonical unit.
        evidence: How it is known.
        revision: 1 for the first.
        documents: The originals.
        kind: Kind of activity.
    """

    record_key: str
    start_date: date
    end_date: date
    quantity_micro: int
    unit: str
    evidence: EvidenceClass
    revision: int
    documents: tuple[DocumentLink, ...]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class WhyModel:
    """The trace of one figure.

    Attributes:
        period: What it covers.
        lines: Lines of both bases, each with its factor.
        unscored: What no factor fits.
        records: Records, in order of time.
        records_count: How many there are in all; more than `records` where the list is cut.
        more_href: The next page of records; empty at the end.
        back_href: The subject's page.
        statement_href: The statement; empty before the period is closed.
        apart: Effects beside, intervals, totals by scope.
    """

    period: MonthRange
    lines: tuple[TracedLine, ...]
    unscored: tuple[Unscored, ...]
    records: tuple[RecordRow, ...]
    records_count: int
    back_href: str
    more_href: str = ""
    statement_href: str = ""
    apart: Apart = NOTHING_APART

    def total_ug_co2e(self, basis: Basis) -> int | None:
        """Sum of the lines of a basis without avoided ones, micrograms; None where there is no line."""
        amounts = [one.total_ug_co2e for one in self.lines if basis in one.bases and not one.line.is_avoided]
        return sum(amounts) if amounts else None

    @property
    def biogenic_co2_ug(self) -> int:
        """Biogenic CO2 of the location basis, micrograms; in no total."""
        return sum(one.biogenic_co2_ug for one in self.lines if Basis.LOCATION in one.bases and not one.line.is_avoided)


def render(model: WhyModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text(
        "why.html",
        messages,
        frame,
        page=model,
        gases=(*GASES, BIOGENIC),
        rings=rings_of(model.lines),
        unscored=unscored_in_order(model.unscored),
        is_open=len(model.lines) <= _OPEN_COUNT,
        bases=tuple(Basis),
    )

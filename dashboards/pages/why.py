"""Why this number: from a figure down to the records and original documents, in steps that a calculator can follow."""

from dataclasses import dataclass
from datetime import date

from dashboards.format import mass_co2e
from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.templating import page_text
from domain.activity import EvidenceClass
from domain.factor import CompiledFactor
from domain.period import MonthRange
from domain.statement import Line, Unscored


@dataclass(frozen=True, slots=True)
class TracedLine:
    """One line with the factor behind it.

    Attributes:
        line: The line.
        compiled: Its factor in integers.
        steps: Why this factor, in order, in plain words.
    """

    line: Line
    compiled: CompiledFactor
    steps: tuple[str, ...]


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
    """

    record_key: str
    start_date: date
    end_date: date
    quantity_micro: int
    unit: str
    evidence: EvidenceClass
    revision: int
    documents: tuple[DocumentLink, ...]


@dataclass(frozen=True, slots=True)
class WhyModel:
    """The trace of one figure.

    Attributes:
        period: What it covers.
        lines: Lines of both bases.
        unscored: What no factor fits.
        records: Records, in order of time.
        records_count: How many there are in all; more than `records` where the list is cut.
        more_href: The next page of records; empty at the end.
        back_href: The subject's page.
        statement_href: The statement; empty before the period is closed.
    """

    period: MonthRange
    lines: tuple[TracedLine, ...]
    unscored: tuple[Unscored, ...]
    records: tuple[RecordRow, ...]
    records_count: int
    back_href: str
    more_href: str = ""
    statement_href: str = ""

    def total_ug_co2e(self, basis: str) -> int | None:
        """Sum of the lines of a basis without avoided ones, micrograms; None where there is no line."""
        amounts = [
            traced.line.emissions.total_ug_co2e
            for traced in self.lines
            if traced.line.basis == basis and not traced.line.is_avoided
        ]
        return sum(amounts) if amounts else None


GASES = (
    ("co2", "co2_ug"),
    ("ch4", "ch4_ug"),
    ("n2o", "n2o_ug"),
    ("unsplit", "unsplit_ug"),
)
"""Gases in the order that they are shown, with the name of their amount."""


def render(model: WhyModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("why.html", messages, frame, page=model, gases=GASES, flag_text=_flag_text(messages), mass=mass_co2e)


def _flag_text(messages: Messages) -> dict[str, str]:
    """Every flag that has words, to its words; others are shown by name."""
    prefix = "flag."
    return {key.removeprefix(prefix): messages(key) for key in messages if key.startswith(prefix)}

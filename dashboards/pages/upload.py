"""The result of an upload: what was read, what was refused and why, and the question that is still open."""

from dataclasses import dataclass
from datetime import date

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.templating import page_text
from domain.activity import Direction, EvidenceClass


@dataclass(frozen=True, slots=True)
class UploadTotal:
    """What a document holds of one kind and direction.

    Attributes:
        kind: Kind of activity.
        direction: Which way it flowed; None where no meter measured it.
        quantity_micro: Millionths of `unit`.
        unit: Canonical unit.
        readings_count: How many readings.
    """

    kind: str
    direction: Direction | None
    quantity_micro: int
    unit: str
    readings_count: int


@dataclass(frozen=True, slots=True)
class RefusedPart:
    """A part that was not read.

    Attributes:
        record: Which part.
        reason: Why, and what to do.
    """

    record: str
    reason: str


@dataclass(frozen=True, slots=True)
class ZoneQuestion:
    """The question for the time zone of a meter.

    Attributes:
        post_href: Where the answer posts (`zone`, `upload_id`).
        upload_id: The upload that waits for it.
        zones: IANA zones to choose from, likely ones first.
    """

    post_href: str
    upload_id: str
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UploadModel:
    """The result.

    Attributes:
        document_name: As the person named the file.
        sha256_hex: Hash of the original.
        is_archived: Whether the original is kept.
        evidence: How its inputs are known.
        totals: What was read.
        first_date: First local day; None where nothing was read.
        last_date: Last local day, inclusive; None where nothing was read.
        readings_count: Readings read.
        new_count: Readings that are new.
        corrected_count: Readings that replaced earlier ones.
        repeated_count: Readings known already; they do not count twice.
        refused: Parts that were not read.
        notes: Further remarks in plain words (closed months that changed, a ZIP in several subregions).
        question: The question for the zone; None where it is known.
        back_href: The subject's page.
        map_again_href: Where the button posts that opens the page of its columns and shops once more; empty hides it.
    """

    document_name: str
    sha256_hex: str
    is_archived: bool
    evidence: EvidenceClass
    totals: tuple[UploadTotal, ...]
    first_date: date | None
    last_date: date | None
    readings_count: int
    new_count: int
    corrected_count: int
    repeated_count: int
    refused: tuple[RefusedPart, ...]
    notes: tuple[str, ...]
    question: ZoneQuestion | None
    back_href: str
    map_again_href: str = ""

    @property
    def is_declared(self) -> bool:
        """Whether it holds activities one by one, and no readings of meters."""
        return bool(self.totals) and all(total.direction is None for total in self.totals)


def render(model: UploadModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("upload.html", messages, frame, page=model)

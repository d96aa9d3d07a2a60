"""The page that adds a household, a person or a business."""

from dataclasses import dataclass, field

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.pages.dashboard import FormState
from dashboards.templating import page_text

KINDS = ("household", "person", "business")
"""What can be added, the usual one first."""


@dataclass(frozen=True, slots=True)
class NewSubjectModel:
    """The form.

    Attributes:
        post_href: Where it posts (`kind`, `name`, `place`, `zone`, `member_count`, `chain_holder`).
        form: What was typed and what is wrong with it.
        zones: IANA zones to choose from; empty hides the field until it is asked for.
        is_first: Whether this account has none yet.
    """

    post_href: str
    form: FormState = field(default_factory=FormState)
    zones: tuple[str, ...] = ()
    is_first: bool = False


def render(model: NewSubjectModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("new_subject.html", messages, frame, page=model, kinds=KINDS)

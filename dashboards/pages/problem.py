"""The page of a problem: what it is, what was expected, what came, and the next step."""

from dataclasses import dataclass

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.templating import page_text


@dataclass(frozen=True, slots=True)
class ProblemModel:
    """A refusal in words that a person can act on.

    Attributes:
        status: HTTP status.
        message: What is wrong, in one sentence.
        expected: What would have been right.
        got: What came.
        record: Which record, file or field.
        next_step: What to do.
        request_id: For whoever looks into the log; empty for none.
        back_href: Where to go.
    """

    status: int
    message: str
    expected: str = ""
    got: str = ""
    record: str = ""
    next_step: str = ""
    request_id: str = ""
    back_href: str = "/"


def render(model: ProblemModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("problem.html", messages, frame, page=model)

"""The sign-in page."""

from dataclasses import dataclass

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.templating import page_text


@dataclass(frozen=True, slots=True)
class SignInModel:
    """The sign-in form.

    Attributes:
        post_href: Where it posts (`name`, `password`, `next`).
        next_href: Where to go afterwards.
        name: Typed before, shown again.
        error: Why it did not work; empty at first.
        is_local: Whether the running program printed a link that signs its operator in.
        demo_href: Where the demo's one-click form posts; empty outside the demo.
    """

    post_href: str
    next_href: str = "/"
    name: str = ""
    error: str = ""
    is_local: bool = False
    demo_href: str = ""


def render(model: SignInModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("sign_in.html", messages, frame, page=model)

"""Templates to text: one environment, everything escaped, a missing name is an error."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from dashboards import format as fmt
from dashboards.frame import Frame
from dashboards.messages import Messages


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("dashboards", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.globals["fmt"] = fmt
    return found


def page_text(template: str, messages: Messages, frame: Frame, **values: Any) -> str:  # noqa: ANN401 - a template takes any value
    """A page as HTML.

    Args:
        template: Its file under `templates/`.
        messages: Language.
        frame: What stands around the content.
        **values: What the template uses.

    Returns:
        The HTML document.
    """
    return _environment().get_template(template).render(t=messages, frame=frame, locale=messages.locale, **values)

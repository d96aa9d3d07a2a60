"""The first page while the demo prepares itself; it reloads by itself, without JavaScript."""

from dataclasses import dataclass
from enum import StrEnum

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.templating import page_text


class TaskState(StrEnum):
    """How far a task is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that is prepared.

    Attributes:
        name: In plain words.
        state: How far it is.
        detail: What came of it, or where it stands.
    """

    name: str
    state: TaskState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProgressModel:
    """The tasks in order.

    Attributes:
        tasks: Every task.
        refresh_s: Seconds until the page asks again; 0 stops.
        next_href: Where it leads when all is done; empty before.
    """

    tasks: tuple[Task, ...]
    refresh_s: int = 1
    next_href: str = ""

    @property
    def done_count(self) -> int:
        """Tasks that are done."""
        return sum(task.state is TaskState.DONE for task in self.tasks)

    @property
    def has_failed(self) -> bool:
        """Whether a task failed."""
        return any(task.state is TaskState.FAILED for task in self.tasks)


def render(model: ProgressModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("progress.html", messages, frame, page=model)

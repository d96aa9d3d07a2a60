"""`worker` and `jobs`: the queue at work in a process of its own, and what lies in it."""

import signal
from pathlib import Path
from threading import Event
from types import FrameType

from app.cli.installation import installation
from app.cli.terminal import ExitCode, print_json, say, tell
from app.jobs.open_queue import queues_of
from app.jobs.queue_worker import QueueWorker
from app.store.jobs import JobState
from app.store.session import reading, unit_of_work
from domain.errors import NotFoundError


def run_worker(*, threads_count: int, data_folder: Path | None) -> int:
    """Run jobs until SIGTERM or SIGINT.

    Args:
        threads_count: Jobs at once.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 1 where jobs were still running at the end; another worker does them again.
    """
    stop = Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    with installation(data_folder) as services:
        worker = QueueWorker(services, threads_count=threads_count)
        worker.start()
        tell(f"Working: up to {threads_count} jobs at once on {services.engine.dialect.name}. Ctrl-C ends it.")
        stop.wait()
        has_ended = worker.stop(most_s=services.settings.stop_timeout_s)
    tell("Stopped." if has_ended else "Stopped; what was running is done again by another worker.")
    return ExitCode.DONE if has_ended else ExitCode.PARTLY


def list_jobs(*, is_json: bool, data_folder: Path | None) -> int:
    """Print how many jobs wait, run and are done, and those that were given up.

    Args:
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 1 where jobs were given up.
    """
    with installation(data_folder) as services, reading(services.engine) as session:
        queues = queues_of(services)
        counts = {str(state): sum(queue.counts(session)[state] for queue in queues) for state in JobState}
        dead = [one for queue in queues for one in queue.dead(session)]
    if is_json:
        given_up = [
            {
                "key": one.key,
                "kind": one.kind,
                "tries_count": one.tries_count,
                "error": one.error,
                "created_at": one.created_at.isoformat(),
            }
            for one in dead
        ]
        print_json({"counts": counts, "given_up": given_up})
    else:
        say(", ".join(f"{count} {state}" for state, count in counts.items()))
        for one in dead:
            say(f"given up after {one.tries_count} tries: {one.key}; {one.error}")
    return ExitCode.PARTLY if dead else ExitCode.DONE


def ask_again(key: str, *, data_folder: Path | None) -> None:
    """Have a job that was given up done again.

    Args:
        key: Its key; `all` for every one.
        data_folder: Folder of the installation; the setting where left out.

    Raises:
        NotFoundError: No job of this key was given up.
    """
    with installation(data_folder) as services, unit_of_work(services.engine) as session:
        dead = [(queue, one) for queue in queues_of(services) for one in queue.dead(session) if key in {"all", one.key}]
        if not dead:
            raise NotFoundError(
                "No such job was given up", expected="a key that `climate-fitness jobs` shows, or all", got=key, record="job"
            )
        count = sum(queue.ask_again(session, one.tenant_id, one.key) for queue, one in dead)
    say(f"{count} asked for again.")

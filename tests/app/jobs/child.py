"""The worker process that the drills kill, and its work: steps that each commit, with a cursor, and a job that follows.

python -m tests.app.jobs.child URL SORT MODE

`work` does jobs until it is killed; `die` kills itself in the middle of each job; `stop` works until SIGTERM.
"""

import os
import signal
import sys
from collections.abc import Mapping
from threading import Event
from types import FrameType

from sqlalchemy import text

from app.store.session import Engine, Session, engine_of, unit_of_work
from app.work_queue import Backoff, Body, NewJob, Turn, WorkQueue
from tests.app.jobs.queues import make_queue

STEPS_COUNT = 4
TENANT = "drill"
LONG_SILENT_S = 6.0
"""Silence in the drill, seconds: on a busy machine, too, nobody who lives counts as dead; their step would be doubled."""

OFTEN = Backoff(first_s=0.04, longest_s=0.2, most_tries_count=1000)
"""A job may be hit by many kills in a drill."""


def make_table(engine: Engine) -> None:
    """The table of what was done."""
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS drill"))
        connection.execute(text("CREATE TABLE drill (key text PRIMARY KEY, step integer NOT NULL, total integer NOT NULL)"))


def drill_bodies(engine: Engine, queue: WorkQueue) -> Mapping[str, Body]:
    """The work of the drill: anything done twice shows in `total`."""

    def work(turn: Turn) -> None:
        for _ in range(STEPS_COUNT):
            with unit_of_work(engine) as session:
                if _is_whole_after_step(session, turn.key) and "/" not in turn.key:
                    queue.enqueue(session, NewJob(f"{turn.key}/next", TENANT, "work"))

    return {"work": work}


def _is_whole_after_step(session: Session, key: str) -> bool:
    """Do one step of a job, where one is left; whether it was the last one."""
    found = session.execute(text("SELECT step FROM drill WHERE key = :key"), {"key": key}).scalar()
    if found is None:
        session.execute(text("INSERT INTO drill VALUES (:key, 1, 1)"), {"key": key})
        return STEPS_COUNT == 1
    if found < STEPS_COUNT:
        change = text("UPDATE drill SET step = :step, total = total + 1 WHERE key = :key")
        session.execute(change, {"key": key, "step": found + 1})
    return int(found) + 1 == STEPS_COUNT


def main(url: str, sort: str, mode: str) -> None:
    """Work as the mode says."""
    engine = engine_of(url)
    queue = make_queue(sort, engine) if mode == "die" else make_queue(sort, engine, backoff=OFTEN, silent_s=LONG_SILENT_S)
    stop = Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    def die(_turn: Turn) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    signal.signal(signal.SIGTERM, told)
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    queue.run({"work": die} if mode == "die" else drill_bodies(engine, queue), threads_count=2, stop=stop)


if __name__ == "__main__":
    main(*sys.argv[1:])

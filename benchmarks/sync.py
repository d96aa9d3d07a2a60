"""The runner of connectors: what it adds to taking documents in, and a back-fill of two years whose memory does not grow.

    python -m benchmarks.sync --json [--rows 1000000]

Overhead: the same documents (a day of hours each) are pulled through the runner, and only parsed, archived and imported, each in
a transaction, in turn; of several rounds the fastest of each counts. The difference is the runner's: claim, allowance, asking,
lease, cursor and counts. The provider answers in this process and costs nothing. That is a small difference of large numbers;
`runner_cpu_ms` is measured by itself: the CPU time of a document outside parsing, archiving and importing, its transactions
included.

Back-fill: that many readings of a minute, in pages of a week. Memory is read after a tenth of the pages and at the end.
"""

import argparse
import json
import resource
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.assemble import open_services
from app.clock import SystemClock, SystemRandomness
from app.security.oauth_client import Answer
from app.security.outbound import MAX_BODY_BYTES
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store import activities, connections, sync_runs
from app.store.connections import ConnectionRow, ConnectionState
from app.store.session import reading, unit_of_work
from app.store.subjects import SubjectKind
from app.usecases import pull_connection as driver
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received, archive_original
from app.usecases.pull_connection import pull_connection
from app.usecases.sealing import vault_of
from connectors import registry
from connectors.base import Batch, Get, Link, Manifest, Provider, Pull
from domain.activity import Direction, EvidenceClass
from domain.errors import TryLaterError
from domain.period import MonthRange
from domain.place import place_from_text
from domain.series import IntervalSeries, MeterDocument

START_S = int(datetime(2024, 1, 1, 5, tzinfo=UTC).timestamp())
"""Midnight in New York."""

NAME = "bench-meter"
DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60
PER_PAGE_COUNT = 7 * 24 * 60
OVERHEAD_DOCUMENTS_COUNT = 100
ROUNDS_COUNT = 7
MB = 1024


@dataclass(frozen=True)
class Shape:
    """Pages of a provider.

    Attributes:
        length_s: Of a reading, seconds.
        per_page_count: Readings of a page.
        pages_count: Pages.
    """

    length_s: int
    per_page_count: int
    pages_count: int


class BenchMeter:
    """A connector whose pages are columns: parsing costs next to nothing."""

    manifest = Manifest(
        NAME,
        "Benchmark",
        frozenset({"electricity"}),
        "1",
        providers=(Provider(NAME, "Benchmark", "https://bench.example", requests_per_s=1e6),),
    )

    def pull(self, link: Link, cursor: str | None) -> Pull:  # noqa: ARG002 - the contract's
        """Page after page."""
        number = int(cursor or "0")
        while True:
            document = yield Get("page", {"number": str(number)})
            if document is None or document.status != 200:  # noqa: PLR2004 - HTTP's OK
                return
            number += 1
            yield Batch(self.parse(document.body), cursor=str(number))

    def parse(self, body: bytes) -> MeterDocument:
        """The readings of a page."""
        start_s, length_s, count = (int(part) for part in body.split(b"\n", 1)[0].split())
        values = array("q", body.split(b"\n", 1)[1])
        series = IntervalSeries(
            usage_point="m1",
            series_key="m1",
            kind="electricity",
            direction=Direction.DELIVERED,
            unit="kWh",
            micro_per_value=Fraction(1000),
            starts_s=array("q", range(start_s, start_s + count * length_s, length_s)),
            durations_s=array("q", [length_s]) * count,
            values=values,
            qualities=array("q"),
            is_additive=True,
            source_unit="Wh",
        )
        return MeterDocument((series,))


METER = BenchMeter()


def page(number: int, shape: Shape) -> bytes:
    """One page."""
    start_s = START_S + number * shape.per_page_count * shape.length_s
    values = array("q", ((number * 31 + index * 7) % 500 for index in range(shape.per_page_count)))
    return f"{start_s} {shape.length_s} {shape.per_page_count}\n".encode() + values.tobytes()


@dataclass
class Provided:
    """A provider in this process.

    Attributes:
        shape: Its pages.
        asked_count: How often it was asked.
        tenth_mb: Most memory of this process when a tenth of the pages was asked for.
    """

    shape: Shape
    asked_count: int = 0
    tenth_mb: float = 0.0

    def send(
        self,
        method: str,  # noqa: ARG002 - the contract's
        url: str,
        *,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002 - the contract's
        body: bytes = b"",  # noqa: ARG002 - the contract's
        max_body_bytes: int = MAX_BODY_BYTES,  # noqa: ARG002 - the contract's
    ) -> Answer:
        """The page that is asked for; 204 after the last one."""
        number = int(parse_qs(urlsplit(url).query)["number"][0])
        self.asked_count += 1
        if number == self.shape.pages_count // 10:
            self.tenth_mb = peak_mb()
        if number >= self.shape.pages_count:
            return Answer(204, {}, b"")
        return Answer(200, {"content-type": "application/octet-stream"}, page(number, self.shape))


def peak_mb() -> float:
    """Most memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB


def household(services: Services) -> Whose:
    """A household in New York."""
    new = NewSubject(SubjectKind.HOUSEHOLD, "Bench", place_from_text("10001", zone="America/New_York"), member_count=1)
    with unit_of_work(services.engine) as session:
        return create_subject(Work(session, services), new, owner_account_id="")


def connected(services: Services) -> tuple[Whose, str]:
    """A household with a connection, and the connection's id."""
    whose, connection_id = household(services), services.randomness.id()
    row = ConnectionRow(
        connection_id,
        whose.tenant_id,
        whose.subject_id,
        NAME,
        ConnectionState.ACTIVE,
        is_file=False,
        cursor="",
        sealed_tokens=None,
        created_at=services.clock.now(),
        provider=NAME,
    )
    with unit_of_work(services.engine) as session:
        connections.add(session, row)
    return whose, connection_id


def pull_all(services: Services, whose: Whose, connection_id: str, provided: Provided) -> None:
    """Sync until everything is read.

    Raises:
        TryLaterError: Something else stands in the way.
    """
    while True:
        try:
            pull_connection(services, whose.tenant_id, connection_id, http=provided)
        except TryLaterError as error:
            if error.wait_s:
                raise
            continue
        return


def take_all(services: Services, whose: Whose, connection_id: str, shape: Shape) -> None:
    """The same documents parsed, archived and imported one by one: what no runner can leave out."""
    with reading(services.engine) as session:
        connection = connections.by_id(session, whose.tenant_id, connection_id)
        vault = vault_of(Work(session, services), whose)
    for number in range(shape.pages_count):
        body = page(number, shape)
        archived = archive_original(services.archive, vault, body)
        document = METER.parse(body)
        received = Received(body, "application/octet-stream", EvidenceClass.FETCHED_BY_CONNECTOR, archived=archived)
        with unit_of_work(services.engine) as session:
            work = Work(session, services)
            import_document(work, whose, NAME, received, document=document, connection=connection)


def sums_sha256_hex(services: Services, whose: Whose) -> str:
    """Hash of everything that counts, by month."""
    with reading(services.engine) as session:
        months = activities.months_of(session, whose.tenant_id, whose.subject_id)
        found = [
            [str(month), str(one)]
            for month in months
            for one in activities.monthly_sums(session, whose.tenant_id, whose.subject_id, MonthRange.of_month(month))
        ]
    return sha256(json.dumps(found).encode()).hexdigest()


def runner_cpu_ms(services: Services, shape: Shape) -> float:
    """CPU time of a document in the runner itself, with its transactions, milliseconds: all but parsing, archiving, importing."""
    spent_s = 0.0

    def timed(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - passes through what it was given
            nonlocal spent_s
            began_s = process_time()
            try:
                return work(*arguments, **named)
            finally:
                spent_s += process_time() - began_s

        return run

    names = ("import_document", "archive_original")
    before = {name: getattr(driver, name) for name in names}
    whose, connection_id = connected(services)
    try:
        for name in names:
            setattr(driver, name, timed(before[name]))
        began_s = process_time()
        pull_all(services, whose, connection_id, Provided(shape))
        return (process_time() - began_s - spent_s) * 1000 / shape.pages_count
    finally:
        for name in names:
            setattr(driver, name, before[name])


def measure_overhead(services: Services) -> dict[str, Any]:
    """What the runner adds to a document, milliseconds."""
    shape = Shape(HOUR_S, DAY_S // HOUR_S, OVERHEAD_DOCUMENTS_COUNT)
    pulled: list[tuple[float, float]] = []
    taken: list[tuple[float, float]] = []
    hashes = set()
    for _ in range(ROUNDS_COUNT):
        whose, connection_id = connected(services)
        began = perf_counter(), process_time()
        pull_all(services, whose, connection_id, Provided(shape))
        pulled.append((perf_counter() - began[0], process_time() - began[1]))
        hashes.add(sums_sha256_hex(services, whose))
        whose, connection_id = connected(services)
        began = perf_counter(), process_time()
        take_all(services, whose, connection_id, shape)
        taken.append((perf_counter() - began[0], process_time() - began[1]))
        hashes.add(sums_sha256_hex(services, whose))
    assert len(hashes) == 1

    def fastest_ms(rounds: list[tuple[float, float]], which: int) -> float:
        return min(one[which] for one in rounds) * 1000 / shape.pages_count

    return {
        "documents": shape.pages_count,
        "pulled_ms": round(fastest_ms(pulled, 0), 2),
        "taken_ms": round(fastest_ms(taken, 0), 2),
        "pulled_cpu_ms": round(fastest_ms(pulled, 1), 2),
        "taken_cpu_ms": round(fastest_ms(taken, 1), 2),
        "overhead_ms": round(fastest_ms(pulled, 0) - fastest_ms(taken, 0), 2),
        "runner_cpu_ms": round(min(runner_cpu_ms(services, shape) for _ in range(ROUNDS_COUNT)), 2),
        "overhead_cpu_ms": round(fastest_ms(pulled, 1) - fastest_ms(taken, 1), 2),
    }


def measure_backfill(services: Services, rows_count: int) -> dict[str, Any]:
    """A back-fill of so many readings."""
    shape = Shape(MINUTE_S, PER_PAGE_COUNT, max(10, -(-rows_count // PER_PAGE_COUNT)))
    whose, connection_id = connected(services)
    provided = Provided(shape)
    began_s, began_cpu_s = perf_counter(), process_time()
    pull_all(services, whose, connection_id, provided)
    seconds, cpu_s = perf_counter() - began_s, process_time() - began_cpu_s
    count = shape.pages_count * shape.per_page_count
    with reading(services.engine) as session:
        runs = sync_runs.of_connection(session, whose.tenant_id, connection_id, limit_count=1000)
    assert sum(run.documents_count for run in runs) == shape.pages_count
    return {
        "rows": count,
        "seconds": round(seconds, 3),
        "cpu_s": round(cpu_s, 3),
        "per_second": round(count / seconds),
        "peak_mb_after_tenth": round(provided.tenth_mb, 1),
        "peak_mb": round(peak_mb(), 1),
        "sha256": sums_sha256_hex(services, whose),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the answer is always JSON")
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows_count: int = parser.parse_args().rows
    registry._OWN[NAME] = METER  # noqa: SLF001 - as an installed connector would be
    with TemporaryDirectory(prefix="cf-bench-sync-") as folder:
        settings = Settings(data_folder=Path(folder) / "data")
        services = open_services(settings, clock=SystemClock(), randomness=SystemRandomness())
        overhead = measure_overhead(services)
        backfill = measure_backfill(services, rows_count)
        services.engine.dispose()
    print(json.dumps({"what": "sync", **backfill, "overhead": overhead, "alternative": "the same documents without the runner"}))


if __name__ == "__main__":
    main()

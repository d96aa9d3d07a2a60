"""Month-end: all subjects of an installation as one batch, beside one `close` after the other in the same run.

    python -m benchmarks.month_end --json --rows 2000
    python -m benchmarks.month_end --json --rows 100000 --folder build/month-end

Every subject is a tenant of its own and has a file of activities of one month, taken in through the real path. One part of them
is closed as `climate-fitness close --all` does it: statements and manifests, the auditor's recomputation from the originals in as
many processes as there are processors, one signed batch with one root on the chain. The other part, with the same files, is
closed one after the other, each with its own transaction. The lines of both are equal.

Taking the files of 100,000 subjects in takes longer than closing their month: a folder keeps them, for one run.
"""

import argparse
import json
import random
import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from app.assemble import open_desk, open_services
from app.audit_processes import auditor_of, cores_count
from app.chain import ChainDesk
from app.clock import FixedClock, SystemRandomness
from app.jobs.worker import Worker
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store import month_end, periods, statements
from app.store.session import reading, unit_of_work
from app.store.statements import StatementState
from app.store.subjects import SubjectKind
from app.usecases.close_month_end import close_and_endorse, open_count, sign_accepted
from app.usecases.close_period import close_period
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from domain.activity import EvidenceClass
from domain.period import MonthRange
from domain.place import place_from_text

MONTH = MonthRange.from_text("2024-03")
SEED = 20240301
SUBJECTS_COUNT = 2_000
ALONE_COUNT = 200
"""Most subjects that are closed one after the other: their rate does not depend on how many there are."""

ACTIVITIES_COUNT = 20
AT_ONCE_COUNT = 100
MANY_COUNT = 100_000

KINDS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("electricity", "kWh", {}),
    ("natural_gas", "therm", {}),
    ("car", "km", {"region": "GB"}),
    ("rail", "pkm", {"region": "GB"}),
    ("food", "kg", {"food": "cheese"}),
)


def measure(subjects_count: int, kept: Path | None = None) -> dict[str, Any]:
    """Everything that this benchmark measures.

    Args:
        subjects_count: Subjects of the batch, at least one.
        kept: Folder that keeps what was taken in; a temporary one where left out.

    Returns:
        What, rows, seconds by step, per second, peak MB, hash, the closes one by one beside it, ratio.
    """
    alone_count = min(ALONE_COUNT, subjects_count)
    with TemporaryDirectory() if kept is None else nullcontext(kept) as folder:
        clock = FixedClock(datetime(2024, 6, 15, tzinfo=UTC))
        services = open_services(Settings(data_folder=Path(folder)), clock=clock, randomness=SystemRandomness())
        desk = open_desk(services)
        alone, together, import_s = prepared(services, alone_count, subjects_count)
        loop_s = one_by_one(services, desk, alone)
        before_mb = peak_mb()
        cpu_begin_s = cpu_s()
        steps_s = batch(services, desk)
        batch_cpu_s = cpu_s() - cpu_begin_s
        batch_hash, alone_hash = hash_of(services, together[:alone_count]), hash_of(services, alone)
        desk.close()
        services.engine.dispose()
    assert batch_hash == alone_hash, f"expected equal lines, got {batch_hash} and {alone_hash}"
    seconds = sum(steps_s.values())
    return {
        "what": "month-end of all subjects: sums, statements, audits, one signed batch, one root on the chain",
        "rows": subjects_count,
        "activities": subjects_count * ACTIVITIES_COUNT,
        "seconds": round(seconds, 3),
        "per_second": round(subjects_count / seconds, 1),
        "seconds_by_step": {name: round(step_s, 3) for name, step_s in steps_s.items()},
        "processes": cores_count(),
        "cpu_seconds": round(batch_cpu_s, 1),
        "seconds_for_100000": round(MANY_COUNT * seconds / subjects_count),
        "peak_mb": peak_mb(),
        "peak_mb_before": before_mb,
        "peak_mb_of_an_auditor": peak_mb(resource.RUSAGE_CHILDREN),
        "result_hash": batch_hash,
        "alternative": f"one close after the other, each with its own transaction ({alone_count} subjects)",
        "alternative_seconds": round(loop_s, 3),
        "alternative_per_second": round(alone_count / loop_s, 1),
        "alternative_result_hash": alone_hash,
        "ratio": round((subjects_count / seconds) / (alone_count / loop_s), 2),
        "import_seconds": round(import_s, 3),
    }


def peak_mb(whose: int = resource.RUSAGE_SELF) -> float:
    """Most memory that this process, or one that it started, ever held, MB."""
    return round(resource.getrusage(whose).ru_maxrss / 1024, 1)


def cpu_s() -> float:
    """Processor time of this process and of those that it started and that ended, seconds."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def prepared(services: Services, alone_count: int, together_count: int) -> tuple[Sequence[Whose], Sequence[Whose], float]:
    """Subjects to close one by one, those to close together, and the seconds that taking them in took: 0 where they were kept."""
    listed = services.settings.data_folder / "subjects.json"
    if listed.exists():
        kept = [[Whose(*one) for one in part] for part in json.loads(listed.read_bytes())]
        return kept[0], kept[1], 0.0
    alone, alone_s = imported(services, alone_count)
    together, together_s = imported(services, together_count)
    listed.write_text(json.dumps([[(one.tenant_id, one.subject_id) for one in part] for part in (alone, together)]))
    return alone, together, alone_s + together_s


def imported(services: Services, subjects_count: int) -> tuple[Sequence[Whose], float]:
    """So many subjects, each with its file of the month, and the seconds that it took; the same files at each call."""
    chance = random.Random(SEED)
    begin, found = perf_counter(), []
    home = place_from_text("10001", zone="America/New_York")
    for first in range(0, subjects_count, AT_ONCE_COUNT):
        with unit_of_work(services.engine) as session:
            work = Work(session, services)
            for number in range(first, min(first + AT_ONCE_COUNT, subjects_count)):
                new = NewSubject(SubjectKind.HOUSEHOLD, f"Household {number}", home)
                whose = create_subject(work, new, owner_account_id="")
                received = Received(b"\n".join(month_lines(chance)), "application/x-ndjson", EvidenceClass.UPLOADED)
                import_document(work, whose, "activities", received)
                found.append(whose)
    return found, perf_counter() - begin


def month_lines(chance: random.Random) -> Iterator[bytes]:
    """The activities of one subject's month."""
    for number in range(ACTIVITIES_COUNT):
        kind, unit, attributes = KINDS[number % len(KINDS)]
        day, amount = chance.randrange(1, 29), chance.randrange(1, 100_000)
        line = {"id": f"a{number}", "kind": kind, "quantity": f"{amount / 100:.2f}", "unit": unit, "start": f"2024-03-{day:02d}"}
        yield json.dumps(line | attributes).encode()


def one_by_one(services: Services, desk: ChainDesk, subjects: Sequence[Whose]) -> float:
    """Seconds that it takes to close each subject's month by itself and to bring it to the chain."""
    worker, begin = Worker(services, desk), perf_counter()
    for whose in subjects:
        with unit_of_work(services.engine) as session:
            row = close_period(Work(session, services), whose, MONTH)
        worker.tick()
        with reading(services.engine) as session:
            state = statements.by_id(session, whose.tenant_id, row.id).state
        assert state is StatementState.ISSUED, f"expected an issued statement, got {state}"
    return perf_counter() - begin


def batch(services: Services, desk: ChainDesk) -> dict[str, float]:
    """Seconds of each step of the month-end."""
    found: dict[str, float] = {}
    begin = perf_counter()
    with auditor_of(services, open_count(services, MONTH)) as ask:
        for step in close_and_endorse(services, desk, MONTH, ask=ask):
            assert not step.refused, step.refused
    found["close and audit"] = perf_counter() - begin
    begin = perf_counter()
    roots = sign_accepted(services, desk, MONTH)
    assert len(roots) == 1, f"expected one root, got {roots}"
    found["sign"] = perf_counter() - begin
    begin = perf_counter()
    Worker(services, desk).tick()
    found["chain"] = perf_counter() - begin
    with reading(services.engine) as session:
        states = month_end.state_counts(session, MONTH)
    assert set(states) == {StatementState.ISSUED}, f"expected issued statements, got {states}"
    return found


def hash_of(services: Services, subjects: Sequence[Whose]) -> str:
    """SHA-256 of the lines of all of them, in their order."""
    digest = sha256()
    with reading(services.engine) as session:
        for whose in subjects:
            period = periods.by_months(session, whose.tenant_id, whose.subject_id, MONTH)
            row = statements.latest_of_period(session, whose.tenant_id, period.id) if period else None
            assert row is not None, "expected a statement, got none"
            for line in statements.line_bytes_of(session, whose.tenant_id, row.id):
                digest.update(line)
    return digest.hexdigest()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=SUBJECTS_COUNT, help="subjects of the batch")
    parser.add_argument("--folder", type=Path, help="keeps what was taken in, for one run")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args()
    found = measure(args.rows, args.folder)
    if args.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:<24} {value}\n")


if __name__ == "__main__":
    main()

"""Proofs: a bundle walked back, a disclosure checked, the public proof page, and the inputs tree beside pymerkle's.

    python -m benchmarks.verify --json --rows 5000

Two statements on an embedded chain: a household's month of hourly readings, and a business's year of meter days and payments with
as many records as asked for. Times are after imports, with the chain and its list of auditors, medians of several runs; the first
visit of a proof page is the first one after a serving process has looked for what is newly on the chain, and the unremembered one
finds nothing that was found before. The named alternative hashes the same salted leaves of one group into an RFC 6962 root in the
same run; it knows neither salts nor groups.
"""

import argparse
import json
import random
import resource
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import pymerkle
from fastapi.testclient import TestClient

from app.assemble import open_services
from app.clock import FixedClock, SystemRandomness
from app.hosting import Hosting
from app.jobs.worker import Worker
from app.logs import configure_logs
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store.session import reading, unit_of_work
from app.store.statements import StatementRow
from app.store.subjects import SubjectKind
from app.usecases.close_period import close_period
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.disclose import disclose_record, show_inputs
from app.usecases.endorse_statement import endorse_statement
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from app.usecases.look_at_chain import verify_with_chain
from app.usecases.send_outbox import send_outbox
from app.usecases.verify_bundle import Verdict, verdict
from app.usecases.verify_statement import Verifications, remember_newest
from app.web import build_app
from domain.activity import EvidenceClass
from domain.period import MonthRange
from domain.place import place_from_text
from ledger.inputs import InputGroup, build_inputs_tree, leaf_salt

SEED = 20250401
RECORDS_COUNT = 5_000
REPEATS_COUNT = 7
NOW = datetime(2025, 6, 15, 12, 0, tzinfo=UTC)
HOLDER = "0x" + "ab" * 20
KEY = bytes(range(32))
TARGETS = {"verify_ms": 200, "proof_page_first_ms": 100, "proof_page_ms": 100}
"""At most, of both statements."""

KINDS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("purchase", "USD", {"naics": "722511"}),
    ("purchase", "USD", {"naics": "448110"}),
    ("car", "km", {"region": "GB"}),
    ("rail", "pkm", {"region": "GB"}),
    ("electricity", "kWh", {}),
)


def lines_of(count: int, first: date, days_count: int) -> bytes:
    """A file of activities, each a record of its own, spread over some days."""
    chance = random.Random(SEED)
    lines = []
    for index in range(count):
        kind, unit, more = KINDS[index % len(KINDS)]
        day = first + timedelta(days=index % days_count)
        amount = f"{chance.uniform(1, 900):.2f}"
        lines.append(json.dumps({"id": f"{index}", "kind": kind, "quantity": amount, "unit": unit, "start": str(day), **more}))
    return "\n".join(lines).encode()


def signed(services: Services, hosting: Hosting, kind: SubjectKind, body: bytes, months: str) -> StatementRow:
    """A statement, closed, endorsed and on the chain."""
    home = place_from_text("10001", zone="America/New_York")
    holder = HOLDER if kind is SubjectKind.ENTITY else ""
    with unit_of_work(services.engine) as session:
        whose: Whose = create_subject(
            Work(session, services), NewSubject(kind, kind.value, home, chain_holder=holder), owner_account_id=""
        )
    received = Received(body, "application/x-ndjson", EvidenceClass.UPLOADED)
    with unit_of_work(services.engine) as session:
        import_document(Work(session, services), whose, "activities", received)
    with unit_of_work(services.engine) as session:
        row = close_period(Work(session, services), whose, MonthRange.from_text(months))
    assert hosting.chain is not None
    endorse_statement(services, hosting.chain, row.tenant_id, row.id)
    send_outbox(services, hosting.chain)
    return row


def once_ms(run: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    begin = perf_counter()
    run()
    return round((perf_counter() - begin) * 1000, 2)


def median_ms(run: Callable[[], object]) -> float:
    """Milliseconds of a call, median of several after one that does not count."""
    run()
    found = []
    for _ in range(REPEATS_COUNT):
        begin = perf_counter()
        run()
        found.append((perf_counter() - begin) * 1000)
    return round(median(found), 2)


def proofs_of(services: Services, hosting: Hosting, client: TestClient, row: StatementRow) -> tuple[dict[str, Any], bytes]:
    """Sizes and times of one statement, and its bundle."""
    with reading(services.engine) as session:
        work = Work(session, services)
        data = export_bundle(work, row, Shown.EVERYTHING).to_bytes()
        records = [record for group in show_inputs(work, row) for record in group.records]
        disclosure = disclose_record(work, row, records[0].record_id, is_signed=True).to_bytes()
    content = json.loads(data)

    def verify(what: bytes) -> None:
        steps = verify_with_chain(what, factor_set=services.factor_set, chain=hosting.chain)
        assert verdict(steps) is Verdict.HOLDS, steps

    def visit() -> None:
        assert "This statement holds." in client.get(f"/proof/{row.public_token}", headers={"Accept": "text/html"}).text

    assert hosting.chain is not None
    hosting.verifications = Verifications()
    remember_newest(services, hosting.chain, hosting.verifications)
    first_ms = once_ms(visit)
    again_ms = median_ms(visit)
    hosting.verifications = Verifications()
    return {
        "records": len(records),
        "lines": len(content["lines"]),
        "factors": len(content["factors"]),
        "bundle_kb": round(len(data) / 1024, 1),
        "verify_ms": median_ms(lambda: verify(data)),
        "disclosure_kb": round(len(disclosure) / 1024, 2),
        "disclosure_ms": median_ms(lambda: verify(disclosure)),
        "proof_page_first_ms": first_ms,
        "proof_page_ms": again_ms,
        "proof_page_unremembered_ms": once_ms(visit),
    }, data


def trees(count: int) -> dict[str, Any]:
    """The root over salted leaves: ours with salts and group, pymerkle's over the same bytes; and one proof of each."""
    leaves = [json.dumps({"n": index}).encode() for index in range(count)]
    group = InputGroup("g", {}, leaves)
    entries = [leaf_salt(KEY, index) + leaf for index, leaf in enumerate(sorted(leaves))]

    def theirs() -> Any:  # noqa: ANN401  # pymerkle has no types
        tree = pymerkle.InmemoryTree(algorithm="sha256")
        for entry in entries:
            tree.append_entry(entry)
        tree.get_root()
        return tree

    ours, other = build_inputs_tree([group], KEY), theirs()
    assert ours.disclose_group(0).subtree_root == other.get_root(), "expected one root"
    ours_ms, theirs_ms = median_ms(lambda: build_inputs_tree([group], KEY)), median_ms(theirs)
    return {
        "leaves": count,
        "root_ms": ours_ms,
        "alternative": f"pymerkle {pymerkle.__version__}, the same salted leaves, no salts to derive",
        "alternative_ms": theirs_ms,
        "ratio": round(theirs_ms / ours_ms, 1),
    }


def measure(records_count: int) -> dict[str, Any]:
    """Everything, as the object that is printed."""
    configure_logs(level="warning", is_json=False)
    with TemporaryDirectory(prefix="bench-verify-") as folder:
        settings = Settings(data_folder=Path(folder) / "data")
        services = open_services(settings, clock=FixedClock(NOW), randomness=SystemRandomness())
        hosting = Hosting(services, _IdleWorker)
        with TestClient(build_app(hosting), base_url="http://localhost:8000") as client:
            while not hosting.ready.wait(0.05):
                assert hosting.error is None, hosting.error
            client.get("/proof", headers={"Accept": "text/html"})  # templates are compiled once a process
            household, _ = proofs_of(
                services,
                hosting,
                client,
                signed(services, hosting, SubjectKind.HOUSEHOLD, lines_of(31, date(2025, 4, 1), 30), "2025-04"),
            )
            row = signed(
                services, hosting, SubjectKind.ENTITY, lines_of(records_count, date(2024, 1, 1), 366), "2024-01..2024-12"
            )
            business, data = proofs_of(services, hosting, client, row)
    tree = trees(100_000)
    return {
        "what": "proofs: bundle walked back with chain and list, disclosure, proof page; medians after import",
        "rows": business["records"],
        "seconds": round(business["verify_ms"] / 1000, 4),
        "per_second": round(business["records"] / business["verify_ms"] * 1000),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "result_sha256": sha256(json.dumps(sorted(json.loads(data)["lines"])).encode()).hexdigest(),
        "household": household,
        "business": business,
        "tree": tree,
        "alternative": tree["alternative"],
        "alternative_seconds": round(tree["alternative_ms"] / 1000, 4),
        "ratio": tree["ratio"],
        "targets": TARGETS,
        "missed": [
            f"{name} of the {whose}"
            for name, most in TARGETS.items()
            for whose, found in (("household", household), ("business", business))
            if found[name] > most
        ],
    }


class _IdleWorker(Worker):
    """The worker of the program, which does nothing here."""

    def start(self) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=RECORDS_COUNT, help="records of the business's statement")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args()
    found = measure(args.rows)
    if args.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:<24} {value}\n")


if __name__ == "__main__":
    main()

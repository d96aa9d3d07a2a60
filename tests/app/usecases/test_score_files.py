"""Activities leave the store as Parquet, and are scored there as statements score them."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.chain import ChainDesk
from app.services import Whose
from app.store import subjects
from app.store.statements import StatementRow
from app.usecases.export_activities import Exported, export_activities
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.score_files import Scored, local_folder, score_files
from domain.activity import ActivityKey
from domain.canonical import to_canonical
from domain.errors import ConflictError, DocumentError, NotFoundError
from domain.factor import GwpSet
from domain.statement import Line, line_from_json
from scoring.engines.duckdb_engine import DuckDbEngine
from scoring.engines.files import GAS_COLUMNS
from scoring.engines.parquet import files_by_month
from tests.app.test_cli import answer
from tests.app.usecases.installation import Installation, steady
from tests.archive.bucket import BUCKET, open_bucket

ACTIVITIES = (
    {"id": "1", "kind": "natural_gas", "quantity": "120.5", "unit": "therm", "start": "2025-04-01", "end": "2025-04-30"},
    {"id": "2", "kind": "car", "quantity": "12.3", "unit": "mi", "start": "2025-04-05", "powertrain": "petrol"},
    {"id": "3", "kind": "car", "quantity": "7", "unit": "km", "start": "2025-04-06", "powertrain": "petrol"},
    {
        "id": "4",
        "kind": "flight",
        "quantity": "1",
        "unit": "passenger",
        "start": "2025-04-07",
        "origin": "ZRH",
        "destination": "SFO",
    },
    {"id": "5", "kind": "purchase", "quantity": "-20", "unit": "USD", "start": "2025-04-08", "naics": "448110"},
)


def take(installation: Installation, whose: Whose, *said: dict[str, str]) -> None:
    """Import a file of activities."""
    installation.take(whose, "".join(json.dumps(one) + "\n" for one in said).encode(), connector="activities")


def export(installation: Installation, output: Path) -> Exported:
    """Everybody's activities."""
    with installation.looking() as work:
        return export_activities(work, subjects.everybody(work.session), output)


def score(installation: Installation, source: Path, output: Path, **more: Any) -> Scored:  # noqa: ANN401 - options
    """With DuckDB."""
    return score_files(source, output, engine=DuckDbEngine(threads_count=2), factor_set=installation.services.factor_set, **more)


def lines_of(installation: Installation, row: StatementRow) -> list[Line]:
    """The lines of a statement."""
    with installation.looking() as work:
        bundle = json.loads(export_bundle(work, row, Shown.EVERYTHING).to_bytes())
    return [line_from_json(json.loads(text)) for text in bundle["lines"]]


@pytest.fixture
def exported(installation: Installation, household: Whose, business: Whose, tmp_path: Path) -> Path:
    """A household with meter readings and a file of activities, and a business with readings, as Parquet."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 30)))
    take(installation, household, *ACTIVITIES)
    installation.take(business, steady(date(2025, 4, 1), date(2025, 5, 2)))
    found = export(installation, tmp_path / "in")
    assert found == Exported(activities_count=67, keys_count=5, subjects_count=2)
    return tmp_path / "in"


def test_lines_are_those_of_the_statement(
    installation: Installation, household: Whose, exported: Path, tmp_path: Path, *, desk: ChainDesk
) -> None:
    """The same keys, parts, bases, quantities and grams, whichever way they are scored."""
    found = score(installation, exported, tmp_path / "out")
    numbers = dict(duckdb.read_parquet(str(exported / "subjects.parquet")).fetchall())
    (mine,) = [number for number, subject in numbers.items() if subject == household.subject_id]
    keys = {row[0]: row[1:] for row in duckdb.read_parquet(str(exported / "keys.parquet")).fetchall()}
    (file,) = files_by_month(tmp_path / "out" / "lines")[202504]
    columns = ", ".join(("subject_id", "key_id", "part", "basis", "quantity_micro", *GAS_COLUMNS, "total_ug"))
    rows = duckdb.read_parquet(file, hive_partitioning=False).project(columns).fetchall()
    got = {(keys[key], part, basis): tuple(amounts) for subject, key, part, basis, *amounts in rows if subject == mine}
    lines = lines_of(installation, installation.issue(desk, installation.close_months(household, "2025-04")))
    assert got == {(_columns(line.key), str(line.part), str(line.basis)): _amounts(line) for line in lines}
    assert len(got) > 2 * len(ACTIVITIES)
    assert found.result.activities_count == 67
    assert found.result.lines_count == found.summary["lines"]
    assert found.result.lines_count > len(got)


def _columns(key: ActivityKey) -> tuple[str | int, ...]:
    return key.kind, key.region, key.year, key.unit, to_canonical(dict(key.attributes)).decode()


def _amounts(line: Line) -> tuple[int, ...]:
    gases = line.emissions
    split = (gases.co2_ug, gases.ch4_ug, gases.n2o_ug, gases.unsplit_ug, gases.biogenic_co2_ug)
    return line.quantity_micro, *split, gases.total_ug_co2e


def test_every_line_has_its_publication(installation: Installation, exported: Path, tmp_path: Path) -> None:
    """`factors.ndjson` names row, table and address for every key, part and basis; `result.json` says with what."""
    found = score(installation, exported, tmp_path / "out", gwp_set=GwpSet.AR6)
    factors = [json.loads(text) for text in (tmp_path / "out" / "factors.ndjson").read_text(encoding="utf-8").splitlines()]
    files = [file for files in files_by_month(tmp_path / "out" / "lines").values() for file in files]
    used = duckdb.read_parquet(files, hive_partitioning=False).project("key_id, part, basis").distinct().fetchall()
    assert {(one["key_id"], one["part"], one["basis"]) for one in factors} == set(used)
    assert all(one["url"].startswith("https://") and one["table"] for one in factors)
    result = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert result == found.summary
    assert result["method"] == "cf-method/2+AR6"
    assert result["factor_set"]["root"] == installation.services.factor_set.id.root_hex


def test_same_again_gives_the_same_hash(installation: Installation, exported: Path, tmp_path: Path) -> None:
    """On one thread as on two, and in another order of files."""
    first = score(installation, exported, tmp_path / "out")
    month = exported / "activity" / "month_ym=202504"
    duckdb.sql(f"COPY (FROM '{month}/part-0.parquet' ORDER BY hash(quantity_micro)) TO '{month}/z.parquet' (FORMAT parquet)")
    (month / "part-0.parquet").unlink()
    engine = DuckDbEngine(threads_count=1)
    again = score_files(exported, tmp_path / "again", engine=engine, factor_set=installation.services.factor_set)
    assert again.lines_sha256 == first.lines_sha256


def test_two_runs_do_not_mix(installation: Installation, exported: Path, tmp_path: Path) -> None:
    """One of two runs at once makes the folder, whole; the other is refused and leaves nothing."""

    def run(_: int) -> str:
        try:
            return score(installation, exported, tmp_path / "out").lines_sha256
        except ConflictError as error:
            return error.message

    with ThreadPoolExecutor(2) as pool:
        ends = sorted(pool.map(run, range(2)), key=len)
    assert ends[0] == "This folder is there already"
    assert ends[1] == json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))["lines_sha256"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    with pytest.raises(ConflictError, match="This folder is there already"):
        export(installation, tmp_path / "out")


def test_what_cannot_be_scored_is_named(installation: Installation, household: Whose, tmp_path: Path) -> None:
    """Certificates are unscored with the reason; a file with a hole leaves no folder behind."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 2)))
    take(
        installation,
        household,
        {
            "id": "9",
            "kind": "electricity_certificate",
            "quantity": "1",
            "unit": "kWh",
            "start": "2025-04-01",
            "instrument": "rec",
        },
    )
    export(installation, tmp_path / "in")
    found = score(installation, tmp_path / "in", tmp_path / "out")
    assert found.result.unscored_count == len(found.unscored) == 1
    assert "close the period" in str(found.summary["unscored"])
    file = tmp_path / "in" / "activity" / "month_ym=202504" / "part-0.parquet"
    duckdb.read_parquet(str(file)).project("subject_id, key_id, evidence").write_parquet(f"{file}.new")
    Path(f"{file}.new").rename(file)
    with pytest.raises(DocumentError, match=r"A column is missing; .*part-0.parquet, column quantity_micro"):
        score(installation, tmp_path / "in", tmp_path / "later")
    assert not (tmp_path / "later").exists()


def test_nothing_to_export_or_to_score(installation: Installation, household: Whose, tmp_path: Path) -> None:
    """Nothing is made of nothing."""
    assert household.subject_id
    with pytest.raises(NotFoundError, match="There is nothing to export"):
        export(installation, tmp_path / "in")
    with pytest.raises(NotFoundError, match="This is no folder of activities"):
        score(installation, tmp_path / "in", tmp_path / "out")
    assert list(tmp_path.glob("*in*")) == []


def test_bucket_is_scored_as_the_folder_is(installation: Installation, exported: Path, tmp_path: Path) -> None:
    """Activities from a bucket give the lines of the folder that was put there, and no copy of them is left."""
    here = score(installation, exported, tmp_path / "here")
    objects = {f"2025/{file.relative_to(exported)}": file.read_bytes() for file in exported.rglob("*.parquet")}
    output = tmp_path / "there" / "lines"
    with open_bucket(objects), local_folder(f"s3://{BUCKET}/2025", beside=output) as copy:
        there = score(installation, copy, output)
    assert there.lines_sha256 == here.lines_sha256
    assert list(output.parent.iterdir()) == [output]
    with open_bucket(objects), pytest.raises(ConflictError), local_folder(f"s3://{BUCKET}/2025", beside=output):
        pytest.fail("expected a refusal before anything is copied")


def test_command_reads_a_bucket(installation: Installation, exported: Path, tmp_path: Path) -> None:
    """`score --input s3://...` says what `score --input FOLDER` says."""
    objects = {f"2025/{file.relative_to(exported)}": file.read_bytes() for file in exported.rglob("*.parquet")}
    here = score(installation, exported, tmp_path / "here")
    with open_bucket(objects):
        found = answer("score", "--input", f"s3://{BUCKET}/2025", "--output", str(tmp_path / "lines"), folder=tmp_path / "data")
    assert found["lines_sha256"] == here.lines_sha256

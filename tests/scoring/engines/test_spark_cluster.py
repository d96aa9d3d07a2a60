"""A real cluster of Spark on this machine: a master, two workers, and what becomes of the lines when one of them is killed."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from threading import Thread
from typing import TypeVar

import duckdb
import pytest

from domain.factor import GasSplit
from scoring.arithmetic import most_micro
from scoring.engines.duckdb_engine import DuckDbEngine
from scoring.engines.files import EngineResult, FactorRow, ScoreJob
from scoring.engines.parquet import files_by_month, lines_sha256
from scoring.engines.spark_engine import SparkEngine

pytestmark = pytest.mark.spark

ROWS_COUNT = 600_000
WAIT_S = 300
T = TypeVar("T")
SETTINGS = {
    # As many tasks as a large run has: Spark would otherwise make one of so few rows.
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.adaptive.coalescePartitions.enabled": "false",
    # On a busy machine the first worker would have done everything before the second one is there.
    "spark.cores.max": "2",
    "spark.scheduler.minRegisteredResourcesRatio": "1.0",
    "spark.scheduler.maxRegisteredResourcesWaitingTime": "240s",
}


class Cluster:
    """A master and workers on 127.0.0.1, each a process group of its own.

    Args:
        folder: Where they keep logs and what they shuffle.
        home: Where PySpark is installed.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder = folder
        self._program = home / "bin/spark-class"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._start("master", "org.apache.spark.deploy.master.Master", "--port", "0")
        self.url = _wait_for(lambda: re.search(r"Starting Spark master at (\S+)", self._log("master")), "the master")[1]

    def add_worker(self, name: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a worker of one core that has registered, and where it keeps what it shuffles."""
        place = self._folder / name
        place.mkdir()
        options = ("--cores", "1", "--memory", "1g", "--work-dir", str(place / "work"), self.url)
        worker = self._start(name, "org.apache.spark.deploy.worker.Worker", *options, SPARK_LOCAL_DIRS=str(place))
        _wait_for(lambda: "Successfully registered with master" in self._log(name), name)
        return worker, place

    def end(self) -> None:
        """Kill what still runs."""
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, name: str, program: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [str(self._program), program, "--host", "127.0.0.1", "--webui-port", "0", *options]
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", **environment},
            )
        self._processes.append(process)
        return process

    def _log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")


def _wait_for(found: Callable[[], T | None], what: str) -> T:
    """What is there at last."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if answer := found():
            return answer
        time.sleep(0.05)
    pytest.fail(f"{what} did not come within {WAIT_S} s")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master, and one worker that nobody kills."""
    pyspark = pytest.importorskip("pyspark", reason="expected the extra `spark`, found no pyspark")
    if which("java") is None:
        pytest.skip("expected Java 17 or newer, found none")
    started = Cluster(tmp_path_factory.mktemp("cluster"), Path(pyspark.__file__).parent)
    try:
        started.add_worker("steady")
        yield started
    finally:
        started.end()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year of activities of 5,000 subjects."""
    place = tmp_path_factory.mktemp("activities") / "activity"
    columns = "hash(range) % 5000 AS subject_id, hash(range + 1) % 40 AS key_id, hash(range + 7) % 20000000000 AS quantity_micro"
    with duckdb.connect() as connection:
        for index in range(12):
            (place / f"month_ym={202301 + index}").mkdir(parents=True)
            rows = f"SELECT COLUMNS(*)::BIGINT FROM (SELECT {columns} FROM range({ROWS_COUNT}) WHERE range % 12 = {index})"  # noqa: S608
            connection.execute(f"COPY ({rows}) TO '{place}/month_ym={202301 + index}/part-0.parquet' (FORMAT parquet)")
    return place


def _job(folder: Path, output: Path) -> ScoreJob:
    output.mkdir()
    gases = (381_000_000, 12_345, 999_999, 0, 7)
    most = most_micro(GasSplit(*gases))
    factors = [FactorRow(key_id, "use", basis, *gases, most) for key_id in range(40) for basis in ("location", "market")]
    return ScoreJob(files_by_month(folder), 40, factors, (), str(output))


@pytest.fixture(scope="module")
def on_duckdb(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[EngineResult, str]:
    """What DuckDB answers, and the hash of its lines."""
    output = tmp_path_factory.mktemp("duckdb") / "out"
    return DuckDbEngine().score(_job(folder, output)), lines_sha256(output)


def _has_summed(_: Path, place: Path) -> bool:
    """The worker holds sums that others have not read yet."""
    return any(place.glob("**/shuffle_*.data"))


def _has_written(output: Path, place: Path) -> bool:
    """Lines of one task are written, and those of others are not."""
    return any(output.glob("lines/_temporary/0/task_*")) and _has_summed(output, place)


@pytest.mark.parametrize("moment", [_has_summed, _has_written])
def test_killed_worker_changes_nothing(
    cluster: Cluster,
    folder: Path,
    on_duckdb: tuple[EngineResult, str],
    tmp_path: Path,
    moment: Callable[[Path, Path], bool],
) -> None:
    """One of two workers gets SIGKILL in the middle of a run, with all that it holds: the answer and the hash stay."""
    worker, place = cluster.add_worker(moment.__name__)
    job = _job(folder, tmp_path / "out")
    killed: list[int] = []

    def kill() -> None:
        _wait_for(lambda: moment(tmp_path / "out", place), moment.__name__)
        os.killpg(worker.pid, signal.SIGKILL)  # the worker, and the process that runs its tasks
        killed.append(worker.wait())

    killer = Thread(target=kill)
    killer.start()
    result = SparkEngine(master=cluster.url, settings=SETTINGS).score(job)
    was_killed = list(killed)
    killer.join()
    assert was_killed == [-signal.SIGKILL]
    assert result == on_duckdb[0]
    assert lines_sha256(tmp_path / "out") == on_duckdb[1]
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["lines"]

"""The benchmark of the runner measures what it says, and a back-fill holds one page at a time."""

import gc
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.assemble import open_services
from app.clock import SystemClock, SystemRandomness
from app.services import Services
from app.settings import Settings
from benchmarks import sync
from connectors import registry


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """An installation that knows the benchmark's connector."""
    monkeypatch.setitem(registry._OWN, sync.NAME, sync.METER)  # noqa: SLF001 - as an installed one would be
    settings = Settings(data_folder=tmp_path / "data")
    (tmp_path / "data").mkdir()
    made = open_services(settings, clock=SystemClock(), randomness=SystemRandomness())
    yield made
    made.engine.dispose()


def peak_bytes(services: Services, pages_count: int) -> int:
    """Most memory that a back-fill of so many pages takes at once."""
    whose, connection_id = sync.connected(services)
    shape = sync.Shape(sync.MINUTE_S, 24 * 60, pages_count)
    gc.collect()
    tracemalloc.start()
    sync.pull_all(services, whose, connection_id, sync.Provided(shape))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_pages(services: Services) -> None:
    """Five times the pages of a back-fill take no more memory at once, give or take a half: 24 pages more are 1.2 MB of readings.

    What comes and goes by chance (caches of statements, when the garbage is collected) is up to a fifth of it.
    """
    peak_bytes(services, 3)  # what is loaded once
    few, many = peak_bytes(services, 6), peak_bytes(services, 30)
    assert many < few * 1.5


@pytest.mark.slow
def test_back_fill_of_two_years_in_flat_memory(repository: Path) -> None:
    """A million readings: from a tenth of them on, memory stays where it is."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sync", "--json"], cwd=repository, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["rows"] >= 1_000_000
    assert found["peak_mb"] - found["peak_mb_after_tenth"] < 10

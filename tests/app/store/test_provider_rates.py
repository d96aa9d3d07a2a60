"""Allowances of providers, shared by all workers through the database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.store import provider_rates
from app.store.provider_rates import MICRO, Grant, take
from app.store.session import Engine, unit_of_work
from tests.app.store.builders import NOW

SECOND = timedelta(seconds=1)


def ask(engine: Engine, now: datetime, *, rate_micro: int = MICRO, per_day_count: int = 0, most_count: int = 1) -> Grant:
    """One asking, in a transaction of its own."""
    with unit_of_work(engine) as session:
        return take(
            session,
            "p",
            requests_per_s_micro=rate_micro,
            requests_per_day_count=per_day_count,
            now=now,
            most_count=most_count,
        )


def test_bucket_of_one_a_second(engine: Engine) -> None:
    """Two at once, then one each second; whoever comes early is told how long to wait, to the microsecond."""
    assert [ask(engine, NOW).count for _ in range(3)] == [1, 1, 0]
    assert ask(engine, NOW) == Grant(0, SECOND)
    assert ask(engine, NOW + SECOND / 4) == Grant(0, SECOND * 3 / 4)
    assert ask(engine, NOW + SECOND) == Grant(1)
    assert ask(engine, NOW + SECOND).count == 0
    assert [ask(engine, NOW + timedelta(hours=1)).count for _ in range(3)] == [1, 1, 0]  # no more than the bucket holds


def test_slow_provider(engine: Engine) -> None:
    """One request in ten seconds: the bucket holds one."""
    assert ask(engine, NOW, rate_micro=MICRO // 10) == Grant(1)
    assert ask(engine, NOW, rate_micro=MICRO // 10) == Grant(0, 10 * SECOND)
    assert ask(engine, NOW + 10 * SECOND, rate_micro=MICRO // 10) == Grant(1)


def test_handfuls(engine: Engine) -> None:
    """Several at once, as far as there are; never more than is left of a day."""
    assert ask(engine, NOW, rate_micro=4 * MICRO, most_count=5) == Grant(5)
    assert ask(engine, NOW, rate_micro=4 * MICRO, most_count=5) == Grant(3)
    later = NOW + timedelta(minutes=1)
    assert ask(engine, later, rate_micro=4 * MICRO, per_day_count=10, most_count=5) == Grant(2)


def test_allowance_of_a_day(engine: Engine) -> None:
    """Days are UTC days; what waits, waits for the next one."""
    evening = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    assert [ask(engine, evening, per_day_count=1).count for _ in range(2)] == [1, 0]
    assert ask(engine, evening, per_day_count=1).wait == timedelta(minutes=1)
    assert ask(engine, evening + timedelta(minutes=1), per_day_count=1) == Grant(1)


def test_clock_that_was_set_back(engine: Engine) -> None:
    """It gives nothing for free, and blocks nobody for good."""
    ask(engine, NOW)
    ask(engine, NOW)
    assert ask(engine, NOW - timedelta(hours=1)).wait == SECOND
    assert ask(engine, NOW + SECOND) == Grant(1)


def test_retry_after(engine: Engine) -> None:
    """Nobody asks before the time that was named; an earlier one changes nothing; a day is the most."""
    with unit_of_work(engine) as session:
        provider_rates.block(session, "p", NOW + 60 * SECOND, now=NOW)
        provider_rates.block(session, "p", NOW + 30 * SECOND, now=NOW)
    assert ask(engine, NOW + 20 * SECOND).wait == 40 * SECOND
    assert ask(engine, NOW + 60 * SECOND) == Grant(1)
    with unit_of_work(engine) as session:
        provider_rates.block(session, "p", NOW + timedelta(days=900), now=NOW)
        found = provider_rates.of_provider(session, "p")
        assert found is not None
        assert found.blocked_until == NOW + timedelta(days=1)
        assert provider_rates.of_provider(session, "other") is None


def test_workers_share_one_bucket(engine: Engine) -> None:
    """Of eight threads at once, no more get a request than the bucket holds."""
    ask(engine, NOW, rate_micro=5 * MICRO)  # the row is there, nine are left

    def one(_number: int) -> int:
        return ask(engine, NOW, rate_micro=5 * MICRO).count

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(24))) == 9


@pytest.mark.parametrize("rate_micro", [1, 333_333, 1_000_001, 10**12])
def test_waits_are_enough(engine: Engine, rate_micro: int) -> None:
    """Whoever waits as long as was said gets one, whatever the rate."""
    now = NOW
    for _ in range(5):
        grant = ask(engine, now, rate_micro=rate_micro)
        if not grant.count:
            now += grant.wait
            assert ask(engine, now, rate_micro=rate_micro).count == 1

"""Bad lines between good ones: each is answered by itself, on the command line and over HTTP, and the good ones do not change."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.program import program
from scoring.rules import RULES
from tests.app.live import Live
from tests.scoring.bad_lines import BAD_LINES, good

GOOD = [json.dumps({"id": f"good {kind}", **good(kind)}).encode() for kind in RULES]
UNREADABLE = [
    b"no JSON",
    b'{"id": "x", "kind": "car", "quantity": NaN, "unit": "km", "start": "2024-03-01", "region": "GB"}',
    b'{"id": "x", "kind": "car", "kind": "van"}',
    b'{"id": "x", "kind": "c\xff"}',
    b"[" * 2000,
    b"null",
]
BAD = [json.dumps(bad.request).encode() for bad in BAD_LINES] + UNREADABLE


def mixed() -> list[bytes]:
    """Every bad line, a good one after each few, so that every kind stands among others' mistakes."""
    found = []
    for number, bad in enumerate(BAD):
        found += [bad, GOOD[number // 4 % len(GOOD)]] if number % 4 == 0 else [bad]
    return found


def check(lines: Sequence[bytes], results: Sequence[dict[str, Any]], alone: Sequence[dict[str, Any]]) -> None:
    """One answer for each line, errors for the bad ones, and for the good ones what they get alone."""
    assert [one["line"] for one in results] == list(range(1, len(lines) + 1))
    by_id = {one["id"]: {**one, "line": 0} for one in alone}
    assert len(by_id) == len(GOOD)
    for line, result in zip(lines, results, strict=True):
        if line in GOOD:
            assert {**result, "line": 0} == by_id[result["id"]]
            assert "g_co2e" in result
        else:
            assert "error" in result
            assert "g_co2e" not in result


def test_command_line_answers_every_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`estimate`: more than a thousand mistakes, and every good line as if it were alone; the exit code says that some failed."""
    monkeypatch.setenv("CF_DATA_FOLDER", str(tmp_path))

    def run(lines: Sequence[bytes]) -> tuple[int, list[dict[str, Any]]]:
        done = CliRunner().invoke(program, ["estimate"], input=b"\n".join(lines))
        return done.exit_code, [json.loads(one) for one in done.stdout.splitlines()]

    code, alone = run(GOOD)
    assert code == 0
    code, results = run(mixed())
    assert code == 1
    check(mixed(), results, alone)


def test_http_answers_every_line(shared_live: Live) -> None:
    """POST /v1/estimate: the same lines in one body."""

    def send(lines: Sequence[bytes]) -> list[dict[str, Any]]:
        headers = {"Content-Type": "application/x-ndjson"}
        reply = shared_live.post("/v1/estimate", as_=shared_live.ada, content=b"\n".join(lines), headers=headers)
        assert reply.status_code == 200
        return [json.loads(one) for one in reply.text.splitlines()]

    check(mixed(), send(mixed()), send(GOOD))

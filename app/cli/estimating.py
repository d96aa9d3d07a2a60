"""`estimate`: one activity per line in, one result per line out, as `POST /v1/estimate` answers."""

import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import BinaryIO

from app.api.strict import read_json
from app.cli.terminal import ExitCode, say
from app.clock import SystemClock
from app.factor_packs import installed_factor_set
from app.settings import read_settings
from domain.canonical import Json
from domain.errors import ClimateFitnessError, DocumentTooLargeError
from scoring.estimate import error_json, estimate
from scoring.factors.factor_set import FactorSet

LONGEST_LINE_BYTES = 64 * 1024
"""A longer line is refused, and only that line."""


def run_estimate(*, data_folder: Path | None) -> int:
    """Answer every line of standard input, as it comes.

    Args:
        data_folder: Folder of the installation, whose packs count; the setting where left out.

    Returns:
        The exit code: 1 where a line could not be answered.
    """
    code = ExitCode.DONE
    today_date = SystemClock().now().date()
    factor_set = installed_factor_set(read_settings(data_folder=data_folder).data_folder)
    for line_index, raw in numbered_lines(sys.stdin.buffer):
        result = answer(raw, line_index, today_date, factor_set=factor_set)
        if "error" in result:
            code = ExitCode.PARTLY
        say(json.dumps({"line": line_index, **result}, ensure_ascii=False))
        sys.stdout.flush()
    return code


def numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a stream that are not empty, numbered from 1 as in the file; None for one that is too long."""
    line_index = 0
    while raw := stream.readline(LONGEST_LINE_BYTES + 1):
        line_index += 1
        if len(raw) > LONGEST_LINE_BYTES and not raw.endswith(b"\n"):
            _skip_rest(stream)
            yield line_index, None
        elif raw.strip():
            yield line_index, raw


def answer(raw: bytes | None, line_index: int, today_date: date, *, factor_set: FactorSet) -> dict[str, Json]:
    """The result of one line.

    Args:
        raw: Its bytes; None where it was too long.
        line_index: Its number, from 1.
        today_date: The day of asking.
        factor_set: Rows to choose from.

    Returns:
        The estimate, or an error with `id` null.
    """
    record = f"line {line_index}"
    if raw is None:
        expected = f"at most {LONGEST_LINE_BYTES} bytes"
        return {"id": None, "error": error_json(DocumentTooLargeError("This line is too long", expected=expected, record=record))}
    try:
        request = read_json(raw, record=record)
    except ClimateFitnessError as error:
        return {"id": None, "error": error_json(error)}
    return estimate(request, factor_set=factor_set, today_date=today_date)


def _skip_rest(stream: BinaryIO) -> None:
    while (more := stream.readline(LONGEST_LINE_BYTES)) and not more.endswith(b"\n"):
        pass

"""`estimate`: one activity per line in, one result per line out, as `POST /v1/estimate` answers."""

import json
import sys
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import cast

import typer

from app.api.strict import read_json
from app.cli.terminal import ExitCode
from app.clock import SystemClock
from app.factor_packs import installed_factor_set
from app.settings import read_settings
from domain.errors import ClimateFitnessError, DocumentTooLargeError
from scoring.estimate_explain import Explain
from scoring.estimate_lines import EstimatedLine, LineEstimator
from scoring.estimate_plan import JsonStyle

LONGEST_LINE_BYTES = 64 * 1024
"""A longer line is refused, and only that line."""

READ_BYTES = 64 * 1024
"""Most that is read at once: what is there by then is answered together."""

_encode = json.JSONEncoder(ensure_ascii=False).encode


def run_estimate(*, explain: Explain, data_folder: Path | None) -> int:
    """Answer every line of standard input, as it comes.

    Args:
        explain: Whether the words are said, too.
        data_folder: Folder of the installation, whose packs count; the setting where left out.

    Returns:
        The exit code: 1 where a line could not be answered.
    """
    code = ExitCode.DONE
    factor_set = installed_factor_set(read_settings(data_folder=data_folder).data_folder)
    estimator = LineEstimator(factor_set, STYLE, today_date=SystemClock().now().date(), explain=explain)
    for block in line_blocks(cast("BufferedIOBase", sys.stdin.buffer)):
        answers = [answer(raw, line_index, estimator) for line_index, raw in block]
        if any(one.is_error for one in answers):
            code = ExitCode.PARTLY
        typer.echo(b"".join(one.json + b"\n" for one in answers), nl=False)
    return code


def line_blocks(stream: BufferedIOBase) -> Iterator[list[tuple[int, bytes | None]]]:
    """The lines of a stream that are not empty, numbered from 1 as in the file; None for one that is too long.

    Args:
        stream: The input; it may still be written at its other end.

    Yields:
        All lines that have come by now, before it waits for more.
    """
    held, is_skipping, line_index = b"", False, 0
    while chunk := stream.read1(READ_BYTES):
        *complete, rest = chunk.split(b"\n")
        block: list[tuple[int, bytes | None]] = []
        for part in complete:
            line_index += 1
            raw = held + part + b"\n"
            if is_skipping or len(raw) > LONGEST_LINE_BYTES + 1:
                block.append((line_index, None))
            elif raw.strip():
                block.append((line_index, raw))
            held, is_skipping = b"", False
        held += rest
        if is_skipping or len(held) > LONGEST_LINE_BYTES:
            held, is_skipping = b"", True
        if block:
            yield block
    if is_skipping or held.strip():
        yield [(line_index + 1, None if is_skipping else held)]


def answer(raw: bytes | None, line_index: int, estimator: LineEstimator) -> EstimatedLine:
    """The result of one line.

    Args:
        raw: Its bytes; None where it was too long.
        line_index: Its number, from 1.
        estimator: Answers it.

    Returns:
        The estimate, or an error; with `id` null where it could not be read.
    """
    record = f"line {line_index}"
    if raw is None:
        expected = f"at most {LONGEST_LINE_BYTES} bytes"
        return estimator.refusal(line_index, DocumentTooLargeError("This line is too long", expected=expected, record=record))
    try:
        request = read_json(raw, record=record)
    except ClimateFitnessError as error:
        return estimator.refusal(line_index, error)
    return estimator.answer(line_index, request)


def _dump(value: object) -> bytes:
    return _encode(value).encode()


STYLE = JsonStyle("spaced", _dump, comma=b", ", colon=b": ")
"""As `json.dumps` writes."""

"""What stands on the terminal: answers on standard output, errors and progress on standard error."""

import json
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from domain.errors import ClimateFitnessError, InputError

STANDARD_INPUT = "-"
"""A file name that means standard input."""

_INDENT = "  "


class ExitCode(IntEnum):
    """How a command ends."""

    DONE = 0
    PARTLY = 1
    UNUSABLE = 2
    UNSIGNED = 3


class Program(TyperGroup):
    """The group of all commands: an error of ours becomes a few lines on standard error and exit code 2, never a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer's own types, which are not exported
        """Run the command that was typed.

        Args:
            ctx: Typer's context.

        Returns:
            What the command returns.

        Raises:
            Exit: The command was refused; it ends with 2.
        """
        try:
            return super().invoke(ctx)
        except ClimateFitnessError as error:
            show_error(error)
            raise typer.Exit(ExitCode.UNUSABLE) from error


def say(text: str = "") -> None:
    """Print a line of the answer."""
    typer.echo(text)


def tell(text: str) -> None:
    """Print a line beside the answer: what is going on."""
    typer.echo(text, err=True)


def print_json(value: object) -> None:
    """Print an answer for programs."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


def show_error(error: ClimateFitnessError) -> None:
    """Print an error: what is wrong, what was expected, what came, which record, and the next step."""
    tell(f"Error: {error.message}")
    fields = {"expected": error.expected, "got": error.got, "record": error.record, "next step": error.next_step}
    for name, value in fields.items():
        if value:
            tell(f"{_INDENT}{name:<9}  {value}")


def show_failure(error: Exception) -> int:
    """Print a failure that nobody foresaw, with its places in the code; the exit code for it."""
    first_line = next(iter(str(error).splitlines()), "")
    tell(f"Error: the program failed: {type(error).__name__}: {first_line}")
    for frame in traceback.extract_tb(error.__traceback__)[-3:]:
        tell(f"{_INDENT}at {frame.filename}:{frame.lineno} in {frame.name}")
    tell(f"{_INDENT}next step  Run `climate-fitness doctor`; if all is well there, report this with the lines above.")
    return ExitCode.UNUSABLE


def table(rows: Sequence[Sequence[str]], *, head: Sequence[str], right: Sequence[int] = ()) -> None:
    """Print rows below their heads.

    Args:
        rows: Texts, one list per row.
        head: Name of each column.
        right: Columns that are aligned to the right, by position: numbers.
    """
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        cells = (
            text.rjust(width) if i in right else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        say("  ".join(cells).rstrip())


def listed(title: str, items: Sequence[str]) -> None:
    """Print a titled list; nothing where it is empty."""
    if items:
        say(title)
        for item in items:
            say(f"{_INDENT}- {item}")


def read_file(name: str) -> bytes:
    """The bytes of a file, or of standard input for "-".

    Args:
        name: Path of the file.

    Returns:
        Its bytes.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if name == STANDARD_INPUT else Path(name).read_bytes()
    except OSError as error:
        raise InputError(
            "This file cannot be read",
            expected="a file that you may read, or - for standard input",
            got=error.strerror or type(error).__name__,
            record=name,
            next_step="Check the path and its permissions.",
        ) from error


def write_file(path: Path, data: bytes) -> None:
    """Write a new file, or replace one.

    Args:
        path: Where to.
        data: Its bytes.

    Raises:
        InputError: It cannot be written.
    """
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(
            "This file cannot be written",
            expected="a folder that you may write to",
            got=error.strerror or type(error).__name__,
            record=str(path),
            next_step="Choose another path with -o.",
        ) from error


@contextmanager
def progress(label: str, steps_count: int) -> Iterator[Any]:
    """A bar on standard error for what takes a while; silent where that is no terminal.

    Args:
        label: What is going on.
        steps_count: How many steps it has.

    Yields:
        The bar; `update(1)` after each step.
    """
    if not sys.stderr.isatty():
        yield _Silent()
        return
    with typer.progressbar(length=steps_count, label=label, file=sys.stderr) as bar:
        yield bar


class _Silent:
    """A bar that nobody sees."""

    def update(self, steps_count: int) -> None:
        """Nothing."""


def words_of(flags: Sequence[str], words: Mapping[str, str]) -> list[str]:
    """Flags in plain words; one without words stands for itself."""
    return [words.get(flag, flag.replace("_", " ")) for flag in flags]

"""The error tree: one sentence for people, one code for programs, and nothing lost in a process pool."""

import copy
import pickle
import re

import pytest

from domain import errors
from domain.errors import AlreadyIssuedError, ClimateFitnessError, ConnectorError, InputError, TryLaterError, UnknownUnitError

ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ClimateFitnessError)]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_a_sentence_of_its_own(kind: type[ClimateFitnessError]) -> None:
    """The docstring's first line, without its full stop, is the default message."""
    message = kind().message
    assert message
    assert f"{message}." == (kind.__doc__ or "").splitlines()[0]


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind is not ClimateFitnessError])
def test_every_error_stands_in_the_drawing(kind: type[ClimateFitnessError]) -> None:
    """The tree at the top of the file has every class, indented below its base."""
    tree = (errors.__doc__ or "").splitlines()
    depth = {match[0]: line.index(match[0]) for line in tree if (match := re.search(r"[A-Z]\w+Error", line))}
    base = kind.__bases__[0].__name__
    assert depth[base] < depth[kind.__name__]


def test_codes_are_different() -> None:
    """No two kinds of error share a code."""
    codes = [kind().code for kind in ALL]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UnknownUnitError, "unknown-unit"),
        (InputError, "input"),
        (AlreadyIssuedError, "already-issued"),
        (TryLaterError, "try-later"),
    ],
)
def test_code_is_the_name(kind: type[ClimateFitnessError], code: str) -> None:
    """A code is the class's name in lower case with hyphens, without `Error`."""
    assert kind().code == code


def test_sentence_has_all_parts_in_order() -> None:
    """Message, expected, got, record, next step."""
    error = InputError("Wrong", expected="a", got="b", record="c", next_step="Do d.")
    assert str(error) == error.sentence() == "Wrong; expected a; got b; in c. Do d."


def test_sentence_leaves_out_what_is_not_said() -> None:
    """Parts that were not given leave no trace."""
    assert InputError(got=0).sentence() == "This input cannot be used; got 0"


def test_long_values_are_shortened() -> None:
    """What came is shown in 200 characters."""
    got = InputError(got="x" * 201).got
    assert (len(got), got[-4:]) == (200, "x...")


@pytest.mark.parametrize(
    ("got", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\ud800", "\\ud800"),
        ("a\u202eb", "a\\u202eb"),
        ("Zürich", "Zürich"),
        (b"\n", "b'\\n'"),
    ],
)
def test_values_are_shown_in_one_printable_line(got: object, shown: str) -> None:
    """Control characters, lone surrogates and direction overrides of bad input reach no terminal, log or reply."""
    error = InputError(got=got, record=got if isinstance(got, str) else "")
    assert error.got == shown
    assert error.sentence().encode("utf-8").decode().isprintable()


@pytest.mark.parametrize("kind", ALL)
def test_pickling_keeps_every_field(kind: type[ClimateFitnessError]) -> None:
    """An error that crosses a process keeps its type, sentence and fields."""
    error = kind("Wrong", expected="a", got="b" * 300, record="c", next_step="Do d.")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert (type(again), again.__dict__, str(again)) == (kind, error.__dict__, str(error))


def test_pickling_keeps_the_wait() -> None:
    """A provider's wish to come back in an hour survives."""
    assert pickle.loads(pickle.dumps(TryLaterError(wait_s=3600.0))).wait_s == 3600.0  # noqa: S301  # our own bytes


def test_copying_keeps_the_stored_root() -> None:
    """What the chain holds survives a copy."""
    assert copy.copy(AlreadyIssuedError(stored_root=b"\x01" * 32)).stored_root == b"\x01" * 32


def test_default_wait_is_a_minute() -> None:
    """A provider that names no time is asked again after 60 s."""
    error = TryLaterError()
    assert isinstance(error, ConnectorError)
    assert error.wait_s == 60.0

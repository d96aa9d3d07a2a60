"""Tables taken apart: encodings, delimiters, quotation marks."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.table import MAX_COLUMN_COUNT, MAX_LINE_SIZE, Layout, csv_layout, encoding_of, table_rows
from domain.errors import DocumentError

CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8).filter(lambda text: "\x00" not in text)


def rows(text: str, delimiter: str = ",") -> list[tuple[int, list[str] | DocumentError]]:
    """Rows of a table."""
    return list(table_rows(text.encode(), Layout(delimiter=delimiter)))


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=8), st.sampled_from(";\t|"), st.booleans())
def test_what_was_written_is_read(table: list[list[str]], delimiter: str, is_quoted: bool) -> None:  # noqa: FBT001 - drawn
    """Rows of an independent writer, with every sign that a cell can have; spaces around cells do not count."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL if is_quoted else csv.QUOTE_MINIMAL)
    writer.writerows([["head", "x"], *table])
    wanted = [[cell.strip() for cell in row] for row in table]
    found = [cells for _, cells in rows(stream.getvalue(), delimiter)]
    assert found[1:] == [row for row in wanted if any(row)]


@pytest.mark.parametrize("name", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encoding_is_seen(name: str) -> None:
    """By its mark, or by the zeros between ASCII letters."""
    found, is_certain = encoding_of("Date;Amount\n2024-01-31;Bücher".encode(name))
    assert is_certain
    assert list(table_rows("Bücher;x".encode(name), Layout(found, ";"))) == [(1, ["Bücher", "x"])]


def test_eight_bit_encoding_is_a_guess() -> None:
    """Bytes that are no UTF-8 may be of several encodings."""
    assert encoding_of("Bücher".encode("cp1252")) == ("windows-1252", False)
    assert encoding_of(b"plain") == ("utf-8", True)


def test_sign_of_another_encoding_refuses_its_row() -> None:
    """One bad byte is one refusal, not the file's."""
    found = list(table_rows(b"a,b\n\xff,1\nc,2\n", Layout()))
    assert [isinstance(cells, DocumentError) for _, cells in found] == [False, True, False]


def test_delimiter_is_what_cuts_alike() -> None:
    """Commas in texts do not win against semicolons between cells."""
    text = "day;text;amount\n1;a, b, c;2,50\n2;d;3,50\n"
    assert csv_layout(text.encode())[0].delimiter == ";"
    assert csv_layout(b"a\tb\n1\t2\n")[0].delimiter == "\t"


def test_limits_refuse_one_row() -> None:
    """A line that is too long, and a row of too many cells."""
    found = rows("a,b\n" + "x" * (MAX_LINE_SIZE + 1) + "\n" + "," * MAX_COLUMN_COUNT + "x\nc,d\n")
    assert [(number, isinstance(cells, DocumentError)) for number, cells in found] == [
        (1, False),
        (2, True),
        (3, True),
        (4, False),
    ]


def test_line_ends_of_every_system() -> None:
    """LF, CRLF and the old CR; the last line needs none."""
    for end in ("\n", "\r\n", "\r"):
        assert [number for number, _ in rows(f"a,b{end}1,2{end}3,4")] == [1, 2, 3]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_refused(body: bytes) -> None:
    """Rows, or an error of ours."""
    try:
        layout, _ = csv_layout(body)
        list(table_rows(body, layout))
    except DocumentError as error:
        assert error.expected  # noqa: PT017 - any of ours is right

"""Files of activities: each line understood, or refused with what was expected, what came, which line, what to do."""

import csv
import io
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.activities import ACTIVITIES
from connectors.activities.envelope import MAX_DOCUMENT_SIZE, MAX_LINE_COUNT
from connectors.activities.parse import parse, removal_document
from connectors.activities.rows import MAX_LINE_SIZE
from domain.activity import KINDS, Quality
from domain.declared import DeclaredActivity
from domain.errors import DocumentError, DocumentTooLargeError, TruncatedDocumentError, UnknownFormatError

GOOD = {"id": "ok", "kind": "car", "quantity": "1", "unit": "km", "start": "2024-03-01"}


def lines(*said: Mapping[str, Any] | str) -> bytes:
    """A file of lines: objects as JSON, text as it is."""
    return "\n".join(one if isinstance(one, str) else json.dumps(one) for one in said).encode()


def only(*said: Mapping[str, Any] | str) -> DeclaredActivity:
    """The one activity of a file that is read whole."""
    document = parse(lines(*said))
    assert document.refused == ()
    (one,) = document.activities
    return one


def refusal(bad: Mapping[str, Any] | str) -> str:
    """Why the second line is refused, beside a first one that stands."""
    document = parse(lines(GOOD, bad))
    assert [one.record_key for one in document.activities] == ["ok"]
    (refused,) = document.refused
    return refused.sentence()


def test_line_is_an_activity() -> None:
    """Unit to the kind's own, day to the next one, attributes by name."""
    said = {
        "id": "t-17",
        "kind": "car",
        "quantity": "10",
        "unit": "mi",
        "start": "2024-03-01",
        "size": "small",
        "powertrain": "petrol",
    }
    assert only({**said, "region": "94110"}) == DeclaredActivity(
        record_key="t-17",
        kind="car",
        attributes=(("powertrain", "petrol"), ("size", "small")),
        quantity_micro=16_093_440,
        unit="km",
        start_date=date(2024, 3, 1),
        end_date=date(2024, 3, 2),
        region="94110",
        quality=Quality.MEASURED,
        line_number=1,
    )


def test_units_of_kinds() -> None:
    """A refrigerant is kept in grams, money in its currency, passengers as a count."""
    gas = only({**GOOD, "kind": "refrigerant", "quantity": "0.12", "unit": "kg", "refrigerant": "R-410A"})
    money = only({**GOOD, "kind": "purchase", "quantity": "-3.5", "unit": "EUR", "naics": "722511"})
    assert (gas.quantity_micro, gas.unit) == (120_000_000, "g")
    assert (money.quantity_micro, money.unit, money.quality) == (-3_500_000, "EUR", Quality.SPEND_BASED)


@given(st.decimals(-(10**9), 10**9, places=6), st.sampled_from(["USD", "EUR", "JPY"]))
def test_amounts_are_exact(amount: Any, currency: str) -> None:  # noqa: ANN401 - a Decimal
    """Every amount with six decimals is kept to the millionth, as text and as a JSON number alike."""
    text = format(amount, "f")
    said = {**GOOD, "kind": "purchase", "quantity": text, "unit": currency, "naics": "722511"}
    as_number = json.dumps(said).replace(f'"{text}"', text)
    expected = int(amount.scaleb(6))
    assert (only(said).quantity_micro, only(as_number).quantity_micro) == (expected, expected)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.uuids().map(str),
                "quantity": st.integers(0, 10**6).map(str),
                "region": st.sampled_from(["", "DE", "94110"]),
                "powertrain": st.sampled_from(["", "petrol", "electric"]),
            }
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda one: one["id"],
    )
)
def test_both_layouts_say_the_same(said: list[dict[str, str]]) -> None:
    """The same activities as NDJSON, and as CSV with what Excel adds, are the same, line for line."""
    rows = [{**GOOD, **one} for one in said]
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    from_json, from_csv = parse(lines(*rows)), parse(b"\xef\xbb\xbf" + table.getvalue().encode())
    assert from_json.refused == from_csv.refused == ()
    strip = [one.record_key for one in from_json.activities], [one.quantity_micro for one in from_json.activities]
    assert strip == ([one.record_key for one in from_csv.activities], [one.quantity_micro for one in from_csv.activities])
    assert [one.line_number + 1 for one in from_json.activities] == [one.line_number for one in from_csv.activities]


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: b'{"id": ' + text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """No bytes bring anything but a document or a refusal."""
    try:
        document = parse(body)
    except DocumentError:
        return
    assert all(one.sentence() for one in document.refused)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "end", "region", "size", "removed", "month", "factor"]),
        st.none() | st.booleans() | st.text(max_size=9) | st.integers() | st.floats() | st.lists(st.integers(), max_size=2),
    )
)
def test_any_fields_are_read_or_refused(fields: dict[str, Any]) -> None:
    """Whatever stands in a field, the line is an activity, a removal, or refused with its number."""
    document = parse(lines(fields))
    assert len(document.activities) + len(document.removed_keys) + len(document.refused) == 1
    assert all("line 1" in one.record for one in document.refused)


def test_line_without_id_is_named_by_its_content() -> None:
    """Equal lines count each; the layout of a line does not matter; other content is another name."""
    plain = {key: value for key, value in GOOD.items() if key != "id"}
    document = parse(
        lines(plain, json.dumps(plain, separators=(",", ":")), {**plain, "quantity": "1.000"}, {**plain, "quantity": "2"})
    )
    first, second, third, other = [one.record_key for one in document.activities]
    digest = first.removesuffix("/1")
    assert digest.startswith("sha256:")
    assert (second, third) == (f"{digest}/2", f"{digest}/3")
    assert not other.startswith(digest)


def test_such_a_name_can_be_taken_back() -> None:
    """The name that a line without id was given is an id like any other in later files."""
    plain = {key: value for key, value in GOOD.items() if key != "id"}
    name = only(plain).record_key
    assert parse(lines({"id": name, "removed": True})).removed_keys == (name,)


def test_removal_document() -> None:
    """What a page writes to take an activity back is read as that."""
    document = parse(removal_document("t-17", "2025-06-15T12:00:00Z"))
    assert (document.removed_keys, document.activities, document.refused) == (("t-17",), (), ())


def test_id_may_be_a_number() -> None:
    """A number is taken in the digits that the file has."""
    assert only('{"id": 12.50, "kind": "car", "quantity": 1, "unit": "km", "start": "2024-03-01"}').record_key == "12.50"


def test_attachment_changes_nothing_of_what_is_counted() -> None:
    """A line that names a file says the same activity, under the same name by its content."""
    without = {name: value for name, value in GOOD.items() if name != "id"}
    assert only({**without, "attachment_sha256": "ab" * 32}) == only({**without, "attachment_sha256": ""}) == only(without)


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (
            '{"kind": "car", "quantity": NaN, "unit": "km", "start": "2024-03-01"}',
            "expected a plain decimal number such as 12 or -3.50; got NaN; in line 2. Correct this line.",
        ),
        (
            {**GOOD, "id": "b", "quantity": "1e30"},
            "expected an amount below 10^30; got 1e30; in line 2, quantity. Check the number.",
        ),
        ({**GOOD, "id": "b", "quantity": "9e25"}, "expected less than 9.2e12 km"),
        ({**GOOD, "id": "b", "quantity": True}, 'expected a number as text, such as "350.5"; got True; in line 2, quantity.'),
        ({**GOOD, "id": "b", "quantity": "1,5"}, "got 1,5; in line 2, quantity. Write digits with a point"),
        ('{"kind": "car", "kind": "car"}', "A name stands twice in this object; expected each name once; got kind; in line 2."),
        ({**GOOD, "id": "b", "unit": "kg"}, "car is not measured in kg, which is mass; expected one of km, m, mi, nmi; got kg"),
        (
            {**GOOD, "id": "b", "unit": "MtCO2e", "kind": "reported_emissions", "method": "x"},
            "two readings: metric tons or megatonnes",
        ),
        ({**GOOD, "id": "b", "colour": "red"}, "car has no attribute colour; expected powertrain, size, segment; got colour"),
        ({**GOOD, "id": "b", "size": "huge"}, "This is no size of car; expected one of small, medium, large, average; got huge"),
        (
            {**GOOD, "id": "b", "size": 5},
            "This field is text; expected text in size; got 5; in line 2, size. Put it in quotation marks.",
        ),
        ({**GOOD, "id": "b", "kind": "carr"}, "expected one of car; got carr; in line 2, kind. Choose one of these kinds."),
        ({**GOOD, "id": "b", "kind": "food", "unit": "kg"}, "food needs food; expected which food; got none"),
        ({"id": "b", "kind": "car"}, "A field is missing; expected quantity; got id, kind; in line 2."),
        ({**GOOD, "id": "b", "start": "2024-02-30"}, "expected a day such as 2024-03-01; got 2024-02-30; in line 2, start."),
        ({**GOOD, "id": "b", "start": "01.03.2024"}, "expected a day such as 2024-03-01; got 01.03.2024"),
        ({**GOOD, "id": "b", "start": "1989-12-31"}, "expected a year from 1990 to 2199; got 1989"),
        ({**GOOD, "id": "b", "end": "2024-03-01"}, "An activity ends after it begins; expected an end after 2024-03-01"),
        ({**GOOD, "id": "b", "end": "2034-03-01"}, "This activity is too long; expected at most 1827 days"),
        ({**GOOD, "id": "b", "quantity": "-1"}, "A distance is not negative; expected zero or more; got -1 km"),
        (
            {**GOOD, "id": "b", "kind": "flight", "quantity": "0", "unit": "passenger", "origin": "ZRH", "destination": "SFO"},
            "A flight has passengers; expected a number above 0; got 0 passenger",
        ),
        (
            {**GOOD, "id": "b", "kind": "purchase", "unit": "USD", "naics": "722511", "month": "2024-03"},
            "The month follows from the days; expected start and end; got month 2024-03; in line 2, month. Leave it out.",
        ),
        (
            {**GOOD, "id": "b", "factor": {"value": "1", "unit": "kg/km"}},
            "got factor; in line 2, factor. A factor of your own is for",
        ),
        ({**GOOD, "id": "b", "basis": "market"}, "Leave it out: a statement has both"),
        ({**GOOD, "id": "b", "gwp_set": "AR6"}, "Leave it out: a statement has one set"),
        (GOOD, "This id stands twice in the file; expected each id once; got ok; in line 2, id. It stands in line 1, too"),
        ({**GOOD, "id": "b\u0007"}, "expected at most 200 characters that can be printed"),
        ({**GOOD, "id": " b"}, "An id is text without spaces around it"),
        ({**GOOD, "id": ["b"]}, "This field is text; expected text in id"),
        ({**GOOD, "id": "b", "region": "x" * 300}, "expected at most 200 characters"),
        (
            {"id": "b", "removed": True, "kind": "car"},
            "A removal is an id and nothing else; expected id and removed; got id, removed, kind",
        ),
        ({"removed": True}, "A removal is an id and nothing else"),
        ({"id": "b", "removed": "yes"}, "expected true, or leave it out; got yes; in line 2, removed."),
        ({**GOOD, "id": "b", "removed_at": "2024-03-01"}, "This field is for removals"),
        (
            {**GOOD, "id": "b", "attachment_sha256": "AB" * 32},
            "This is not the SHA-256 of a file; expected 64 lower-case hexadecimal digits; got ABAB",
        ),
        ({**GOOD, "id": "b", "attachment_sha256": "ab" * 32 + "\n"}, "expected at most 200 characters that can be printed"),
        ({"id": "b", "removed": True, "attachment_sha256": "ab" * 32}, "A removal is an id and nothing else"),
        ("[1]", "This line is no JSON object; expected one JSON object per line; got [1]; in line 2."),
        ('{"id": "b"', "This line is no JSON object; expected one JSON object per line; got Expecting"),
        ("[" * 9_000, "This line is nested too deeply"),
        ('{"id": "' + "x" * MAX_LINE_SIZE + '"}', "This line is too long; expected at most 16384 characters"),
    ],
)
def test_bad_line_is_refused(bad: Mapping[str, Any] | str, sentence: str) -> None:
    """One bad line is refused by name; the other one stands."""
    assert sentence in refusal(bad)


def test_bytes_that_are_no_text() -> None:
    """A line with bytes that are not UTF-8 is refused; the other one stands."""
    document = parse(lines(GOOD) + b'\n{"id": "caf\xe9"}')
    assert len(document.activities) == 1
    assert "This line is not UTF-8; expected UTF-8" in document.refused[0].sentence()


HEADER = "id,kind,quantity,unit,start,region\n"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("b,car,1,km,2024-03-01", "another number of cells than the header; expected 6 cells; got 5 cells; in line 3."),
        ("b,car,1,5,km,2024-03-01,DE", "expected 6 cells; got 7 cells; in line 3. Put text with a comma in quotation marks"),
        (
            "b,car,1,km,2024-03-01,=1+1",
            "This cell looks like a formula of a spreadsheet; expected plain text; got =1+1; in line 3, region.",
        ),
        (
            "@b,car,1,km,2024-03-01,",
            "This cell looks like a formula of a spreadsheet; expected plain text; got @b; in line 3, id.",
        ),
        ("b,car,=1,km,2024-03-01,", "looks like a formula of a spreadsheet; expected plain text; got =1; in line 3, quantity."),
        ("b,car,-1,km,2024-03-01,", "A distance is not negative; expected zero or more; got -1 km; in line 3, quantity."),
        ('b,car,"1,km,2024-03-01,', "This line is no CSV; expected cells with commas between them"),
    ],
)
def test_bad_row_is_refused(row: str, sentence: str) -> None:
    """One bad row is refused by name; the rows around it stand, and empty ones do not count."""
    document = parse(f"{HEADER}a,car,1,km,2024-03-01,DE\n{row}\n\n,,,,,\nc,car,1,km,2024-03-02,\n".encode())
    assert [one.record_key for one in document.activities] == ["a", "c"]
    assert sentence in document.refused[0].sentence()


def test_refund_in_a_row() -> None:
    """A minus before digits is a number, not a formula."""
    document = parse(b"kind,quantity,unit,start,naics\npurchase,-3.50,USD,2024-03-01,722511\n")
    assert [one.quantity_micro for one in document.activities] == [-3_500_000]


def test_removal_in_a_row() -> None:
    """A table of ids that are taken back needs no other column."""
    assert parse(b"id,removed\na,true\nb,true\n").removed_keys == ("a", "b")


@pytest.mark.parametrize(
    ("body", "error", "sentence"),
    [
        (b"", TruncatedDocumentError, "This file is empty"),
        (b"\xef\xbb\xbf \r\n", TruncatedDocumentError, "This file is empty"),
        ('{"id": "a"}'.encode("utf-16"), UnknownFormatError, "This file is in UTF-16 or UTF-32; expected UTF-8"),
        ('{"id": "a"}'.encode("utf-16-le"), UnknownFormatError, "Save it as UTF-8"),
        (b"%PDF-1.7", UnknownFormatError, "got what looks like a PDF file"),
        (b"PK\x03\x04x", UnknownFormatError, "got what looks like a zip file or an Excel workbook"),
        (b"<feed/>", UnknownFormatError, "got what looks like XML or HTML"),
        (b'[{"id": "a"}]', UnknownFormatError, "got what looks like a JSON array. Give one JSON object per line"),
        (b"a car drove", UnknownFormatError, "The first line is no header of ours"),
        (b"kind;quantity;unit;start\n", UnknownFormatError, "Put commas between the cells, not semicolons."),
        (b"kind,quantity,unit\n", UnknownFormatError, "A column is missing; expected start"),
        (b"kind,quantity,unit,start,kind\n", UnknownFormatError, "A column stands twice; expected each column once; got kind"),
        (b"kind,quantity,unit,start,month\n", UnknownFormatError, "got month"),
        (b"\n" * (MAX_LINE_COUNT + 1), DocumentTooLargeError, "expected at most 250000 lines"),
        (b" " * (MAX_DOCUMENT_SIZE + 1), DocumentTooLargeError, "expected at most 50000000 bytes"),
    ],
)
def test_file_that_is_none(body: bytes, error: type[Exception], sentence: str) -> None:
    """What is no file of activities is refused as a whole, saying what it looks like."""
    with pytest.raises(error) as refused:
        parse(body)
    assert sentence in str(refused.value)


def block_of(page: str, language: str) -> bytes:
    """The first block of a language in a page."""
    return page.partition(f"```{language}\n")[2].partition("```")[0].encode()


def test_documented_lines_are_read(repository: Path) -> None:
    """The page about these files has one line for every kind, and both of its blocks are read whole."""
    page = (repository / "docs" / "activities-file.md").read_text()
    document, table = parse(block_of(page, "ndjson")), parse(block_of(page, "csv"))
    assert document.refused == table.refused == ()
    assert [one.kind for one in document.activities] == list(KINDS)
    assert len(table.activities) == 2


def test_connector_is_complete() -> None:
    """It reads files of every kind, and has no pull."""
    assert ACTIVITIES.pull is None
    assert ACTIVITIES.manifest.kinds == KINDS.keys()
    assert ACTIVITIES.parse(lines(GOOD)).activities[0].record_key == "ok"

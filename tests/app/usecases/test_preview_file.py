"""Looking at a file before it is taken in."""

import pytest

from app.usecases.preview_file import connector_for, mapped_document, preview_file
from connectors import registry
from domain.errors import DocumentError, InputError, NotFoundError

BANK = b"Date,Description,Amount\n03/04/2024,WALMART,-12.50\n05/06/2024,ACME,-40.00\n"
TRIPS = b"day,distance (km)\n2024-03-01,12.5\n"


def test_questions_come_before_records() -> None:
    """While something is asked, nothing is shown as if it were read."""
    found = preview_file(BANK)
    assert [one.name for one in found.questions] == ["currency", "date_order"]
    assert found.lines == ()


def test_answers_make_it_readable() -> None:
    """Every record comes with what it becomes, or why it is refused."""
    found = preview_file(BANK, answers=["currency=USD", "date_order=dmy"])
    assert found.questions == ()
    assert [one.number for one in found.lines] == [2, 3]
    assert found.lines[0].becomes == "purchase 12.5 USD on 2024-04-03, mcc 5411"
    assert "Nothing says what was bought" in found.lines[1].problem


def test_what_was_kept_reads_the_same() -> None:
    """The mapping of a preview, put before the file, gives what the preview showed."""
    mapping = preview_file(BANK, answers=["currency=USD", "date_order=mdy"]).mapping.to_json()
    document = registry.find("bank-file").parse(mapped_document("bank-file", BANK, mapping))
    assert preview_file(BANK, mapping=mapping).lines[0].becomes == "purchase 12.5 USD on 2024-03-04, mcc 5411"
    assert [str(one.start_date) for one in document.activities] == ["2024-03-04"]  # type: ignore[union-attr]  # of activities


def test_connector_is_found_out() -> None:
    """Days and amounts of money are a bank's; a unit that is no currency is a table of something else."""
    assert connector_for(BANK) == "bank-file"
    assert connector_for(TRIPS) == "spreadsheet"
    assert connector_for(b"OFXHEADER:100\n\n<OFX></OFX>") == "bank-file"
    assert connector_for(b"kind,quantity,unit,start\ncar,1,km,2024-03-01\n") == "spreadsheet"


def test_left_out_is_not_refused() -> None:
    """Income is no purchase, and nothing is wrong with it."""
    found = preview_file(BANK.replace(b"-40.00", b"40.00"), answers=["currency=USD", "date_order=dmy"])
    assert found.lines[1].left_out == "Money came in, and nothing says that it was a refund."
    assert found.lines[1].problem == ""


def test_columns_and_meanings_are_answered() -> None:
    """A column by name or position, and what the words in it mean."""
    table = b"1.3.2024;Auto;5\n14.3.2024;Bahn;7\n"
    answers = ["columns.start=1", "columns.kind=2", "columns.quantity=3", "unit=km", "values.kind.Auto=car"]
    found = preview_file(table, connector_name="spreadsheet", answers=answers)
    assert found.questions == ()
    assert found.lines[0].becomes == "car 5 km from 2024-03-01 up to 2024-03-02"
    assert "kind of activity is not known" in found.lines[1].problem


@pytest.mark.parametrize("answer", ["", "currency", "=EUR", "colour=red", "columns.colour=A", "decimals=;", "header_row=x"])
def test_bad_answer_is_refused(answer: str) -> None:
    """With what an answer looks like."""
    with pytest.raises(InputError):
        preview_file(BANK, answers=[answer])


def test_connector_without_mappings_is_refused() -> None:
    """Green Button says everything itself."""
    with pytest.raises(NotFoundError, match="need no preview"):
        preview_file(b"<feed/>", connector_name="green-button")
    with pytest.raises(NotFoundError, match="reads no mappings"):
        mapped_document("green-button", b"<feed/>", {})


def test_file_that_is_no_table_is_refused() -> None:
    """As it would be refused when taken in."""
    with pytest.raises(DocumentError, match="looks like a PDF"):
        preview_file(b"%PDF-1.7")

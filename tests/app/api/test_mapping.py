"""A table that nobody knows, through the API and the pages: looked at, mapped, taken in, and known the next time."""

import io
import json
from datetime import date
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from lxml import html
from openpyxl import Workbook

from app.store import documents, waiting_files
from app.store.session import reading
from app.usecases.derive_declared import DeclaredCheck
from app.usecases.show_mapping import SELLS
from connectors import registry
from connectors.context import PREFIX
from connectors.spend import NoPurchase, Payment, purchase_of
from domain.declared import ActivityDocument
from tests.app.live import Live

BANK = b"Date,Description,Amount\n03/02/2026,WALMART,-12.50\n05/02/2026,ACME,-40.00\n06/02/2026,EMPLOYER,2500.00\n"
NEXT_BANK = b"Date,Description,Amount\n07/02/2026,TESCO,-8.00\n"
TRIPS = b"Tag;Womit;Strecke (km)\n01.02.2026;Roller;120,5\n02.02.2026;Auto;8,25\n31.01.2026;Rakete;1,0\n"
ANSWERED = {"constants": {"currency": "USD"}, "date_order": "dmy"}
PREVIEW = "/v1/documents/preview"


def form(body: bytes, **fields: object) -> dict[str, Any]:
    """A multipart form with a file, and JSON in its other fields."""
    return {"files": {"file": ("table.csv", body, "text/csv")}, "data": {name: json.dumps(one) for name, one in fields.items()}}


def look(live: Live, body: bytes, *, connector: str = "", **fields: object) -> dict[str, Any]:
    """What the API says of a file of Ada's household."""
    reply = live.post(
        PREVIEW, params={"subject": live.ada.household, "connector": connector}, as_=live.ada, **form(body, **fields)
    )
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def take_in(live: Live, connector: str, body: bytes, mapping: object) -> httpx2.Response:
    """Import a file of Ada's household with its mapping."""
    asked = {"subject": live.ada.household, "connector": connector}
    return live.post("/v1/documents", params=asked, as_=live.ada, **form(body, mapping=mapping))


def test_api_proposes_and_asks(live: Live) -> None:
    """Columns, first rows, proposal, how each thing is known, and what is still asked; no record before that."""
    found = look(live, BANK)
    assert (found["connector"], found["sort"], found["known_from"]) == ("bank-file", "table", "")
    assert found["mapping"]["columns"] == {"date": ["Date"], "description": ["Description"], "amount": ["Amount"]}
    assert found["columns"][1] == {"name": "Description", "samples": ["WALMART", "ACME", "EMPLOYER"]}
    assert found["rows"][0] == {"number": 1, "cells": ["Date", "Description", "Amount"]}
    assert [one["name"] for one in found["questions"]] == ["currency", "date_order"]
    assert "decimals" in found["proven"]
    assert found["records"] == []


def test_api_shows_what_would_come(live: Live) -> None:
    """With every answer, each record comes with what it becomes, why it is left out, or why it is refused."""
    found = look(live, BANK, answered=ANSWERED)
    assert found["questions"] == []
    assert found["records"][0]["becomes"] == "purchase 12.5 USD on 2026-02-03, mcc 5411"
    assert "Nothing says what was bought" in found["records"][1]["problem"]
    assert found["records"][2]["left_out"].startswith("Money came in")
    shop = {"name": "acme", "sample": "ACME", "lines_count": 1, "spent": {"USD": "40"}, "code": ""}
    assert found["shops"] == [shop]


def test_api_takes_in_by_mapping_and_anybody_reads_the_same(live: Live) -> None:
    """The mapping is archived before the file: the original alone, parsed again, gives the same activities."""
    mapping = look(live, BANK, answered=ANSWERED)["mapping"]
    reply = take_in(live, "bank-file", BANK, mapping)
    assert reply.status_code == 201, reply.text
    assert (reply.json()["new_count"], reply.json()["refused_count"]) == (1, 1)
    original = live.get(f"/v1/documents/{reply.json()['document_sha256']}", params={"subject": live.ada.household}, as_=live.ada)
    assert original.content.startswith(PREFIX)
    assert original.content.endswith(BANK)
    again = registry.find("bank-file").parse(original.content)
    assert isinstance(again, ActivityDocument)
    assert [str(one.start_date) for one in again.activities] == ["2026-02-03"]


def test_api_knows_the_next_file(live: Live) -> None:
    """A file with the same header is read as the one before was; another header, and another subject, know nothing of it."""
    taken = take_in(live, "bank-file", BANK, look(live, BANK, answered=ANSWERED)["mapping"]).json()
    found = look(live, NEXT_BANK)
    assert found["known_from"] == taken["document_sha256"]
    assert (found["questions"], found["records"][0]["becomes"]) == ([], "purchase 8 USD on 2026-02-07, mcc 5411")
    assert look(live, NEXT_BANK.replace(b"Description", b"Text"))["known_from"] == ""
    other = live.post(PREVIEW, params={"subject": live.ada.business}, as_=live.ada, **form(NEXT_BANK)).json()
    assert other["known_from"] == ""


def test_api_stores_nothing_by_looking(live: Live) -> None:
    """A preview is no write."""
    before = live.counts()
    look(live, BANK, answered=ANSWERED)
    assert live.counts() == before


def test_api_refuses_what_is_no_mapping(live: Live) -> None:
    """JSON that is broken, a name that no mapping has, a connector without previews: each says what was expected."""
    broken = {"files": {"file": ("t.csv", BANK)}, "data": {"answered": "{"}}
    reply = live.post(PREVIEW, params={"subject": live.ada.household}, as_=live.ada, **broken)
    assert (reply.status_code, reply.json()["record"]) == (422, "answered")
    assert "This field is no JSON" in reply.text
    reply = live.post(PREVIEW, params={"subject": live.ada.household}, as_=live.ada, **form(BANK, answered=[1]))
    assert "This is no part of a mapping" in reply.text
    reply = take_in(live, "spreadsheet", BANK, {"colums": {}})
    assert (reply.status_code, reply.json()["got"]) == (422, "colums")
    asked = {"subject": live.ada.household, "connector": "green-button"}
    reply = live.post(PREVIEW, params=asked, as_=live.ada, **form(BANK))
    assert reply.status_code == 404


class Page:
    """The page of a table that waits, as a browser without script fills it in.

    Args:
        live: The program.
        path: Its path.
    """

    def __init__(self, live: Live, path: str) -> None:
        self.live, self.path = live, path
        self.show(live.browse(path, as_=live.ada), 200)

    def show(self, reply: httpx2.Response, status: int) -> None:
        """Show an answer."""
        assert reply.status_code == status, reply.text[:2000]
        self.document = html.document_fromstring(reply.text)
        self.form = next(one for one in self.document.forms if one.action == self.path)

    @property
    def text(self) -> str:
        """What a person reads."""
        return " ".join(self.document.text_content().split())

    def choose(self, column: str, chosen: str) -> None:
        """Say what a column is."""
        (label,) = [one for one in self.document.xpath("//label") if one.text_content() == f"{column} is"]
        self.form.fields[label.get("for")] = chosen

    def press(self, do: str, fields: dict[str, str] | None = None, *, status: int = 200) -> httpx2.Response:
        """Fill in fields, and press a button."""
        values = {name: value for name, value in self.form.fields.items() if name and value is not None}
        values |= fields or {}
        reply = self.live.submit(self.path, as_=self.live.ada, data={**values, "do": do})
        if reply.status_code != 303:
            self.show(reply, status)
        return reply


def drop(live: Live, body: bytes, *, name: str = "table.csv", **fields: str) -> httpx2.Response:
    """Drop a file at Ada's dashboard."""
    files = {"file": (name, body, "text/csv")}
    return live.submit(f"/s/{live.ada.household}/documents", as_=live.ada, files=files, data=fields)


def opened(live: Live, body: bytes, *, name: str = "table.csv", **fields: str) -> Page:
    """Drop a table, and follow to the page of its columns."""
    reply = drop(live, body, name=name, **fields)
    assert reply.status_code == 303, reply.text[:2000]
    assert "/files/" in reply.headers["location"]
    return Page(live, reply.headers["location"])


def test_page_from_drop_to_activities(live: Live) -> None:
    """A table that the chosen connector does not know: questions, preview, import; the file waits no longer."""
    page = opened(live, BANK, name="card.csv", connector="green-button")
    assert "2 things the file does not say" in page.text
    assert "Take it in" not in page.text
    page.press("look", {"set-currency": "USD", "set-date_order": "dmy"})
    assert "1 activity." in page.text
    assert "1 line is refused." in page.text
    assert "purchase 12.5 USD on 2026-02-03, mcc 5411" in page.text
    reply = page.press("import")
    shown = live.browse(reply.headers["location"], as_=live.ada).text
    assert "1 activity read." in shown
    assert "card.csv" in shown
    assert live.browse(page.path, as_=live.ada).status_code == 404


def test_page_is_filled_in_the_next_time(live: Live) -> None:
    """Nothing is asked twice: the next file with this header is ready at once."""
    page = opened(live, BANK, connector="bank-file")
    page.press("look", {"set-currency": "USD", "set-date_order": "dmy"})
    page.press("import")
    page = opened(live, NEXT_BANK, connector="bank-file")
    assert "The same columns as last time." in page.text
    assert page.press("import").status_code == 303


def test_page_maps_kinds_and_units(live: Live) -> None:
    """A travel list in German: columns and words get their meaning; a word without one is refused with its line."""
    page = opened(live, TRIPS, connector="spreadsheet")
    page.choose("Womit", "kind")
    page.press("look", {"set-kind": ""})
    cells = {
        one.value: one.name.replace("cell", "means") for one in page.form.inputs if one.name and one.name.startswith("cell-")
    }
    assert list(cells) == ["Roller", "Auto", "Rakete"]
    page.press("look", {cells["Roller"]: "motorcycle", cells["Auto"]: "car"})
    assert "motorcycle 120.5 km from 2026-02-01" in page.text
    assert "Refused:" in page.text
    assert "Rakete" in page.text
    reply = page.press("import")
    shown = live.browse(reply.headers["location"], as_=live.ada).text
    assert "1 part was refused" in shown


def test_page_reads_workbooks(live: Live) -> None:
    """An Excel workbook is mapped like any other table; its encoding is not asked."""
    book, out = Workbook(), io.BytesIO()
    book.active.append(["Day", "Energy (kWh)"])
    book.active.append(["2026-02-01", 12.5])
    book.save(out)
    page = opened(live, out.getvalue(), name="energy.xlsx", connector="spreadsheet")
    assert "set-sheet" in page.form.fields
    assert "set-encoding" not in page.form.fields
    page.press("look", {"set-kind": "electricity"})
    assert "electricity 12.5 kWh from 2026-02-01" in page.text


def test_import_shows_first_what_was_not_seen(live: Live) -> None:
    """Whoever changes something and takes it in at once is shown what comes of it before."""
    page = opened(live, BANK, connector="bank-file")
    page.press("look", {"set-currency": "USD", "set-date_order": "dmy"})
    before = live.counts()
    page.press("import", {"set-date_order": "mdy"}, status=422)
    assert "Something is other than what you have seen below." in page.text
    assert "on 2026-03-02" in page.text
    assert live.counts() == before
    assert page.press("import").status_code == 303


def test_page_keeps_what_cannot_be(live: Live) -> None:
    """Two columns that are one thing: the reason, and what was chosen still stands there."""
    page = opened(live, BANK, connector="bank-file")
    page.choose("Description", "amount")
    page.press("look", {"set-currency": "USD"}, status=422)
    assert "Two columns cannot be the same thing" in page.text
    assert [page.form.fields[f"column-{index}"] for index in range(3)] == ["date", "amount", "amount"]
    assert page.form.fields["set-currency"] == "USD"


def test_page_looks_anew_where_the_file_is_taken_apart_otherwise(live: Live) -> None:
    """Another delimiter is another table: columns are looked for anew."""
    page = opened(live, b"Date;A,B;Amount\n2026-02-03;x,y;-1.00\n", connector="bank-file")
    page.press("look", {"set-delimiter": ","})
    names = page.document.xpath("//div[@class='column-name']/b")
    assert [one.text_content() for one in names] == ["Date;A", "B;Amount"]


def test_unknown_region_is_refused_before_import(live: Live) -> None:
    """The preview asks the factor tables, too: what could never be counted is shown as refused."""
    page = opened(live, b"Day,km,Region\n2026-02-03,10,Atlantis\n", connector="spreadsheet")
    page.press("look", {"set-kind": "rail", "set-unit": "pkm"})
    assert "Atlantis" in page.document.xpath("//li[@class='would-bad']")[0].text_content()


def test_file_is_left(live: Live) -> None:
    """Whoever leaves a file leaves nothing of it here."""
    page = opened(live, BANK, connector="bank-file")
    reply = page.press("forget")
    assert reply.headers["location"] == f"/s/{live.ada.household}"
    assert live.browse(page.path, as_=live.ada).status_code == 404


def test_file_waits_sealed_and_a_day(live: Live) -> None:
    """Nothing of it can be read in the database; the next day it is gone, and the oldest of many makes room."""
    page = opened(live, BANK, name="secret.csv", connector="bank-file")
    waiting_id = page.path.rpartition("/")[2]
    with reading(live.services.engine) as session:
        row = waiting_files.by_id(session, live.ada.tenant_id, live.ada.household, waiting_id, now=live.clock.now())
    assert b"WALMART" not in row.sealed_body
    assert b"secret" not in row.sealed_about
    paths = []
    for _ in range(waiting_files.MOST_COUNT):
        live.clock.advance(1)
        paths.append(opened(live, BANK, connector="bank-file").path)
    assert live.browse(page.path, as_=live.ada).status_code == 404
    live.clock.advance(86_401)
    assert live.browse(paths[-1], as_=live.ada).status_code in {303, 404}


def test_broken_table_is_refused_at_the_form(live: Live) -> None:
    """What is no table at all says so beside the file, and waits nowhere."""
    reply = drop(live, b"%PDF-1.4", connector="spreadsheet")
    assert reply.status_code == 422
    assert "PDF" in reply.text


def test_statement_that_says_everything_needs_no_page(live: Live) -> None:
    """OFX is taken in at once."""
    body = (
        b"OFXHEADER:100\n\n<OFX><CREDITCARDMSGSRSV1><CCSTMTRS><CURDEF>USD<CCACCTFROM><ACCTID>1</CCACCTFROM><BANKTRANLIST>"
        b"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260210<TRNAMT>-42.99<FITID>1<NAME>WALMART</STMTTRN>"
        b"</BANKTRANLIST></CCSTMTRS></CREDITCARDMSGSRSV1></OFX>"
    )
    reply = drop(live, body, name="card.ofx", connector="bank-file")
    assert "/imports/" in reply.headers["location"]


def test_original_of_page_is_parsed_again(live: Live) -> None:
    """What the page took in stands in the archive with its mapping, under the connector that reads it."""
    page = opened(live, BANK, connector="green-button")
    page.press("look", {"set-currency": "USD", "set-date_order": "dmy"})
    page.press("import")
    with reading(live.services.engine) as session:
        (row,) = [
            one for one in documents.of_subject(session, live.ada.tenant_id, live.ada.household) if one.connector == "bank-file"
        ]
    body = live.get(f"/v1/documents/{row.sha256}", params={"subject": live.ada.household}, as_=live.ada).content
    assert body.startswith(PREFIX)


OFX = (
    b"OFXHEADER:100\n\n<OFX><CREDITCARDMSGSRSV1><CCSTMTRS><CURDEF>USD<CCACCTFROM><ACCTID>1</CCACCTFROM><BANKTRANLIST>"
    b"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260210<TRNAMT>-42.99<FITID>1<NAME>ACME 4711</STMTTRN>"
    b"</BANKTRANLIST></CCSTMTRS></CREDITCARDMSGSRSV1></OFX>"
)


def purchases(live: Live) -> list[str]:
    """Merchant categories of Ada's purchases."""
    here = f"/v1/subjects/{live.ada.household}/activities"
    listed = live.get(here, params={"period": "2026-02"}, as_=live.ada).json()["items"]
    return sorted(one["attributes"]["mcc"] for one in listed if one["kind"] == "purchase")


def test_shop_is_said_once(live: Live) -> None:
    """A shop that nobody knows gets its category on the page: its payments count, in this file and in the next ones."""
    page = opened(live, BANK, connector="bank-file")
    page.press("look", {"set-currency": "USD", "set-date_order": "dmy"})
    assert "Shops that nobody knows" in page.text
    assert "ACME 1 payment · 40 USD" in page.text
    assert page.form.fields["shop-0"] == "acme"
    page.press("look", {"sells-0": "5712"})
    assert "purchase 40 USD on 2026-02-05, mcc 5712" in page.text
    assert "Nothing is refused." in page.text
    page.press("import")
    assert len(purchases(live)) == 2
    live.clock.advance(1)
    reply = drop(live, OFX, name="card.ofx", connector="bank-file")
    assert "/imports/" in reply.headers["location"]
    assert purchases(live) == ["5411", "5712", "5712"]


def test_statement_with_unknown_shop_asks(live: Live) -> None:
    """OFX says everything but what ACME sells: the page asks that only, and nobody has to know."""
    page = opened(live, OFX, name="card.ofx", connector="bank-file")
    assert "What do these shops sell?" in page.text
    assert page.document.xpath("//select[starts-with(@id, 'column-')]") == []
    page.press("look", {"sells-0": "4829"})
    assert "Moving money between accounts or people is no purchase" in page.text
    page.press("look", {"sells-0": "5812"})
    assert page.press("import").status_code == 303
    assert purchases(live) == ["5812"]


def test_file_is_looked_at_again(live: Live) -> None:
    """From the report of an import back to its shops: what was refused counts now, and nothing counts twice."""
    page = opened(live, BANK, connector="bank-file")
    page.press("look", {"set-currency": "USD", "set-date_order": "dmy"})
    report = page.press("import").headers["location"]
    shown = html.document_fromstring(live.browse(report, as_=live.ada).text)
    (again,) = [str(one.action) for one in shown.forms if str(one.action).endswith("/again")]
    live.clock.advance(1)
    page = Page(live, live.submit(again, as_=live.ada, data={}).headers["location"])
    assert "The same columns as last time." in page.text
    page.press("look", {"sells-0": "5712"})
    page.press("import")
    assert purchases(live) == ["5411", "5712"]


def test_what_was_said_of_a_shop_is_in_the_original(live: Live) -> None:
    """The document alone says it again to whoever parses it."""
    mapping = look(live, BANK, answered={**ANSWERED, "merchants": [["acme", "5712"]]})["mapping"]
    assert mapping["merchants"] == [["acme", "5712"]]
    reply = take_in(live, "bank-file", BANK, mapping)
    assert (reply.json()["new_count"], reply.json()["refused_count"]) == (2, 0)
    asked = {"subject": live.ada.household}
    body = live.get(f"/v1/documents/{reply.json()['document_sha256']}", params=asked, as_=live.ada).content
    read = registry.find("bank-file").parse(body)
    assert isinstance(read, ActivityDocument)
    assert [dict(one.attributes)["mcc"] for one in read.activities] == ["5411", "5712"]


@pytest.mark.parametrize("code", SELLS)
def test_every_choice_can_be_counted(shared_live: Live, code: str) -> None:
    """What a person can choose is scored, or is no purchase."""
    live = shared_live
    found = purchase_of(Payment("p", date(2026, 2, 1), Decimal(5), "USD", merchant="ACME", said_mcc=code))
    if isinstance(found, NoPurchase):
        assert code == "4829"
    else:
        DeclaredCheck(live.services.factor_set).check(found, "US")


def test_wrong_codes_are_refused(live: Live) -> None:
    """A code of a merchant has four digits."""
    reply = live.post(
        PREVIEW, params={"subject": live.ada.household}, as_=live.ada, **form(BANK, answered={"merchants": [["acme", "cheap"]]})
    )
    assert (reply.status_code, reply.json()["record"]) == (422, "merchants, acme")

"""Bank files and spreadsheets: rows per second down to purchases, and the rows of a bank's CSV beside `csv.DictReader`.

    python -m benchmarks.bank_files --json [--rows 50000]

Seconds are those of the processor (`process_time`), the best of three runs. The alternative reads the same CSV into days and
floats, and checks nothing; both must find the same sum of cents.
"""

import argparse
import csv
import io
import json
import resource
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from time import process_time
from typing import Any

from openpyxl import Workbook

from connectors.bank_file.parse import parse, read_statements
from connectors.mapping import DateOrder, Decimals, TableMapping, with_mapping
from connectors.spreadsheet.parse import parse as parse_spreadsheet
from connectors.table import Layout

SHOPS = ("WALMART", "SHELL OIL", "MCDONALDS", "IKEA", "STARBUCKS", "NETFLIX", "UBER")
REPEATS_COUNT = 3


def lines(rows_count: int) -> list[tuple[date, str, str]]:
    """Day, amount and text of so many lines."""
    return [
        (date(2024, i % 12 + 1, i % 28 + 1), f"{i % 1000}.{i % 100:02d}", f"{SHOPS[i % len(SHOPS)]} {i}")
        for i in range(rows_count)
    ]


def csv_body(rows_count: int) -> bytes:
    """A German bank's CSV."""
    rows = "".join(f'"{day:%d.%m.%Y}";"-{amount.replace(".", ",")}";"{text}"\n' for day, amount, text in lines(rows_count))
    return f'"Date";"Amount";"Text"\n{rows}'.encode()


def ofx_body(rows_count: int) -> bytes:
    """OFX 1."""
    rows = "".join(
        f"<STMTTRN><TRNTYPE>POS<DTPOSTED>{day:%Y%m%d}120000<TRNAMT>-{amount}<FITID>{i}<NAME>{text}</STMTTRN>\n"
        for i, (day, amount, text) in enumerate(lines(rows_count))
    )
    account = "<BANKACCTFROM><BANKID>1<ACCTID>2</BANKACCTFROM>"
    return f"OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>USD{account}<BANKTRANLIST>{rows}</BANKTRANLIST></STMTRS></OFX>".encode()


def camt_body(rows_count: int) -> bytes:
    """camt.053.001.08."""
    rows = "".join(
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>'
        f"<AcctSvcrRef>{i}</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Cdtr><Pty><Nm>{text}</Nm></Pty></Cdtr></RltdPties></TxDtls>"
        "</NtryDtls></Ntry>"
        for i, (day, amount, text) in enumerate(lines(rows_count))
    )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>1</Id>'
        f"<Acct><Id><IBAN>X</IBAN></Id></Acct>{rows}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def qif_body(rows_count: int) -> bytes:
    """QIF of an American program."""
    rows = "".join(f"D{day:%m/%d/%Y}\nT-{amount}\nP{text}\n^\n" for day, amount, text in lines(rows_count))
    return f"!Type:Bank\n{rows}".encode()


def log_body(rows_count: int) -> bytes:
    """A mileage log as CSV."""
    return f"Day,km\n{''.join(f'{day},{amount}{chr(10)}' for day, amount, _ in lines(rows_count))}".encode()


def workbook_body(rows_count: int) -> bytes:
    """A mileage log."""
    book, stream = Workbook(write_only=True), io.BytesIO()
    sheet = book.create_sheet("log")
    sheet.append(["Day", "km"])
    for day, amount, _ in lines(rows_count):
        sheet.append([day, float(amount)])
    book.save(stream)
    return stream.getvalue()


def best_s(read: Callable[[bytes], object], body: bytes) -> float:
    """Seconds of the best of some runs."""
    found = []
    for _ in range(REPEATS_COUNT):
        begun_s = process_time()
        read(body)
        found.append(process_time() - begun_s)
    return min(found)


def cents_by_dict_reader(body: bytes) -> int:
    """Sum of cents by `csv.DictReader` and floats."""
    total_cents = 0
    for row in csv.DictReader(io.StringIO(body.decode()), delimiter=";"):
        datetime.strptime(row["Date"], "%d.%m.%Y").date()  # noqa: DTZ007 - a day has no zone
        total_cents += round(float(row["Amount"].replace(",", ".")) * 100)
    return total_cents


def cents_by_connector(body: bytes) -> int:
    """Sum of cents by our lines."""
    statements, _ = read_statements(body)
    return int(sum((one.amount for statement in statements for one in statement.entries), Decimal(0)) * 100)


def measure(rows_count: int) -> dict[str, Any]:
    """Everything, as one object."""
    columns: dict[str, tuple[str | int, ...]] = {"date": ("Date",), "amount": ("Amount",), "description": ("Text",)}
    german = TableMapping(columns, {"currency": "EUR"}, {}, Layout(delimiter=";"), 1, Decimals.COMMA, DateOrder.DMY)
    american = TableMapping(constants={"currency": "USD"}, date_order=DateOrder.MDY)
    log = TableMapping({"start": ("Day",), "quantity": ("km",)}, {"kind": "car", "unit": "km"})
    plain_csv = csv_body(rows_count)
    framed_csv = with_mapping(plain_csv, german)
    cases: dict[str, tuple[Callable[[bytes], object], bytes]] = {
        "csv": (parse, framed_csv),
        "ofx": (parse, ofx_body(rows_count)),
        "qif": (parse, with_mapping(qif_body(rows_count), american)),
        "camt": (parse, camt_body(rows_count)),
        "spreadsheet csv": (parse_spreadsheet, with_mapping(log_body(rows_count), log)),
        "workbook": (parse_spreadsheet, with_mapping(workbook_body(rows_count), log)),
    }
    per_s = {name: round(rows_count / best_s(read, body)) for name, (read, body) in cases.items()}
    ours_s, theirs_s = best_s(read_statements, framed_csv), best_s(cents_by_dict_reader, plain_csv)
    ours_cents, theirs_cents = cents_by_connector(framed_csv), cents_by_dict_reader(plain_csv)
    assert ours_cents == theirs_cents, "the two readers disagree"
    return {
        "what": "a bank's CSV to exact lines, checked; other formats down to purchases; one core",
        "rows": rows_count,
        "seconds": round(ours_s, 3),
        "per_second": round(rows_count / ours_s),
        "to_purchases_per_second": per_s,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "cents": ours_cents,
        "alternative": {
            "what": "csv.DictReader, strptime and floats; no checks",
            "seconds": round(theirs_s, 3),
            "per_second": round(rows_count / theirs_s),
        },
        "ratio": round(theirs_s / ours_s, 2),
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.add_argument("--rows", type=int, default=50_000)
    options = parser.parse_args()
    found = measure(options.rows)
    print(json.dumps(found, indent=1) if options.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()

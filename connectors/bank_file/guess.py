"""What a bank's table seems to mean, and how its lines would be read."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from connectors.bank_file.entries import Entry, keyed, payment_of
from connectors.bank_file.looks import FileSort, sort_of
from connectors.bank_file.parse import merchants_of, read_statements
from connectors.bank_file.qif import qif_day, qif_records
from connectors.bank_file.rows import is_direction
from connectors.base import Question
from connectors.guess import Column, FieldLook, Guess, LineLook, Shop, TableLook, looks_like_number
from connectors.mapping import TableMapping, is_day
from connectors.spend import NoPurchase, is_placed, merchant_name, purchase_of
from connectors.table import Layout, encoding_of, text_of
from domain.canonical import Json
from domain.errors import InputError
from domain.number import decimal_of_micro, decimal_to_text
from domain.units import CURRENCIES

_CURRENCY_QUESTION = Question(
    "currency", "Which currency are the amounts in?", help="Three letters, for example EUR.", pattern="[A-Z]{3}"
)
_MCC = re.compile(r"[0-9]{4}\Z")
_CATEGORY = re.compile(r"[A-Z][A-Z_]{4,79}\Z")


def _words(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(","))


LOOKS = {
    "date": FieldLook(
        _words(
            "transaction date, trans date, date of transaction, date, buchungstag, buchungsdatum, buchung, datum, "
            "transaktionsdatum, booking date, boekdatum, transactiedatum, date operation, date opération, date de l "
            "opération, date comptable, fecha, fecha operación, fecha operacion, fecha de operación, data, data "
            "operazione, data contabile, posting date, posted date, post date, date posted, completed date, started date, "
            "bokføringsdato, bokföringsdag, dato, value date, wertstellung"
        ),
        is_day,
    ),
    "debit": FieldLook(
        _words(
            "debit, debit amount, amount debit, soll, débit, debito, dare, cargo, cargos, paid out, money out, "
            "withdrawal, withdrawals, ausgaben, ausgang, belastung, lastschrift, uitgaven, uitgaven eur, debet, uscite, "
            "addebiti"
        ),
        looks_like_number,
    ),
    "credit": FieldLook(
        _words(
            "credit, credit amount, amount credit, haben, crédit, credito, avere, abono, abonos, paid in, money in, "
            "deposit, deposits, einnahmen, eingang, gutschrift, inkomsten, entrate, accrediti"
        ),
        looks_like_number,
    ),
    "amount": FieldLook(
        _words(
            "amount, transaction amount, betrag, umsatz, montant, importe, importo, bedrag, belopp, beløb, valor, kwota, summa"
        ),
        looks_like_number,
    ),
    "direction": FieldLook(
        _words(
            "debit credit, credit debit, dr cr, cr dr, af bij, soll haben, s h, credit debit indicator, debit credit "
            "indicator, direction, sens, type, transaction type, umsatzart"
        ),
        is_direction,
    ),
    "currency": FieldLook(
        _words("currency, ccy, währung, waehrung, devise, moneda, divisa, valuta, munt, transaction currency, account currency"),
        lambda cell: cell.upper() in CURRENCIES,
    ),
    "mcc": FieldLook(_words("mcc, merchant category code, category code, mcc code"), lambda cell: bool(_MCC.match(cell))),
    "category": FieldLook(
        _words("plaid category, category, personal finance category"), lambda cell: bool(_CATEGORY.match(cell))
    ),
    "id": FieldLook(_words("transaction id, transactionid, fitid, unique id, transaction reference, id, reference number")),
    "status": FieldLook(_words("status, state, transaction status, état, etat, estado, stato")),
    "account": FieldLook(
        _words("account, account number, iban, own account, auftragskonto, iban auftragskonto, konto, rekening, compte, cuenta")
    ),
    "description": FieldLook(
        _words(
            "merchant, merchant name, payee, name, counterparty, counterparty name, counter party, beguenstigter "
            "zahlungspflichtiger, begünstigter zahlungspflichtiger, begünstigter, empfänger, zahlungsempfänger, "
            "auftraggeber, naam omschrijving, naam, description, transaction description, details, narrative, memo, "
            "notes, text, buchungstext, verwendungszweck, libellé, libelle, concepto, descripción, descripcion, "
            "descrizione, causale, omschrijving, mededelingen, beschreibung, tekst"
        ),
        is_joined=True,
    ),
}
"""How the columns of banks are called: of some dozens of exports in eight languages."""

_KNOWN_WORDS = frozenset(word for look in LOOKS.values() for word in look.words)


def guess_of(body: bytes, said: Mapping[str, Json]) -> Guess:
    """What a bank's file seems to mean.

    Args:
        body: The file as it came.
        said: What the person has answered so far, as in `TableMapping.to_json`.

    Returns:
        The proposal; OFX and camt need none.

    Raises:
        DocumentError: It is no file of a bank.
    """
    sort = sort_of(body)
    if sort in {FileSort.OFX, FileSort.CAMT}:
        return Guess(sort=sort.title)
    return _guess_qif(body, said) if sort is FileSort.QIF else _guess_table(body, said)


def _guess_table(body: bytes, said: Mapping[str, Json]) -> Guess:
    look = TableLook(body, _KNOWN_WORDS, said)
    columns = {**(look.match(LOOKS) if look.header_row else _by_content(look)), **look.said_columns}
    if "amount" in columns and not ("debit" in columns and "credit" in columns):
        columns.pop("debit", None)
        columns.pop("credit", None)
    if "id" in columns and not _is_unique(look, columns["id"][0]):
        del columns["id"]
    amounts = [name for field in ("amount", "debit", "credit") for name in columns.get(field, ())]
    constants: dict[str, str] = {}
    if "currency" not in columns:
        found = look.currency_in(amounts)
        if found:
            constants["currency"] = found
            look.likely["currency"] = "it stands beside the amounts"
        else:
            look.questions.append(_CURRENCY_QUESTION)
    mapping = TableMapping(columns=columns, constants=constants)
    for field, label in (("date", "the day"), ("amount", "the amount")):
        if field not in columns and not (field == "amount" and amounts):
            choices = {str(name): str(name) for name in look.names if name}
            look.questions.append(Question(f"columns.{field}", f"Which column is {label}?", choices=choices))
    decimals = look.decimals(amounts)
    order = look.date_order(columns.get("date", ()))
    sign = mapping.sign
    if "amount" in columns and "direction" not in columns:
        sign = look.sign(columns["amount"][0], decimals)
    return look.guessed(TableMapping(columns=columns, constants=constants, decimals=decimals, date_order=order, sign=sign))


def _by_content(look: TableLook) -> dict[str, tuple[str | int, ...]]:
    """Columns of a table without header: the first with days; the one with numbers, if there is only one; all other texts."""
    days = [name for name in look.names if _all(look, name, is_day)]
    numbers = [name for name in look.names if name not in days and _all(look, name, looks_like_number)]
    texts = [name for name in look.names if name not in days and name not in numbers and look.values(look.index_of(name))]
    found: dict[str, tuple[str | int, ...]] = {}
    if days:
        found["date"] = (days[0],)
        look.likely["date"] = "it is the first column of days"
    if len(numbers) == 1:
        found["amount"] = (numbers[0],)
        look.likely["amount"] = "it is the only column of numbers"
    if texts:
        found["description"] = tuple(texts[:10])
        look.likely["description"] = "these are the columns of texts"
    return found


def _all(look: TableLook, name: str | int, fits: Callable[[str], bool]) -> bool:
    values = look.values(look.index_of(name))[:200]
    return bool(values) and all(fits(cell) for cell in values)


def _is_unique(look: TableLook, name: str | int) -> bool:
    values = look.values(look.index_of(name))
    return len(values) == len(set(values)) == len(look.data)


def _guess_qif(body: bytes, said: Mapping[str, Json]) -> Guess:
    encoding, is_certain = encoding_of(body)
    encoding = str(said.get("encoding", encoding))
    records = list(qif_records(text_of(body, encoding)))
    amounts = [one.fields.get("T") or one.fields.get("U") or "" for one in records]
    days = [qif_day(one.fields.get("D", "")) for one in records]
    look = _QifLook({"D": days, "T": amounts})
    mapping = TableMapping(
        layout=Layout(encoding=encoding), header_row=0, decimals=look.decimals(["T"]), date_order=look.date_order(["D"])
    )
    how = {"encoding": "the bytes are right in it"} if is_certain else {}
    columns = (Column("D", tuple(days[:3])), Column("T", tuple(amounts[:3])))
    questions = (_CURRENCY_QUESTION, *look.questions)
    return Guess(mapping, columns, {**how, **look.proven}, look.likely, questions, FileSort.QIF.title)


class _QifLook(TableLook):
    """Days and amounts of a QIF file as two columns."""

    def __init__(self, columns: dict[str, list[str]]) -> None:
        self.proven, self.likely, self.questions, self.said_columns = {}, {}, [], {}
        self.names = tuple(columns)
        self._columns = list(columns.values())

    def values(self, index: int) -> list[str]:
        return [cell for cell in self._columns[index] if cell]


def look_at(body: bytes, most_count: int) -> tuple[LineLook, ...]:
    """The first lines of a file as they would be read.

    Args:
        body: The file with its mapping before it.
        most_count: How many at most.

    Returns:
        In the order of the file; refused ones come with their reason.

    Raises:
        DocumentError: Nothing of it can be used.
    """
    statements, _ = read_statements(body)
    merchants = merchants_of(body)
    found = [_look(key, one, merchants) for key, one in keyed(entry for one in statements for entry in one.entries[:most_count])]
    for statement in statements:
        for error in statement.refused[:most_count]:
            digits = re.search(r"[0-9]+", error.record)
            found.append(LineLook(int(digits[0]) if digits else 0, error.got, problem=error.sentence()))
    return tuple(sorted(found, key=lambda one: one.number)[:most_count])


def unplaced_in(body: bytes) -> tuple[Shop, ...]:
    """Merchants of whom nothing says what they sell, most lines first.

    Args:
        body: The file with its mapping before it.

    Returns:
        Each with its lines; payments without any name are left out.

    Raises:
        DocumentError: Nothing of it can be used.
    """
    statements, _ = read_statements(body)
    merchants = merchants_of(body)
    lines: dict[str, list[Entry]] = {}
    for key, entry in keyed(entry for one in statements for entry in one.entries):
        name = merchant_name(entry.text)
        if name and not is_placed(payment_of(key, entry, merchants)):
            lines.setdefault(name, []).append(entry)
    shops = []
    for name, entries in lines.items():
        sums: dict[str, Decimal] = {}
        for entry in entries:
            sums[entry.currency] = sums.get(entry.currency, Decimal(0)) - entry.amount
        spent = tuple((currency, decimal_to_text(amount)) for currency, amount in sorted(sums.items()))
        shops.append(Shop(name, entries[0].text[:60], len(entries), spent))
    return tuple(sorted(shops, key=lambda one: (-one.lines_count, one.name)))


def _look(key: str, entry: Entry, merchants: Mapping[str, str]) -> LineLook:
    amount = f"{decimal_to_text(entry.amount)} {entry.currency}"
    said = f"{entry.day} {amount} {entry.text[:60]}".strip()
    try:
        found = purchase_of(payment_of(key, entry, merchants))
    except InputError as error:
        return LineLook(entry.number, said, problem=error.sentence())
    if isinstance(found, NoPurchase):
        return LineLook(entry.number, said, left_out=str(found.why.value))
    attributes = ", ".join(f"{name} {value}" for name, value in found.attributes)
    spent = decimal_to_text(decimal_of_micro(found.quantity_micro))
    return LineLook(entry.number, said, becomes=f"{found.kind} {spent} {found.unit} on {found.start_date}, {attributes}")

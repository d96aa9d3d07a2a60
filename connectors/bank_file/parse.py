"""Files of banks: which format a file has, and the purchases that follow from its lines. Pure."""

from collections.abc import Mapping
from typing import NoReturn

from connectors.bank_file.camt import read_camt
from connectors.bank_file.entries import Statement, document_of
from connectors.bank_file.looks import FileSort, sort_of
from connectors.bank_file.ofx import read_ofx
from connectors.bank_file.qif import read_qif
from connectors.bank_file.rows import FIELDS, read_table
from connectors.context import MAX_CONTEXT_BYTES, PREFIX, unframed
from connectors.mapping import CONTEXT_NAME, TableMapping, mapping_and_file, mapping_from_json
from connectors.spend_table import TABLE_VERSION
from domain.declared import ActivityDocument
from domain.errors import DocumentError, DocumentTooLargeError

PARSER_VERSION = f"bank-file/1 {TABLE_VERSION}"
"""Stands in manifests."""

MAX_DOCUMENT_SIZE = 50_000_000
"""Bytes of one file."""


def parse(body: bytes) -> ActivityDocument:
    """The purchases of a bank's file.

    Args:
        body: OFX, camt, or QIF and tables with their mapping before them.

    Returns:
        Each booked line that is a purchase, and what was refused with the reason.

    Raises:
        DocumentError: Nothing of it can be used, or it needs a mapping.
    """
    statements, sort = read_statements(body)
    return document_of(statements, sort.title, merchants_of(body))


def merchants_of(body: bytes) -> Mapping[str, str]:
    """What the person said of merchants, in the line before a file.

    Args:
        body: As in `parse`.

    Returns:
        Name of a merchant to its category code; none where nothing was said.

    Raises:
        DocumentError: What stands before the file is no mapping.
    """
    context, _ = unframed(body[: MAX_CONTEXT_BYTES + len(PREFIX)])
    return mapping_from_json(context[CONTEXT_NAME], FIELDS).merchants if CONTEXT_NAME in context else {}


def read_statements(body: bytes) -> tuple[tuple[Statement, ...], FileSort]:
    """The lines of every account in a file, and its format.

    Args:
        body: As in `parse`.

    Returns:
        At least one account of OFX and camt.

    Raises:
        DocumentTooLargeError: More than `MAX_DOCUMENT_SIZE` bytes.
        DocumentError: Nothing of it can be used, or it needs a mapping.
    """
    mapping, file = mapping_and_file(body, FIELDS)
    if len(file) > MAX_DOCUMENT_SIZE:
        raise DocumentTooLargeError(
            expected=f"at most {MAX_DOCUMENT_SIZE} bytes", got=f"{len(file)} bytes", next_step="Download a shorter period."
        )
    sort = sort_of(file)
    if sort is FileSort.OFX:
        return read_ofx(file), sort
    if sort is FileSort.CAMT:
        return read_camt(file), sort
    if sort is FileSort.QIF:
        return read_qif(file, mapping or TableMapping()), sort
    if mapping is None:
        refuse_without_mapping()
    return read_table(file, mapping), sort


def refuse_without_mapping() -> NoReturn:
    """Refuse a table alone: what its columns mean is the person's word.

    Raises:
        DocumentError: Always.
    """
    raise DocumentError(
        "A table needs a mapping: what its columns mean",
        expected="a mapping beside the file",
        got="a table without one",
        record="mapping",
        next_step="Look at it with `climate-fitness preview FILE --save mapping.json`; then import it with --mapping.",
    )

"""A file that waits until a person has said what its columns mean, and the mapping that they said of such a file before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.services import Whose, Work
from app.store import documents, waiting_files
from app.store.documents import DocumentRow
from app.store.waiting_files import WaitingFileRow
from app.usecases.import_document import import_document, read_document
from app.usecases.import_report import ImportReport, names_of_documents
from app.usecases.keep_original import Received, fetch_original
from app.usecases.preview_file import header_of, mapped_document, mapping_before, preview_file
from app.usecases.sealing import seal, unseal
from connectors.context import PREFIX
from connectors.mapping import TableMapping
from domain.activity import EvidenceClass
from domain.canonical import Json, from_canonical, to_canonical
from domain.errors import ArchiveError, DocumentError, NotFoundError
from domain.fields import Fields
from domain.place import Place

BANK = "bank-file"
"""Connector whose lines are payments to merchants."""

MOST_MERCHANTS_COUNT = 80
"""Merchants that the mapping of one file says something of."""

MAPPED_CONNECTORS = ("bank-file", "spreadsheet")
"""Connectors that read tables by a mapping, the one that is tried first, first."""

WAITS = timedelta(days=1)
"""How long a file waits."""

_LOOKED_COUNT = 12
_LOOKED_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that waits.

    Attributes:
        waiting_id: Its id.
        body: Its bytes.
        name: As the person named it.
        media_type: As the sender says; never believed.
        place: What was said of its place when it was sent.
        zone: What was said of its time zone.
        connector: What it was sent for; empty: whatever reads it.
    """

    waiting_id: str
    body: bytes
    name: str
    media_type: str
    place: str = ""
    zone: str = ""
    connector: str = ""


@dataclass(frozen=True, slots=True)
class KnownMapping:
    """What a person said of an earlier file with the same header.

    Attributes:
        connector: What read that file.
        mapping: What its columns mean.
        document_sha256: That file, with its mapping, as it was archived.
    """

    connector: str
    mapping: TableMapping
    document_sha256: str


def waits_for_mapping(connector: str, body: bytes, merchants: Mapping[str, str]) -> bool:
    """Whether a person should say something of a file first: what its columns mean, or what its shops sell.

    Args:
        connector: What it was sent for.
        body: The file as it came.
        merchants: What was said of merchants before.

    Returns:
        Whether it needs a mapping and brings none, or has shops that nobody knows.

    Raises:
        DocumentError: It cannot be looked at.
    """
    if connector not in MAPPED_CONNECTORS or body.startswith(PREFIX):
        return False
    if preview_file(body, connector_name=connector, most_count=0).guess.columns:
        return True
    return any(one.name not in merchants for one in preview_file(body, connector_name=connector, most_count=1).shops)


def is_unknown_table(body: bytes) -> bool:
    """Whether a file that another connector does not know is a table of at least two columns."""
    if body.startswith(PREFIX):
        return False
    try:
        found = preview_file(body, most_count=0)
    except DocumentError:
        return False
    return found.is_table and len(found.guess.columns) > 1


def keep_waiting(work: Work, whose: Whose, sent: Waiting) -> str:
    """Keep a file for a day, sealed under its subject's key.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        sent: The file; its id is not looked at.

    Returns:
        The id that it waits under.

    Raises:
        NotFoundError: The subject's key was destroyed.
    """
    now, waiting_id = work.services.clock.now(), work.services.randomness.id()
    about: dict[str, Json] = {
        "connector": sent.connector,
        "media_type": sent.media_type,
        "name": sent.name,
        "place": sent.place,
        "zone": sent.zone,
    }
    waiting_files.prune(work.session, now)
    waiting_files.add(
        work.session,
        WaitingFileRow(
            waiting_id,
            whose.tenant_id,
            whose.subject_id,
            sealed_about=seal(work, whose, f"waiting_about/{waiting_id}", to_canonical(about)),
            sealed_body=seal(work, whose, f"waiting_body/{waiting_id}", sent.body),
            created_at=now,
            expires_at=now + WAITS,
        ),
    )
    return waiting_id


def waiting_file(work: Work, whose: Whose, waiting_id: str) -> Waiting:
    """A file that waits.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        waiting_id: Its id.

    Returns:
        The file.

    Raises:
        NotFoundError: The subject has none of this id: it was taken in, or its day is over.
        SecurityError: It was changed, or belongs elsewhere.
    """
    row = waiting_files.by_id(work.session, whose.tenant_id, whose.subject_id, waiting_id, now=work.services.clock.now())
    about = Fields(from_canonical(unseal(work, whose, f"waiting_about/{waiting_id}", row.sealed_about)), "waiting file")
    return Waiting(
        waiting_id,
        unseal(work, whose, f"waiting_body/{waiting_id}", row.sealed_body),
        name=about.text("name"),
        media_type=about.text("media_type"),
        place=about.text("place"),
        zone=about.text("zone"),
        connector=about.text("connector"),
    )


def take_in_waiting(
    work: Work, whose: Whose, waiting: Waiting, *, connector: str, mapping: Json, place: Place | None
) -> ImportReport:
    """Take in a file that waited, with its mapping; it waits no longer.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        waiting: The file.
        connector: What reads it.
        mapping: What its columns mean, as JSON.
        place: Where activities happened that do not say it; None: what is known.

    Returns:
        What became of it.

    Raises:
        DocumentError: Nothing of it can be used.
        PlaceError: The place or its zone must be asked for.
        ConflictError: It does not go together with what is stored.
    """
    body = mapped_document(connector, waiting.body, mapping) if mapping is not None else waiting.body
    received = Received(body, waiting.media_type, EvidenceClass.UPLOADED, document_name=waiting.name)
    document = read_document(connector, body)
    report = import_document(work, whose, connector, received, place=place, document=document)
    waiting_files.remove(work.session, whose.tenant_id, waiting.waiting_id)
    return report


def known_mapping(work: Work, whose: Whose, body: bytes, *, connector: str = "") -> KnownMapping | None:
    """What the person said of the newest file with the same header.

    Nothing is kept for this: the mapping stands in the archive, before the file that it was said of.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        body: The new file as it came.
        connector: Only files that this connector read; any where empty.

    Returns:
        The mapping; None where no file of the last few has this header.
    """
    for row, mapping, file in _mappings_before(work, whose, connector):
        header = header_of(file, mapping) if mapping.header_row and mapping.columns else ()
        if header and header == header_of(body, mapping):
            return KnownMapping(row.connector, mapping, row.sha256)
    return None


def merchants_before(work: Work, whose: Whose) -> dict[str, str]:
    """What the person said of merchants when they brought their last files of banks, the newest word of each.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.

    Returns:
        Name of a merchant to its category code; at most `MOST_MERCHANTS_COUNT`.
    """
    found: dict[str, str] = {}
    for _, mapping, _ in _mappings_before(work, whose, BANK):
        for name, code in mapping.merchants.items():
            found.setdefault(name, code)
    return dict(list(found.items())[:MOST_MERCHANTS_COUNT])


def merchants_json(merchants: Mapping[str, str]) -> dict[str, Json]:
    """What was said of merchants, as part of a mapping; empty where nothing was."""
    return {"merchants": [[name, code] for name, code in merchants.items()]} if merchants else {}


def wait_again(work: Work, whose: Whose, sha256: str) -> str:
    """Let a file that was taken in wait once more, so that its mapping can be said anew.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        sha256: The document as it was archived, 64 hexadecimal digits.

    Returns:
        The id that it waits under.

    Raises:
        NotFoundError: There is no such document, or it is read without a mapping.
        ArchiveError: The original is lost or changed.
    """
    row = documents.by_sha256(work.session, whose.tenant_id, whose.subject_id, sha256)
    if row.connector not in MAPPED_CONNECTORS:
        raise NotFoundError("This document is read without a mapping", expected=" or ".join(MAPPED_CONNECTORS), got=row.connector)
    body = fetch_original(work, row)
    found = mapping_before(row.connector, body)
    names = names_of_documents(work, whose, {sha256})
    sent = Waiting("", found[1] if found else body, names.get(sha256, ""), row.media_type, connector=row.connector)
    return keep_waiting(work, whose, sent)


def _mappings_before(work: Work, whose: Whose, connector: str) -> Iterator[tuple[DocumentRow, TableMapping, bytes]]:
    """The last files that were read by a mapping, newest first, as far as they are not too large."""
    rows = [
        one
        for one in documents.of_subject(work.session, whose.tenant_id, whose.subject_id)
        if one.connector in MAPPED_CONNECTORS and connector in {"", one.connector}
    ]
    left_bytes = _LOOKED_BYTES
    for row in rows[:_LOOKED_COUNT]:
        left_bytes -= row.size_bytes
        if left_bytes < 0:
            return
        try:
            found = mapping_before(row.connector, fetch_original(work, row))
        except (ArchiveError, DocumentError):
            continue
        if found is not None:
            yield row, *found

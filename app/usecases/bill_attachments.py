"""Files attached to typed bills and to activities: which bill or line names which file."""

from app.services import Whose, Work
from app.store import documents
from app.store.documents import DocumentRow
from app.usecases.keep_original import fetch_original
from connectors.activities import ACTIVITIES
from connectors.activities.names import ATTACHMENT_FIELD
from connectors.typed_bill import TYPED_BILL
from domain.activity import EvidenceClass
from domain.canonical import from_canonical
from domain.errors import CanonicalError
from domain.fields import Fields

ATTACHMENT = "attachment"
"""What stands in place of a connector with a file that is attached to an activity: nothing reads it."""

_LONGEST_LINE_BYTES = 4_096
"""A line that a person typed is shorter; longer files are no documents of one line."""


def attachments_of(work: Work, whose: Whose) -> dict[str, DocumentRow]:
    """Hash of each typed bill's or activity's document to the file that was attached to it; one without a file is left out.

    Args:
        work: The open transaction and the services.
        whose: The subject.

    Returns:
        SHA-256 of the document to the kept file. Documents are opened only where the subject has an attached file at all.

    Raises:
        ArchiveError: The archive has lost or changed a document.
        NotFoundError: The subject's key was destroyed.
        SecurityError: A document was sealed for somebody else.
    """
    rows = documents.of_subject(work.session, whose.tenant_id, whose.subject_id)
    bills = [row for row in rows if row.connector == TYPED_BILL.manifest.connector_id]
    of_bills = {row.sha256: row for row in bills if row.evidence is not EvidenceClass.TYPED}
    of_lines = {row.sha256: row for row in rows if row.connector == ATTACHMENT}
    lines = [row for row in rows if row.connector == ACTIVITIES.manifest.connector_id and row.size_bytes <= _LONGEST_LINE_BYTES]
    named: dict[str, str] = {}
    if of_bills:
        named |= {row.sha256: _attachment_sha256(work, row) for row in bills if row.evidence is EvidenceClass.TYPED}
    if of_lines:
        named |= {row.sha256: _attachment_of_line(work, row) for row in lines}
    attached = of_bills | of_lines
    return {document: attached[digest] for document, digest in named.items() if digest in attached}


def _attachment_sha256(work: Work, bill: DocumentRow) -> str:
    fields = Fields(from_canonical(fetch_original(work, bill), record="typed bill"), "typed bill")
    return fields.text("attachment_sha256")


def _attachment_of_line(work: Work, line: DocumentRow) -> str:
    """The file that a document of one canonical line names; empty where it is no such document, or names none."""
    try:
        content = from_canonical(fetch_original(work, line).removesuffix(b"\n"), record="activity")
    except CanonicalError:  # somebody's own file: theirs name no attached files of ours
        return ""
    found = content.get(ATTACHMENT_FIELD) if isinstance(content, dict) else None
    return found if isinstance(found, str) else ""

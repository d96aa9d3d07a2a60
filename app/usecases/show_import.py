"""What became of one file: what was read, what was refused and why."""

import json

from app.services import Whose, Work
from app.store import documents, imports
from app.store.imports import ImportRow
from app.usecases.import_report import LISTED_COUNT, ReadTotal, name_of, refused_from_json, totals_from_json
from app.usecases.map_file import MAPPED_CONNECTORS
from app.usecases.show_hrefs import Hrefs
from connectors import registry
from dashboards.pages.upload import RefusedPart, UploadModel, UploadTotal
from domain.activity import Direction
from domain.errors import NotFoundError


def show_import(work: Work, whose: Whose, import_id: str) -> UploadModel:
    """The result page of an import.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        import_id: Which import.

    Returns:
        The page.

    Raises:
        NotFoundError: The subject has no such import, or its key was destroyed.
        SecurityError: The file's name was changed, or belongs elsewhere.
    """
    row = imports.by_id(work.session, whose.tenant_id, import_id)
    if row.subject_id != whose.subject_id:
        raise NotFoundError("There is no such import", expected="the id of an import of yours", got=import_id)
    notes = tuple(json.loads(row.notes_json))
    if row.refused_count > LISTED_COUNT:
        notes += (f"{row.refused_count} parts were refused in all; the first {LISTED_COUNT} are listed.",)
    return UploadModel(
        document_name=name_of(work, row) or registry.find(row.connector).manifest.title,
        sha256_hex=row.document_sha256,
        is_archived=_is_kept(work, row),
        evidence=row.evidence,
        totals=tuple(
            UploadTotal(_kind_of(one), one.direction, one.quantity_micro, one.unit, one.reading_count)
            for one in totals_from_json(row.totals_json)
        ),
        first_date=row.first_date,
        last_date=row.last_date,
        readings_count=row.reading_count,
        new_count=row.new_count,
        corrected_count=row.changed_count,
        repeated_count=row.same_count,
        refused=tuple(RefusedPart(record, reason) for record, reason in refused_from_json(row.refused_json)),
        notes=notes,
        question=None,
        back_href=Hrefs(whose.subject_id).home,
        map_again_href=Hrefs(whose.subject_id).map_again(row.document_sha256)
        if _can_be_mapped(row) and _is_kept(work, row)
        else "",
    )


def _kind_of(total: ReadTotal) -> str:
    """The kind of activity that a sum became: what flows back is a kind of its own."""
    return "electricity_export" if (total.kind, total.direction) == ("electricity", Direction.EXPORT) else total.kind


def _can_be_mapped(row: ImportRow) -> bool:
    """Whether another mapping could read more of it."""
    return row.connector in MAPPED_CONNECTORS and row.refused_count > 0


def _is_kept(work: Work, row: ImportRow) -> bool:
    try:
        documents.by_sha256(work.session, row.tenant_id, row.subject_id, row.document_sha256)
    except NotFoundError:
        return False
    return True

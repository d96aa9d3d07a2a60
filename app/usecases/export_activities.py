"""Taking all activities along as Parquet: what `score` reads, and any tool that knows Parquet."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.data_folder import make_private_file
from app.services import Work
from app.store import activity_amounts
from app.store.subjects import SubjectRow
from app.usecases.own_folder import own_folder
from domain.errors import NotFoundError
from scoring.engines.parquet import write_activities


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        activities_count: Current activities.
        keys_count: Activity keys that they have.
        subjects_count: Subjects that have any.
    """

    activities_count: int
    keys_count: int
    subjects_count: int


def export_activities(work: Work, subjects: Sequence[SubjectRow], output: Path) -> Exported:
    """Write current activities as a folder of Parquet, divided by months, sorted by subject and key.

    Amounts alone: neither interval values nor names, only the ids of subjects. The same key of two tenants is one key here.

    Args:
        work: The open transaction and the services.
        subjects: Whose.
        output: Folder to make; there is none yet.

    Returns:
        What was written.

    Raises:
        ConflictError: The folder is there already.
        NotFoundError: There is nothing to take along.
    """
    subject_ids: dict[str, int] = {}
    key_ids: dict[str, int] = {}
    with own_folder(output) as own:
        table = own / "activity.csv"
        make_private_file(table)
        count = 0
        with table.open("w", encoding="utf-8", newline="") as out:
            rows = csv.writer(out)
            for subject in subjects:
                for amount in activity_amounts.amounts_of(work.session, subject.tenant_id, subject.id):
                    subject_id = subject_ids.setdefault(amount.subject_id, len(subject_ids))
                    key_id = key_ids.setdefault(amount.key_id, len(key_ids))
                    rows.writerow((amount.month_ym, subject_id, key_id, amount.quantity_micro, amount.evidence))
                    count += 1
        if not count:
            raise NotFoundError(
                "There is nothing to export", expected="activities", got="none", next_step="`import` brings some in."
            )
        known = {
            key.key_id: key
            for tenant_id in sorted({subject.tenant_id for subject in subjects})
            for key in activity_amounts.keys_of(work.session, tenant_id)
        }
        write_activities(
            own,
            activity_csv=table,
            keys=[(key_id, *known[text][1:]) for text, key_id in key_ids.items()],
            subjects=[(subject_id, text) for text, subject_id in subject_ids.items()],
        )
        table.unlink()
    return Exported(count, len(key_ids), len(subject_ids))

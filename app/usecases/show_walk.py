"""The page of the way back, for a statement's owner: every step, every original, and what can be shown alone."""

from app.chain import ChainDesk
from app.services import Whose, Work
from app.store import subjects
from app.store.statements import StatementRow
from app.usecases.disclose import ShowableGroup, show_inputs
from app.usecases.import_report import names_of_documents
from app.usecases.show_hrefs import Hrefs
from app.usecases.show_proof import amount_of, is_issued
from app.usecases.show_statement import statement_of
from app.usecases.verify_statement import Verifications, verify_statement
from app.usecases.walk_back import archive_step, find_originals
from dashboards.pages import proof as proof_page
from dashboards.pages import walk as page
from domain.manifest import ManifestFormat, manifest_from_canonical

MAX_FETCHED_COUNT = 100
"""Originals that the page fetches; the command line fetches all."""

MAX_LISTED_COUNT = 500
"""Records that the page lists, over all groups; the command line lists all."""


def show_walk(work: Work, whose: Whose, statement_id: str, *, chain: ChainDesk | None, kept: Verifications) -> page.WalkModel:
    """The way from a statement back to its originals.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        statement_id: Which statement.
        chain: The chain at hand; None without one.
        kept: What was found of statements lately.

    Returns:
        The page.

    Raises:
        NotFoundError: The subject has no such statement, or is erased.
        ConflictError: It was not signed yet.
        ChainError: The chain does not answer.
    """
    row = statement_of(work, whose, statement_id)
    hrefs, manifest = Hrefs(whose.subject_id), manifest_from_canonical(row.manifest)
    originals = find_originals(work, row, most_count=MAX_FETCHED_COUNT)
    steps = (*verify_statement(work, row, chain=chain, kept=kept), archive_step(originals))
    names = names_of_documents(work, whose, {one.sha256 for one in originals})
    return page.WalkModel(
        subject_name=subjects.by_id(work.session, whose.tenant_id, whose.subject_id).name,
        period=manifest.period,
        verification=proof_page.Verification(
            tuple(proof_page.Step(one.name, proof_page.StepState(one.state), one.detail) for one in steps)
        ),
        originals=tuple(
            page.OriginalRow(
                one.sha256,
                names.get(one.sha256, ""),
                hrefs.original(one.sha256) if one.size_bytes else "",
                one.record_count,
                proof_page.StepState(one.state),
                one.detail,
            )
            for one in originals
        ),
        groups=_groups(show_inputs(work, row), row, hrefs),
        is_token=is_issued(work, row),
        can_disclose=manifest.format is not ManifestFormat.V1,
        back_href=hrefs.statement(row.id),
        share_href=hrefs.share(row.id),
    )


def _groups(found: tuple[ShowableGroup, ...], row: StatementRow, hrefs: Hrefs) -> tuple[page.WalkGroup, ...]:
    groups, left_count = [], MAX_LISTED_COUNT
    for group in found:
        listed = group.records[:left_count]
        left_count -= len(listed)
        records = tuple(
            page.WalkRecord(
                one.record_id,
                one.leaf.record_key,
                tuple(amount_of(a.key, a.quantity_micro, a.evidence) for a in one.leaf.activities),
                hrefs.disclosure(row.id, record=one.record_id),
            )
            for one in listed
        )
        href = hrefs.disclosure(row.id, group=group.group_key)
        groups.append(page.WalkGroup(group.group_key, records, len(group.records), href))
    return tuple(groups)

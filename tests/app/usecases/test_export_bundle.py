"""A bundle is refused where it is written, not where it is read, if no verifier would take it."""

from datetime import date

import pytest

from app.chain import ChainDesk
from app.services import Whose
from app.store.statements import StatementRow
from app.usecases.export_bundle import Shown, export_bundle, fullest_bundle
from domain.bundle import bundle_from_bytes
from domain.errors import CanonicalError, ConflictError
from tests.app.usecases.installation import Installation, steady


@pytest.fixture
def row(installation: Installation, household: Whose, desk: ChainDesk) -> StatementRow:
    """An anchored statement of three days: three records, four lines (use and grid loss, on two bases)."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 3)))
    return installation.issue(desk, installation.close_months(household, "2025-04"))


@pytest.mark.parametrize(
    ("limit", "most_count", "shown", "got", "next_step"),
    [
        ("MAX_LEAF_COUNT", 2, Shown.EVERYTHING, "got 3; in bundle.groups.leaves of statement", "Show less of it"),
        ("MAX_ROW_COUNT", 3, Shown.EVERYTHING, "got 4; in bundle.lines of statement", "Show less of it"),
        ("MAX_ROW_COUNT", 3, Shown.LINES, "got 4; in bundle.lines of statement", "Show the totals alone, or close shorter"),
        ("MAX_TEXT_BYTES", 200, Shown.TOTALS, "bytes; in bundle of statement", "Close shorter periods."),
    ],
    ids=["records", "rows", "rows of lines", "manifest"],
)
def test_too_large_is_refused(
    installation: Installation,
    row: StatementRow,
    monkeypatch: pytest.MonkeyPatch,
    *,
    limit: str,
    most_count: int,
    shown: Shown,
    got: str,
    next_step: str,
) -> None:
    """The message names the limit, what came, and what to do; the reader refuses exactly the same."""
    with installation.looking() as work:
        data = export_bundle(work, row, shown).to_bytes()
        monkeypatch.setattr(f"domain.bundle.{limit}", most_count)
        with pytest.raises(ConflictError, match="This statement is larger than a bundle that anybody could verify") as refused:
            export_bundle(work, row, shown)
    assert f"expected at most {most_count:,}" in refused.value.sentence()
    assert got in refused.value.sentence()
    assert refused.value.next_step.startswith(next_step)
    with pytest.raises(CanonicalError) as unread:
        bundle_from_bytes(data)
    assert (unread.value.expected, unread.value.got) == (refused.value.expected, refused.value.got)


def test_limit_itself_is_written(installation: Installation, row: StatementRow, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as a verifier takes are written and read."""
    monkeypatch.setattr("domain.bundle.MAX_LEAF_COUNT", 3)
    monkeypatch.setattr("domain.bundle.MAX_ROW_COUNT", 4)
    with installation.looking() as work:
        bundle = export_bundle(work, row, Shown.EVERYTHING)
    assert bundle_from_bytes(bundle.to_bytes()) == bundle


@pytest.mark.parametrize(("limit", "most_count", "shown"), [("LEAF", 2, Shown.LINES), ("ROW", 3, Shown.TOTALS)])
def test_fullest_shows_what_fits(
    installation: Installation, row: StatementRow, monkeypatch: pytest.MonkeyPatch, *, limit: str, most_count: int, shown: Shown
) -> None:
    """Too many records: the lines are shown; too many lines: the totals."""
    with installation.looking() as work:
        assert fullest_bundle(work, row) == export_bundle(work, row, Shown.EVERYTHING)
        monkeypatch.setattr(f"domain.bundle.MAX_{limit}_COUNT", most_count)
        assert fullest_bundle(work, row) == export_bundle(work, row, shown)

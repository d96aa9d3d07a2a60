"""Weighing the hours: what hourly factors of the installed packs say about a subject's electricity."""

from collections.abc import Iterable

from app.services import Whose, Work
from app.store import activities
from domain.period import MonthRange
from domain.statement import ActivityTotal
from scoring.hourly import holds_hours, with_hourly_means


def weigh_hours(work: Work, whose: Whose, months: MonthRange, totals: Iterable[ActivityTotal]) -> tuple[ActivityTotal, ...]:
    """Activity totals with what hourly factors say about them; readings are loaded only where such factors are held.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        months: All months of the totals.
        totals: All totals of these months.

    Returns:
        The totals in their order.
    """
    listed, factor_set = tuple(totals), work.services.factor_set
    key_ids = {total.key.key_id for total in listed if holds_hours(total.key, factor_set)}
    if not key_ids:
        return listed
    found = activities.of_keys(work.session, whose.tenant_id, whose.subject_id, months, key_ids)
    return with_hourly_means(listed, found, factor_set)

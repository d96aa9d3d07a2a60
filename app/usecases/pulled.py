"""What a pulled document holds, before it is taken in."""

from array import array
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from app.usecases.import_readings import FUTURE_TOLERANCE
from domain.declared import ActivityDocument
from domain.errors import DocumentError
from domain.period import instant_of_epoch_s, instant_to_text
from domain.series import IntervalSeries, MeterDocument


def holds_something(document: MeterDocument | ActivityDocument) -> bool:
    """Whether a document says anything that can be stored: readings, activities, or that some are taken back."""
    if isinstance(document, ActivityDocument):
        return bool(document.activities or document.removed_keys)
    return any(len(series.values) for series in document.series)


def up_to_date(held_count: int) -> str:
    """What a connection says of itself when all is well: also how much is set aside."""
    return f"Up to date; {held_count} records are set aside with their reasons." if held_count else "Up to date."


def without_future(document: MeterDocument | ActivityDocument, now: datetime) -> MeterDocument | ActivityDocument:
    """A document without readings of the future: a provider's clock is wrong, or it forecasts. The rest stands.

    Args:
        document: As the connector read it.
        now: The time.

    Returns:
        The document; what was left out stands among what was refused. Activities are looked at one by one where they are stored.
    """
    if isinstance(document, ActivityDocument):
        return document
    limit_s = int((now + FUTURE_TOLERANCE).timestamp())
    found = [_cut(series, limit_s, now) for series in document.series]
    late = tuple(refusal for _, refusal in found if refusal is not None)
    if not late:
        return document
    return replace(document, series=tuple(series for series, _ in found), refused=(*document.refused, *late))


def _cut(series: IntervalSeries, limit_s: int, now: datetime) -> tuple[IntervalSeries, DocumentError | None]:
    if not len(series.values) or max(series.starts_s) + max(series.durations_s) <= limit_s:
        return series, None
    kept = [
        index
        for index, (start_s, duration_s) in enumerate(zip(series.starts_s, series.durations_s, strict=True))
        if start_s + duration_s <= limit_s
    ]
    late_count = len(series.values) - len(kept)
    if not late_count:
        return series, None
    last_s = max(map(sum, zip(series.starts_s, series.durations_s, strict=True)))
    refusal = DocumentError(
        "Readings of the future are left out",
        expected=f"readings up to {instant_to_text(now)}",
        got=f"{late_count}, the last one until {instant_to_text(instant_of_epoch_s(last_s))}",
        record=series.series_key,
        next_step="They are taken in once they are past; a forecast is not a measurement.",
    )

    def only(values: "array[int]") -> "array[int]":
        return array(values.typecode, _picked(values, kept))

    qualities = only(series.qualities) if len(series.qualities) else series.qualities
    cut = replace(
        series,
        starts_s=only(series.starts_s),
        durations_s=only(series.durations_s),
        values=only(series.values),
        qualities=qualities,
    )
    return cut, refusal


def _picked(values: "array[int]", indexes: list[int]) -> Iterator[int]:
    return (values[index] for index in indexes)

"""One activity out of the words of a provider: kind, amount, unit, days and attributes, each checked."""

from collections.abc import Mapping
from decimal import Decimal

from domain.activity import Quality
from domain.declared import DeclaredActivity, check_amount, declared_days, quality_of_kind
from domain.kinds import checked_attributes, find_kind, kind_quantity
from domain.number import decimal_from_text, fraction_of
from domain.units import find_unit


def declare(
    record_key: str,
    kind_name: str,
    amount: Decimal | str,
    unit: str,
    *,
    start: str,
    end: str = "",
    region: str = "",
    attributes: Mapping[str, str] | None = None,
    quality: Quality | None = None,
    line_number: int = 0,
) -> DeclaredActivity:
    """An activity that a document declares.

    Args:
        record_key: The provider's own name of it: the same name later is a correction.
        kind_name: One of docs/kinds.md.
        amount: Exact; as text, the digits of the document.
        unit: Any unit of the kind.
        start: First local day, `2024-03-01`, or an RFC 3339 time.
        end: The first day that is no longer in it; empty for one day.
        region: ZIP code, country or region path as the document says it; empty where it says none.
        attributes: Of the kind, by name; empty values count as left out.
        quality: How the amount came about; the kind's usual way where left out.
        line_number: Where it stands in its document, from 1.

    Returns:
        The activity, in the unit that its kind is kept in.

    Raises:
        InputError: There is no such kind, unit, attribute or day, or the amount cannot be; the message names the record.
    """
    kind = find_kind(kind_name, record=f"{record_key}, kind")
    exact = decimal_from_text(amount, record=f"{record_key}, amount") if isinstance(amount, str) else amount
    quantity = kind_quantity(kind, fraction_of(exact), unit, record=f"{record_key}, unit")
    check_amount(kind, find_unit(unit).dimension, quantity.quantity_micro, got=str(amount), record=f"{record_key}, amount")
    start_date, end_date = declared_days(start, end)
    return DeclaredActivity(
        record_key=record_key,
        kind=kind.name,
        attributes=checked_attributes(kind, attributes or {}, record=record_key),
        quantity_micro=quantity.quantity_micro,
        unit=quantity.unit,
        start_date=start_date,
        end_date=end_date,
        region=region,
        quality=quality or quality_of_kind(kind.name),
        line_number=line_number,
    )

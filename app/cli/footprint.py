"""`footprint`: what a supplier's product footprints say, for an amount too. Nothing is stored."""

from decimal import Decimal

from app.cli.terminal import ExitCode, listed, print_json, read_file, say, show_error
from app.clock import SystemClock
from connectors.pact.footprint import FootprintDocument, ProductFootprint, parse
from connectors.summary import unusable_json
from domain.canonical import Json
from domain.errors import ClimateFitnessError, InputError
from domain.number import decimal_from_text, decimal_to_text, fraction_to_text
from domain.period import instant_to_text


def run_footprint(file_name: str, *, amount_text: str, is_json: bool) -> int:
    """Show the product footprints of a file.

    Args:
        file_name: Its file, or "-".
        amount_text: How much of the product, in its declared unit; empty: one unit.
        is_json: Answer for programs.

    Returns:
        The exit code: 0 all read, 1 some refused, 2 unusable.

    Raises:
        InputError: The file cannot be read from the disk, or the amount is no number above zero.
    """
    amount = decimal_from_text(amount_text, record="--amount") if amount_text else Decimal(1)
    if amount <= 0:
        raise InputError("An amount is more than nothing", expected="above 0", got=amount_text, record="--amount")
    body = read_file(file_name)
    try:
        document = parse(body)
    except ClimateFitnessError as error:
        if is_json:
            print_json(unusable_json(error))
        show_error(error)
        return ExitCode.UNUSABLE
    if is_json:
        print_json(_to_json(document, amount))
    else:
        _show(document, amount)
    if not document.refused:
        return ExitCode.DONE
    return ExitCode.PARTLY if document.footprints else ExitCode.UNUSABLE


def _caused(footprint: ProductFootprint, amount: Decimal) -> str | None:
    is_said = footprint.excluding_biogenic_kg_co2e is not None
    return fraction_to_text(footprint.caused_kg_co2e(amount)) if is_said else None


def _is_valid(footprint: ProductFootprint) -> bool:
    return footprint.valid_to is None or SystemClock().now() < footprint.valid_to


def _to_json(document: FootprintDocument, amount: Decimal) -> dict[str, Json]:
    def of(value: Decimal | None) -> str | None:
        return None if value is None else decimal_to_text(value)

    return {
        "amount": decimal_to_text(amount),
        "footprints": [
            {
                "id": one.footprint_id,
                "spec_version": one.spec_version,
                "status": one.status or None,
                "company": one.company_name,
                "product": one.product_name,
                "product_ids": list(one.product_ids),
                "declared_unit": one.declared_unit,
                "declared_amount": of(one.declared_amount),
                "stated_amount": of(one.stated_amount),
                "excluding_biogenic_kg_co2e": of(one.excluding_biogenic_kg_co2e),
                "including_biogenic_kg_co2e": of(one.including_biogenic_kg_co2e),
                "fossil_kg_co2e": of(one.fossil_kg_co2e),
                "caused_kg_co2e": _caused(one, amount),
                "is_valid": _is_valid(one),
                "valid_to": instant_to_text(one.valid_to) if one.valid_to else None,
                "geography": one.geography or None,
                "gwp_sets": list(one.gwp_sets),
                "extensions_not_read": one.extensions_count,
            }
            for one in document.footprints
        ],
        "refused": [{"record": one.record, "reason": one.sentence()} for one in document.refused],
    }


def _show(document: FootprintDocument, amount: Decimal) -> None:
    for one in document.footprints:
        say(f"{one.product_name or one.footprint_id} of {one.company_name}")
        caused = _caused(one, amount)
        if caused is None:
            say(f"  no total is said; fossil part {one.fossil_kg_co2e} kg CO2e per {one.stated_amount} {one.declared_unit}")
        else:
            say(f"  {decimal_to_text(amount)} {one.declared_unit}: {caused} kg CO2e without biogenic uptake")
        word = "valid until" if _is_valid(one) else "NO LONGER VALID since"
        until = f", {word} {one.valid_to:%Y-%m-%d}" if one.valid_to else ""
        say(f"  PACT {one.spec_version}{f', {one.status}' if one.status else ''}{until}, {one.geography or 'the world'}")
        if one.extensions_count:
            say(f"  extensions that are not read: {one.extensions_count}")
    listed("Refused:", [one.sentence() for one in document.refused])

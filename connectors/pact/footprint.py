"""Product carbon footprints in PACT's data model, versions 2 and 3. Pure: bytes in, values out.

A footprint says what one product causes, not how much of it was bought: it is no activity. `climate-fitness footprint` shows it,
for an amount too. What its kg CO2e are of differs: of one unit in version 2 ("kgCO2e / declaredUnit"), in version 3 of
`declaredUnitAmount` units ("2.0 kgCO2e per 12.5 liter").

Source:
    PACT Technical Specifications for PCF data exchange, 2.3 and 3.0 (WBCSD): data model ProductFootprint and CarbonFootprint.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from connectors.exact_json import Ambiguous, Number, listed, named, read_exact, text
from domain.errors import ClimateFitnessError, DocumentError, InputError, UnknownFormatError
from domain.number import decimal_from_text
from domain.period import instant_from_text

VERSIONS = ("2", "3")
"""Major versions of the data model that are read."""

UNITS = frozenset(
    {
        "liter", "kilogram", "cubic meter", "kilowatt hour", "megajoule", "ton kilometer", "square meter",
        "piece", "hour", "megabit second",
    }
)  # fmt: skip
"""What a declared unit can be: `DeclaredUnit` of 2.3, `declaredUnitOfMeasurement` of 3.0."""

VALID_YEARS_COUNT = 3
"""A footprint without an end of its validity holds so long after its reference period."""

_STATUSES = frozenset({"", "Active", "Deprecated"})


@dataclass(frozen=True, slots=True)
class ProductFootprint:
    """What a supplier says that one amount of its product causes, from cradle to gate.

    Attributes:
        footprint_id: Its UUID.
        spec_version: Of the data model: "3.0.0".
        status: "Active" or "Deprecated"; empty where the version has none.
        company_name: Who says it.
        product_name: The company's name of the product.
        product_ids: URNs of the product.
        declared_unit: What is counted: "kilogram".
        declared_amount: How many of that unit one product is.
        stated_amount: How many of that unit the kg CO2e are of: 1 in version 2, `declared_amount` in version 3.
        excluding_biogenic_kg_co2e: Of `stated_amount`, without biogenic uptake; None where it is not said.
        including_biogenic_kg_co2e: Of `stated_amount`, with it; None where it is not said.
        fossil_kg_co2e: Of `stated_amount`, the fossil part; None where it is not said.
        valid_from: First instant at which it may be used; None where it is not said.
        valid_to: End of its validity, exclusive; None where neither it nor a reference period is said.
        geography: Country or region that it speaks about; empty: the world.
        gwp_sets: IPCC reports whose potentials it uses.
        extensions_count: Extensions of the data model that it carries, which are not read.
    """

    footprint_id: str
    spec_version: str
    status: str
    company_name: str
    product_name: str
    product_ids: tuple[str, ...]
    declared_unit: str
    declared_amount: Decimal
    stated_amount: Decimal
    excluding_biogenic_kg_co2e: Decimal | None
    including_biogenic_kg_co2e: Decimal | None
    fossil_kg_co2e: Decimal | None
    valid_from: datetime | None
    valid_to: datetime | None
    geography: str
    gwp_sets: tuple[str, ...]
    extensions_count: int

    def caused_kg_co2e(self, amount: Decimal) -> Fraction:
        """What an amount causes, without biogenic uptake, kg CO2e, exactly.

        Args:
            amount: In the declared unit: "12.5" liters, not bottles.

        Raises:
            InputError: The footprint does not say it.
        """
        if self.excluding_biogenic_kg_co2e is None:
            raise InputError(
                "This footprint has no total",
                expected="pcfExcludingBiogenicUptake (version 3) or pCfExcludingBiogenic (version 2)",
                got="neither",
                record=self.footprint_id,
                next_step="Ask the supplier for a complete footprint.",
            )
        return Fraction(self.excluding_biogenic_kg_co2e) * Fraction(amount) / Fraction(self.stated_amount)


@dataclass(frozen=True, slots=True)
class FootprintDocument:
    """Footprints of one document, and what of it could not be used."""

    footprints: tuple[ProductFootprint, ...]
    refused: tuple[DocumentError, ...] = ()


def parse(body: bytes) -> FootprintDocument:
    """The footprints of a document: one of them, or an answer of `GET /3/footprints` or `/2/footprints` (`data`).

    Args:
        body: JSON, as it came.

    Returns:
        What can be used, in order; what cannot, each with its reason.

    Raises:
        DocumentError: It is no JSON.
        UnknownFormatError: It holds no footprints at all.
    """
    found = read_exact(body)
    is_one = isinstance(found, dict) and "pcf" in found
    if not is_one and not isinstance(named(found, "data"), list):
        raise UnknownFormatError(
            "This is no document of footprints",
            expected="an object with `pcf`, or a list of them under `data`",
            got=type(found).__name__,
            next_step="Ask the supplier for the product footprint in PACT's data model.",
        )
    footprints, refused = [], []
    for index, one in enumerate([found] if is_one else listed(found, "data")):
        try:
            footprints.append(_footprint(one))
        except ClimateFitnessError as error:
            record = " ".join(part for part in (text(one, "id") or f"footprint {index + 1}", error.record) if part)
            refused.append(DocumentError(error.message, expected=error.expected, got=error.got, record=record))
    return FootprintDocument(tuple(footprints), tuple(refused))


def _footprint(value: object) -> ProductFootprint:
    pcf = named(value, "pcf")
    if isinstance(value, Ambiguous) or not isinstance(pcf, dict) or isinstance(pcf, Ambiguous):
        raise DocumentError("A footprint cannot be understood", expected="an object with one `pcf`", got="something else")
    version = text(value, "specVersion")
    is_third = version.startswith("3.")
    if version.partition(".")[0] not in VERSIONS:
        raise DocumentError(
            "This version of the data model is not read", expected=f"2.x or 3.x, {VERSIONS}", got=version, record="specVersion"
        )
    names = _THIRD if is_third else _SECOND
    unit = text(pcf, names["unit"])
    if unit not in UNITS:
        raise DocumentError("This unit is not known", expected=", ".join(sorted(UNITS)), got=unit, record=names["unit"])
    amount = _decimal(pcf, names["amount"])
    if amount is None or amount <= 0:
        raise DocumentError(
            "The amount of a product is more than nothing", expected="above 0", got=amount, record=names["amount"]
        )
    status = text(value, "status")
    if status not in _STATUSES:
        raise DocumentError("This status is not known", expected="Active or Deprecated", got=status, record="status")
    return ProductFootprint(
        footprint_id=_needed(value, "id"),
        spec_version=version,
        status=status,
        company_name=_needed(value, "companyName"),
        product_name=text(value, "productNameCompany"),
        product_ids=tuple(one for one in listed(value, "productIds") if isinstance(one, str)),
        declared_unit=unit,
        declared_amount=amount,
        stated_amount=amount if is_third else Decimal(1),
        excluding_biogenic_kg_co2e=_decimal(pcf, names["excluding"]),
        including_biogenic_kg_co2e=_decimal(pcf, names["including"]),
        fossil_kg_co2e=_decimal(pcf, "fossilGhgEmissions"),
        valid_from=_instant(value, "validityPeriodStart"),
        valid_to=_instant(value, "validityPeriodEnd") or _years_after(_instant(pcf, names["until"])),
        geography=text(pcf, "geographyCountrySubdivision") or text(pcf, "geographyCountry") or text(pcf, names["region"]),
        gwp_sets=tuple(one for one in listed(pcf, names["gwp"]) if isinstance(one, str)),
        extensions_count=len(listed(value, "extensions")),
    )


_THIRD = {
    "unit": "declaredUnitOfMeasurement",
    "amount": "declaredUnitAmount",
    "excluding": "pcfExcludingBiogenicUptake",
    "including": "pcfIncludingBiogenicUptake",
    "until": "referencePeriodEnd",
    "region": "geographyRegionOrSubregion",
    "gwp": "ipccCharacterizationFactors",
}
_SECOND = {
    "unit": "declaredUnit",
    "amount": "unitaryProductAmount",
    "excluding": "pCfExcludingBiogenic",
    "including": "pCfIncludingBiogenic",
    "until": "reportingPeriodEnd",
    "region": "geographyRegionOrSubregion",
    "gwp": "ipccCharacterizationFactorsSources",
}
"""What versions 3 and 2 call the same."""


def _needed(value: object, name: str) -> str:
    found = text(value, name)
    if not found.strip():
        raise DocumentError("A footprint lacks a field", expected=f"`{name}`, a text", got=named(value, name), record=name)
    return found


def _decimal(pcf: object, name: str) -> Decimal | None:
    """An amount; version 3 and 2 write it as text, some programs as a number, which is read in its very digits.

    Raises:
        DocumentError: It is neither.
    """
    found = named(pcf, name)
    if found is None:
        return None
    if not isinstance(found, str | Number):
        raise DocumentError("This is no amount", expected='a decimal as text: "0.384"', got=found, record=name)
    return decimal_from_text(found, record=name)


def _instant(value: object, name: str) -> datetime | None:
    found = text(value, name)
    return instant_from_text(found, record=name) if found else None


def _years_after(until: datetime | None) -> datetime | None:
    if until is None:
        return None
    last = until.astimezone(UTC)
    day = 28 if (last.month, last.day) == (2, 29) else last.day
    return last.replace(year=last.year + VALID_YEARS_COUNT, day=day)

"""Explaining the choice of a factor, without any activity."""

from collections.abc import Mapping

from domain.activity import ActivityKey, find_kind
from domain.canonical import Json
from domain.errors import DimensionError
from domain.factor import Basis, EmissionFactor
from domain.kinds import checked_attributes
from domain.units import Dimension, find_unit
from scoring.factors.factor_set import FactorSet
from scoring.resolve import resolve


def explain_factor(
    factor_set: FactorSet,
    *,
    kind: str,
    region_text: str,
    year: int,
    basis: Basis,
    attributes: Mapping[str, str] | None = None,
    unit: str = "",
) -> dict[str, Json]:
    """The factor of a kind, place and year, with every step.

    Args:
        factor_set: Rows to choose from.
        kind: Name of a kind.
        region_text: ZIP code, country code, or a region path.
        year: Calendar year of the activity.
        basis: Location or market.
        attributes: Attributes of the activity, name to value; none where left out.
        unit: Any unit that the kind is measured in; its first dimension where empty.

    Returns:
        Factor (or null), micrograms of CO2e per unit by gas, steps and flags.

    Raises:
        KindError: There is no such kind.
        AttributeValueError: The kind has no such attribute, or not with this value.
        PlaceError: There is no such region.
        UnknownUnitError: There is no such unit.
        DimensionError: The kind is not measured in this unit.
    """
    region = factor_set.regions.region_of_text(region_text, record="region")
    found = find_kind(kind)
    dimension = find_unit(unit, record="unit").dimension if unit else found.dimensions[0]
    if dimension not in found.dimensions or (dimension is Dimension.MONEY and not unit):
        raise DimensionError(
            f"{kind} is not measured in {unit}" if unit else f"{kind} is measured in a currency",
            expected=f"one of {', '.join(found.unit_symbols())}",
            got=unit or "no unit",
            record="unit",
            next_step="Name a unit of this kind.",
        )
    kept_unit = unit if dimension is Dimension.MONEY else found.unit_of(dimension)
    key = ActivityKey(kind, region, year, kept_unit, checked_attributes(found, attributes or {}))
    return explain_key(key, factor_set, basis)


def explain_key(key: ActivityKey, factor_set: FactorSet, basis: Basis) -> dict[str, Json]:
    """The factor of an activity key, with every step.

    Args:
        key: The key.
        factor_set: Rows to choose from.
        basis: Location or market.

    Returns:
        As `explain_factor`.

    Raises:
        PlaceError: There is no such region.
    """
    found = resolve(key, factor_set, basis)
    answer: dict[str, Json] = {
        "basis": str(basis),
        "factor": None,
        "flags": list(found.flags),
        "key": key.to_json(),
        "steps": list(found.steps),
    }
    if found.chosen is not None:
        per_unit = found.chosen.ug_per_unit
        answer["factor"] = row_json(found.chosen.factor)
        answer["gwp_set"] = found.chosen.gwp_set
        answer["ug_co2e_per_unit"] = {
            "biogenic_co2": str(per_unit.biogenic_co2_ug),
            "ch4": str(per_unit.ch4_ug),
            "co2": str(per_unit.co2_ug),
            "n2o": str(per_unit.n2o_ug),
            "total": str(per_unit.total_ug_co2e),
            "unsplit": str(per_unit.unsplit_ug),
        }
    return answer


def row_json(row: EmissionFactor) -> dict[str, Json]:
    """A published row with its id."""
    return {**row.to_json(), "factor_id": row.factor_id}

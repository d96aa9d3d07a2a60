"""Explaining the choice of a factor, without any activity."""

from domain.activity import activity_key, find_kind
from domain.canonical import Json
from domain.factor import Basis
from scoring.factors.factor_set import FactorSet
from scoring.resolve import resolve


def explain_factor(factor_set: FactorSet, *, kind: str, region_text: str, year: int, basis: Basis) -> dict[str, Json]:
    """The factor of a kind, place and year, with every step.

    Args:
        factor_set: Rows to choose from.
        kind: Name of a kind.
        region_text: ZIP code, country code, or a region path.
        year: Calendar year of the activity.
        basis: Location or market.

    Returns:
        Factor (or null), micrograms of CO2e per unit by gas, steps and flags.

    Raises:
        KindError: There is no such kind.
        PlaceError: There is no such region.
    """
    region = factor_set.regions.region_of_text(region_text, record="region")
    key = activity_key(kind, region, year, find_kind(kind).dimensions[0])
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
        answer["factor"] = {**found.chosen.factor.to_json(), "factor_id": found.chosen.factor.factor_id}
        answer["gwp_set"] = found.chosen.gwp_set
        answer["ug_co2e_per_unit"] = {
            "ch4": str(per_unit.ch4_ug),
            "co2": str(per_unit.co2_ug),
            "n2o": str(per_unit.n2o_ug),
            "total": str(per_unit.total_ug_co2e),
            "unsplit": str(per_unit.unsplit_ug),
        }
    return answer

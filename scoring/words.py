"""What a step says, put into words only where somebody reads it: a resolver that answers 50,000 keys a second writes no prose."""

from dataclasses import dataclass

from domain.factor import EmissionFactor, Gas, GwpSet
from scoring.factors.factor_set import FactorSet


@dataclass(frozen=True, slots=True)
class RegionName:
    """A region that is named when somebody reads it."""

    factor_set: FactorSet
    region: str

    def __format__(self, spec: str) -> str:
        return self.factor_set.regions.name_of(self.region)


@dataclass(frozen=True, slots=True)
class RegionNames:
    """Several regions that are named when somebody reads them."""

    factor_set: FactorSet
    regions: tuple[str, ...]

    def __format__(self, spec: str) -> str:
        return ", ".join(self.factor_set.regions.name_of(region) for region in self.regions)


@dataclass(frozen=True, slots=True)
class YearsInWords:
    """Years as people read them: "2018 to 2023"."""

    years: tuple[int, ...]

    def __format__(self, spec: str) -> str:
        if len(self.years) > 1 and self.years == tuple(range(self.years[0], self.years[-1] + 1)):
            return f"{self.years[0]} to {self.years[-1]}"
        return ", ".join(map(str, self.years))


@dataclass(frozen=True, slots=True)
class WeightsInWords:
    """How the gases of a row are weighted, in words."""

    factor_set: FactorSet
    row: EmissionFactor
    gwp_set: GwpSet

    def __format__(self, spec: str) -> str:
        weights = self.factor_set.gwps[self.gwp_set]
        shown = ", ".join(f"{gas.upper()} {float(weights[gas]):g}" for gas in ("ch4", "n2o"))
        text = f"Gases are weighted with IPCC {self.gwp_set} over 100 years: {shown}."
        if self.row.gwp_set and self.row.gwp_set != self.gwp_set and Gas.CH4 in self.row.published:
            own = self.factor_set.gwps[GwpSet(self.row.gwp_set)]
            theirs = ", ".join(f"{gas.upper()} {float(own[gas]):g}" for gas in ("ch4", "n2o"))
            text += f" The publisher's own weights ({self.row.gwp_set}: {theirs}) are divided out first."
        return text


@dataclass(frozen=True, slots=True)
class RowInWords:
    """A published row, as a step says it.

    Attributes:
        factor_set: For the region's name.
        row: The row.
    """

    factor_set: FactorSet
    row: EmissionFactor

    def __format__(self, spec: str) -> str:
        row = self.row
        numbers = ", ".join(f"{text} {unit_of_gas(row, gas)}" for gas, text in row.published.items())
        what = row.label or row.rate.replace("_", " ")
        where = self.factor_set.regions.name_of(row.region)
        return f"Factor: {row.publisher}, {row.edition}, {row.table}: {what} of {where} in {row.year}: {numbers}."


def unit_of_gas(row: EmissionFactor, gas: Gas) -> str:
    """The unit of a published number with its gas: "lb CO2/MWh", "kg CO2e/km (of CH4)"."""
    unit = row.published_unit
    if "=" in unit:
        by_gas = dict(part.split("=", 1) for part in unit.split(";"))
        unit = by_gas.get(gas, by_gas.get(Gas.CO2, ""))
    mass, _, per = unit.partition("/")
    if gas is Gas.CO2E:
        return f"{mass} CO2e/{per}"
    name = "biogenic CO2" if gas is Gas.BIOGENIC_CO2 else gas.upper()
    return f"{mass} CO2e/{per} of {name}" if row.gwp_set and Gas.CO2 in row.published else f"{mass} {name}/{per}"

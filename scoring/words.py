"""What a step says, put into words only where somebody reads it: a resolver that answers 50,000 keys a second writes no prose."""

from typing import NamedTuple

from domain.factor import EmissionFactor, Gas, GwpSet
from scoring.factors.factor_set import FactorSet


class RegionName(NamedTuple):
    """A region that is named when somebody reads it."""

    factor_set: FactorSet
    region: str

    def __format__(self, spec: str) -> str:
        return self.factor_set.regions.name_of(self.region)


class RegionNames(NamedTuple):
    """Several regions that are named when somebody reads them."""

    factor_set: FactorSet
    regions: tuple[str, ...]

    def __format__(self, spec: str) -> str:
        return ", ".join(self.factor_set.regions.name_of(region) for region in self.regions)


class YearsInWords(NamedTuple):
    """Years as people read them: "2018 to 2023"."""

    years: tuple[int, ...]

    def __format__(self, spec: str) -> str:
        if len(self.years) > 1 and self.years == tuple(range(self.years[0], self.years[-1] + 1)):
            return f"{self.years[0]} to {self.years[-1]}"
        return ", ".join(map(str, self.years))


class WeightsInWords(NamedTuple):
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


class RowInWords(NamedTuple):
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


class RowStory(NamedTuple):
    """Which year's row was taken, what it says, and how its gases are weighted.

    Attributes:
        factor_set: For names and weights.
        row: The row.
        gwp_set: Set that single gases are weighted with.
        wanted_year: Year of the activity.
        years: Years that are held; empty where the year of a row says nothing.
    """

    factor_set: FactorSet
    row: EmissionFactor
    gwp_set: GwpSet
    wanted_year: int
    years: tuple[int, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Three or four sentences."""
        row = self.row
        told = [self._of_year()] if self.years else []
        told.append(f"{RowInWords(self.factor_set, row)}")
        if row.note:
            told.append(f"Note: {row.note}")
        if not row.is_co2e_only:
            told.append(f"{WeightsInWords(self.factor_set, row, self.gwp_set)}")
        elif row.gwp_set not in {str(self.gwp_set), ""}:
            own = f"the publisher's own weighting ({row.gwp_set}), not {self.gwp_set}"
            told.append(f"Published as CO2e only, so it keeps {own}.")
        return tuple(told)

    def _of_year(self) -> str:
        year, wanted = self.row.year, self.wanted_year
        held = f"{self.factor_set.regions.name_of(self.row.region)} has rates for {YearsInWords(self.years)}"
        if year == wanted:
            return f"{held}; {wanted}, the year of the activity, is among them."
        if year < wanted:
            return f"{held}; not for {wanted}, so the newest earlier year is taken: {year}."
        return f"{held}; none for {wanted} or before, so the nearest later year is taken: {year}."


class PlaceStory(NamedTuple):
    """Where an activity is looked for.

    Attributes:
        factor_set: For names.
        region: Region of the key.
        first: Finest place that is looked at.
        is_grid: Whether the grid of the place matters.
        utility: EIA number of the utility that decided among several grids; empty where none did.
    """

    factor_set: FactorSet
    region: str
    first: str
    is_grid: bool
    utility: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence."""
        regions = self.factor_set.regions
        name = regions.name_of(self.region)
        if not self.region.startswith("US/zip/"):
            return (f"Place: {name}.",)
        found = regions.zip_range(self.region)
        place = f"Place: {name} (state {found.state})"
        if not self.is_grid:
            return (f"{place}.",)
        first = regions.name_of(self.first)
        if len(found.subregions) == 1:
            return (f"{place} lies in {first}, by the EPA's Power Profiler ZIP table of 2020.",)
        if self.utility:
            wires = f"the wires of utility {self.utility} lie in {first} (EIA-861, eGRID's crosswalks)"
            return (f"{place} lies in several subregions; {wires}.",)
        several = ", ".join(regions.name_of(f"US/egrid/{code}") for code in found.subregions)
        taken = "The first is taken; the utility would decide."
        return (f"{place} lies in several: {several}, by the EPA's Power Profiler ZIP table of 2020. {taken}",)

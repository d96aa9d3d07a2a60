"""Electricity: which published rates fit purchased and exported kilowatt-hours.

Average rates only: eGRID's total output, Ember's carbon intensity. Non-baseload rates measure what a saved kilowatt-hour avoids
and are never used for a footprint (the EPA's note to Table 6 of its hub); exported electricity is weighed with the average, too,
until a method for avoided emissions is chosen.

Source:
    GHG Protocol Scope 2 Guidance, section 6.6 and table 6.3 (grid average for the location-based method; generation only).
"""

from domain.factor import LifeCycleScope
from scoring.rule import KindRule

_RATES = ("total_output", "carbon_intensity")
_SCOPES = (LifeCycleScope.GENERATION, LifeCycleScope.LIFE_CYCLE)

PURCHASED = KindRule("electricity", "kWh", _RATES, _SCOPES, is_purchased_energy=True)
EXPORTED = KindRule("electricity", "kWh", _RATES, _SCOPES, is_purchased_energy=False)

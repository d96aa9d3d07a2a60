"""What the numbers in an ESPI ReadingType and UsagePoint mean to us, and which of them we refuse by name.

Source: NAESB REQ.21 ESPI, espi.xsd, enumerations UomType, CommodityType, FlowDirectionType, AccumulationBehaviourType,
DataQualifierType and ServiceKind.
"""

from collections.abc import Mapping

from domain.activity import Direction

UNIT_OF_UOM: Mapping[int, str] = {
    31: "J",
    42: "m3",
    72: "Wh",
    119: "ft3",
    120: "ft3",
    128: "gal_us",
    130: "gal_imp",
    132: "Btu",
    134: "L",
    156: "L",
    157: "L",
    166: "m3",
    167: "m3",
    169: "therm",
}
"""Our symbol of each unit of an amount of energy or volume; 120, 157, 167 are temperature-compensated, 156, 166 are not."""

NAME_OF_UOM: Mapping[int, str] = {
    0: "not applicable",
    5: "ampere (current)",
    6: "kelvin (temperature)",
    23: "degree Celsius (temperature)",
    27: "second",
    29: "volt (voltage)",
    33: "hertz (frequency)",
    38: "W (power)",
    61: "VA (apparent power)",
    63: "var (reactive power)",
    65: "cosine phi (power factor)",
    67: "V2 (volts squared)",
    69: "A2 (amperes squared)",
    71: "VAh (apparent energy)",
    73: "varh (reactive energy)",
    106: "Ah (charge)",
    122: "ft3/h (volume flow)",
    123: "compensated ft3/h (volume flow)",
    125: "m3/h (volume flow)",
    126: "compensated m3/h (volume flow)",
    127: "uncompensated m3/h (volume flow)",
    129: "US gal/h (volume flow)",
    131: "imperial gal/h (volume flow)",
    133: "Btu/h (power)",
    137: "L/h (volume flow)",
    138: "compensated L/h (volume flow)",
    139: "uncompensated L/h (volume flow)",
    140: "Pa (gauge pressure)",
    155: "Pa (absolute pressure)",
}
"""Units that are known and measure no amount of energy or volume: their series are refused by this name."""

KIND_OF_COMMODITY: Mapping[int, str] = {
    1: "electricity",
    2: "electricity",
    7: "natural_gas",
    8: "propane",
    9: "water",
    10: "steam",
    26: "electricity",
}
"""Our kind of activity of each commodity; 1, 2 and 26 are secondary, primary and transmission metered electricity."""

NAME_OF_COMMODITY: Mapping[int, str] = {
    3: "communication",
    4: "air",
    5: "insulative gas",
    6: "insulative oil",
    11: "waste water",
    12: "heating fluid",
    13: "cooling fluid",
    14: "non-potable water",
    15: "NOx",
    16: "SO2",
    17: "CH4",
    18: "CO2",
    19: "carbon",
    20: "HCH",
    21: "PFC",
    22: "SF6",
    23: "television",
    24: "internet",
    25: "refuse",
}
"""Commodities that are known and that we do not account for."""

KIND_OF_SERVICE: Mapping[int, str] = {0: "electricity", 1: "natural_gas", 2: "water"}
"""Our kind of activity of a UsagePoint's ServiceCategory, used where its ReadingType names no commodity."""

DIRECTION_OF_FLOW: Mapping[int, Direction] = {
    0: Direction.DELIVERED,
    1: Direction.DELIVERED,
    4: Direction.NET,
    19: Direction.EXPORT,
    20: Direction.TOTAL,
}
"""Direction of each flowDirection; 0 is "not applicable", as gas and water meters say."""

NAME_OF_FLOW: Mapping[int, str] = {
    2: "lagging",
    3: "leading",
    5: "Q1 plus Q2",
    7: "Q1 plus Q3",
    8: "Q1 plus Q4",
    9: "Q1 minus Q4",
    10: "Q2 plus Q3",
    11: "Q2 plus Q4",
    12: "Q2 minus Q3",
    13: "Q3 plus Q4",
    14: "Q3 minus Q2",
    15: "Q1",
    16: "Q2",
    17: "Q3",
    18: "Q4",
    21: "total by phase",
}
"""Directions that are views of a quadrant or phase: no amount of their own."""

ADDITIVE_ACCUMULATIONS = frozenset({0, 4})
"""accumulationBehaviour of amounts per interval: 4 is delta data, 0 "not applicable"; a missing one is read as 0."""

NAME_OF_ACCUMULATION: Mapping[int, str] = {
    1: "bulk quantity (a register)",
    2: "continuous cumulative (a register)",
    3: "cumulative (a register)",
    6: "indicating",
    9: "summation (a register)",
    10: "time delay",
    12: "instantaneous",
    13: "latching quantity",
    14: "bounded quantity",
}
"""Accumulations whose values are states and not amounts: adding them up counts the same energy again and again."""

NAME_OF_QUALIFIER: Mapping[int, str] = {
    2: "average",
    4: "excess over a threshold",
    5: "high threshold",
    7: "low threshold",
    8: "maximum",
    9: "minimum",
    11: "nominal",
    16: "second maximum",
    17: "second minimum",
    23: "third maximum",
    24: "fourth maximum",
    25: "fifth maximum",
}
"""dataQualifier of values that are no amounts per interval."""

GOOD_QUALITIES = frozenset({0, 17, 19})
"""QualityOfReading that says nothing is wrong: valid, validated, "valid" in older feeds."""

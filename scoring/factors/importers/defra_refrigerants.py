"""Refrigerants and other process gases of the flat file, under the names that the trade and the IPCC use."""

import re

from scoring.factors.importers.defra_place import OPERATION, LeftOut, Place
from scoring.factors.importers.defra_sheet import FlatFactor, choice_of

_COLUMNS = {
    "": "total",
    "emissions including only kyoto products": "kyoto",
    "emissions including only non-kyoto products": "non_kyoto",
    "total emissions including non-kyoto products": "total",
}
"""Until 2021 there is one column, and it is the total: R403A is 3,124 there and 1,766 Kyoto + 1,358 not in 2022."""

_NAMES = {
    "carbon dioxide": "carbon_dioxide",
    "methane": "methane",
    "nitrous oxide": "nitrous_oxide",
    "nitrogen trifluoride": "NF3",
    "sulphur hexafluoride (sf6)": "SF6",
    "trifluoromethyl sulphur pentafluoride": "SF5CF3",
    "carbon tetrachloride": "carbon_tetrachloride",
    "dimethylether": "dimethyl_ether",
    "methyl bromide": "methyl_bromide",
    "methyl chloride": "methyl_chloride",
    "methyl chloroform": "methyl_chloroform",
    "methylene chloride": "methylene_chloride",
    "perfluorocyclopropane": "perfluorocyclopropane",
    "pfpmie": "PFPMIE",
    "hfc-43-i0mee": "HFC-43-10mee",
    "perfluorobutane (pfc-3-1-10)": "PFC-31-10",
    "perfluoropentane (pfc-4-1-12)": "PFC-41-12",
    "perfluorohexane (pfc-5-1-14)": "PFC-51-14",
    "pfc-9-1-18": "PFC-91-18",
    "r600a = isobutane": "R-600a",
    "r601a = isopentane": "R-601a",
}
_PARENTHESISED_PFC = re.compile(r"Perfluoro\w+ \((PFC-[0-9-]+)\)\Z")
_OWN_NAME = re.compile(r"((?:CFC|HCFC|HFC|HFE|HCFE|PFC|Halon)-[0-9][0-9A-Za-z-]*)(?:/R[0-9]+ = \w+| \([^)]+\))?\Z")
_R_NUMBER = re.compile(r"R([0-9]+)([A-Za-z]*)\*?(?: = \w+)?\Z")


def place_refrigerant(factor: FlatFactor) -> Place | LeftOut:
    """A gas that escapes; its rate says which of the gases of a blend count."""
    rate = choice_of(_COLUMNS, factor.column_text, factor)
    return Place("refrigerant", OPERATION, {"refrigerant": _name(factor)}, rate)


def _name(factor: FlatFactor) -> str:
    words = factor.level_3
    if words.lower() in _NAMES:
        return _NAMES[words.lower()]
    for pattern in (_PARENTHESISED_PFC, _OWN_NAME):
        found = pattern.match(words)
        if found:
            return found[1]
    numbered = _R_NUMBER.match(words)
    if numbered:
        letters = (
            numbered[2] if len(numbered[2]) > 1 else numbered[2].upper()
        )  # R1234yf keeps its isomer; R403a is the blend R-403A
        return f"R-{numbered[1]}{letters}"
    return choice_of(_NAMES, words, factor)

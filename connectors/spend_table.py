"""Our own tables of what payments are: merchant category codes, Plaid's categories, words of merchants' names.

Codes and identifiers are the issuers' (sources beside each table); what follows from them is ours, and so are the words. What a
category is scored as stands with the factors, not here; a test holds both against each other.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

TABLE_VERSION = "spend/1"
"""Changes when the same payment would become something else; stands in the parser version of every connector that uses it."""

_Value = TypeVar("_Value")


class WhyNot(StrEnum):
    """Why a payment is no purchase; the value is a sentence for people."""

    INCOME = "Income is no purchase."
    MONEY_IN = "Money came in, and nothing says that it was a refund."
    TRANSFER = "Moving money between accounts or people is no purchase: what it is spent on is."
    LOAN_PAYMENT = "Repaying a debt is no purchase: what was bought with it was."
    LOAN = "Money that was lent is no purchase."
    CARD_PAYMENT = "Paying the bill of a card is no purchase: what was bought with the card was."
    CASH = "Cash is no purchase: what it is spent on is."
    INVESTMENT = "An investment is no purchase."
    INTEREST = "Interest is income of the lender, not the price of a service."
    TAX = "A tax is no purchase."
    FINE = "A fine, bail or alimony is no purchase."
    STORED_VALUE = "Loading stored value is no purchase: what it is spent on is."


def mcc_span(table: Mapping[str, _Value], mcc: str) -> _Value | None:
    """The value of a code in a table.

    Args:
        table: Its keys are codes, or spans with both ends: "3000-3350".
        mcc: Four digits.

    Returns:
        None where no key holds the code.
    """
    found = table.get(mcc)
    if found is not None:
        return found
    for key, value in table.items():
        first, _, last = key.partition("-")
        if last and first <= mcc <= last:
            return value
    return None


NO_PURCHASE_MCC: Mapping[str, WhyNot] = {
    "4829": WhyNot.TRANSFER,
    "6010-6011": WhyNot.CASH,
    "6012": WhyNot.TRANSFER,
    "6050-6051": WhyNot.TRANSFER,
    "6211": WhyNot.INVESTMENT,
    "6532-6533": WhyNot.TRANSFER,
    "6536-6538": WhyNot.TRANSFER,
    "6540": WhyNot.STORED_VALUE,
    "7322": WhyNot.LOAN_PAYMENT,
    "9211": WhyNot.FINE,
    "9222-9223": WhyNot.FINE,
    "9311": WhyNot.TAX,
    "9700-9702": WhyNot.TRANSFER,
    "9950": WhyNot.TRANSFER,
}
"""Merchant category codes of payments that consume nothing. Source of the codes: ISO 18245 (list in the public domain)."""

_FUEL = frozenset({"fuel", "car", "van", "motorcycle"})
_UTILITY = frozenset({"electricity", "natural_gas", "propane", "district_heat", "steam", "water", "wastewater"})
_TRANSIT = frozenset({"rail", "bus", "ferry"})
_TRAVEL = frozenset({"flight", "hotel", "rail", "ferry", "car"})
_FLIGHT, _HOTEL, _TAXI, _CAR = frozenset({"flight"}), frozenset({"hotel"}), frozenset({"taxi"}), frozenset({"car", "van"})
_FOOD, _MEAL, _THING = frozenset({"food"}), frozenset({"meal", "food"}), frozenset({"product"})

BETTER_KINDS_OF_MCC: Mapping[str, frozenset[str]] = {
    "3000-3350": _FLIGHT,
    "4511": _FLIGHT,
    "3351-3500": _CAR,
    "7512-7513": _CAR,
    "7519": _CAR,
    "3501-3999": _HOTEL,
    "7011-7012": _HOTEL,
    "4011": frozenset({"rail"}),
    "4111": _TRANSIT,
    "4112": frozenset({"rail"}),
    "4121": _TAXI,
    "4131": frozenset({"bus"}),
    "4411": frozenset({"ferry"}),
    "4722-4723": _TRAVEL,
    "4789": _TRANSIT | _TAXI,
    "4900": _UTILITY,
    "5172": _FUEL,
    "5541-5542": _FUEL,
    "5552": frozenset({"electricity", "car", "van"}),
    "5983": frozenset({"fuel", "propane"}),
    "5411": _FOOD,
    "5422": _FOOD,
    "5441": _FOOD,
    "5451": _FOOD,
    "5462": _FOOD,
    "5499": _FOOD,
    "5811-5814": _MEAL,
    "4215": frozenset({"freight"}),
    "5611-5699": _THING,
    "5712": _THING,
    "5722": _THING,
    "5732": _THING,
}
"""Kinds that say what a payment of this code bought better than money does. Source: ours."""

BETTER_KINDS_OF_CATEGORY: Mapping[str, frozenset[str]] = {
    "FOOD_AND_DRINK": _MEAL,
    "FOOD_AND_DRINK_COFFEE": _MEAL,
    "FOOD_AND_DRINK_FAST_FOOD": _MEAL,
    "FOOD_AND_DRINK_GROCERIES": _FOOD,
    "FOOD_AND_DRINK_OTHER_FOOD_AND_DRINK": _MEAL,
    "FOOD_AND_DRINK_RESTAURANT": _MEAL,
    "FOOD_AND_DRINK_VENDING_MACHINES": _FOOD,
    "GENERAL_MERCHANDISE_CLOTHING_AND_ACCESSORIES": _THING,
    "GENERAL_MERCHANDISE_CONVENIENCE_STORES": _FOOD | {"fuel"},
    "GENERAL_MERCHANDISE_ELECTRONICS": _THING,
    "GENERAL_MERCHANDISE_SUPERSTORES": _FOOD | _THING,
    "GENERAL_SERVICES_POSTAGE_AND_SHIPPING": frozenset({"freight"}),
    "HOME_IMPROVEMENT_FURNITURE": _THING,
    "RENT_AND_UTILITIES": _UTILITY,
    "RENT_AND_UTILITIES_GAS_AND_ELECTRICITY": _UTILITY,
    "RENT_AND_UTILITIES_OTHER_UTILITIES": _UTILITY | {"waste"},
    "RENT_AND_UTILITIES_SEWAGE_AND_WASTE_MANAGEMENT": frozenset({"wastewater", "waste"}),
    "RENT_AND_UTILITIES_WATER": frozenset({"water", "wastewater"}),
    "TRANSPORTATION": _FUEL | _TRANSIT | _TAXI,
    "TRANSPORTATION_GAS": _FUEL,
    "TRANSPORTATION_OTHER_TRANSPORTATION": _TRANSIT | _TAXI,
    "TRANSPORTATION_PUBLIC_TRANSIT": _TRANSIT,
    "TRANSPORTATION_TAXIS_AND_RIDE_SHARES": _TAXI,
    "TRAVEL": _TRAVEL,
    "TRAVEL_FLIGHTS": _FLIGHT,
    "TRAVEL_LODGING": _HOTEL,
    "TRAVEL_OTHER_TRAVEL": _TRAVEL,
    "TRAVEL_RENTAL_CARS": _CAR,
}
"""As `BETTER_KINDS_OF_MCC`, by Plaid category. Source: ours."""

_DETAILS = {
    "BANK_FEES": ("ATM_FEES FOREIGN_TRANSACTION_FEES INSUFFICIENT_FUNDS OTHER_BANK_FEES OVERDRAFT_FEES"),
    "ENTERTAINMENT": (
        "CASINOS_AND_GAMBLING MUSIC_AND_AUDIO OTHER_ENTERTAINMENT SPORTING_EVENTS_AMUSEMENT_PARKS_AND_MUSEUMS "
        "TV_AND_MOVIES VIDEO_GAMES"
    ),
    "FOOD_AND_DRINK": ("BEER_WINE_AND_LIQUOR COFFEE FAST_FOOD GROCERIES OTHER_FOOD_AND_DRINK RESTAURANT VENDING_MACHINES"),
    "GENERAL_MERCHANDISE": (
        "BOOKSTORES_AND_NEWSSTANDS CLOTHING_AND_ACCESSORIES CONVENIENCE_STORES DEPARTMENT_STORES DISCOUNT_STORES "
        "ELECTRONICS GIFTS_AND_NOVELTIES OFFICE_SUPPLIES ONLINE_MARKETPLACES OTHER_GENERAL_MERCHANDISE PET_SUPPLIES "
        "SPORTING_GOODS SUPERSTORES TOBACCO_AND_VAPE"
    ),
    "GENERAL_SERVICES": (
        "ACCOUNTING_AND_FINANCIAL_PLANNING AUTOMOTIVE CHILDCARE CONSULTING_AND_LEGAL EDUCATION INSURANCE "
        "OTHER_GENERAL_SERVICES POSTAGE_AND_SHIPPING STORAGE"
    ),
    "GOVERNMENT_AND_NON_PROFIT": ("DONATIONS GOVERNMENT_DEPARTMENTS_AND_AGENCIES OTHER_GOVERNMENT_AND_NON_PROFIT"),
    "HOME_IMPROVEMENT": ("FURNITURE HARDWARE OTHER_HOME_IMPROVEMENT REPAIR_AND_MAINTENANCE SECURITY"),
    "MEDICAL": ("DENTAL_CARE EYE_CARE NURSING_CARE OTHER_MEDICAL PHARMACIES_AND_SUPPLEMENTS PRIMARY_CARE VETERINARY_SERVICES"),
    "PERSONAL_CARE": ("GYMS_AND_FITNESS_CENTERS HAIR_AND_BEAUTY LAUNDRY_AND_DRY_CLEANING OTHER_PERSONAL_CARE"),
    "RENT_AND_UTILITIES": (
        "GAS_AND_ELECTRICITY INTERNET_AND_CABLE OTHER_UTILITIES RENT SEWAGE_AND_WASTE_MANAGEMENT TELEPHONE WATER"
    ),
    "TRANSPORTATION": ("BIKES_AND_SCOOTERS GAS OTHER_TRANSPORTATION PARKING PUBLIC_TRANSIT TAXIS_AND_RIDE_SHARES TOLLS"),
    "TRAVEL": ("FLIGHTS LODGING OTHER_TRAVEL RENTAL_CARS"),
}

CATEGORIES: Mapping[str, str | WhyNot] = {
    **{one: one for one in _DETAILS},
    **{(one := f"{primary}_{detail}"): one for primary, details in _DETAILS.items() for detail in details.split()},
    # Categories of the second taxonomy (December 2025), scored as those of the first.
    "BANK_FEES_LATE_FEES": "BANK_FEES_OTHER_BANK_FEES",
    "BANK_FEES_CASH_ADVANCE": "BANK_FEES_OTHER_BANK_FEES",
    "BANK_FEES_INTEREST_CHARGE": WhyNot.INTEREST,
    "GOVERNMENT_AND_NON_PROFIT_TAX_PAYMENT": WhyNot.TAX,
    # A whole primary category; details of it that are not named here, of any taxonomy, are the same.
    "INCOME": WhyNot.INCOME,
    "LOAN_DISBURSEMENTS": WhyNot.LOAN,
    "LOAN_PAYMENTS": WhyNot.LOAN_PAYMENT,
    "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT": WhyNot.CARD_PAYMENT,
    "TRANSFER_IN": WhyNot.TRANSFER,
    "TRANSFER_IN_CASH_ADVANCES_AND_LOANS": WhyNot.LOAN,
    "TRANSFER_IN_DEPOSIT": WhyNot.CASH,
    "TRANSFER_IN_INVESTMENT_AND_RETIREMENT_FUNDS": WhyNot.INVESTMENT,
    "TRANSFER_OUT": WhyNot.TRANSFER,
    "TRANSFER_OUT_CRYPTO": WhyNot.INVESTMENT,
    "TRANSFER_OUT_INVESTMENT_AND_RETIREMENT_FUNDS": WhyNot.INVESTMENT,
    "TRANSFER_OUT_WITHDRAWAL": WhyNot.CASH,
    # Says nothing: the merchant's name is asked.
    "OTHER": "",
}
"""Plaid personal finance category to the one that it is scored as, to why it is no purchase, or to nothing. Source of the
identifiers: Plaid's published taxonomies of 2023 and December 2025; what follows is ours."""

MCC_OF_WORDS: Mapping[str, str] = {
    words: mcc
    for mcc, names in {
        "3000": "united airlines",
        "4511": (
            "airlines, airline, airways, air france, american air, british airways, delta air, easyjet, emirates, klm, "
            "lufthansa, ryanair, southwest air, swiss international, wizz air"
        ),
        "4111": "bart clipper, caltrain, metro transit, mta nyct, mta vending, sbb mobile, tfl travel, transport for london",
        "4112": "amtrak, db vertrieb, deutsche bahn, eurostar, lner, ouigo, renfe, sbb cff ffs, sncf, trainline, trenitalia",
        "4121": "bolt eu, cabify, freenow, lyft, taxi, uber, uber trip",
        "4131": "flixbus, greyhound, megabus, national express",
        "4814": "at&t, t mobile, telekom, telefonica, verizon, vodafone",
        "4899": "comcast, disney plus, disneyplus, netflix, spectrum, xfinity",
        "4900": (
            "con edison, con ed, coned, duke energy, edf, enedis, engie, eon, national grid, octopus energy, pacific gas, "
            "pg&e, stadtwerke, vattenfall"
        ),
        "5200": "b&q, bauhaus, home depot, hornbach, leroy merlin, lowe s, lowes, obi",
        "5310": "poundland, target",
        "5311": "galeries lafayette, john lewis, kohl s, kohls, macy s, macys, nordstrom",
        "5331": "dollar general, dollar tree",
        "5399": "amazon, amazon marketplace, amzn, amzn mktp, ebay, etsy",
        "5411": (
            "albert heijn, aldi, asda, auchan, carrefour, coop, costco whse, edeka, grocery, groceries, kroger, leclerc, "
            "lidl, mercadona, migros, morrisons, penny markt, publix, rewe, safeway, sainsbury s, sainsburys, supermarche, "
            "supermarket, supermarkt, tesco, trader joe s, trader joe, waitrose, wal mart, walmart, wegmans, whole foods"
        ),
        "5462": "bakery, backerei, bäckerei, boulangerie",
        "5541": (
            "aral, bp, chevron, circle k, esso, exxon, exxonmobil, filling station, gas station, jet tankstelle, repsol, "
            "shell, sunoco, tankstelle, texaco, totalenergies, valero"
        ),
        "5552": "chargepoint, electrify america, evgo, ionity, tesla supercharger",
        "5651": "c&a, gap, h&m, primark, uniqlo, zalando, zara",
        "5655": "decathlon",
        "5712": "ikea",
        "5732": "apple store, best buy, currys, darty, fnac, media markt, mediamarkt, saturn",
        "5812": "restaurant, ristorante, steakhouse, trattoria, doordash, uber eats, deliveroo, grubhub, just eat, lieferando",
        "5814": (
            "burger king, cafe, café, chick fil a, chipotle, coffee, costa coffee, dunkin, five guys, kfc, mcdonald s, "
            "mcdonalds, pizza hut, pret a manger, starbucks, subway, taco bell"
        ),
        "5815": "audible, kindle, spotify",
        "5912": "apotheke, boots, cvs, dm drogerie, farmacia, pharmacie, pharmacy, rite aid, rossmann, superdrug, walgreens",
        "5995": "fressnapf, petco, petsmart",
        "7011": "accor, best western, hilton, holiday inn, hotel, hostel, hyatt, ibis, marriott, motel, premier inn, airbnb",
        "7230": "barber, coiffeur, friseur, hair salon",
        "7512": "avis rent, enterprise rent, europcar, hertz, sixt",
        "7523": "easypark, parking, parkhaus, parkmobile",
        "7832": "cinema, cinemas, kino, odeon",
        "7997": "basic fit, fitness, gym, mcfit, planet fitness",
    }.items()
    for words in names.split(", ")
}
"""Words of merchants' names, lower case without punctuation, to a code that is scored as what such a merchant mostly sells.
Source: ours, from what these companies do."""

"""ADEME's Impact CO2: food, meals, things, journeys and digital services in France, from the files of the site's repository.

ADEME gives every figure as a list of life-cycle stages. A row here is the exact decimal sum of the stages' texts as the file has
them; the label repeats them, so that a reader adds them up again. Some stages are computed floats ("5.699999999999999"); they are
neither rounded nor repaired.

What is left out, each with a finding: drinks per litre (food is kept by mass), what has no kind (walking, electric bicycles and
scooters, storage and transfer of data), heating per square metre and year (no unit of ours; its energy is scored from the meter),
what the file of another category has in more detail, and a bed whose total and stages contradict each other.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from domain.errors import FactorSetError
from domain.number import fraction_to_text
from scoring.factors.importers.published import Imported, PublishedRow, SourceTable, hash_findings

KNOWN_SHA256S: Mapping[str, str] = {
    "alimentation": "b41db9eea391d72d93cf95d2d5b480fb89fffd0f89b839f9f1166f6c4bb00d27",
    "boisson": "e10d5767cf3770f5d8948a58efac4a10ae9a65cdbabe466d477f056d4505bbf2",
    "chauffage": "91fd9bdedc777e890880089aedf9a4e54bfa81c8f63192dbf6e153f4174ae4cc",
    "deplacement": "a98ff176035c726344e9a7aef9c9dafdd3d4d276ea4733f0924d85a95478865a",
    "electromenager": "fbece5ec18c5e4ed9e86a0c01ff61b97ce717768b38a8757b4536a5230646e11",
    "fruitsetlegumes": "7faa68a1558fea47bece5fd36907305f95119cd38748877a02ccda545d5d56e2",
    "habillement": "f72f3b9c8707215de283cb77fba63ae6a1ab623521c51db68cb5b857e63c7cec",
    "mobilier": "88ce36238eb40543a31391e7663be37509e76f7d393339574c43332c7a8e497f",
    "numerique": "bf948d3c03bb7dafe8e35d9b09e99a70cd7ccdb7cff5a694c23200667b59988d",
    "repas": "b66291855a540a140ee13853afac6ba690b49cb27d4a2f2e0e545cac8de4eb17",
    "usagenumerique": "e00d42c82560216320a9f22c1cdec46c84f513cccde27e87e58031b0cae3d600",
}
"""Files by their name in ADEME's repository, and the bytes of the edition that we know."""

YEAR = 2026
"""The files say no year of their data; this is the year of the edition."""

_EDITION = "Impact CO2, state of 2026-07-01"
_LICENCE = "Licence Ouverte / Open Licence 2.0 (Etalab)"
_SOURCE_URL = "https://impactco2.fr"

STAGES: Mapping[int, str] = {
    1: "Matières premières",
    2: "Approvisionnement",
    3: "Mise en forme",
    4: "Assemblage et distribution",
    5: "Construction",
    6: "Carburant",
    7: "Trainées de condensation",
    13: "Construction des terminaux",
    14: "Usage des terminaux",
    15: "Transmission",
    16: "Construction des data-centers",
    17: "Usage des data-centers",
    18: "Construction des réseaux",
    30: "Agriculture",
    31: "Transformation",
    32: "Emballage",
    33: "Transport",
    34: "Supermarché et distribution",
    35: "Consommation",
}
"""ADEME's names of the life-cycle stages, by the `id` in the files (`src/data/ecv.ts` of the repository)."""

_CONSTRUCTION, _FUEL, _CONTRAILS = 5, 6, 7
_DEVICES = frozenset((13, 14))
_TOTAL_TOLERANCE_RATIO = Fraction(3, 100)
"""How far the stages' sum may be from the total that the file prints beside, rounded to two or three digits."""

_AMOUNT_LIMIT_KG = 1_000_000
"""No thing of a household emits this much; a number beyond it is a slip, or no number that can be added exactly."""

_PLACES_LIMIT = 30
_FOOD_CATEGORIES: Mapping[str, Decimal] = {"alimentation": Decimal(2), "fruitsetlegumes": Decimal(9)}
"""ADEME's `category` of what belongs to each file; the first repeats some of the others' (3 is drinks, per litre)."""

_FOODS: Mapping[str, str] = {
    "boeuf": "beef",
    "veau": "veal",
    "porc": "pork",
    "canard": "duck",
    "lapin": "rabbit",
    "poulet": "chicken",
    "crevettes": "prawns",
    "moules": "mussels",
    "huitres": "oysters",
    "cabillaud": "cod",
    "lieu": "pollock",
    "dorade": "sea_bream",
    "saumon": "salmon",
    "thon": "tuna",
    "sardines": "sardines",
    "beurre": "butter",
    "fromagedure": "hard_cheese",
    "feta": "feta_cheese",
    "fromagemolle": "soft_cheese",
    "mozarella": "mozzarella_cheese",
    "fromagebleu": "blue_cheese",
    "oeuf": "eggs",
    "matieregrasse": "margarine",
    "yaourt": "yoghurt",
    "fromageblanc": "fromage_blanc",
    "riz": "rice",
    "pates": "pasta",
    "ble": "wheat",
    "boulgour": "bulgur",
    "poischiches": "chickpeas",
    "haricotsrouges": "kidney_beans",
    "lentilles": "lentils",
    "mais": "sweetcorn",
    "cheeseburger": "cheeseburger",
    "kebab": "kebab",
    "burgerpoulet": "chicken_burger",
    "pizza": "pizza",
    "sushis": "sushi",
    "burgervegetarien": "vegetarian_burger",
    "frites": "chips",
    "tofu": "tofu",
    "boucheechocolat": "filled_chocolates",
    "pateatartiner": "chocolate_spread",
    "brownie": "brownies",
    "painauchocolat": "pain_au_chocolat",
    "cookie": "cookies",
    "madeleine": "madeleines",
    "painauxraisins": "pain_aux_raisins",
    "chaussonauxpommes": "apple_turnovers",
    "croissant": "croissants",
    "paindemie": "sliced_bread",
    "bonbons": "sweets",
    "baguette": "baguette",
    "pommedeterre": "potatoes",
    "boulettesvegetales": "meat_free_balls",
    "galettefromage": "cheese_patties",
    "galettevegetale": "vegetable_patties",
    "hachevegetal": "meat_free_mince",
    "nuggetsvegetaux": "meat_free_nuggets",
    "saucissevegetale": "meat_free_sausages",
    "fraise": "strawberries",
    "pomme": "apples",
    "orange": "oranges",
    "citron": "lemons",
    "ail": "garlic",
    "artichaut": "artichokes",
    "asperge": "asparagus",
    "betterave": "beetroot",
    "blette": "chard",
    "carotte": "carrots",
    "celeri": "celery",
    "champignonmorille": "morel_mushrooms",
    "chou": "cabbage",
    "choudebruxelles": "brussels_sprouts",
    "choufleur": "cauliflower",
    "concombre": "cucumber",
    "courge": "squash",
    "courgette": "courgettes",
    "cresson": "watercress",
    "echalote": "shallots",
    "endive": "chicory",
    "epinard": "spinach",
    "mangue / Importée par avion": "mangoes_by_air",
    "mangue / Importée par bateau": "mangoes_by_sea",
    "fenouil": "fennel",
    "haricotvert": "green_beans",
    "laitue": "lettuce",
    "mache": "lambs_lettuce",
    "navet": "turnips",
    "oignon": "onions",
    "panais": "parsnips",
    "petitpois": "garden_peas",
    "poireau": "leeks",
    "poivron": "peppers",
    "potiron": "pumpkins",
    "radis": "radishes",
    "salsifis": "salsify",
    "topinambour": "jerusalem_artichokes",
    "cassis": "blackcurrants",
    "chataigne": "chestnuts",
    "clementine": "clementines",
    "pamplemousse": "grapefruit",
    "coing": "quinces",
    "figue": "figs",
    "groseille": "redcurrants",
    "kiwi": "kiwis",
    "mandarine": "mandarins",
    "melon": "melon",
    "mure": "blackberries",
    "nectarine": "nectarines",
    "myrtille": "blueberries",
    "noisette": "hazelnuts",
    "noix": "walnuts",
    "prune": "plums",
    "reineclaude": "greengages",
    "rhubarbe": "rhubarb",
    "peche": "peaches",
    "cerise": "cherries",
    "abricot": "apricots",
    "framboise": "raspberries",
    "poire": "pears",
    "raisin": "grapes",
    "aubergine": "aubergines",
    "brocoli": "broccoli",
    "tomate": "tomatoes",
    "ananas": "pineapple",
    "banane": "bananas",
    "avocat": "avocados",
    "carambole": "star_fruit",
    "datte": "dates",
    "fruitdelapassion": "passion_fruit",
    "grenade": "pomegranates",
    "kaki": "persimmons",
    "noixdecoco": "coconuts",
    "pasteque": "watermelon",
}
"""ADEME's names of foods to those that every publisher shares here."""

_MEALS: Mapping[str, str] = {
    "repasavecduboeuf": "beef",
    "repasvegetarien": "vegetarian",
    "repasvegetalien": "vegan",
    "repasavecdupoissonblanc": "white_fish",
    "repasavecdupoissongras": "oily_fish",
    "repasavecdupoulet": "chicken",
}

_PRODUCTS: Mapping[str, str] = {
    "jeans": "jeans",
    "polo": "polo_shirt",
    "tshirtencoton": "t_shirt_cotton",
    "tshirtenpolyester": "t_shirt_polyester",
    "sweatencoton": "sweatshirt_cotton",
    "chemiseencoton": "shirt_cotton",
    "chemiseenviscose": "shirt_viscose",
    "chaussuresencuir": "shoes_leather",
    "chaussuresentissu": "shoes_textile",
    "chaussuresdesport": "shoes_sports",
    "robeencoton": "dress_cotton",
    "robeenpolyester": "dress_polyester",
    "robeenviscose": "dress_viscose",
    "pullenlaine": "jumper_wool",
    "pullenacrylique": "jumper_acrylic",
    "pullencotonrecycle": "jumper_recycled_cotton",
    "manteau": "coat",
    "vesteimpermeable": "jacket_waterproof",
    "vestesimilicuir": "jacket_imitation_leather",
    "canapeconvertible": "sofa_bed",
    "chaiseenbois": "chair_wooden",
    "tableenbois": "table_wooden",
    "canapetextile": "sofa_textile",
    "armoire": "wardrobe",
    "lit": "bed",
    "bouilloire": "kettle",
    "cafetieredosette": "coffee_machine_pods",
    "cafetierefiltre": "coffee_machine_filter",
    "cafetiereexpresso": "coffee_machine_espresso",
    "fourelectrique": "oven_electric",
    "lavevaisselle": "dishwasher",
    "lavelinge": "washing_machine",
    "refrigirateur": "refrigerator",
    "aspirateur": "vacuum_cleaner",
    "climatiseur": "air_conditioner",
    "microondes": "microwave_oven",
    "smartphone": "smartphone",
    "ordinateurfixeparticulier": "desktop_computer_home",
    "ordinateurfixeprofessionnel": "desktop_computer_office",
    "ecran": "computer_monitor",
    "tabletteclassique": "tablet",
    "television": "television",
    "ordinateurportable": "laptop",
    "enceintebluetooth": "smart_speaker",
    "telephonebasique": "basic_phone",
    "casquevr": "virtual_reality_headset",
    "alimentationordinateur": "power_supply_laptop",
    "alimentationsmartphone": "power_supply_phone",
    "disquedur": "external_hard_drive",
    "clefusb": "usb_stick",
    "box": "internet_router",
}


@dataclass(frozen=True)
class _Journey:
    kind: str
    unit: str
    attributes: Mapping[str, str]
    variant: str = ""


_JOURNEYS: Mapping[str, _Journey] = {
    "tgv": _Journey("rail", "pkm", {"service": "intercity"}),
    "intercites": _Journey("rail", "pkm", {"service": "intercity"}, "intercites"),
    "rer": _Journey("rail", "pkm", {"service": "commuter"}),
    "ter": _Journey("rail", "pkm", {"service": "commuter"}, "ter"),
    "tramway": _Journey("rail", "pkm", {"service": "light_rail"}),
    "metro": _Journey("rail", "pkm", {"service": "underground"}),
    "autocar": _Journey("bus", "pkm", {"service": "coach"}),
    "busthermique": _Journey("bus", "pkm", {"service": "local"}),
    "buselectrique": _Journey("bus", "pkm", {"service": "local"}, "electric"),
    "busgnv": _Journey("bus", "pkm", {"service": "local"}, "cng"),
    "voiturethermique": _Journey("car", "km", {"powertrain": "unknown", "size": "average"}),
    "voitureelectrique": _Journey("car", "km", {"powertrain": "electric", "size": "average"}),
    "scooter": _Journey("motorcycle", "km", {"size": "small"}),
    "moto": _Journey("motorcycle", "km", {"size": "average"}),
}
_FLIGHTS: Mapping[str, str] = {"Court courrier": "short", "Moyen courrier": "medium", "Long courrier": "long"}
_DIGITAL: Mapping[str, tuple[str, str]] = {
    "email": ("email", "item"),
    "spam": ("spam_email_unread", "item"),
    "rechercheweb": ("web_search", "item"),
    "streamingvideo": ("video_streaming", "h"),
    "visioconference": ("video_call", "h"),
}
"""Our name of the service, and the unit that it is per."""

_PRODUCT_NOTE = (
    "Making, delivery and end of life; the use phase is left out, since the home's electricity counts it. End of life is counted "
    "where it emits; where ADEME credits recycling (a negative number) the credit is in no row, because gross emissions "
    "hold no avoided ones: ADEME's own total is smaller by it. Sums of computed stages, kept to the last digit."
)
_JOURNEY_NOTE = (
    'Rate "use": the stage Carburant alone, which holds exhaust and the making of fuel and electricity, so nothing upstream may '
    'be added. Rate "use_and_construction": with the making, upkeep and end of life of the vehicle. Roads and rails are in '
    "neither. A suffix names a variant of the same service. Cars and motorcycles per vehicle, the others per passenger. Sums of "
    "computed stages, kept to the last digit."
)
_FLIGHT_NOTE = (
    "Per passenger: 500 to 1,000 km short, to 2,000 km medium, beyond long. The stage Carburant holds burning and making of the "
    "fuel, so nothing upstream may be added; contrails are in the rows with radiative forcing alone."
)
_DIGITAL_NOTE = (
    'Rate "": all stages. Rate "without_devices": without making and running the user\'s own device, which products bought and '
    "the home's electricity count."
)


def import_ademe(name: str, data: bytes) -> Imported:
    """The figures of one of ADEME's files.

    Args:
        name: Which file: "alimentation", "boisson", ... as in `KNOWN_SHA256S`.
        data: Its bytes (JSON).

    Returns:
        Tables and rows for France; none where nothing of the file has a kind and unit of ours, with findings.

    Raises:
        FactorSetError: There is no such file, or an entry, stage or number is not what it must be.
    """
    if name not in KNOWN_SHA256S:
        raise FactorSetError(expected=f"one of {', '.join(KNOWN_SHA256S)}", got=name, record="ADEME, Impact CO2")
    record = f"ADEME, {name}.json"
    entries = _entries(data, record)
    found = _READERS[name](name, entries, record)
    return Imported(found.tables, found.rows, findings=(*hash_findings(data, (KNOWN_SHA256S[name],), record), *found.findings))


@dataclass(frozen=True)
class _Stage:
    name: str
    value: Decimal

    @property
    def text(self) -> str:
        return f"{self.name} {format(self.value, 'f')}"


Entry = Mapping[str, object]
"""One thing of a file."""


def _entries(data: bytes, record: str) -> list[Entry]:
    try:
        content = json.loads(data, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse_constant)
    except ValueError as error:
        raise FactorSetError(expected="JSON", got=str(error), record=record) from error
    if not isinstance(content, list) or not all(isinstance(one, dict) and isinstance(one.get("slug"), str) for one in content):
        raise FactorSetError(expected="a list of entries, each with a slug", got=type(content).__name__, record=record)
    return content


def _refuse_constant(text: str) -> object:
    message = f"{text} is no number"
    raise ValueError(message)


def _stages(value: object, record: str) -> list[_Stage]:
    if not isinstance(value, list):
        raise FactorSetError(expected="a list of life-cycle stages", got=value, record=record)
    stages = []
    for one in value:
        stage_id, amount = (one.get("id"), one.get("value")) if isinstance(one, dict) else (None, None)
        if not isinstance(stage_id, Decimal) or int(stage_id) not in STAGES:
            raise FactorSetError(expected="a life-cycle stage that ADEME names", got=stage_id, record=record)
        stages.append(_Stage(STAGES[int(stage_id)], _amount(amount, record)))
    names = [stage.name for stage in stages]
    if len(set(names)) != len(names):
        raise FactorSetError(expected="each stage once", got=", ".join(names), record=record)
    return stages


def _amount(value: object, record: str) -> Decimal:
    number = _number(value, record)
    if number < 0:
        raise FactorSetError(expected="a number of zero or more", got=str(number), record=record)
    return number


def _number(value: object, record: str) -> Decimal:
    if not isinstance(value, Decimal) or abs(value) >= _AMOUNT_LIMIT_KG or int(value.as_tuple().exponent) < -_PLACES_LIMIT:
        raise FactorSetError(expected=f"a number below {_AMOUNT_LIMIT_KG} kg", got=str(value), record=record)
    return value


def _sum_text(stages: list[_Stage]) -> str:
    return fraction_to_text(sum((Fraction(stage.value) for stage in stages), Fraction(0)))


def _title(entry: Entry) -> str:
    parts = [str(entry[key]).strip() for key in ("name", "subtitle") if entry.get(key)]
    codes = entry.get("Code_CIQUALs") or entry.get("Code_CIQUAL")
    if codes:
        parts.append("CIQUAL " + ", ".join(str(code) for code in (codes if isinstance(codes, list) else [codes])))
    return " / ".join(parts or [str(entry["slug"])])


def _label(entry: Entry, stages: list[_Stage]) -> str:
    title = _title(entry) if entry.get("name") else f"{entry['slug']} / {_title(entry)}"
    return f"{title}: {' + '.join(stage.text for stage in stages)}"


def _table(name: str, suffix: str, kind: str, unit: str, note: str, *, published_unit: str = "") -> SourceTable:
    return SourceTable(
        table_id=f"ademe2026-{suffix}",
        publisher="ADEME",
        edition=_EDITION,
        table=f"src/data/categories/{name}.json of github.com/incubateur-ademe/impactco2",
        kind=kind,
        unit=unit,
        published_unit=published_unit or f"kg/{unit}",
        gwp_set="not stated",
        life_cycle_scope="life_cycle",
        source_url=_SOURCE_URL,
        licence=_LICENCE,
        note=note,
    )


def _read_food(name: str, entries: list[Entry], record: str) -> Imported:
    table = _table(
        name,
        f"food-{name}",
        "food",
        "kg",
        "From farm to plate, Agribalyse by CIQUAL code. Sums of computed stages, kept to the last digit.",
    )
    rows: dict[str, PublishedRow] = {}
    findings = []
    for entry in entries:
        where = f"{record}, {entry['slug']}"
        if entry.get("category") != _FOOD_CATEGORIES[name]:
            findings.append(f"{where}: left out, the file of its own category ({entry.get('category')}) has it")
            continue
        food = _FOODS.get(f"{entry['slug']} / {entry['subtitle']}" if "subtitle" in entry else "") or _FOODS.get(
            str(entry["slug"])
        )
        if food is None:
            findings.append(f"{where}: left out, a food without a name here")
            continue
        stages = _stages(entry["ecv"], where)
        row = _row(table, "", _sum_text(stages), _label(entry, stages), {"food": food})
        if rows.setdefault(food, row) != row:
            raise FactorSetError("A food stands twice and differs", expected=rows[food].label, got=row.label, record=where)
    return Imported((table,), tuple(rows.values()), findings=tuple(findings))


def _read_meals(name: str, entries: list[Entry], record: str) -> Imported:
    table = _table(name, "meal", "meal", "item", "One meal with its courses, by its main dish.", published_unit="kg/meal")
    rows, findings = [], []
    for entry in entries:
        where = f"{record}, {entry['slug']}"
        meal = _MEALS.get(str(entry["slug"]))
        if meal is None:
            findings.append(f"{where}: left out, a meal without a name here")
            continue
        total = _amount(entry.get("total"), where)
        rows.append(_row(table, "", format(total, "f"), f"{_title(entry)} ({entry.get('source', '')})", {"meal": meal}))
    return Imported((table,), tuple(rows), findings=tuple(findings))


def _read_products(name: str, entries: list[Entry], record: str) -> Imported:
    table = _table(name, f"product-{name}", "product", "item", _PRODUCT_NOTE)
    rows, findings = [], []
    for entry in entries:
        where = f"{record}, {entry['slug']}"
        product = _PRODUCTS.get(str(entry["slug"]))
        stages = _stages(entry.get("ecv"), where)
        contradiction = _contradiction(entry, stages, where)
        if product is None or contradiction:
            findings.append(f"{where}: left out, {contradiction or 'a thing without a name here'}")
            continue
        made = sum((stage.value for stage in stages), Decimal(0))
        end = _number(entry.get("end", Decimal(0)), where)
        if end < 0:
            findings.append(f"{where}: credit of {end} kg at the end of life is not counted")
        if end > made:
            findings.append(f"{where}: the end of life ({end} kg) is more than the making")
        if end > 0:
            stages.append(_Stage("Fin de vie", end))
        rows.append(_row(table, "", _sum_text(stages), _label(entry, stages), {"product": product}))
    return Imported((table,), tuple(rows), findings=tuple(findings))


def _contradiction(entry: Entry, stages: list[_Stage], where: str) -> str:
    if "total" not in entry:
        return ""
    total, summed = Fraction(_amount(entry["total"], where)), Fraction(_sum_text(stages))
    if abs(summed - total) <= _TOTAL_TOLERANCE_RATIO * total:
        return ""
    return f"the total says {entry['total']}, the stages sum to {fraction_to_text(summed)}"


def _read_journeys(name: str, entries: list[Entry], record: str) -> Imported:
    tables: dict[str, SourceTable] = {}
    rows: list[PublishedRow] = []
    findings = []
    for entry in entries:
        where = f"{record}, {entry['slug']} {entry.get('name', '')}".rstrip()
        if "ecvs" in entry:
            table = tables.setdefault("flight", _table(name, "flight", "flight", "pkm", _FLIGHT_NOTE))
            rows += _flight_rows(table, entry, where)
            continue
        journey = _JOURNEYS.get(str(entry["slug"]))
        if journey is None:
            findings.append(f"{where}: left out, there is no such kind")
            continue
        table = tables.setdefault(journey.kind, _table(name, journey.kind, journey.kind, journey.unit, _JOURNEY_NOTE))
        rows += _journey_rows(table, entry, journey, _stages(entry.get("ecv"), where), where)
    return Imported(tuple(tables.values()), tuple(rows), findings=tuple(findings))


def _journey_rows(table: SourceTable, entry: Entry, journey: _Journey, stages: list[_Stage], where: str) -> list[PublishedRow]:
    suffix = f"_{journey.variant}" if journey.variant else ""
    used = _only(stages, (_FUEL,), where)
    built = [*used, *_only(stages, (_CONSTRUCTION,), where)]
    return [
        _row(table, f"use{suffix}", _sum_text(used), _label(entry, used), journey.attributes),
        _row(table, f"use_and_construction{suffix}", _sum_text(built), _label(entry, built), journey.attributes),
    ]


def _flight_rows(table: SourceTable, entry: Entry, where: str) -> list[PublishedRow]:
    lengths = entry["ecvs"]
    rows: list[PublishedRow] = []
    for length in lengths if isinstance(lengths, list) else []:
        subtitle = str(length.get("subtitle")) if isinstance(length, dict) else ""
        if subtitle not in _FLIGHTS:
            raise FactorSetError(expected=f"one of {', '.join(_FLIGHTS)}", got=subtitle, record=where)
        stages = _stages(length.get("ecv"), f"{where}, {subtitle}")
        named = {**entry, "subtitle": subtitle}
        without = {"haul": _FLIGHTS[subtitle], "cabin": "average", "radiative_forcing": "without"}
        rows += _journey_rows(table, named, _Journey("flight", "pkm", without), stages, where)
        used = _only(stages, (_FUEL, _CONTRAILS), where)
        rows.append(_row(table, "use", _sum_text(used), _label(named, used), {**without, "radiative_forcing": "with"}))
    if len(rows) != 3 * len(_FLIGHTS):
        raise FactorSetError(expected=f"the lengths {', '.join(_FLIGHTS)}", got=lengths, record=where)
    return rows


def _only(stages: list[_Stage], stage_ids: tuple[int, ...], where: str) -> list[_Stage]:
    found = [stage for stage in stages if stage.name in {STAGES[one] for one in stage_ids}]
    if len(found) != len(stage_ids):
        expected = ", ".join(STAGES[one] for one in stage_ids)
        raise FactorSetError(expected=f"the stages {expected}", got=", ".join(stage.name for stage in stages), record=where)
    return found


def _read_digital(name: str, entries: list[Entry], record: str) -> Imported:
    tables = {unit: _table(name, f"digital-{unit}", "digital", unit, _DIGITAL_NOTE) for unit in ("item", "h")}
    rows, findings = [], []
    for entry in entries:
        where = f"{record}, {entry['slug']}"
        if str(entry["slug"]) not in _DIGITAL:
            findings.append(f"{where}: left out, there is no unit for it")
            continue
        service, unit = _DIGITAL[str(entry["slug"])]
        stages = _stages(entry.get("ecv"), where)
        devices = {STAGES[one] for one in _DEVICES}
        network = [stage for stage in stages if stage.name not in devices]
        rows.append(_row(tables[unit], "", _sum_text(stages), _label(entry, stages), {"service": service}))
        rows.append(_row(tables[unit], "without_devices", _sum_text(network), _label(entry, network), {"service": service}))
    return Imported(tuple(tables.values()), tuple(rows), findings=tuple(findings))


def _read_drinks(_name: str, entries: list[Entry], record: str) -> Imported:
    slugs = ", ".join(str(entry["slug"]) for entry in entries)
    return Imported(findings=(f"{record}: left out, per litre while food is kept by mass: {slugs}",))


def _read_heating(_name: str, entries: list[Entry], record: str) -> Imported:
    slugs = ", ".join(str(entry["slug"]) for entry in entries)
    return Imported(findings=(f"{record}: left out, per square metre and year: {slugs}",))


def _row(table: SourceTable, rate: str, value_text: str, label: str, attributes: Mapping[str, str]) -> PublishedRow:
    return PublishedRow(table.table_id, "FR", YEAR, rate, {"co2e": value_text}, label=label, attributes=dict(attributes))


_READERS: Mapping[str, Callable[[str, list[Entry], str], Imported]] = {
    "alimentation": _read_food,
    "boisson": _read_drinks,
    "chauffage": _read_heating,
    "deplacement": _read_journeys,
    "electromenager": _read_products,
    "fruitsetlegumes": _read_food,
    "habillement": _read_products,
    "mobilier": _read_products,
    "numerique": _read_products,
    "repas": _read_meals,
    "usagenumerique": _read_digital,
}

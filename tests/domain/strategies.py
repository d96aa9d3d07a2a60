"""Values for the property tests of the nouns: canonical JSON, keys, activities, lines, totals, manifests."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from domain.activity import KINDS, Activity, ActivityKey, EvidenceClass, Quality
from domain.canonical import MAX_INTEGER, Json
from domain.factor import Basis, FactorSetId, GasSplit, Part
from domain.manifest import Manifest, RetiredUnits, TreeId
from domain.number import INT64_MAX
from domain.period import Month, MonthRange, instant_of_epoch_s
from domain.statement import Line, Totals
from domain.units import CANONICAL_UNIT, CURRENCIES

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text(st.characters(codec="ascii"), max_size=12)
HEXES = st.binary(min_size=32, max_size=32).map(bytes.hex)
QUANTITIES = st.integers(-INT64_MAX, INT64_MAX)
AMOUNTS = st.integers(-(10**38), 10**38)
COUNTS = st.integers(0, 10**9)

JSON_VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)

MONTHS = st.builds(Month, st.integers(1990, 2199), st.integers(1, 12))
MONTH_RANGES = st.builds(lambda first, count: MonthRange(first, first.plus(count)), MONTHS, st.integers(1, 48))
INSTANTS = st.integers(631_152_000, 7_258_118_399).map(instant_of_epoch_s)  # 1990 to 2199

KEYS = st.builds(
    ActivityKey,
    kind=st.sampled_from(sorted(KINDS)),
    region=st.sampled_from(["US", "US/zip/94110", "US/egrid/CAMX", "DE", "WORLD"]),
    year=st.integers(1990, 2199),
    unit=st.sampled_from(sorted({*CANONICAL_UNIT.values(), *CURRENCIES})),
    attributes=st.dictionaries(NAMES, TEXTS, max_size=3).map(lambda found: tuple(sorted(found.items()))),
)


@st.composite
def activities(draw: st.DrawFn) -> Activity:
    """Any activity without a profile."""
    start = draw(INSTANTS.filter(lambda at: at.year < 2199))
    return Activity(
        key=draw(KEYS),
        start=start,
        end=start + timedelta(seconds=draw(st.integers(1, 86_400 * 40))),
        month=draw(MONTHS),
        quantity_micro=draw(QUANTITIES),
        quality=draw(st.sampled_from(Quality)),
        evidence=draw(st.sampled_from(EvidenceClass)),
    )


GAS_SPLITS = st.builds(GasSplit, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)

LINES = st.builds(
    Line,
    month=MONTHS,
    key=KEYS,
    basis=st.sampled_from(Basis),
    quantity_micro=QUANTITIES,
    by_evidence_micro=st.dictionaries(st.sampled_from(EvidenceClass), QUANTITIES),
    factor_id=st.binary(min_size=8, max_size=8).map(bytes.hex),
    gwp_set=st.sampled_from(["AR4", "AR5", "AR6"]),
    emissions=GAS_SPLITS,
    scope=st.integers(0, 3),
    category=st.integers(0, 15),
    is_avoided=st.booleans(),
    flags=st.lists(NAMES, max_size=3).map(tuple),
    part=st.sampled_from(Part),
    scale=st.fractions(min_value=0, max_denominator=10**18),
)

TOTALS = st.builds(
    Totals,
    gross_location_ug_co2e=AMOUNTS,
    gross_market_ug_co2e=AMOUNTS,
    retired_g_co2e=st.integers(0, 10**18),
    avoided_ug_co2e=AMOUNTS,
    biogenic_co2_ug=AMOUNTS,
    unscored_count=COUNTS,
)


def _adding_up(shares_ppm: dict[EvidenceClass, int]) -> dict[EvidenceClass, int]:
    """The shares with the last one made so that all add up to 1,000,000 (none: nothing emitted)."""
    *others, last = shares_ppm or (EvidenceClass.TYPED,)
    kept = {name: shares_ppm[name] // len(shares_ppm) for name in others}
    return {**kept, last: 1_000_000 - sum(kept.values())} if shares_ppm else {}


TREES = st.builds(TreeId, HEXES, COUNTS)


def _retiring(manifest: Manifest, amounts_g: dict[tuple[str, str], int]) -> Manifest:
    """The manifest with these units retired, and totals that say so."""
    units = tuple(RetiredUnits(*name, amounts_g[name]) for name in sorted(amounts_g))
    return replace(manifest, retired_units=units, totals=replace(manifest.totals, retired_g_co2e=sum(amounts_g.values())))


_MANIFESTS = st.builds(
    Manifest,
    subject_hex=HEXES,
    period=MONTH_RANGES,
    revision=st.integers(1, 99),
    reason=TEXTS,
    inputs=TREES,
    originals=TREES,
    lines=TREES,
    evidence_ppm=st.dictionaries(st.sampled_from(EvidenceClass), st.integers(0, 1_000_000)).map(_adding_up),
    coverage_ppm=st.integers(0, 1_000_000),
    factor_set=st.builds(FactorSetId, COUNTS, HEXES),
    method=NAMES,
    parsers=st.dictionaries(NAMES, NAMES, max_size=3),
    totals=TOTALS,
    is_self_declared=st.booleans(),
)
MANIFESTS = st.builds(_retiring, _MANIFESTS, st.dictionaries(st.tuples(NAMES, NAMES), st.integers(1, 10**18), max_size=3))

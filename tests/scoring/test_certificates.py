"""Certificates: they take away from market-based electricity of their own country, and never more than there is."""

from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import ActivityKey, EvidenceClass
from domain.factor import Basis, Part, Resolution
from domain.period import Month
from domain.statement import ActivityTotal, Line, Unscored
from scoring.factors.factor_set import FactorSet
from scoring.lines import make_lines
from scoring.net import make_totals
from scoring.resolve import resolve
from tests.scoring.sets import imported, parameter, row, set_of, source

KWH = 1_000_000
DE_POWER = ActivityKey("electricity", "DE", 2023, "kWh")
FR_POWER = ActivityKey("electricity", "FR", 2023, "kWh")
DE_CONTRACT = ActivityKey("electricity", "DE", 2023, "kWh", (("supplier_g_co2e_per_kwh", "50"),))
DE_GO = ActivityKey("electricity_certificate", "DE", 2023, "kWh", (("instrument", "go"),))
DE_OTHER = ActivityKey("electricity_certificate", "DE", 2023, "kWh", (("instrument", "other"),))
FR_GO = ActivityKey("electricity_certificate", "FR", 2023, "kWh", (("instrument", "go"),))
DE_CONTRACT_400 = ActivityKey("electricity", "DE", 2023, "kWh", (("supplier_g_co2e_per_kwh", "400"),))
DE_POWER_2024 = ActivityKey("electricity", "DE", 2024, "kWh")
DE_GO_2024 = ActivityKey("electricity_certificate", "DE", 2024, "kWh", (("instrument", "go"),))
US_REC = ActivityKey("electricity_certificate", "US/zip/94110", 2023, "kWh", (("instrument", "rec"),))


@lru_cache(maxsize=1)
def factors() -> FactorSet:
    """Germany 400 (300 in 2024), France 50, California 200 g/kWh; and the identity of reported emissions."""
    rows = [
        row("DE", 2023, co2="400"),
        row("DE", 2024, co2="300"),
        row("FR", 2023, co2="50"),
        row("US/egrid/CAMX", 2023, co2="200"),
    ]
    identity = source("reported", kind="reported_emissions", unit="kg", published_unit="kg/kg", life_cycle_scope="as_reported")
    return set_of(imported(source(), identity, rows=[*rows, row("WORLD", 2023, "reported", co2e="1")]))


def choose(key: ActivityKey, basis: Basis) -> Resolution:
    """The resolution of a key in the small set."""
    return resolve(key, factors(), basis)


def total(
    key: ActivityKey, kwh: int, month: int = 3, evidence: EvidenceClass = EvidenceClass.FETCHED_BY_CONNECTOR
) -> ActivityTotal:
    """So many kilowatt-hours of a month of the key's year."""
    return ActivityTotal(Month(key.year, month), key, kwh * KWH, {evidence: kwh * KWH}, 1)


def certificate(serial: str = "", *, registry: str = "", instrument: str = "go", region: str = "DE") -> ActivityKey:
    """The key of certificates that are named."""
    named = {"instrument": instrument, "registry": registry, "serial": serial}
    said = tuple((name, text) for name, text in named.items() if text)
    return ActivityKey("electricity_certificate", region, 2023, "kWh", said)


def made(*totals: ActivityTotal) -> tuple[list[Line], list[Unscored]]:
    """The lines that certificates make, and what is left over."""
    lines, unscored = make_lines(totals, choose)
    return [line for line in lines if line.part is Part.CERTIFICATE], list(unscored)


def gross_g(*totals: ActivityTotal) -> tuple[int, int]:
    """Gross emissions by location and by market in whole grams."""
    found = make_totals(make_lines(totals, choose)[0])
    return found.gross_location_ug_co2e // 10**6, found.gross_market_ug_co2e // 10**6


def test_certificates_act_on_the_market_basis_only() -> None:
    """40 of 100 German kilowatt-hours at 400 g: 40,000 g by location whatever is claimed, 24,000 g by market."""
    assert gross_g(total(DE_POWER, 100)) == (40_000, 40_000)
    assert gross_g(total(DE_POWER, 100), total(DE_GO, 40)) == (40_000, 24_000)


def test_certificate_is_a_line_of_its_own() -> None:
    """What it takes away is negative electricity at the electricity's factor, in its scope, with the certificate's evidence."""
    lines, unscored = made(total(DE_POWER, 100), total(DE_GO, 40, evidence=EvidenceClass.UPLOADED))
    assert unscored == []
    assert [(line.key, line.basis, line.quantity_micro, line.emissions.total_ug_co2e) for line in lines] == [
        (DE_POWER, Basis.MARKET, -40 * KWH, -16_000_000_000)
    ]
    assert (lines[0].scope, lines[0].category, lines[0].flags, lines[0].is_avoided) == (
        2,
        0,
        ("certificate", "certificate_without_serial"),
        False,
    )
    assert lines[0].by_evidence_micro == {EvidenceClass.UPLOADED: -40 * KWH}
    assert lines[0].factor_id == factors().rows("electricity", "DE")[0].factor_id


def test_more_certificates_than_electricity_never_go_below_zero() -> None:
    """Of 150 kWh claimed against 100 used, 50 are shown as unused, in words, and nothing is below zero."""
    totals = (total(DE_POWER, 100), total(DE_GO, 150))
    assert gross_g(*totals) == (40_000, 0)
    _, unscored = made(*totals)
    assert [(found.key, found.quantity_micro) for found in unscored] == [(DE_GO, 50 * KWH)]
    assert unscored[0].reason == (
        "Certificates for 50 kWh more than the period's electricity of 2023 in DE that no contract covers, less corrections: "
        "unused, they take nothing away."
    )


def test_certificates_without_electricity_are_all_unused() -> None:
    """Certificates alone take nothing away."""
    lines, unscored = made(total(DE_GO, 7))
    assert lines == []
    assert [found.quantity_micro for found in unscored] == [7 * KWH]


def test_electricity_of_another_country_is_untouched() -> None:
    """A French guarantee of origin takes nothing away in Germany."""
    totals = (total(DE_POWER, 100), total(FR_POWER, 10), total(FR_GO, 30))
    lines, unscored = made(*totals)
    assert [(line.key, line.quantity_micro) for line in lines] == [(FR_POWER, -10 * KWH)]
    assert [(found.key, found.quantity_micro) for found in unscored] == [(FR_GO, 20 * KWH)]
    assert gross_g(*totals) == (40_500, 40_000)


def test_certificate_of_a_zip_code_acts_in_its_country() -> None:
    """A REC of the US acts on electricity in any place of the US."""
    lines, _ = made(total(ActivityKey("electricity", "US/egrid/CAMX", 2023, "kWh"), 10), total(US_REC, 4))
    assert [(line.key.region, line.quantity_micro) for line in lines] == [("US/egrid/CAMX", -4 * KWH)]


def test_electricity_under_a_contract_is_untouched() -> None:
    """What a supplier's own factor covers is claimed already: 100 kWh at 50 g stay 5,000 g."""
    totals = (total(DE_CONTRACT, 100), total(DE_GO, 40))
    assert gross_g(*totals) == (40_000, 5_000)
    lines, unscored = made(*totals)
    assert lines == []
    assert [found.quantity_micro for found in unscored] == [40 * KWH]


def test_export_is_untouched() -> None:
    """Electricity fed into the grid is not what a certificate is cancelled for."""
    lines, unscored = made(total(ActivityKey("electricity_export", "DE", 2023, "kWh"), 100), total(DE_GO, 40))
    assert lines == []
    assert [found.quantity_micro for found in unscored] == [40 * KWH]


def test_months_are_served_in_order() -> None:
    """Certificates of one month of the period serve its months from the first on, and are used once."""
    lines, unscored = made(total(DE_POWER, 100, 1), total(DE_POWER, 100, 2), total(DE_POWER, 100, 3), total(DE_GO, 150, 3))
    assert unscored == []
    assert [(str(line.month), line.quantity_micro) for line in lines] == [("2023-01", -100 * KWH), ("2023-02", -50 * KWH)]


def test_two_totals_of_certificates_make_one_line_a_month() -> None:
    """Certificates of two registries that act on the same electricity are one line."""
    lines, unscored = made(total(DE_POWER, 100), total(DE_GO, 30), total(DE_OTHER, 20))
    assert unscored == []
    assert [(line.quantity_micro, line.emissions.total_ug_co2e) for line in lines] == [(-50 * KWH, -20_000_000_000)]


@pytest.mark.parametrize("strong", [DE_GO, DE_OTHER])
def test_best_known_certificates_are_used_first(strong: ActivityKey) -> None:
    """Where there are too many, the ones that were merely typed are left over, whichever stands first."""
    weak = DE_OTHER if strong is DE_GO else DE_GO
    lines, unscored = made(
        total(DE_POWER, 100),
        total(weak, 100, evidence=EvidenceClass.TYPED),
        total(strong, 100, evidence=EvidenceClass.SIGNED_CHANNEL),
    )
    assert lines[0].by_evidence_micro == {EvidenceClass.SIGNED_CHANNEL: -100 * KWH}
    assert [(found.key, found.quantity_micro) for found in unscored] == [(weak, 100 * KWH)]


def test_correction_of_certificates_takes_them_back() -> None:
    """Of 100 certificates of which 60 are taken back, 40 act."""
    by_evidence = {EvidenceClass.TYPED: -60 * KWH, EvidenceClass.UPLOADED: 100 * KWH}
    corrected = ActivityTotal(Month(2023, 3), DE_GO, 40 * KWH, by_evidence, 2)
    assert gross_g(total(DE_POWER, 100), corrected) == (40_000, 24_000)


def test_certificates_taken_back_in_another_month_do_not_act() -> None:
    """What January takes back of December's certificates is off them: 100 given and 60 taken back are 40."""
    totals = (total(DE_POWER, 100), total(DE_GO, 100, 2), total(DE_GO, -60, 5))
    assert gross_g(*totals) == (40_000, 24_000)
    assert made(*totals)[1] == []


def test_more_taken_back_than_given_adds_nothing() -> None:
    """A correction alone is shown with its minus, and adds no emissions."""
    totals = (total(DE_POWER, 100), total(DE_GO, -60))
    assert gross_g(*totals) == (40_000, 40_000)
    _, unscored = made(*totals)
    assert [(found.quantity_micro, found.reason) for found in unscored] == [
        (-60 * KWH, "Certificates for 60 kWh more were taken back than given in DE: they add nothing.")
    ]


def test_grid_loss_is_untouched() -> None:
    """Certificates are for what was used: with a loss of 20 % a quarter of the rate is lost on the way and stays."""
    lossy = set_of(imported(source(), rows=[row("DE", 2023, co2="400")], parameters=[parameter("grid_gross_loss", "DE", "0.2")]))
    lines, _ = make_lines([total(DE_POWER, 100), total(DE_GO, 100)], lambda key, basis: resolve(key, lossy, basis))
    market_g = {line.part: line.emissions.total_ug_co2e // 10**6 for line in lines if line.basis is Basis.MARKET}
    assert market_g == {Part.USE: 40_000, Part.GRID_LOSS: 10_000, Part.CERTIFICATE: -40_000}


def test_correction_in_another_month_is_taken_off_first() -> None:
    """January's 1000 kWh are taken back in February: nothing is left for certificates, and the market is not below zero."""
    totals = (total(DE_POWER, 1000, 1), total(DE_POWER, -1000, 2), total(DE_GO, 1000, 1))
    assert gross_g(*totals) == (0, 0)
    lines, unscored = made(*totals)
    assert (lines, [found.quantity_micro for found in unscored]) == ([], [1000 * KWH])


def test_certificates_act_on_what_corrections_leave() -> None:
    """Of 1000 kWh with 300 taken back later 700 are left, however many certificates there are."""
    totals = (total(DE_POWER, 1000, 1), total(DE_POWER, -300, 2), total(DE_GO, 900, 1))
    assert gross_g(*totals) == (280_000, 0)
    lines, unscored = made(*totals)
    assert [(line.quantity_micro, found.quantity_micro) for line, found in zip(lines, unscored, strict=True)] == [
        (-700 * KWH, 200 * KWH)
    ]


def test_correction_under_a_contract_is_taken_off() -> None:
    """100 kWh used without a contract and taken back with one are nothing: the certificates are unused."""
    totals = (total(DE_POWER, 100), total(DE_CONTRACT_400, -100), total(DE_GO, 100))
    assert gross_g(*totals) == (0, 0)
    assert made(*totals)[0] == []


def test_correction_under_a_contract_is_off_the_contract_first() -> None:
    """What a contract's own electricity is corrected by leaves the rest to certificates."""
    totals = (total(DE_POWER, 100), total(DE_CONTRACT_400, 100, 1), total(DE_CONTRACT_400, -100, 2), total(DE_GO, 100))
    assert gross_g(*totals) == (40_000, 0)


def test_correction_is_off_its_own_place_first() -> None:
    """100 kWh of the Northwest taken back leave 100 of California to certificates, not the Northwest's dirtier ones."""
    northwest, california = (ActivityKey("electricity", region, 2023, "kWh") for region in ("US/egrid/NWPP", "US/egrid/CAMX"))
    two = set_of(imported(source(), rows=[row(northwest.region, 2023, co2="900"), row(california.region, 2023, co2="200")]))
    totals = [total(northwest, 100, 1), total(california, 100, 2), total(northwest, -100, 3), total(US_REC, 100, 1)]
    lines, _ = make_lines(totals, lambda key, basis: resolve(key, two, basis))
    assert [(line.key, line.quantity_micro) for line in lines if line.part is Part.CERTIFICATE] == [(california, -100 * KWH)]


def test_correction_at_another_rate_leaves_no_less_than_zero() -> None:
    """100 kWh at 400 g, 100 of them corrected in 2024 at 300 g after 50 more: certificates stop where nothing is left."""
    totals = (total(DE_POWER_2024, 150, 6), total(DE_POWER, -100, 1), total(DE_GO_2024, 150, 6))
    assert gross_g(*totals) == (5_000, 0)
    lines, unscored = made(*totals)
    assert -17 * KWH < lines[0].quantity_micro < -16 * KWH  # 5,000 g at 300 g/kWh, not the 50 kWh that are left
    assert lines[0].quantity_micro == unscored[0].quantity_micro - 150 * KWH


def test_certificate_acts_on_its_own_year_only() -> None:
    """Certificates of 2023 take nothing from the electricity of 2024, of which there is enough in the same period."""
    totals = (total(DE_POWER, 10, 12), total(DE_POWER_2024, 100, 1), total(DE_GO, 50, 12))
    lines, unscored = made(*totals)
    assert [(line.key, line.quantity_micro) for line in lines] == [(DE_POWER, -10 * KWH)]
    assert len(unscored) == 1
    assert unscored[0].reason == (
        "Certificates for 40 kWh more than the period's electricity of 2023 in DE that no contract covers, less corrections: "
        "unused, they take nothing away."
    )


def test_certificates_of_last_year_taken_back_this_year_do_not_act() -> None:
    """A correction in January 2024 is off 2024's own certificates first, then off those of 2023."""
    totals = (total(DE_POWER, 100, 12), total(DE_GO, 100, 12), total(DE_GO_2024, 10), total(DE_GO_2024, -70, 1))
    lines, unscored = made(*totals)
    assert ([(line.key, line.quantity_micro) for line in lines], unscored) == ([(DE_POWER, -40 * KWH)], [])


TWICE = "The certificates {} are in more than one record: none counts until one is removed."


@pytest.mark.parametrize(
    ("other", "month"),
    [
        (certificate("1-10", registry="AIB"), 5),
        (certificate("1-10", registry="AIB", instrument="other"), 3),
        (certificate("1-10", registry="AIB", region="FR"), 3),
        (certificate("1-10 ", registry="aib"), 3),
        (certificate("1-10"), 3),
    ],
)
def test_same_certificates_in_two_records_do_not_count(other: ActivityKey, month: int) -> None:
    """Neither in another month, under another instrument or place, typed otherwise, nor without the registry."""
    mine = total(certificate("1-10", registry="AIB"), 40)
    third = total(certificate("11-20", registry="AIB"), 5)
    lines, unscored = made(total(DE_POWER, 100), mine, total(other, 40, month), third)
    assert [(line.quantity_micro, line.flags) for line in lines] == [(-5 * KWH, ("certificate",))]
    said = {found.key: found.reason for found in unscored}
    assert said[mine.key] == TWICE.format("1-10 of AIB")
    assert [found.quantity_micro for found in unscored] == [40 * KWH] * 2


def test_same_certificates_twice_in_one_month_do_not_count() -> None:
    """Two records of one month are one total, and still two records."""
    twice = ActivityTotal(Month(2023, 3), certificate("7"), 80 * KWH, {EvidenceClass.UPLOADED: 80 * KWH}, 2)
    lines, unscored = made(total(DE_POWER, 100), twice)
    assert (lines, [found.reason for found in unscored]) == ([], [TWICE.format("7")])


def test_same_serial_of_two_registries_counts() -> None:
    """Each registry has its own numbers."""
    lines, unscored = made(
        total(DE_POWER, 100), total(certificate("1", registry="A"), 10), total(certificate("1", registry="B"), 20)
    )
    assert ([line.quantity_micro for line in lines], unscored) == ([-30 * KWH], [])


def test_certificates_without_a_serial_count_and_are_flagged() -> None:
    """Nobody can tell whether they are claimed elsewhere: two records of a registry count as declared, and the line says so."""
    unnamed = ActivityTotal(Month(2023, 3), certificate(registry="AIB"), 80 * KWH, {EvidenceClass.UPLOADED: 80 * KWH}, 2)
    lines, unscored = made(total(DE_POWER, 100), unnamed, total(certificate("1", registry="AIB"), 5))
    assert [(line.quantity_micro, line.flags) for line in lines] == [(-85 * KWH, ("certificate", "certificate_without_serial"))]
    assert unscored == []


EVIDENCE = st.sampled_from(EvidenceClass)
QUANTITIES = st.integers(0, 10**15)
POWER = st.lists(
    st.tuples(st.sampled_from([DE_POWER, FR_POWER, DE_CONTRACT]), st.integers(1, 12), QUANTITIES | st.integers(-(10**12), 0)),
    max_size=6,
    unique_by=lambda one: one[:2],
)
CERTIFICATES = st.lists(
    st.tuples(
        st.sampled_from([DE_GO, DE_OTHER, FR_GO, US_REC]),
        st.integers(1, 12),
        st.dictionaries(EVIDENCE, QUANTITIES | st.integers(-(10**12), 0)),
    ),
    max_size=5,
    unique_by=lambda one: one[:2],
)


@given(POWER, CERTIFICATES)
def test_nothing_goes_below_zero_and_nothing_is_lost(
    power: list[tuple[ActivityKey, int, int]], certificates: list[tuple[ActivityKey, int, dict[EvidenceClass, int]]]
) -> None:
    """Used and unused are what was given, by country; no month's market emissions of electricity used change their sign."""
    used = [ActivityTotal(Month(2023, month), key, micro, {EvidenceClass.TYPED: micro}, 1) for key, month, micro in power]
    claimed = [ActivityTotal(Month(2023, month), key, sum(parts.values()), parts, 1) for key, month, parts in certificates]
    lines, unscored = make_lines([*used, *claimed], choose)
    for country in ("DE", "FR", "US"):
        given_micro = sum(one.quantity_micro for one in claimed if one.key.region.startswith(country))
        unused_micro = sum(one.quantity_micro for one in unscored if one.key.region.startswith(country))
        taken_micro = sum(
            line.quantity_micro for line in lines if line.part is Part.CERTIFICATE and line.key.region.startswith(country)
        )
        assert unused_micro - taken_micro == given_micro
    for key, month, micro in power:
        market_ug = sum(
            line.emissions.total_ug_co2e
            for line in lines
            if line.key == key and line.month == Month(2023, month) and line.basis is Basis.MARKET
        )
        assert (market_ug >= 0) == (micro >= 0) or market_ug == 0
    assert make_totals(lines).gross_location_ug_co2e == make_totals(make_lines(used, choose)[0]).gross_location_ug_co2e
    assert all(line.by_evidence_micro and sum(line.by_evidence_micro.values()) == line.quantity_micro for line in lines)


@given(POWER, CERTIFICATES)
def test_unscored_totals_are_sorted_as_lines_are(
    power: list[tuple[ActivityKey, int, int]], certificates: list[tuple[ActivityKey, int, dict[EvidenceClass, int]]]
) -> None:
    """What is unused stands among the unscored totals by month and key."""
    used = [ActivityTotal(Month(2023, month), key, micro, {EvidenceClass.TYPED: micro}, 1) for key, month, micro in power]
    claimed = [ActivityTotal(Month(2023, month), key, sum(parts.values()), parts, 1) for key, month, parts in certificates]
    missing = total(ActivityKey("electricity", "DE", 2023, "kg"), 1, 6)
    _, unscored = make_lines([*used, *claimed, missing], choose)
    order = [(found.month, found.key.key_id) for found in unscored]
    assert order == sorted(order)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([DE_POWER, DE_POWER_2024, FR_POWER, DE_CONTRACT, DE_CONTRACT_400]),
            st.integers(1, 12),
            st.integers(-(10**12), 10**12),
        ),
        max_size=8,
        unique_by=lambda one: one[:2],
    ),
    st.lists(
        st.tuples(st.sampled_from([DE_GO, DE_GO_2024, DE_OTHER, FR_GO]), st.integers(1, 12), st.integers(-(10**11), 10**12)),
        max_size=5,
        unique_by=lambda one: one[:2],
    ),
)
def test_market_based_electricity_never_falls_below_zero(
    power: list[tuple[ActivityKey, int, int]], certificates: list[tuple[ActivityKey, int, int]]
) -> None:
    """By country: what no contract covers is not below zero after certificates; where it was already, they take nothing."""
    totals = [
        ActivityTotal(Month(key.year, month), key, micro, {EvidenceClass.TYPED: micro}, 1)
        for key, month, micro in [*power, *certificates]
    ]
    lines, _ = make_lines(totals, choose)
    for country in ("DE", "FR"):
        market = [line for line in lines if line.basis is Basis.MARKET and line.key.region == country]
        plain = [line for line in market if "supplier_factor" not in line.flags]
        used_micro = sum(line.quantity_micro for line in plain if line.part is Part.USE)
        used_ug = sum(line.emissions.total_ug_co2e for line in plain if line.part is Part.USE)
        whole_ug = sum(line.emissions.total_ug_co2e for line in market if line.part is Part.USE)
        taken = [line for line in plain if line.part is Part.CERTIFICATE]
        left_ug = sum(line.emissions.total_ug_co2e for line in plain)
        assert used_micro + sum(line.quantity_micro for line in taken) >= min(0, used_micro)
        assert left_ug >= min(0, used_ug)
        assert sum(line.emissions.total_ug_co2e for line in market) >= min(0, whole_ug)
        assert not taken or (used_micro > 0 and used_ug > 0)

"""What real feeds do that a simple reader gets wrong."""

from fractions import Fraction

import pytest

from connectors.green_button.parse import parse
from domain.activity import Direction
from domain.errors import UnknownFormatError
from domain.series import IntervalSeries, LocalTime
from tests.connectors.espi_text import (
    ESPI_NS,
    START_S,
    block,
    document,
    entry,
    feed,
    meter_entries,
    point_entry,
    reading,
    reading_type,
)


def only_series(body: bytes) -> IntervalSeries:
    """The one series of a document in which nothing is refused."""
    parsed = parse(body)
    assert parsed.refused == ()
    (series,) = parsed.series
    return series


def refusals(body: bytes) -> list[str]:
    """What was refused, as sentences."""
    return [error.sentence() for error in parse(body).refused]


def test_reads_identity_and_unit() -> None:
    """A plain document gives its usage point, kind, direction, unit and exact factor."""
    series = only_series(document(reading(START_S, 1500)))
    assert (series.usage_point, series.series_key) == ("UsagePoint/1", "UsagePoint/1/MeterReading/1")
    assert (series.kind, series.direction, series.unit, series.source_unit) == ("electricity", Direction.DELIVERED, "kWh", "Wh")
    assert (series.micro_per_value, series.total(), series.updated_at_s) == (Fraction(1000), Fraction("1.5"), 1_704_067_200)


def test_many_blocks_in_one_content() -> None:
    """Every IntervalBlock inside one content is read."""
    blocks = block(reading(START_S, 1)) + block(reading(START_S + 3600, 2)) + block(reading(START_S + 7200, 4))
    assert only_series(feed(point_entry(), *meter_entries(blocks=[blocks]))).values.tolist() == [1, 2, 4]


def test_equal_times_are_both_kept() -> None:
    """Two readings with equal start and duration inside one document are two readings."""
    series = only_series(document(reading(START_S, 10), reading(START_S, 20)))
    assert (series.starts_s.tolist(), series.values.tolist()) == ([START_S, START_S], [10, 20])


def test_zero_duration_means_interval_length() -> None:
    """Durations of 0 throughout mean the length that the ReadingType names."""
    series = only_series(document(reading(START_S, 1, duration=0), reading(START_S + 3600, 2, duration=0)))
    assert series.durations_s.tolist() == [3600, 3600]


def test_zero_duration_beside_a_long_reading_stays() -> None:
    """A zero-duration reading inside a 7200 s one is the clock-change correction: its amount counts, its length stays 0."""
    series = only_series(document(reading(START_S, 577, duration=0), reading(START_S, 1000, duration=7200)))
    assert (series.durations_s.tolist(), series.total()) == ([0, 7200], Fraction("1.577"))


def test_zero_duration_without_interval_length_stays() -> None:
    """Without an intervalLength there is nothing to replace 0 by."""
    body = document(reading(START_S, 1, duration=0), type_text=reading_type(intervalLength=None))
    assert only_series(body).durations_s.tolist() == [0]


def test_fractional_epoch_is_rounded_down() -> None:
    """A start of 1721154384.66136 is the second 1721154384."""
    assert only_series(document(reading("1721154384.66136", 5))).starts_s.tolist() == [1_721_154_384]


def test_missing_unit_is_refused_and_the_rest_stands() -> None:
    """A ReadingType without uom is refused, never read as Wh; the other series is read."""
    body = feed(
        point_entry(),
        *meter_entries(1, type_text=reading_type(uom=None), blocks=[block(reading(START_S, 5))]),
        *meter_entries(2, blocks=[block(reading(START_S, 7))]),
    )
    parsed = parse(body)
    assert [one.values.tolist() for one in parsed.series] == [[7]]
    assert [(error.message, error.got) for error in parsed.refused] == [
        ("The unit of these readings is not known", "a ReadingType without uom")
    ]


def test_blocks_with_one_reading_type_alone() -> None:
    """Without MeterReading and UsagePoint the only ReadingType is the blocks' own."""
    body = feed(entry(reading_type(), self_href="ReadingType/1"), entry(block(reading(START_S, 5))))
    assert only_series(body).total() == Fraction("0.005")


def test_blocks_with_two_reading_types_are_refused() -> None:
    """Where two ReadingTypes could be meant, none is chosen."""
    types = [entry(reading_type(powerOfTenMultiplier=n), self_href=f"ReadingType/{n}") for n in (0, 3)]
    (refusal,) = refusals(feed(*types, entry(block(reading(START_S, 5)))))
    assert refusal.startswith("The unit of these readings is not known; expected one ReadingType that belongs to them; got none")


def test_blocks_without_reading_type_are_refused() -> None:
    """IntervalBlocks alone have no unit."""
    (refusal,) = refusals(feed(entry(block(reading(START_S, 5)), up=["UsagePoint/1/MeterReading/1/IntervalBlock"])))
    assert "UsagePoint/1/MeterReading/1 (1 readings). No unit was assumed" in refusal


def test_contradicting_reading_types_are_refused() -> None:
    """One address with two different ReadingTypes says nothing."""
    entries = meter_entries(blocks=[block(reading(START_S, 5))])
    twin = entry(reading_type(powerOfTenMultiplier=3), self_href="ReadingType/1")
    assert "two different ones under one address" in refusals(feed(point_entry(), *entries, twin))[0]


def test_commodity_falls_back_to_the_service() -> None:
    """A ReadingType without commodity takes the usage point's ServiceCategory."""
    assert only_series(document(reading(START_S, 1), type_text=reading_type(commodity=None))).kind == "electricity"


def test_unknown_commodity_is_asked_for() -> None:
    """Without commodity and usage point the series is refused, not guessed from its unit."""
    body = feed(*meter_entries(type_text=reading_type(commodity=None), blocks=[block(reading(START_S, 5))]))
    assert refusals(body)[0].startswith("The commodity of these readings is not known; expected ReadingType with commodity")


def test_timezone_element_is_passed_over() -> None:
    """A timezone inside each reading changes nothing."""
    readings = [reading(START_S + 3600 * n, n, after="<timezone>America/New_York</timezone>") for n in range(3)]
    assert only_series(document(*readings)).values.tolist() == [0, 1, 2]


def test_newest_first_keeps_the_order_of_the_document() -> None:
    """Readings that come newest first stay in that order."""
    series = only_series(document(*(reading(START_S + 3600 * n, n) for n in (2, 1, 0))))
    assert series.values.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("code", "direction"), [(1, Direction.DELIVERED), (4, Direction.NET), (19, Direction.EXPORT), (20, Direction.TOTAL)]
)
def test_flow_direction(code: int, direction: Direction) -> None:
    """The four directions of an amount are told apart."""
    assert only_series(document(reading(START_S, 1), type_text=reading_type(flowDirection=code))).direction is direction


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ({"uom": 38}, "uom 38 (W (power))"),
        ({"uom": 61}, "uom 61 (VA (apparent power))"),
        ({"uom": 63}, "uom 63 (var (reactive power))"),
        ({"uom": 6}, "uom 6 (kelvin (temperature))"),
        ({"uom": 65535}, "uom 65535 (unknown unit)"),
        ({"commodity": 11, "uom": 128}, "commodity 11 (waste water)"),
        ({"commodity": 99}, "commodity 99 (unknown commodity)"),
        ({"flowDirection": 15}, "flowDirection 15 (Q1)"),
        ({"accumulationBehaviour": 1}, "accumulationBehaviour 1 (bulk quantity (a register))"),
        ({"accumulationBehaviour": 3}, "accumulationBehaviour 3 (cumulative (a register))"),
        ({"accumulationBehaviour": 12}, "accumulationBehaviour 12 (instantaneous)"),
        ({"dataQualifier": 8}, "dataQualifier 8 (maximum)"),
        ({"commodity": 9}, "energy (Wh)"),
        ({"uom": "Wh"}, "uom is not an integer"),
        ({"powerOfTenMultiplier": 99}, "powerOfTenMultiplier is impossible"),
    ],
)
def test_no_amount_is_refused_by_name(codes: dict[str, object], words: str) -> None:
    """A series that is no amount of something we count is refused, and its number and name are said."""
    body = document(reading(START_S, 5), type_text=reading_type(**codes))
    (refusal,) = refusals(body)
    assert words in refusal
    assert parse(body).series == ()


@pytest.mark.parametrize(
    ("codes", "kind", "unit", "amount"),
    [
        (
            {"uom": 169, "commodity": 7, "powerOfTenMultiplier": -3},
            "natural_gas",
            "kWh",
            Fraction("105.505585262") / Fraction("3.6"),
        ),
        ({"uom": 132, "commodity": 7}, "natural_gas", "kWh", Fraction("1.05505585262") / 3600 * 1000),
        ({"uom": 31, "powerOfTenMultiplier": 6}, "electricity", "kWh", Fraction(1000) / Fraction("3.6")),
        ({"uom": 42, "commodity": 9}, "water", "m3", Fraction(1000)),
        ({"uom": 119, "commodity": 7}, "natural_gas", "m3", Fraction("28.316846592")),
        ({"uom": 128, "commodity": 9}, "water", "m3", Fraction("3.785411784")),
        ({"uom": 134, "commodity": 9}, "water", "m3", Fraction(1)),
        ({"powerOfTenMultiplier": 3}, "electricity", "kWh", Fraction(1000)),
        ({"powerOfTenMultiplier": None}, "electricity", "kWh", Fraction(1)),
        ({"commodity": 2}, "electricity", "kWh", Fraction(1)),
    ],
)
def test_units_are_exact(codes: dict[str, object], kind: str, unit: str, amount: Fraction) -> None:
    """1000 raw values are the exact rational in the canonical unit."""
    series = only_series(document(reading(START_S, 1000), type_text=reading_type(**codes)))
    assert (series.kind, series.unit, series.total()) == (kind, unit, amount)


def test_missing_value_leaves_out_one_reading() -> None:
    """A reading without value is named by its position; the others stand."""
    empty = reading(START_S, "").replace("<value></value>", "")
    parsed = parse(document(empty, reading(START_S + 3600, 7)))
    assert [one.values.tolist() for one in parsed.series] == [[7]]
    assert [(error.message, error.record) for error in parsed.refused] == [
        ("This reading has no value", "IntervalBlock 1, IntervalReading 1")
    ]


@pytest.mark.parametrize("start", [0, 631_151_999, 7_258_118_400, 1_700_000_000_000, -5])
def test_impossible_time_leaves_out_one_reading(start: int) -> None:
    """A start before 1990 or after 2199 (milliseconds, say) is refused; the others stand."""
    parsed = parse(document(reading(start, 5), reading(START_S, 7)))
    assert [one.values.tolist() for one in parsed.series] == [[7]]
    assert parsed.refused[0].record == "IntervalBlock 1, IntervalReading 1"
    assert f"start {start}, duration 3600" in parsed.refused[0].sentence()


def test_value_beyond_64_bits_leaves_out_one_reading() -> None:
    """A value of 2^63 and more is refused."""
    parsed = parse(document(reading(START_S, 2**63), reading(START_S + 3600, 2**63 - 1)))
    assert [one.values.tolist() for one in parsed.series] == [[2**63 - 1]]
    assert parsed.refused[0].message == "This value does not fit into 64 bits"


def test_many_bad_readings_are_counted() -> None:
    """A document of bad readings lists fifty and counts the others."""
    refused = parse(document(*(reading(0, n) for n in range(200)), reading(START_S, 1))).refused
    assert (len(refused), refused[-1].got) == (51, "150 more readings")


def test_decimal_values_are_exact() -> None:
    """Values with decimal places, which the schema does not know, keep every digit."""
    assert only_series(document(reading(START_S, "0.125"), reading(START_S + 3600, 2))).total() == Fraction("0.002125")


@pytest.mark.parametrize("text", ["1_000", "٣", "0x10", "1e999", "NaN", "1,5"])
def test_no_number_leaves_out_one_reading(text: str) -> None:
    """What is no plain ASCII number is refused, whatever Python's int() would take."""
    parsed = parse(document(reading(START_S, text), reading(START_S + 3600, 7)))
    assert [one.values.tolist() for one in parsed.series] == [[7]]
    assert parsed.refused[0].got == text


def test_white_space_in_numbers() -> None:
    """White space and line breaks around numbers do not matter."""
    body = document(reading(f"\n {START_S}\t", " 12 ", duration=" 3600\n"), type_text=reading_type(uom=" 72 ", commodity="\n1"))
    assert only_series(body).values.tolist() == [12]


def test_comments_and_character_data_sections() -> None:
    """Comments inside numbers' surroundings and CDATA around a number are XML like any other."""
    odd = reading(START_S, "<![CDATA[42]]>", before="<!-- 1 Jan <IntervalReading> -->")
    assert only_series(document(odd, reading(START_S + 3600, 7))).values.tolist() == [42, 7]


def test_fake_reading_in_a_comment_is_none() -> None:
    """A whole reading inside a comment is no reading."""
    fake = f"<!-- {reading(START_S, 1000)} -->"
    assert only_series(document(fake + reading(START_S, 7))).values.tolist() == [7]


def test_character_references_are_read() -> None:
    """A digit written as a character reference is that digit."""
    assert only_series(document(reading(START_S, "1&#50;"))).values.tolist() == [12]


def test_readings_without_time_period() -> None:
    """A reading without timePeriod is the n-th interval of its block, as the schema says."""
    plain = "<IntervalReading><value>{}</value></IntervalReading>"
    series = only_series(document(plain.format(5), plain.format(6)))
    assert (series.starts_s.tolist(), series.durations_s.tolist()) == ([START_S, START_S + 3600], [3600, 3600])


def test_qualities_are_kept() -> None:
    """QualityOfReading is kept; of several the one that is not simply good; -1 where a reading has none."""
    quality = "<ReadingQuality><quality>{}</quality></ReadingQuality>"
    readings = [
        reading(START_S, 1, before=quality.format(8)),
        reading(START_S + 3600, 1, before=quality.format(17) + quality.format(9)),
        reading(START_S + 7200, 1),
    ]
    assert only_series(document(*readings)).qualities.tolist() == [8, 9, -1]


def test_default_quality_is_the_types() -> None:
    """A reading without quality has its type's default."""
    assert only_series(document(reading(START_S, 1), type_text=reading_type(defaultQuality=17))).qualities.tolist() == [17]


def test_children_in_another_order() -> None:
    """Value before timePeriod and start before duration are read alike."""
    period = f"<timePeriod><start>{START_S}</start><duration>900</duration></timePeriod>"
    swapped = f"<IntervalReading><value>9</value>{period}</IntervalReading>"
    series = only_series(document(swapped))
    assert (series.starts_s[0], series.durations_s[0], series.values[0]) == (START_S, 900, 9)


def test_prefixed_namespaces() -> None:
    """Any prefix will do for both namespaces."""
    body = document(reading(START_S, 5)).decode().replace(f' xmlns="{ESPI_NS}"', "")
    for name in ("UsagePoint", "ServiceCategory", "kind", "MeterReading", "IntervalBlock", "interval", "IntervalReading"):
        body = (
            body.replace(f"<{name}>", f"<ns7:{name}>")
            .replace(f"</{name}>", f"</ns7:{name}>")
            .replace(f"<{name}/>", f"<ns7:{name}/>")
        )
    for name in (
        "timePeriod",
        "duration",
        "start",
        "value",
        "ReadingType",
        "uom",
        "commodity",
        "flowDirection",
        "intervalLength",
    ):
        body = body.replace(f"<{name}>", f"<ns7:{name}>").replace(f"</{name}>", f"</ns7:{name}>")
    body = body.replace("<feed ", f'<feed xmlns:ns7="{ESPI_NS}" ')
    assert only_series(body.encode()).values.tolist() == [5]


def test_prefix_bound_to_another_namespace_is_no_reading() -> None:
    """An IntervalReading of another namespace inside a block is not read."""
    foreign = f'<x xmlns="urn:other">{reading(START_S, 1000)}</x>'
    assert only_series(document(foreign + reading(START_S, 7))).values.tolist() == [7]


def test_absolute_and_relative_links_meet() -> None:
    """Absolute, relative and slash-ended spellings of one address are one address."""
    body = document(reading(START_S, 5)).decode()
    body = body.replace('rel="related" href="ReadingType/1"', 'rel="related" href="https://u.example/espi//ReadingType/1/"')
    other = entry(reading_type(uom=38), self_href="ReadingType/2")
    assert only_series(body.replace("</feed>", f"{other}</feed>").encode()).values.tolist() == [5]


def test_one_reading_type_for_two_meter_readings() -> None:
    """A ReadingType may serve several MeterReadings."""
    second = "UsagePoint/1/MeterReading/2"
    body = feed(
        point_entry(),
        *meter_entries(1, blocks=[block(reading(START_S, 5))]),
        entry("<MeterReading/>", self_href=second, related=[f"{second}/IntervalBlock", "ReadingType/1"]),
        entry(block(reading(START_S, 6)), up=[f"{second}/IntervalBlock"]),
    )
    assert [one.values.tolist() for one in parse(body).series] == [[5], [6]]


def test_bare_interval_block_document() -> None:
    """A document that is one object without Atom is read as far as it goes."""
    body = block(reading(START_S, 5)).replace("<IntervalBlock>", f'<IntervalBlock xmlns="{ESPI_NS}">').encode()
    assert "The unit of these readings is not known" in refusals(body)[0]


def test_nested_objects_belong_to_each_other() -> None:
    """A reading type and blocks inside a meter reading inside a usage point are joined without links."""
    inner = f"<MeterReading>{reading_type()}{block(reading(START_S, 5))}</MeterReading></UsagePoint>"
    body = "<UsagePoint><ServiceCategory><kind>0</kind></ServiceCategory>".replace(">", f' xmlns="{ESPI_NS}">', 1) + inner
    assert only_series(body.encode()).values.tolist() == [5]


def test_objects_inside_an_unknown_container() -> None:
    """Objects inside an element that we do not know, without Atom, are found."""
    inner = (
        reading_type() + "<UsagePoint><ServiceCategory><kind>0</kind></ServiceCategory></UsagePoint>" + block(reading(START_S, 5))
    )
    assert only_series(f'<Export xmlns="{ESPI_NS}"><Part>{inner}</Part></Export>'.encode()).values.tolist() == [5]


def test_shapes_of_blocks_read_alike() -> None:
    """The expressions and the XML parser give the same columns for the same readings."""
    quality = "<ReadingQuality><quality>8</quality></ReadingQuality>"
    plain = [reading(START_S + 900 * n, n - 3, duration=900, before=f"<cost>1</cost>{quality}") for n in range(7)]
    with_leaves = [
        one.replace("</value>", "</value><tou>2</tou>").replace("<timePeriod>", "<timePeriod><timezone>Z</timezone>")
        for one in plain
    ]
    odd = [one.replace("<value>", "<value><![CDATA[").replace("</value>", "]]></value>") for one in plain]
    first, second, third = (only_series(document(*one)) for one in (plain, with_leaves, odd))
    assert first == second == third


def test_local_time_of_usage_point() -> None:
    """The clock is found under the usage point's name and, being the only one, under the document's."""
    clock = LocalTime(-18_000, 3_600, "360E2000", "B40E2000")
    assert parse(document(reading(START_S, 5))).local_times == {"UsagePoint/1": clock, "": clock}


def test_days_of_23_and_25_hours() -> None:
    """Daily readings of 82800 and 90000 s are read as they are."""
    readings = [reading(START_S, 1, duration=82_800), reading(START_S + 82_800, 2, duration=90_000)]
    assert only_series(document(*readings)).durations_s.tolist() == [82_800, 90_000]


def test_negative_values_are_kept() -> None:
    """A negative value is an amount; what it means is decided where the meter is known."""
    assert only_series(document(reading(START_S, -250))).total() == Fraction("-0.25")


def test_customer_objects_are_passed_over() -> None:
    """Names and addresses of the customer schema leave nothing behind."""
    customer = (
        '<entry><content><Customer xmlns="http://naesb.org/espi/customer"><name>Ada Byron</name></Customer></content></entry>'
    )
    parsed = parse(document(reading(START_S, 5)).decode().replace("</feed>", f"{customer}</feed>").encode())
    assert "Ada" not in repr(parsed)


def test_empty_feed_is_readable() -> None:
    """A feed without entries is an answer without data, not an error."""
    (refusal,) = refusals(feed())
    assert refusal.startswith("This document holds no interval readings")


def test_other_xml_is_refused() -> None:
    """XML of something else is not Green Button."""
    with pytest.raises(
        UnknownFormatError, match=r"not Green Button; expected elements of http://naesb\.org/espi; got root element gpx"
    ):
        parse(b"<gpx><trk/></gpx>")


def test_block_in_block_is_refused() -> None:
    """A block inside a block has no meaning."""
    with pytest.raises(
        UnknownFormatError, match="An IntervalBlock contains another one; expected IntervalReadings; in IntervalBlock 1"
    ):
        parse(document(block(reading(START_S, 1))))

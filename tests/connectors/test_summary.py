"""What the parse command answers."""

import json

from connectors.activities import ACTIVITIES
from connectors.green_button.parse import parse
from connectors.summary import EXIT_ALL_READ, EXIT_SOME_REFUSED, exit_code, refusal_json, summary_json, unusable_json
from domain.errors import TruncatedDocumentError
from tests.connectors.espi_text import block, document, feed, meter_entries, point_entry, reading, reading_type

MIDNIGHT_S = 1_719_806_400  # 2024-07-01T04:00:00Z, midnight in New York


def test_totals_by_kind_and_direction() -> None:
    """Delivered, export and net of one meter stand beside each other, in exact decimal text."""
    meters = [
        entry
        for number, flow in enumerate((1, 19, 4), 1)
        for entry in meter_entries(
            number, type_text=reading_type(flowDirection=flow), blocks=[block(reading(MIDNIGHT_S, number * 1001))]
        )
    ]
    summary = summary_json(parse(feed(point_entry(), *meters)))
    assert summary["totals"] == [
        {"kind": "electricity", "direction": "delivered", "unit": "kWh", "amount": "1.001"},
        {"kind": "electricity", "direction": "export", "unit": "kWh", "amount": "2.002"},
        {"kind": "electricity", "direction": "net", "unit": "kWh", "amount": "3.003"},
    ]


def test_series_of_one_direction_add_up() -> None:
    """Two series of one direction are one total, exact where floats are not."""
    meters = [entry for number in (1, 2) for entry in meter_entries(number, blocks=[block(reading(MIDNIGHT_S, 10**15 + number))])]
    assert summary_json(parse(feed(*meters, point_entry())))["totals"][0]["amount"] == "2000000000000.003"


def test_activities_are_local_days() -> None:
    """Thirty-one summer days on the feed's clock are 31 activities, though their UTC days are 32."""
    body = document(*(reading(MIDNIGHT_S + 3600 * n, 1) for n in range(31 * 24)))
    assert summary_json(parse(body))["activities"] == 31


def test_activities_without_clock_are_days_of_utc() -> None:
    """Without LocalTimeParameters the days are those of UTC."""
    body = document(*(reading(MIDNIGHT_S + 3600 * n, 1) for n in range(24))).replace(b"LocalTimeParameters", b"OtherParameters")
    assert summary_json(parse(body))["activities"] == 2


def test_span_and_readings() -> None:
    """First start and last end are instants in UTC."""
    summary = summary_json(parse(document(reading(MIDNIGHT_S + 3600, 1), reading(MIDNIGHT_S, 2))))
    assert (summary["first_start"], summary["last_end"], summary["readings"]) == (
        "2024-07-01T04:00:00Z",
        "2024-07-01T06:00:00Z",
        2,
    )


def test_refusals_are_listed_and_exit_code_is_1() -> None:
    """A refused series gives its code, sentence and record."""
    parsed = parse(document(reading(MIDNIGHT_S, 1), type_text=reading_type(uom=38)))
    (refusal,) = summary_json(parsed)["refused"]
    assert (refusal["code"], refusal["record"]) == ("document", "series UsagePoint/1/MeterReading/1 (1 readings)")
    assert exit_code(parsed) == EXIT_SOME_REFUSED


def test_all_read_is_exit_code_0() -> None:
    """Nothing refused is 0."""
    assert exit_code(parse(document(reading(MIDNIGHT_S, 1)))) == EXIT_ALL_READ


def test_keys_are_those_of_the_design() -> None:
    """The object has the documented keys in the documented order, also where nothing could be used."""
    keys = ["activities", "readings", "totals", "first_start", "last_end", "refused"]
    unusable = unusable_json(TruncatedDocumentError(got="x"))
    assert list(summary_json(parse(document(reading(MIDNIGHT_S, 1))))) == list(json.loads(json.dumps(unusable))) == keys
    assert unusable["refused"][0]["code"] == "truncated-document"


def test_declared_activities_are_summed_by_kind_and_unit() -> None:
    """Of a file of activities, every line is an activity and a reading; sums are by kind and unit, days are days of UTC."""
    line = b'{"kind": "purchase", "quantity": "%s", "unit": "%s", "start": "%s", "naics": "722511"}\n'
    lines = [(b"0.1", b"USD", b"2024-03-02"), (b"0.2", b"USD", b"2024-03-01"), (b"-5", b"EUR", b"2024-03-04")]
    document = ACTIVITIES.parse(b"".join(line % one for one in lines) + b"x\n")
    assert summary_json(document) == {
        "activities": 3,
        "readings": 3,
        "totals": [
            {"kind": "purchase", "direction": "", "unit": "EUR", "amount": "-5"},
            {"kind": "purchase", "direction": "", "unit": "USD", "amount": "0.3"},
        ],
        "first_start": "2024-03-01T00:00:00Z",
        "last_end": "2024-03-05T00:00:00Z",
        "refused": [refusal_json(document.refused[0])],
    }
    assert exit_code(document) == EXIT_SOME_REFUSED


def test_nothing_declared_has_no_span() -> None:
    """A file that only takes back has neither sums nor days, and is read whole."""
    document = ACTIVITIES.parse(b'{"id": "a", "removed": true}')
    summary = summary_json(document)
    assert (summary["activities"], summary["totals"], summary["first_start"], summary["last_end"]) == (0, [], None, None)
    assert exit_code(document) == EXIT_ALL_READ

"""Records: the leaf of the inputs root, and activities there and back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import Activity, ActivityKey, EvidenceClass, Quality, activity_key
from domain.canonical import Json, from_canonical, to_canonical
from domain.errors import CanonicalError
from domain.period import Month, instant_from_text
from domain.record import (
    RECORD_FORMAT,
    RecordLeaf,
    RecordRevision,
    activity_from_json,
    activity_key_from_json,
    activity_to_json,
    leaf_by_fields,
    quick_leaf,
    record_leaf_from_canonical,
)
from domain.units import Dimension
from tests.domain.strategies import KEYS, MONTHS, activities

START = instant_from_text("2024-03-31T04:00:00Z")
MARCH = Activity(
    activity_key("electricity", "US/zip/10001", 2024, Dimension.ENERGY),
    START,
    START + timedelta(days=1),
    Month(2024, 3),
    12_345_678,
    Quality.MEASURED,
    EvidenceClass.UPLOADED,
)
APRIL = replace(MARCH, month=Month(2024, 4), quantity_micro=-1)
REVISION = RecordRevision(
    connector="green-button",
    parser_version="1",
    record_key="u|electricity|2024-03-31",
    usage_point="u",
    revision=2,
    document_sha256s=("ab" * 32, "cd" * 32),
    activities=(MARCH, APRIL),
    recorded_at=START,
)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)


@given(activities())
def test_activity_round_trip(activity: Activity) -> None:
    """An activity is read back from its canonical JSON."""
    assert activity_from_json(from_canonical(to_canonical(activity_to_json(activity)))) == activity


@given(KEYS)
def test_key_round_trip(key: ActivityKey) -> None:
    """A key is read back from its canonical JSON, with the same identity."""
    assert activity_key_from_json(from_canonical(to_canonical(key.to_json()))).key_id == key.key_id


def test_activity_as_json() -> None:
    """Amounts are text, instants in UTC."""
    assert to_canonical(activity_to_json(MARCH)) == (
        b'{"end":"2024-04-01T04:00:00Z","evidence":"uploaded","key":{"attributes":{},"kind":"electricity",'
        b'"region":"US/zip/10001","unit":"kWh","year":2024},"month":"2024-03","quality":"measured",'
        b'"quantity_micro":"12345678","start":"2024-03-31T04:00:00Z"}'
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("end", "2024-04-01", "The field end is not what instant_from_text takes"),
        ("evidence", "rumour", "The field evidence is not what EvidenceClass takes"),
        ("key", [], "expected an object; got list; in activity.key"),
        ("month", "2024-3", "The field month is not what from_text takes"),
        ("quality", "good", "The field quality is not what Quality takes"),
        ("quantity_micro", 1, "The field quantity_micro is not text"),
        ("quantity_micro", "1.5", "The field quantity_micro is not an integer as text"),
        ("start", None, "The field start is not text"),
    ],
)
def test_wrong_field_of_an_activity_is_refused(name: str, value: Json, message: str) -> None:
    """A field that is not what it must be is named."""
    with pytest.raises(CanonicalError) as caught:
        activity_from_json({**activity_to_json(MARCH), name: value})
    assert message in caught.value.sentence()


@pytest.mark.parametrize("name", sorted(activity_to_json(MARCH)))
def test_missing_field_of_an_activity_is_refused(name: str) -> None:
    """Every field of an activity is needed."""
    with pytest.raises(CanonicalError, match=f"A field is missing; expected {name}; "):
        activity_from_json({field: value for field, value in activity_to_json(MARCH).items() if field != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [("kind", 1), ("region", None), ("year", "2024"), ("unit", {}), ("attributes", []), ("attributes", {"a": 1})],
)
def test_wrong_field_of_a_key_is_refused(name: str, value: Json) -> None:
    """A key's fields are text, its year an integer, its attributes texts."""
    with pytest.raises(CanonicalError):
        activity_key_from_json({**MARCH.key.to_json(), name: value})


@given(st.lists(activities(), max_size=4), MONTHS)
def test_leaf_is_canonical(taken: list[Activity], month: Month) -> None:
    """A leaf is canonical JSON whatever the record holds."""
    leaf = replace(REVISION, activities=tuple(taken)).leaf(month, "America/New_York")
    assert to_canonical(from_canonical(leaf)) == leaf


@given(st.lists(activities(), max_size=2), MONTHS, TEXTS, TEXTS)
def test_leaf_is_written_as_its_json(taken: list[Activity], month: Month, name: str, zone: str) -> None:
    """The leaf, which is written piece by piece, is the canonical JSON of its fields, whatever the texts hold."""
    made = RecordRevision(name, "1", name, "u", 3, ("ab" * 32, name), tuple(taken), START)
    assert made.leaf(month, zone) == to_canonical(
        {
            "activities": [activity_to_json(one) for one in taken if one.month == month],
            "connector": name,
            "documents": ["ab" * 32, name],
            "format": RECORD_FORMAT,
            "month": month.to_text(),
            "parser": "1",
            "record_key": name,
            "revision": 3,
            "usage_point": "u",
            "zone": zone,
        }
    )


def test_leaf_holds_its_months_activities_only() -> None:
    """A record over two months has a leaf for each, with that month's activities."""
    assert from_canonical(REVISION.leaf(Month(2024, 3), "America/New_York")) == {
        "activities": [activity_to_json(MARCH)],
        "connector": "green-button",
        "documents": ["ab" * 32, "cd" * 32],
        "format": "climate-fitness/record/1",
        "month": "2024-03",
        "parser": "1",
        "record_key": "u|electricity|2024-03-31",
        "revision": 2,
        "usage_point": "u",
        "zone": "America/New_York",
    }


@pytest.mark.parametrize(
    "other",
    [
        replace(REVISION, revision=3),
        replace(REVISION, parser_version="2"),
        replace(REVISION, document_sha256s=("ab" * 32,)),
        replace(REVISION, activities=(replace(MARCH, quantity_micro=12_345_679),)),
        replace(REVISION, activities=(replace(MARCH, evidence=EvidenceClass.TYPED),)),
    ],
    ids=["revision", "parser", "documents", "quantity", "evidence"],
)
def test_leaf_changes_with_its_content(other: RecordRevision) -> None:
    """Another revision, parser, document, amount or evidence is another leaf."""
    assert other.leaf(Month(2024, 3), "UTC") != REVISION.leaf(Month(2024, 3), "UTC")


def test_when_it_was_recorded_is_not_in_the_leaf() -> None:
    """Two nodes that took the same in at different times have the same leaf."""
    assert replace(REVISION, recorded_at=START + timedelta(days=9)).leaf(Month(2024, 3), "UTC") == REVISION.leaf(
        Month(2024, 3), "UTC"
    )


def test_group_of_a_leaf() -> None:
    """Leaves are grouped by connector, usage point and month."""
    assert REVISION.group_key(Month(2024, 3)) == "green-button|u|2024-03"


@pytest.mark.parametrize(
    "fields",
    [{"note": ""}, {"start": "2024-03-31T04:00:00+00:00"}, {"key": {**MARCH.key.to_json(), "salt": ""}}],
    ids=["extra", "offset", "key"],
)
def test_extra_and_other_forms_of_an_activity_are_refused(fields: dict[str, Json]) -> None:
    """What would not be written again as it stands is refused, in the key too."""
    with pytest.raises(CanonicalError, match=r"This holds something that its format does not have; .*; in activity"):
        activity_from_json({**activity_to_json(MARCH), **fields})


def by_fields(data: bytes) -> RecordLeaf | None:
    """What the long way reads; None where it refuses."""
    try:
        return leaf_by_fields(data)
    except CanonicalError:
        return None


LEAF = REVISION.leaf(Month(2024, 3), "America/New_York")


@given(activities(), TEXTS, TEXTS, st.integers(0, 2**53 - 1), st.lists(st.sampled_from(["ab" * 32, "cd" * 32, "x"]), max_size=3))
def test_short_way_reads_what_the_long_way_reads(
    activity: Activity, name: str, zone: str, revision: int, documents: list[str]
) -> None:
    """Whatever stands in a leaf, the short way reads the same or leaves it to the long one."""
    made = RecordRevision("c", "1", name, "u", revision, tuple(documents), (activity,), START)
    data = made.leaf(activity.month, zone)
    assert quick_leaf(data) in {None, leaf_by_fields(data)}
    assert record_leaf_from_canonical(data) == leaf_by_fields(data)


def test_usual_leaf_takes_the_short_way() -> None:
    """A leaf of one activity is read at once; one of two is not."""
    assert quick_leaf(LEAF) == leaf_by_fields(LEAF)
    assert quick_leaf(replace(REVISION, activities=(MARCH, MARCH)).leaf(Month(2024, 3), "UTC")) is None


def test_every_changed_byte_is_read_or_refused_alike() -> None:
    """Each byte of a leaf changed in each way that matters: the short way never takes what the long one refuses."""
    changed = [
        LEAF[:index] + bytes([byte]) + LEAF[index + 1 :]
        for index in range(len(LEAF))
        for byte in {*b'"\\{}[],:-+.0129aZ \n\x00\x1f\x7f\x80\xed', LEAF[index] ^ 1, LEAF[index] ^ 0x20}
    ]
    changed += [LEAF[:index] + LEAF[index + 1 :] for index in range(len(LEAF))]
    changed += [LEAF[:index] + LEAF[index : index + 1] + LEAF[index:] for index in range(len(LEAF))]
    for data in changed:
        quick = quick_leaf(data)
        assert quick is None or quick == by_fields(data), data


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"end":"2024-04-01T04:00:00Z"', b'"end":"2024-04-01T04:00:00.000Z"'),
        (b'"end":"2024-04-01T04:00:00Z"', b'"end":"2024-04-01T00:00:00-04:00"'),
        (b'"quantity_micro":"12345678"', b'"quantity_micro":"012345678"'),
        (b'"quantity_micro":"12345678"', b'"quantity_micro":"-0"'),
        (b'"revision":2', b'"revision":9007199254740992'),
        (b'"revision":2', b'"revision":2.0'),
        (b'"attributes":{}', b'"attributes":{ }'),
        (b'"attributes":{}', b'"attributes":{"b":"1","a":"2"}'),
        (b'"attributes":{}', b'"attributes":{"a":"1","a":"1"}'),
        (b'"attributes":{}', b'"attributes":{"a":1}'),
        (b'"year":2024}', b'"year":2024,"zone":"x"}'),
        (b'"zone":"America/New_York"', b'"zone":"America\\/New_York"'),
        (b'"zone":"America/New_York"', b'"zone":"America/New_\xed\xa0\x80York"'),
    ],
)
def test_other_forms_of_the_same_are_refused_by_both(old: bytes, new: bytes) -> None:
    """What says the same otherwise, or more, is no leaf."""
    data = LEAF.replace(old, new)
    assert data != LEAF
    assert quick_leaf(data) is None
    assert by_fields(data) is None

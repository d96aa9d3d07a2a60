"""Records: what a source says about one thing, and its revisions."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from domain.activity import Activity, ActivityKey, EvidenceClass, Quality
from domain.canonical import Json, canonical_text, from_canonical, utf8_of
from domain.errors import CanonicalError, ClimateFitnessError
from domain.fields import Fields, refuse_other_content
from domain.period import Month, instant_from_text, instant_to_text

RECORD_FORMAT = "climate-fitness/record/1"
"""Name and version of a leaf's layout."""

_LEAF_NAMES = frozenset(
    "activities connector documents format month parser record_key revision usage_point zone".split()  # noqa: SIM905  # shorter
)


@dataclass(frozen=True, slots=True)
class RecordRevision:
    """One revision of one record.

    Attributes:
        connector: Which connector read it.
        parser_version: Version of its parser.
        record_key: The source's own name of the thing: `usage point|direction|2024-03-10` for a meter day.
        usage_point: Meter point, or empty.
        revision: 1 for the first.
        document_sha256s: All documents it was taken from, 64 hexadecimal digits each, in the order in which they came.
        activities: What follows from it; empty for a removal.
        recorded_at: When we took it in.
    """

    connector: str
    parser_version: str
    record_key: str
    usage_point: str
    revision: int
    document_sha256s: tuple[str, ...]
    activities: tuple[Activity, ...]
    recorded_at: datetime

    def group_key(self, month: Month) -> str:
        """Name of the group that its leaf of a month belongs to: connector, usage point, month."""
        return f"{self.connector}|{self.usage_point}|{month}"

    def leaf(self, month: Month, zone: str) -> bytes:
        """Canonical JSON of this revision's share of a month: the leaf of the inputs root.

        Args:
            month: The local month.
            zone: IANA time zone that its days were cut in.
        """
        taken = ",".join(activity_text(a) for a in self.activities if a.month == month)
        documents = ",".join(canonical_text(digest) for digest in self.document_sha256s)
        text = (
            f'{{"activities":[{taken}],"connector":{canonical_text(self.connector)},"documents":[{documents}]'
            f',"format":"{RECORD_FORMAT}","month":"{month}","parser":{canonical_text(self.parser_version)}'
            f',"record_key":{canonical_text(self.record_key)},"revision":{self.revision:d}'
            f',"usage_point":{canonical_text(self.usage_point)},"zone":{canonical_text(zone)}}}'
        )
        return utf8_of(text)


@dataclass(frozen=True, slots=True)
class RecordLeaf:
    """What a leaf of the inputs tree says.

    Attributes:
        connector: Which connector read it.
        parser: Version of its parser.
        record_key: The source's own name of the thing.
        usage_point: Meter point, or empty.
        revision: 1 for the first.
        month: Which month's share.
        zone: IANA time zone that its days were cut in.
        document_sha256s: The originals that it was taken from, 64 hexadecimal digits each.
        activities: What follows from it in that month, without profiles.
    """

    connector: str
    parser: str
    record_key: str
    usage_point: str
    revision: int
    month: Month
    zone: str
    document_sha256s: tuple[str, ...]
    activities: tuple[Activity, ...]

    @property
    def group_key(self) -> str:
        """Name of the group that it belongs to."""
        return f"{self.connector}|{self.usage_point}|{self.month}"


def record_leaf_from_canonical(data: bytes, *, record: str = "input") -> RecordLeaf:
    """What the bytes of a leaf say.

    Args:
        data: As `RecordRevision.leaf` makes them.
        record: Where they stand, for the message.

    Returns:
        The leaf's content.

    Raises:
        CanonicalError: The bytes are not canonical, of another format, or a field is missing, too many or not what it must be.
    """
    return quick_leaf(data) or leaf_by_fields(data, record=record)


def leaf_by_fields(data: bytes, *, record: str = "input") -> RecordLeaf:
    """What the bytes of a leaf say, read field by field: `record_leaf_from_canonical` without its short way.

    Args:
        data: As `RecordRevision.leaf` makes them.
        record: Where they stand, for the message.

    Returns:
        The leaf's content.

    Raises:
        CanonicalError: The bytes are not canonical, of another format, or a field is missing, too many or not what it must be.
    """
    fields = Fields(from_canonical(data, record=record), record)
    if fields.text("format") != RECORD_FORMAT:
        raise CanonicalError(
            "This record has a format that this version does not know",
            expected=RECORD_FORMAT,
            got=fields.text("format"),
            record=record,
            next_step="Use the version of the program that made it.",
        )
    if fields.names() != _LEAF_NAMES:
        raise CanonicalError(
            "This record has other fields than its format",
            expected=", ".join(sorted(_LEAF_NAMES)),
            got=", ".join(sorted(fields.names())),
            record=record,
        )
    return RecordLeaf(
        connector=fields.text("connector"),
        parser=fields.text("parser"),
        record_key=fields.text("record_key"),
        usage_point=fields.text("usage_point"),
        revision=fields.integer("revision"),
        month=fields.made("month", _MONTH),
        zone=fields.text("zone"),
        document_sha256s=fields.texts("documents"),
        activities=tuple(
            activity_from_json(value, record=f"{record}.activities[{index}]")
            for index, value in enumerate(fields.items("activities"))
        ),
    )


_PLAIN = r'"([^"\\\\\x00-\x1f\ud800-\udfff]*)"'
"""A text of canonical JSON in which nothing is escaped, or had to be."""

_ONE_ACTIVITY = re.compile(
    r'\{"activities":\[\{"end":"([0-9TZ:.-]*)","evidence":"([a-z_]*)","key":(\{"attributes":\{[^{}]*\}[^{}]*\}),"month":"([0-9-]*)"'
    r',"quality":"([a-z_]*)","quantity_micro":"(0|-?[1-9][0-9]{0,39})","start":"([0-9TZ:.-]*)"\}\]'
    rf',"connector":{_PLAIN},"documents":\[((?:"[0-9a-f]{{64}}",)*"[0-9a-f]{{64}}")\],"format":"{re.escape(RECORD_FORMAT)}","month":"([0-9-]*)"'
    rf',"parser":{_PLAIN},"record_key":{_PLAIN},"revision":([1-9][0-9]{{0,14}}),"usage_point":{_PLAIN},"zone":{_PLAIN}\}}'
)
"""The canonical bytes of a leaf with one activity, as nearly all are: what matches has no other canonical form."""


def quick_leaf(data: bytes) -> RecordLeaf | None:
    """What the bytes of a leaf say, where they are of the usual kind: one activity, nothing escaped. Four times as fast.

    Args:
        data: As `RecordRevision.leaf` makes them, or anything.

    Returns:
        The same as `record_leaf_from_canonical`; None where that has to look, and may refuse them.
    """
    try:
        match = _ONE_ACTIVITY.fullmatch(data.decode())
        if match is None:
            return None
        (
            end,
            evidence,
            key,
            month,
            quality,
            quantity,
            start,
            connector,
            documents,
            of_month,
            parser,
            name,
            revision,
            point,
            zone,
        ) = match.groups()
        activity = Activity(
            key=_key_of_text(key),
            start=_instant_of_text(start),
            end=_instant_of_text(end),
            month=_MONTH(month),
            quantity_micro=int(quantity),
            quality=_QUALITIES[quality],
            evidence=_EVIDENCES[evidence],
        )
        digests = tuple(documents[1:-1].split('","'))
        return RecordLeaf(connector, parser, name, point, int(revision), _MONTH(of_month), zone, digests, (activity,))
    except (UnicodeDecodeError, KeyError, ClimateFitnessError):  # the other way says what is wrong
        return None


_QUALITIES = {str(one): one for one in Quality}
_EVIDENCES = {str(one): one for one in EvidenceClass}


@lru_cache(maxsize=4096)
def _key_of_text(text: str) -> ActivityKey:
    """The key of canonical JSON, the same object for the same text: its id is made once.

    Raises:
        CanonicalError: It is not canonical, or no key.
    """
    value = from_canonical(text.encode())
    key = activity_key_from_json(value)
    refuse_other_content(value, key.to_json(), "activity key")
    return key


@lru_cache(maxsize=4096)
def _instant_of_text(text: str) -> datetime:
    """The instant of its one canonical text.

    Raises:
        CanonicalError: It is another form of it.
        TimeError: It is none.
    """
    at = instant_from_text(text)
    refuse_other_content(text, instant_to_text(at), "instant")
    return at


def activity_to_json(activity: Activity) -> dict[str, Json]:
    """An activity as canonical JSON carries it; amounts as strings."""
    return {
        "end": instant_to_text(activity.end),
        "evidence": str(activity.evidence),
        "key": activity.key.to_json(),
        "month": activity.month.to_text(),
        "quality": str(activity.quality),
        "quantity_micro": str(activity.quantity_micro),
        "start": instant_to_text(activity.start),
    }


def activity_text(activity: Activity) -> str:
    """The canonical JSON of `activity_to_json`."""
    return (
        f'{{"end":"{_TEXT_OF_INSTANT(activity.end)}","evidence":"{activity.evidence}","key":{activity.key.canonical_text}'
        f',"month":"{activity.month}","quality":"{activity.quality}","quantity_micro":"{activity.quantity_micro}"'
        f',"start":"{_TEXT_OF_INSTANT(activity.start)}"}}'
    )


_TEXT_OF_INSTANT = lru_cache(maxsize=4096)(instant_to_text)
_INSTANT = lru_cache(maxsize=4096)(instant_from_text)
_MONTH = lru_cache(maxsize=4096)(Month.from_text)
"""The same few days and months stand in thousands of records."""


def activity_from_json(value: Json, *, record: str = "activity") -> Activity:
    """The activity that canonical JSON carries, without its profile.

    Args:
        value: As `activity_to_json` makes it.
        record: Where it stands, for the message.

    Returns:
        The activity.

    Raises:
        CanonicalError: A field is missing, is not what it must be, or is none that the format has.
    """
    fields = Fields(value, record)
    activity = Activity(
        key=activity_key_from_json(fields.raw("key"), record=f"{record}.key"),
        start=fields.made("start", _INSTANT),
        end=fields.made("end", _INSTANT),
        month=fields.made("month", _MONTH),
        quantity_micro=fields.amount("quantity_micro"),
        quality=fields.made("quality", Quality),
        evidence=fields.made("evidence", EvidenceClass),
    )
    refuse_other_content(value, activity_to_json(activity), record)
    return activity


def activity_key_from_json(value: Json, *, record: str = "activity key") -> ActivityKey:
    """The activity key that canonical JSON carries.

    Args:
        value: As `ActivityKey.to_json` makes it.
        record: Where it stands, for the message.

    Returns:
        The key.

    Raises:
        CanonicalError: A field is missing or is not what it must be.
    """
    fields = Fields(value, record)
    attributes = fields.nested("attributes")
    return ActivityKey(
        fields.text("kind"),
        fields.text("region"),
        fields.integer("year"),
        fields.text("unit"),
        tuple((name, attributes.text(name)) for name in sorted(attributes.names())),
    )

"""Records: what a source says about one thing, and its revisions."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from domain.activity import Activity, ActivityKey, EvidenceClass, Quality
from domain.canonical import Json, from_canonical, to_canonical
from domain.errors import CanonicalError
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
        taken = [activity_to_json(a) for a in self.activities if a.month == month]
        return to_canonical(
            {
                "activities": taken,
                "connector": self.connector,
                "documents": list(self.document_sha256s),
                "format": RECORD_FORMAT,
                "month": month.to_text(),
                "parser": self.parser_version,
                "record_key": self.record_key,
                "revision": self.revision,
                "usage_point": self.usage_point,
                "zone": zone,
            }
        )


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

"""Which objects of a feed belong together, by their links; by being alone where links are missing or broken."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from connectors.green_button.blocks import Block
from connectors.green_button.links import AddressBook
from connectors.green_button.scan import EspiObject, Feed


@dataclass(eq=False, slots=True)
class Thing:
    """An object under its address; entries that repeat an address are one thing.

    Attributes:
        name: "UsagePoint", "MeterReading", "ReadingType" or "LocalTimeParameters".
        key: Its address, or empty.
        position: 1 for the first of its name.
        texts: Its leaves by path.
        mrid: Its mRID, or empty.
        up: Addresses of what it belongs to.
        related: Addresses of what belongs to it.
        outer: The object around it, where it is nested.
        has_contradiction: Whether the same address came with different content.
    """

    name: str
    key: str
    position: int
    texts: dict[str, str]
    mrid: str
    up: list[str] = field(default_factory=list)
    related: list[str] = field(default_factory=list)
    outer: "Thing | None" = None
    has_contradiction: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where a block's readings come from.

    Attributes:
        meter_reading: Its MeterReading, if one was found.
        reading_type: Its ReadingType, if one was found.
        point: Its UsagePoint, if one was found.
        fallback_name: Tells the sources without a MeterReading apart.
    """

    meter_reading: Thing | None
    reading_type: Thing | None
    point: Thing | None
    fallback_name: str


class Joined:
    """The things of a feed, found by the links between them.

    Invariant: a thing is found only where one alone fits; nothing is chosen among several.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._thing_of: dict[int, Thing] = {}
        things = list(dict.fromkeys(self._things()))
        self.usage_points = [one for one in things if one.name == "UsagePoint"]
        self.meter_readings = [one for one in things if one.name == "MeterReading"]
        self.reading_types = [one for one in things if one.name == "ReadingType"]
        self.local_times = [one for one in things if one.name == "LocalTimeParameters"]
        self._point_at, self._point_of_related = _books(self.usage_points)
        self._meter_at, self._meter_of_related = _books(self.meter_readings)
        self._type_at, _ = _books(self.reading_types)
        self._time_at, _ = _books(self.local_times)
        self._nested_type = {id(one.outer): one for one in self.reading_types if one.outer}

    def _things(self) -> Iterator[Thing]:
        """Every object's thing, the outer before the inner."""
        known: dict[tuple[str, str], Thing] = {}
        counts: Counter[str] = Counter()
        for one in self._feed.objects:
            entry = self._feed.entries[one.entry_index]
            key = "" if one.outer else entry.self_key
            thing = known.get((one.name, key)) if key else None
            if thing is None:
                counts[one.name] += 1
                thing = Thing(one.name, key, counts[one.name], one.texts, one.mrid)
                thing.outer = self._thing_of[id(one.outer)] if one.outer else None
                if key:
                    known[one.name, key] = thing
            elif thing.texts != one.texts:
                thing.has_contradiction = True
            if not one.outer:
                thing.up.extend(entry.up)
                thing.related.extend(entry.related)
            self._thing_of[id(one)] = thing
            yield thing

    def counts(self) -> dict[str, int]:
        """How many of each object there are."""
        return dict(Counter(one.name for one in self._feed.objects))

    def blocks_by_source(self) -> dict[Source, list[Block]]:
        """The blocks of each source, in the order of the document."""
        groups: dict[Source, list[Block]] = {}
        for index, block in enumerate(self._feed.blocks):
            groups.setdefault(self._source(index, block), []).append(block)
        return groups

    def _source(self, index: int, block: Block) -> Source:
        outer = self._feed.outer_of_block.get(index)
        keys = self._keys(block)
        meter = self._around(outer, "MeterReading") or self._linked_meter(keys)
        reading_type = self._type_of(meter, block, outer)
        point = self._around(outer, "UsagePoint") or self._point_of(meter, keys)
        name = "" if meter else _parent_of_block(keys)
        return Source(meter, reading_type, point, name)

    def _keys(self, block: Block) -> list[str]:
        """Addresses that say where a block belongs, and its own."""
        entry = self._feed.entries[block.entry_index]
        return [*entry.up, *([entry.self_key] if entry.self_key else [])]

    def _around(self, outer: EspiObject | None, name: str) -> Thing | None:
        """The object of this name that a nested one lies in."""
        thing = self._thing_of[id(outer)] if outer else None
        while thing is not None and thing.name != name:
            thing = thing.outer
        return thing

    def _linked_meter(self, keys: list[str]) -> Thing | None:
        found = self._meter_of_related.find_any(keys) or _first(self._meter_at.find_around(key) for key in keys)
        if found or len(self.meter_readings) != 1:
            return found
        is_named = any("MeterReading" in key.split("/") for key in keys)
        return self.meter_readings[0] if len(self.reading_types) == 1 or not is_named else None

    def _type_of(self, meter: Thing | None, block: Block, outer: EspiObject | None) -> Thing | None:
        """The ReadingType: nested, linked, or the only one."""
        nested = self._nested_type.get(id(meter)) if meter else None
        around = self._around(outer, "ReadingType")
        if nested or around:
            return nested or around
        entry = self._feed.entries[block.entry_index]
        for related in (entry.related, meter.related if meter else []):
            found = set(filter(None, map(self._type_at.find, related)))
            if found:
                return found.pop() if len(found) == 1 else None
        return self.reading_types[0] if len(self.reading_types) == 1 else None

    def _point_of(self, meter: Thing | None, keys: list[str]) -> Thing | None:
        """The UsagePoint: around the meter reading, linked, or the only one."""
        if meter and meter.outer:
            return meter.outer if meter.outer.name == "UsagePoint" else None
        own = [*([meter.key] if meter and meter.key else []), *(meter.up if meter else [])]
        found = self._point_of_related.find_any(own) or _first(self._point_at.find_around(key) for key in [*own, *keys])
        if found is None and meter:
            found = self._point_at.find_any(meter.related)
        return found or (self.usage_points[0] if len(self.usage_points) == 1 else None)

    def series_name(self, source: Source) -> str:
        """Names a source inside its document, the same whatever the order of the entries."""
        if source.meter_reading:
            return _name(source.meter_reading)
        type_name = _name(source.reading_type) if source.reading_type else "no ReadingType"
        return source.fallback_name or type_name

    def point_name(self, source: Source) -> str:
        """The provider's name of the meter point: its address, else its mRID, else what the addresses around it say."""
        point, meter = source.point, source.meter_reading
        if point:
            is_alone = len(self.usage_points) == 1
            return point.key or point.mrid or ("" if is_alone else _name(point))
        keys = [*([meter.key] if meter else []), *(meter.up if meter else []), source.fallback_name]
        return next(filter(None, map(_point_part, keys)), "")

    def clocks(self) -> Iterator[tuple[str, Thing]]:
        """Each usage point's name with the LocalTimeParameters that it is linked with."""
        linked_back = {point: one for one in self.local_times for point in map(self._point_at.find, one.related) if point}
        for point in self.usage_points:
            clock = self._time_at.find_any(point.related) or linked_back.get(point)
            name = self.point_name(Source(None, None, point, ""))
            if clock is not None and name:
                yield name, clock


def _books(things: list[Thing]) -> tuple[AddressBook[Thing], AddressBook[Thing]]:
    """Things by their own address, and by the addresses of what belongs to them."""
    own = AddressBook((one.key, one) for one in things)
    return own, AddressBook((key, one) for one in things for key in one.related)


def _first(found: Iterable[Thing | None]) -> Thing | None:
    return next((one for one in found if one is not None), None)


def _name(thing: Thing) -> str:
    return thing.key or thing.mrid or f"{thing.name} {thing.position}"


def _parent_of_block(keys: list[str]) -> str:
    """Address of the meter reading that a block's own addresses speak of; empty where they do not."""
    for key in keys:
        before, found, _ = key.partition("/IntervalBlock")
        if found:
            return before
    return ""


def _point_part(key: str) -> str:
    """Address of the usage point inside a longer address."""
    before, found, after = key.partition("UsagePoint/")
    return f"{before}{found}{after.split('/')[0]}" if found else ""

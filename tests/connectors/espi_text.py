"""Small Green Button documents, written by hand: each test changes the one thing that it is about."""

from collections.abc import Sequence

ESPI_NS = "http://naesb.org/espi"
ATOM_NS = "http://www.w3.org/2005/Atom"
START_S = 1_700_000_000
POINT = "<UsagePoint><ServiceCategory><kind>0</kind></ServiceCategory></UsagePoint>"
CLOCK = (
    "<LocalTimeParameters><dstEndRule>B40E2000</dstEndRule><dstOffset>3600</dstOffset>"
    "<dstStartRule>360E2000</dstStartRule><tzOffset>-18000</tzOffset></LocalTimeParameters>"
)


def reading(start: object, value: object, *, duration: object = 3600, before: str = "", after: str = "") -> str:
    """One IntervalReading in the order of the schema."""
    period = f"<timePeriod><duration>{duration}</duration><start>{start}</start></timePeriod>"
    return f"<IntervalReading>{before}{period}<value>{value}</value>{after}</IntervalReading>"


def block(*readings: str, start_s: int = START_S) -> str:
    """One IntervalBlock."""
    interval = f"<interval><duration>86400</duration><start>{start_s}</start></interval>"
    return f"<IntervalBlock>{interval}{''.join(readings)}</IntervalBlock>"


def reading_type(**codes: object) -> str:
    """One ReadingType; hourly Wh of delivered electricity unless said otherwise, an element left out where it is None."""
    usual: dict[str, object] = {
        "accumulationBehaviour": 4,
        "commodity": 1,
        "flowDirection": 1,
        "intervalLength": 3600,
        "powerOfTenMultiplier": 0,
        "uom": 72,
    }
    leaves = "".join(f"<{name}>{code}</{name}>" for name, code in (usual | codes).items() if code is not None)
    return f"<ReadingType>{leaves}</ReadingType>"


def entry(content: str, *, self_href: str = "", up: Sequence[str] = (), related: Sequence[str] = ()) -> str:
    """One Atom entry; the content's elements get the ESPI namespace."""
    links = [("self", self_href)] * bool(self_href) + [("up", one) for one in up] + [("related", one) for one in related]
    lines = "".join(f'<link rel="{rel}" href="{href}"/>' for rel, href in links)
    name = content.lstrip("<").split(">", 1)[0].rstrip("/")
    named = content.replace(f"<{name}>", f'<{name} xmlns="{ESPI_NS}">').replace(f"<{name}/>", f'<{name} xmlns="{ESPI_NS}"/>')
    return f"<entry>{lines}<content>{named}</content></entry>"


def meter_entries(number: int = 1, *, type_text: str = "", blocks: Sequence[str] = ()) -> list[str]:
    """Entries of one meter reading: ReadingType, MeterReading, and its blocks."""
    path = f"UsagePoint/1/MeterReading/{number}"
    return [
        entry(type_text or reading_type(), self_href=f"ReadingType/{number}"),
        entry("<MeterReading/>", self_href=path, related=[f"{path}/IntervalBlock", f"ReadingType/{number}"]),
        *(entry(one, self_href=f"{path}/IntervalBlock/{n}", up=[f"{path}/IntervalBlock"]) for n, one in enumerate(blocks, 1)),
    ]


def point_entry() -> str:
    """The usage point of `meter_entries`."""
    related = ["UsagePoint/1/MeterReading", "LocalTimeParameters/1"]
    return entry(POINT, self_href="UsagePoint/1", related=related) + entry(CLOCK, self_href="LocalTimeParameters/1")


def feed(*entries: str) -> bytes:
    """An Atom feed of these entries."""
    head = f'<feed xmlns="{ATOM_NS}"><title>Test feed</title><updated>2024-01-01T00:00:00Z</updated>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{"".join(entries)}</feed>'.encode()


def document(*readings: str, type_text: str = "") -> bytes:
    """A feed of one usage point and one block of these readings."""
    return feed(point_entry(), *meter_entries(type_text=type_text, blocks=[block(*readings)]))

"""The expression and the XML parser read a block alike, whatever is in it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.green_button import blocks
from connectors.green_button.columns import Columns, Refusals
from domain.errors import DocumentError
from tests.connectors.espi_text import ESPI_NS, START_S, reading

PIECES = (
    "<cost>1</cost>",
    "<ReadingQuality><quality>8</quality></ReadingQuality>",
    "<timezone>Z</timezone>",
    "<!-- <value>3</value> -->",
    "<value>4</value>",
    "<x:value xmlns:x='urn:x'>4</x:value>",
    "<e:value>5</e:value>",
    "<IntervalReading/>",
    "<tou a='1'>2</tou>",
    "<a><value>3</value></a>",
    "<timePeriod><duration>1</duration><start>1700000000</start></timePeriod>",
    "<![CDATA[x]]>",
    "<?pi x?>",
    "&#49;",
    "<start>3</start>",
    " \n",
    "<value/>",
)
PREFIXES = {"": ESPI_NS, "e": ESPI_NS}

Outcome = tuple[list[int], list[int], list[int], list[int], list[str]] | str


@st.composite
def regions(draw: st.DrawFn) -> bytes:
    """A block of some readings, each with pieces put where a tag begins."""
    readings = []
    for _ in range(draw(st.integers(1, 3))):
        text = reading(
            draw(st.sampled_from([START_S, START_S + 3600, 0, f" {START_S}.9"])),
            draw(st.sampled_from([1, -2, "007", 10**18, 2**63, "1.5", "x"])),
            duration=draw(st.sampled_from([0, 3600, -5, 10**11])),
        )
        for piece in draw(st.lists(st.sampled_from(PIECES), max_size=2)):
            tags = [at for at, letter in enumerate(text) if letter == "<"]
            at = draw(st.sampled_from([*tags, len(text)]))
            text = text[:at] + piece + text[at:]
        readings.append(text)
    return f"<IntervalBlock>{''.join(readings)}".encode()


def outcome(columns: Columns, refusals: Refusals) -> Outcome:
    """All that a reader made of a block."""
    rows = (columns.starts_s, columns.durations_s, columns.values, columns.qualities)
    starts, durations, values, qualities = (column.tolist() for column in rows)
    return starts, durations, values, qualities, [error.sentence() for error in refusals.errors]


def read_by_either(region: bytes) -> Outcome:
    """The block as it is read: by the expression where it can be."""
    columns, refusals = Columns(), Refusals()
    try:
        blocks.read_block(region, prefixes=PREFIXES, entry_index=0, record="block", columns=columns, refusals=refusals)
    except DocumentError as error:
        return error.sentence()
    return outcome(columns, refusals)


def read_by_parser(region: bytes) -> Outcome:
    """The block as the XML parser alone reads it."""
    columns, refusals = Columns(), Refusals()
    try:
        blocks._read_any(region, PREFIXES, entry_index=0, record="block", columns=columns, refusals=refusals)  # noqa: SLF001 - the oracle
    except DocumentError as error:
        return error.sentence()
    return outcome(columns, refusals)


@given(regions())
@settings(max_examples=500, deadline=None)
def test_both_readers_agree(region: bytes) -> None:
    """Rows, order, qualities and refusals are the same."""
    assert read_by_either(region) == read_by_parser(region)


def test_plain_blocks_need_no_parser() -> None:
    """A block in the order of the schema, with comments and prefixed names, is read by the expression."""
    text = f"<IntervalBlock><!-- x -->{reading(START_S, 5, before='<cost>1</cost>')}".replace("<", "<e:").replace("<e:/", "</e:")
    region = text.replace("<e:!--", "<!--").encode()
    plain = blocks._without_comments(region)  # noqa: SLF001 - which of two equal readers was used cannot be seen from outside
    assert plain is not None
    assert next(blocks._shapes(plain)) == blocks._Shape(b"e:")  # noqa: SLF001 - as above
    assert read_by_either(region) == ([START_S], [3600], [5], [-1], [])

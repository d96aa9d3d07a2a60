"""What a document does not say itself travels in its first line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.context import PREFIX, framed, unframed
from domain.errors import DocumentError

CONTEXT = st.dictionaries(
    st.text(st.characters(codec="ascii"), max_size=8),
    st.text(max_size=20) | st.integers(-9, 9) | st.none(),
    min_size=1,
    max_size=4,
)


@given(CONTEXT, st.binary(max_size=60))
def test_what_is_framed_comes_back(context: dict[str, str | int | None], body: bytes) -> None:
    """Context and bytes are as they were, whatever the bytes are."""
    assert unframed(framed(context, body)) == (context, body)


def test_nothing_is_added_where_there_is_nothing_to_say() -> None:
    """Without a context the bytes stay as they came, and are read so."""
    assert framed({}, b"<feed/>") == b"<feed/>"
    assert unframed(b"<feed/>") == ({}, b"<feed/>")


@pytest.mark.parametrize("line", [b"", b"{}", b"[]\n", b'{"a":1', b'{ "a":1}\n', b"{" * 20_000 + b"\n"])
def test_damaged_context_is_refused(line: bytes) -> None:
    """What begins like a context and is none is never taken for the document."""
    with pytest.raises(DocumentError, match="context of this document is damaged"):
        unframed(PREFIX + line)

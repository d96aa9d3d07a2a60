"""A decision is a document that anybody can read again."""

import pytest

from connectors import registry
from connectors.decisions import PREFIX, decision_document, is_decision, read_decision
from domain.declared import ActivityDocument
from domain.errors import DocumentError

DECIDED = decision_document("2026-03-10T12:00:00Z", number=2, set_aside=["a"], because="same_trip", instead=["bank-file", "b"])


def test_what_was_decided_comes_back() -> None:
    """Whatever connector it is about."""
    for document in (read_decision(DECIDED), registry.read("activities", DECIDED)):
        assert isinstance(document, ActivityDocument)
        assert (document.set_aside_keys, document.restored_keys, document.activities) == (("a",), (), ())
    restored = read_decision(decision_document("2026-03-10T12:00:00Z", number=3, restored=["a"]))
    assert (restored.set_aside_keys, restored.restored_keys) == ((), ("a",))
    assert restored.spoken_keys() == ("a",)


def test_same_decision_again_is_another_document() -> None:
    """Also in the same instant."""
    assert decision_document("t", number=1, set_aside=["a"]) != decision_document("t", number=2, set_aside=["a"])


@pytest.mark.parametrize("rest", [b"", b"{}", b"[]", DECIDED[len(PREFIX) :] + b" ", b'{"restored":[1],"set_aside":[]}'])
def test_damaged_decision_is_refused(rest: bytes) -> None:
    """Other bytes after the first line decide nothing."""
    assert is_decision(PREFIX + rest)
    with pytest.raises(DocumentError, match="This decision is damaged"):
        read_decision(PREFIX + rest)

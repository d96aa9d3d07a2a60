"""Documents are kept once per subject and content."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.store import documents, records
from app.store.session import Engine, unit_of_work
from domain.errors import NotFoundError
from tests.app.store.builders import NOW, Home, bill, make_document, record
from tests.app.store.chain import MARCH


def test_same_bytes_are_one_document(engine: Engine, home: Home) -> None:
    """The same bytes again are the document received first."""
    with unit_of_work(engine) as session:
        first = make_document(session, home)
        assert documents.add(session, replace(first, id="other", received_at=NOW + timedelta(days=1))) == first
        assert documents.by_sha256(session, "ada", "ada", first.sha256) == documents.by_id(session, "ada", first.id) == first


def test_two_subjects_have_their_own_copies(engine: Engine, home: Home, other_home: Home) -> None:
    """The same bytes of two subjects are two documents: each is sealed and deleted for itself."""
    with unit_of_work(engine) as session:
        assert make_document(session, home).id != make_document(session, other_home).id
        assert len(documents.of_subject(session, "bob", "bob")) == 1


def test_revision_leads_to_its_documents(engine: Engine, home: Home) -> None:
    """From an activity's record revision the originals can be found; a removed one is linked no more."""
    ids = iter(["record", "revision"])
    one = record("b", bill(MARCH.first_date(), MARCH.plus(1).first_date(), 5), documents=("aa" * 32,))
    with unit_of_work(engine) as session:
        kept = make_document(session, home)
        records.upsert(session, "ada", "ada", home.connection_id, one, recorded_at=NOW, new_id=lambda: next(ids))
        assert documents.of_revision(session, "ada", "revision") == (kept,)
        documents.remove(session, "ada", kept.id)
        assert documents.of_revision(session, "ada", "revision") == ()
        with pytest.raises(NotFoundError, match="There is no such document"):
            documents.by_id(session, "ada", kept.id)

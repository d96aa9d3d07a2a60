"""A named write is done once and answered the same again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.store import idempotency
from app.store.idempotency import Answer, Request
from app.store.session import Engine, unit_of_work
from domain.errors import ConflictError, InputError
from tests.app.store.builders import NOW

REQUEST = Request("ada", "account 1", "key 1", "POST /v1/imports", b"\x01" * 32)
ANSWER = Answer(201, '{"ETag":"x"}', b'{"id":"a"}')


def test_answer_is_repeated(engine: Engine) -> None:
    """The same request again gets the first answer, byte for byte."""
    with unit_of_work(engine) as session:
        assert idempotency.begin(session, REQUEST, NOW) is None
        idempotency.finish(session, REQUEST, ANSWER)
    with unit_of_work(engine) as session:
        assert idempotency.begin(session, REQUEST, NOW) == ANSWER


def test_running_twin_is_refused(engine: Engine) -> None:
    """The same request while the first one runs is told to wait."""
    with unit_of_work(engine) as session:
        idempotency.begin(session, REQUEST, NOW)
    with unit_of_work(engine) as session, pytest.raises(ConflictError, match="The same request is still running"):
        idempotency.begin(session, REQUEST, NOW)


@pytest.mark.parametrize("other", [{"request_sha256": b"\x02" * 32}, {"method_path": "POST /v1/statements"}])
def test_other_request_under_the_key_is_refused(engine: Engine, other: dict[str, str]) -> None:
    """A key names one request; another body or route under it is refused."""
    with unit_of_work(engine) as session:
        idempotency.begin(session, REQUEST, NOW)
    with unit_of_work(engine) as session, pytest.raises(ConflictError, match="was used for another request"):
        idempotency.begin(session, replace(REQUEST, **other), NOW)  # type: ignore[arg-type]  # one field of its own type each


def test_same_key_of_another_account_is_another(engine: Engine) -> None:
    """Two accounts may choose the same key."""
    with unit_of_work(engine) as session:
        assert idempotency.begin(session, REQUEST, NOW) is None
        assert idempotency.begin(session, replace(REQUEST, tenant_id="bob", scope="account 2"), NOW) is None


def test_old_keys_are_pruned(engine: Engine) -> None:
    """Keys older than an instant are forgotten, others not."""
    with unit_of_work(engine) as session:
        idempotency.begin(session, REQUEST, NOW)
        idempotency.finish(session, REQUEST, ANSWER)
        idempotency.prune(session, NOW)
        assert idempotency.begin(session, REQUEST, NOW) == ANSWER
        idempotency.prune(session, NOW + timedelta(seconds=1))
        assert idempotency.begin(session, REQUEST, NOW) is None


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_key_has_a_length(engine: Engine, key: str) -> None:
    """An empty key and one over 255 characters are refused."""
    with unit_of_work(engine) as session, pytest.raises(InputError, match="expected 1 to 255 characters"):
        idempotency.begin(session, replace(REQUEST, key=key), NOW)

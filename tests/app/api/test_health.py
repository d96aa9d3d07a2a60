"""Alive and ready."""

from collections.abc import Callable

from starlette.testclient import TestClient

from domain.errors import ChainError


def test_health(edge_client: Callable[..., TestClient]) -> None:
    """The process says that it lives, and its version."""
    assert edge_client().get("/health").json() == {"status": "alive", "version": "0.1.0"}


def test_ready(edge_client: Callable[..., TestClient]) -> None:
    """Every check is named with what it said."""
    reply = edge_client(parts={"checks": {"database": lambda: "sqlite, revision 7", "chain": lambda: "block 12"}}).get("/ready")
    assert reply.status_code == 200
    assert reply.json()["status"] == "ready"
    assert reply.json()["checks"]["chain"].items() >= {"is_ok": True, "detail": "block 12"}.items()


def test_not_ready_by_our_error(edge_client: Callable[..., TestClient]) -> None:
    """A part that refuses makes it 503, with the message for the operator."""

    def chain() -> str:
        raise ChainError("Another process owns the chain")

    reply = edge_client(parts={"checks": {"chain": chain, "database": lambda: "fine"}}).get("/ready")
    assert (reply.status_code, reply.json()["status"]) == (503, "not ready")
    assert reply.json()["checks"]["chain"]["detail"] == "Another process owns the chain"
    assert reply.json()["checks"]["database"]["is_ok"] is True


def test_not_ready_by_any_error(edge_client: Callable[..., TestClient]) -> None:
    """Of a foreign exception only the type is told: its message may hold a password."""

    def database() -> str:
        raise OSError("cannot reach postgresql://user:canary@host")

    reply = edge_client(parts={"checks": {"database": database}}).get("/ready")
    assert (reply.status_code, reply.json()["checks"]["database"]["detail"]) == (503, "OSError")

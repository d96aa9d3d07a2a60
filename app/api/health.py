"""`GET /health`: the process answers. `GET /ready`: everything that it needs answers too."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import structlog
from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.api.problems import problem_responses
from app.clock import Clock
from domain.errors import ClimateFitnessError

Check: TypeAlias = Callable[[], str]
"""Asks one part whether it works: gives a short text for operators (a version, a size), or raises. Called in a thread."""

log = structlog.get_logger("app.api.health")


def health_router(checks: Mapping[str, Check], *, clock: Clock, version: str) -> APIRouter:
    """The two routes.

    Args:
        checks: What must work, by name: database, migrations, factors, chain.
        clock: Measures how long each check takes.
        version: Version of the program.

    Returns:
        A router.
    """
    router = APIRouter(tags=["health"])

    @router.get("/health", summary="Is the process alive?", responses=problem_responses())
    async def health() -> dict[str, str]:
        """The process answers; nothing else was asked."""
        return {"status": "alive", "version": version}

    @router.get(
        "/ready",
        summary="Can it do its work?",
        responses={200: {"description": "Every part works."}, **problem_responses(), 503: {"description": "Some part fails."}},
    )
    def ready() -> JSONResponse:
        """Every part was asked just now; 503 names those that fail."""
        results = {name: _asked(name, check, clock) for name, check in checks.items()}
        is_ready = all(result["is_ok"] for result in results.values())
        body = {"status": "ready" if is_ready else "not ready", "version": version, "checks": results}
        return JSONResponse(body, 200 if is_ready else 503)

    return router


def _asked(name: str, check: Check, clock: Clock) -> dict[str, Any]:
    started_s = clock.monotonic_s()
    try:
        detail, is_ok = check(), True
    except ClimateFitnessError as error:
        detail, is_ok = error.message, False
        log.warning("not ready", check=name, exc_info=error)
    except Exception as error:  # the outermost loop of a check: whatever a part raises, it is not ready
        detail, is_ok = type(error).__name__, False  # not its message, which may hold an address with a password
        log.warning("not ready", check=name, exc_info=error)
    return {"is_ok": is_ok, "detail": detail, "duration_ms": round((clock.monotonic_s() - started_s) * 1000, 1)}

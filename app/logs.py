"""Structured logs without personal data.

Two lines of defence. First: nothing in the product logs bodies, query strings, names or amounts; events carry identifiers,
counts and times, and an exception is logged as its type and places in the code, without its message. Second: a processor that
masks what looks like a secret or a person (keys, bearer tokens, cookies, e-mail addresses, long numbers) in whatever is left.
"""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

REMOVED = "[removed]"
"""What stands in a log in place of a secret."""

SECRET_NAME = re.compile(r"(?i)cookie|authorization|password|secret|token$|api_?key$|salt|private")
"""Names of fields whose values are never logged."""

SECRET_TEXT = re.compile(
    r"(?ix)"
    r"\bcf_(?:live|test)_[\w]+"  # our API keys
    r"|\b(?:bearer|basic)\s+[\w\-.~+/=]+"  # credentials
    r"|(?:set-)?cookie:\s*[^\r\n]+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # e-mail addresses
    r"|://[^/\s:@]+:[^/\s@]+@"  # name and password in an address
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # JSON web tokens
    r"|\b(?:\d[ -]?){11,18}\d\b"  # meter, account and card numbers; instants are never logged as digits alone
)
"""Texts that look like a secret or a person."""

SAFE_NAMES = frozenset({"timestamp", "request_id", "level", "event_id"})
"""Fields of our own making that may look like long numbers."""


def redact(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The event with secrets and persons masked, at any depth."""
    for name in list(event):
        if name.startswith("_") or name in SAFE_NAMES:
            continue
        event[name] = REMOVED if SECRET_NAME.search(name) else masked(event[name])
    return event


def masked(value: Any) -> Any:  # noqa: ANN401 - any log value
    """A log value with every secret-looking text replaced."""
    match value:
        case str():
            return SECRET_TEXT.sub(REMOVED, value)
        case bytes():
            return f"{len(value)} bytes"
        case dict():
            return {k: REMOVED if SECRET_NAME.search(str(k)) else masked(v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [masked(item) for item in value]
        case None | bool() | int() | float():
            return value
        case _:
            return masked(str(value))


def where(error: BaseException) -> list[str]:
    """Type and places of an exception and its causes, innermost last; no message, no values: both may hold personal data."""
    found = [type(error).__name__]
    found += [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return [*where(error.__cause__), *found] if error.__cause__ else found


def _exception_places(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The event with its exception as places instead of a traceback with values."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = where(error)
    return event


def configure_logs(*, level: str, is_json: bool, stream: TextIO | None = None) -> None:
    """Send structlog and standard logging through one formatter.

    Args:
        level: Least severity: debug, info, warning or error.
        is_json: One JSON object per line; otherwise for people.
        stream: Where to; standard error where left out.
    """
    target = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception_places,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer(colors=target.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared[:-1], structlog.stdlib.ExtraAdder(), redact],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _route_libraries()


def _is_no_traceback_text(record: logging.LogRecord) -> bool:
    """Whether a record is no traceback as text: uvicorn logs a failed start so, values and all; `app.main` logs its places."""
    return not str(record.msg).startswith("Traceback (most recent call last)")


def _route_libraries() -> None:
    """Libraries' logs go through ours; those that repeat ours or print addresses are quiet."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.error").addFilter(_is_no_traceback_text)
    access = logging.getLogger("uvicorn.access")  # repeats our request line, with query strings
    access.handlers.clear()
    access.propagate = False
    for name in (
        "httpx",
        "httpx2",
        "httpcore",
        "httpcore2",
        "sqlalchemy.engine",
        "multipart",
        "python_multipart",
        "asyncio",
        "alembic",
        "apscheduler",
        "web3",
        "eth",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)

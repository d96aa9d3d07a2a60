"""Logs hold no secrets and no persons."""

import io
import json
import logging
from typing import Any

import pytest
import structlog

from app.logs import masked, where


def last(stream: io.StringIO) -> dict[str, Any]:
    """The last line of the log."""
    line: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return line


@pytest.mark.parametrize(
    "text",
    [
        "cf_live_abcDEF123456789",
        "cf_test_000000000000",
        "Authorization: Bearer abc.def-ghi",
        "basic dXNlcjpwYXNz",
        "jane.doe+bills@example.co.uk",
        "postgresql://user:hunter2@db/x",
        "Set-Cookie: session=abc; Path=/",
        "eyJhbGciOi.eyJzdWIi.c2ln",
        "meter 100200300400500",
        "4111 1111 1111 1111",
    ],
)
def test_secrets_are_masked(text: str) -> None:
    """Keys, credentials, addresses of people and long numbers do not get through."""
    assert "[removed]" in masked(f"before {text} after")
    assert masked(f"before {text} after").startswith("before ")
    assert text.rsplit(maxsplit=1)[-1].rpartition("=")[2] not in masked(f"before {text}")


@pytest.mark.parametrize("text", ["2026-11-22T01:20:14.485989Z", "127.0.0.1:8000", "/v1/bills/{bill_id}", "94110", "12345678"])
def test_plain_facts_stay(text: str) -> None:
    """Instants, addresses of machines, templates and short numbers stay."""
    assert masked(text) == text


def test_deep_values_are_masked() -> None:
    """Masking goes into lists and mappings; bytes are only counted."""
    value = {"a": ["x", {"password": "hunter2", "b": b"abc"}], "to": ("me@example.org",)}
    assert masked(value) == {"a": ["x", {"password": "[removed]", "b": "3 bytes"}], "to": ["[removed]"]}


def test_json_line(json_logs: io.StringIO) -> None:
    """An event is one JSON object with its fields; secret names lose their values."""
    structlog.get_logger("app.x").info("done", rows_count=3, api_key="abc", refresh_token="def")
    line = last(json_logs)
    assert (line["event"], line["level"], line["logger"], line["rows_count"]) == ("done", "info", "app.x", 3)
    assert (line["api_key"], line["refresh_token"]) == ("[removed]", "[removed]")


def test_exception_without_message(json_logs: io.StringIO) -> None:
    """An exception is logged as types and places, causes first; messages stay out."""
    try:
        try:
            raise KeyError("canary-inner")
        except KeyError as inner:
            raise ValueError("canary-outer") from inner
    except ValueError:
        structlog.get_logger("app.x").exception("failed")
    line = last(json_logs)
    assert "canary" not in json_logs.getvalue()
    assert line["error"][0] == "KeyError"
    assert line["error"][2] == "ValueError"
    assert "test_exception_without_message" in line["error"][3]


def test_libraries_go_the_same_way(json_logs: io.StringIO) -> None:
    """Standard logging comes out as the same lines, masked, with places for exceptions."""
    try:
        raise OSError("canary")
    except OSError:
        logging.getLogger("uvicorn.error").exception("lost %s", "jane@example.org")
    line = last(json_logs)
    assert (line["event"], line["level"], line["error"][0]) == ("lost [removed]", "error", "OSError")
    assert "canary" not in json_logs.getvalue()


def test_access_log_is_off(json_logs: io.StringIO) -> None:
    """Uvicorn's access log, which prints query strings, is silent."""
    logging.getLogger("uvicorn.access").info("GET /?secret=1")
    assert json_logs.getvalue() == ""


def test_where_names_places() -> None:
    """`where` gives the type and the places."""
    try:
        int("x")
    except ValueError as error:
        assert where(error)[0] == "ValueError"  # noqa: PT017 - the value is looked at, not only caught
        assert where(error)[1].endswith("test_where_names_places")  # noqa: PT017 - as above

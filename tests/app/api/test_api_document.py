"""docs/api.md: every example runs, and every route stands in it."""

import re
import shlex
from collections.abc import Iterator
from datetime import date
from io import StringIO
from pathlib import Path
from string import Template
from typing import Any

import pytest

from app.demo.providers.server import DemoProviders
from app.demo.simulators.octopus import Octopus
from app.security.outbound import outbound_of
from connectors import registry
from connectors.base import ApiKey, KeyPlace, Provider
from tests.app.live import Installation, Live, green_button, start


def commands(text: str) -> list[str]:
    """The curl commands of the document, one a block; the first block sets the scene."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [block.strip() for block in blocks if block.startswith("curl")]


DOCUMENT = Path(__file__).parents[3] / "docs" / "api.md"
COMMANDS = commands(DOCUMENT.read_text(encoding="utf-8"))


def as_request(command: str, files: dict[str, bytes]) -> dict[str, Any]:
    """What a curl command sends, as the test client's arguments."""
    words = iter(shlex.split(command)[1:])
    request: dict[str, Any] = {"method": "GET", "headers": {}}
    for word in words:
        if word == "-X":
            request["method"] = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            request["headers"][name] = value
        elif word == "-d":
            request["content"] = next(words).encode()
        elif word == "-F":
            name, _, value = next(words).partition("=")
            if value.startswith("@"):
                request["files"] = {name: (value[1:], files[value[1:]])}
            else:
                request.setdefault("data", {})[name] = value
        elif word == "--data-binary":
            request["content"] = files[next(words).removeprefix("@")]
        else:
            request["url"] = word
    return request


@pytest.fixture
def live(installation: Installation, json_logs: StringIO) -> Iterator[Live]:
    """The program, and the provider of the examples as a simulator."""
    octopus = Octopus("A-1234ABCD", "sk_live_example", [[]])
    with DemoProviders([octopus]) as providers:
        origin = providers.origins["octopus"]
        row = Provider("octopus-energy", "Octopus Energy", f"{origin}/v1/", ApiKey(KeyPlace.BASIC_USER))
        registry.set_local_providers({"octopus": [row]})
        with start(installation, allowed_local_origins=(origin,)) as running:
            yield running
            outbound_of(running.services.settings).close()
        registry.set_local_providers({})


RUN = [command for command in COMMANDS if not command.endswith("/events") and "/claim?" not in command]
"""Commands that end, of what is there: a stream is followed in `test_sync_events.py`, a claim made in `test_claims.py`."""


@pytest.mark.parametrize("command", RUN, ids=[re.sub(r"[^a-z0-9]+", "-", c.split("$BASE")[-1])[:60] for c in RUN])
def test_example_works(live: Live, command: str) -> None:
    """The command, as it stands in the document, answers with success."""
    ada = live.ada
    files = {
        "usage.xml": green_button(date(2024, 5, 1), date(2024, 5, 3)),
        "card.csv": b"Date,Description,Amount\n03/02/2026,WALMART,-12.50\n",
        "bundle.json": live.get(f"/v1/statements/{ada.statement_id}/bundle", as_=ada).content,
        "activities.ndjson": b'{"id":"1","kind":"electricity","quantity":"412.5","unit":"kWh","start":"2023-01-05",'
        b'"end":"2023-02-03","region":"94110"}\n',
    }
    names = {
        "BASE": "",
        "KEY": ada.key,
        "SUBJECT": ada.household,
        "DOCUMENT": ada.document_sha256,
        "RECORD": ada.record_id,
        "STATEMENT": ada.statement_id,
        "INPUT": live.get(f"/v1/statements/{ada.statement_id}/inputs", as_=ada).json()[0]["records"][0]["record_id"],
        "PROOF": ada.public_token,
        "CONNECTION": ada.connection_id,
        "DUPLICATE": ada.duplicate_id,
    }
    answer = live.client.request(**as_request(Template(command).substitute(names), files))
    assert answer.status_code in {200, 201, 202}, answer.text


def test_every_route_stands_in_the_document(shared_live: Live) -> None:
    """Every path of the OpenAPI file has its example."""
    shown = {re.sub(r"\$[A-Z]+|2026-02|first-home", "{}", c.split("$BASE")[-1].partition("?")[0].strip('"')) for c in COMMANDS}
    paths = shared_live.client.get("/openapi.json").json()["paths"]
    wanted = {re.sub(r"\{[a-z0-9_]+\}", "{}", path) for path in paths if not path.startswith(("/problems", "/static"))}
    assert wanted - shown == set()

"""Accounts at providers on the command line: registered, connected by key and by consent, read, ended; and a new key."""

import json
import socket
import webbrowser
from base64 import b64encode
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import httpx2
import pytest
from typer.testing import CliRunner, Result

from app.cli.program import program
from app.clock import SystemClock, SystemRandomness
from app.demo.providers.oauth import Client, ConsentDesk
from app.demo.providers.pages import Choice
from app.demo.providers.quirks import Quirks
from connectors import registry
from connectors.base import ApiKey, Auth, KeyPlace, Provider
from tests.app.usecases.consent import decide, mount, oauth_of
from tests.app.usecases.dialable import Dialable, PagedMeter, dialable, pages_of_days

CAR = {"id": "c1", "kind": "car", "quantity": "1", "unit": "km", "start": "2024-03-04", "region": "GB", "size": "small"}


def run(*words: str, stdin: str = "") -> Result:
    """What a command came to."""
    return CliRunner().invoke(program, list(words), input=stdin)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dialable]:
    """A provider that is up, and an installation of its own with one person."""
    with dialable() as made:
        monkeypatch.setenv("CF_DATA_FOLDER", str(tmp_path / "data"))
        monkeypatch.setenv("CF_ALLOWED_LOCAL_ORIGINS", made.origin)
        monkeypatch.setenv("CF_PORT", str(free_port()))
        path = tmp_path / "car.ndjson"
        path.write_text(json.dumps({**CAR, "powertrain": "petrol"}) + "\n")
        assert run("import", "activities", str(path), "--place", "94110").exit_code == 0
        made.pages = pages_of_days(date(2025, 4, 1), 2)
        yield made


def know(provider: Dialable, patch: pytest.MonkeyPatch, auth: Auth) -> None:
    """Install a connector for the provider."""
    row = Provider("paged", "Paged Power", f"{provider.origin}/api", auth=auth, requests_per_s=1000)
    patch.setitem(registry._OWN, "paged-meter", PagedMeter(row))  # noqa: SLF001 - as an installed package adds it


def test_key_is_asked_for_and_read(provider: Dialable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key comes from standard input, never from an argument; a sync brings what the provider has; ending forgets it."""
    know(provider, monkeypatch, ApiKey(KeyPlace.BASIC_USER, help="In your account."))
    provider.good_tokens = {f"Basic {b64encode(b'good-key:').decode()}"}
    wrong = run("connect", "paged", stdin="bad-key\n")
    assert (wrong.exit_code, "Paged Power does not take this key" in wrong.stderr) == (2, True)
    assert "bad-key" not in wrong.stderr + wrong.stdout
    made = run("connect", "paged", "--json", stdin="good-key\n")
    assert made.exit_code == 0, made.stderr
    connection_id = json.loads(made.stdout)["id"]
    read = run("sync", connection_id[:8], "--json")
    assert read.exit_code == 0, read.stderr + read.stdout
    assert json.loads(read.stdout)[0]["new_count"] == 3  # two days of New York are parts of three in San Francisco
    listed = run("connections")
    assert "Paged Power" in listed.stdout
    ended = run("disconnect", connection_id[:8], "--delete-data")
    assert ended.stdout.splitlines() == [
        "Ended. We have forgotten how to ask Paged Power. What came through it was deleted.",
        "Deleted: 3 records, 2 originals.",
    ]
    assert json.loads(run("connections", "--json").stdout)[0]["state"] == "ended"


def test_consent_by_browser(provider: Dialable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registered by standard input; the browser goes to the provider and comes back to this command."""
    know(provider, monkeypatch, oauth_of(provider.origin))
    registered = run("connectors", "register", "paged", "--client-id", "climate-fitness", stdin="a-secret\n")
    assert registered.exit_code == 0, registered.stderr
    redirect_uri = registered.stdout.splitlines()[1].removeprefix("Redirect address to enter there: ")
    desk = ConsentDesk(
        title="Paged Power",
        accounts=[Choice("home", "Home", "")],
        permissions=[Choice("usage", "Usage", ""), Choice("bills", "Bills", "")],
        scope_of=lambda asked, _chosen: asked,
        clock=SystemClock(),
        randomness=SystemRandomness(),
        quirks=Quirks(),
        book={},
    )
    mount(desk, provider)
    desk.register(Client("climate-fitness", "a-secret", "Climate Fitness", (redirect_uri,)))
    decisions = iter(["deny", "allow"])

    def browse(address: str) -> bool:
        """The person and their browser."""

        def there_and_back() -> None:
            query = decide(desk, address, ("usage", "bills"), next(decisions), redirect_uri=redirect_uri)
            httpx2.get(f"{redirect_uri}?{urlencode(query)}")

        Thread(target=there_and_back, daemon=True).start()
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    denied = run("connect", "paged")
    assert (denied.exit_code, "Nothing was connected" in denied.stderr) == (2, True)
    done = run("connect", "paged")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("Connected: Paged Power, as ")
    assert len(desk.grants()) == 1


def test_server_that_runs_has_the_callback(provider: Dialable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the address is taken, the next step is the server's own pages."""
    know(provider, monkeypatch, oauth_of(provider.origin))
    run("connectors", "register", "paged", "--client-id", "climate-fitness", stdin="a-secret\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("CF_PORT", str(taken.getsockname()[1]))
        refused = run("connect", "paged", "--no-browser")
    assert refused.exit_code == 2
    assert "connect the account on its pages" in refused.stderr


def test_unknown_names_are_refused(provider: Dialable) -> None:
    """A provider or connection that is not there is said so, with what there is."""
    for words in (("connect", "nobody"), ("sync", "12345678"), ("disconnect", "12345678")):
        refused = run(*words)
        assert refused.exit_code == 2
        assert "There is no such" in refused.stderr


def test_new_key_opens_everything(provider: Dialable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After `rewrap` the installation works with the new key file, and no longer with the former one."""
    know(provider, monkeypatch, ApiKey(KeyPlace.BASIC_USER, help="In your account."))
    assert run("connect", "paged", stdin="good-key\n").exit_code == 0
    new_key = tmp_path / "new-kek"
    done = run("rewrap", str(new_key))
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[0] == "Wrapped again: keys of 1 subjects, 0 secrets."
    assert new_key.stat().st_mode & 0o777 == 0o600
    refused = run("sync")
    assert refused.exit_code != 0
    monkeypatch.setenv("CF_KEY_ENCRYPTION_KEY_FILE", str(new_key))
    assert run("sync").exit_code == 0


def test_what_is_set_aside_is_listed_and_read_again(provider: Dialable, monkeypatch: pytest.MonkeyPatch) -> None:
    """`connections held` names record and reason, `connections retry` reads again; exit codes say whether anything is left."""
    know(provider, monkeypatch, None)
    day = json.loads(provider.pages[0])
    day["readings"][3][2] = "many"
    provider.pages[0] = json.dumps(day).encode()
    assert run("connect", "paged").exit_code == 0
    assert run("sync").exit_code == 1
    held = run("connections", "held")
    assert (held.exit_code, "many" in held.stdout) == (1, True)
    again = run("connections", "retry", "--json")
    assert again.exit_code == 1, again.stderr
    (found,) = json.loads(again.stdout)
    assert (found["documents_count"], found["released_count"], found["held_count"]) == (1, 0, 1)
    (one,) = json.loads(run("connections", "held", found["connection"][:8], "--json").stdout)
    assert (one["state"], one["connection"]) == ("retried", found["connection"])
    listed = run("connections", "--json")
    assert [row["id"] for row in json.loads(listed.stdout)] == [found["connection"]]

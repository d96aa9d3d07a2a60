"""The real program in processes of its own: what a person types, from a file to a proof, and how it ends."""

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
import time
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from domain.bundle import bundle_from_bytes

PROGRAM = Path(sys.executable).with_name("climate-fitness")
MARCH = "greenbutton/hourlyForMonthMar.xml"
ENTITY_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE f [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><feed xmlns="http://www.w3.org/2005/Atom">&b;</feed>'
)


def run(*arguments: str, folder: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """A command, run to its end with a data folder of its own."""
    return subprocess.run(
        [PROGRAM, *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=120,
        env=environment_of(folder),
    )


def environment_of(folder: Path) -> dict[str, str]:
    """The environment of a command: settings of whoever runs the tests do not count."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CF_")}
    return kept | {"CF_DATA_FOLDER": str(folder), "PYTHONUNBUFFERED": "1"}


def answer(*arguments: str, folder: Path, code: int = 0) -> Any:  # noqa: ANN401 - JSON
    """The JSON that a command answers."""
    done = run(*arguments, "--json", folder=folder)
    assert done.returncode == code, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def march(shared_dir: Path) -> str:
    """A Green Button file with the hours of March 2011 in New York."""
    return str(shared_dir / "fixtures" / MARCH)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, march: str) -> Path:
    """A data folder into which March was imported, and in which it was closed."""
    folder = tmp_path_factory.mktemp("installation") / "data"
    imported = answer("import", "green-button", march, "--place", "10001", "--zone", "America/New_York", folder=folder)
    assert imported["import"]["reading_count"] == 743
    rows = [(one["month"], one["part"], one["scope"], one["category"], one["g_co2e"]) for one in imported["months"]]
    assert rows == [("2011-03", "use", 2, 0, "617715.315276"), ("2011-03", "grid_loss", 3, 3, "27081.464219")]
    assert {one["not_measured_days"] for one in imported["months"]} == {0}
    assert [(one["scope"], one["gross_location_g_co2e"]) for one in imported["by_scope"]] == [
        (2, "617715.315276"),
        (3, "27081.464219"),
    ]
    assert imported["by_category"] == [
        {"scope": 3, "category": 3, "gross_location_g_co2e": "27081.464219", "gross_market_g_co2e": "27081.464219"}
    ]
    assert answer("close", "2011-03", folder=folder)["state"] == "issued"
    return folder


@pytest.fixture(scope="module")
def bundle(installation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of March."""
    path = tmp_path_factory.mktemp("bundle") / "march.json"
    statement_id = answer("statements", folder=installation)[0]["id"]
    done = run("export", "bundle", statement_id[:8], "-o", str(path), folder=installation)
    assert done.returncode == 0, done.stderr.decode()
    return path


def test_bundle_of_a_closed_month_holds(installation: Path, bundle: Path) -> None:
    """Import, close, export, verify: every step holds, the chain's too, in four separate processes."""
    found = answer("verify", str(bundle), folder=installation)
    assert (found["verdict"], found["holds"], found["standing"]) == ("holds", True, "newest")
    assert {step["state"] for step in found["steps"]} == {"ok"}


def test_bundle_is_consistent_elsewhere(tmp_path: Path, bundle: Path) -> None:
    """Without the installation signers and chain are not checked, said so with an exit code of its own; nothing is written."""
    folder = tmp_path / "elsewhere"
    done = run("verify", str(bundle), folder=folder)
    assert done.returncode == 3
    said = done.stdout.decode()
    assert "not checked: on chain" in said
    assert "This bundle is consistent, but nobody known has signed it: 13 of 15 steps recomputed; 2 not checked" in said
    assert "Not checked: whether a newer revision has replaced it." in said
    assert not folder.exists()


def test_token_is_verified_by_its_name(installation: Path) -> None:
    """A statement of the installation needs no file."""
    manifest = answer("statements", folder=installation)[0]["manifest_sha256"]
    assert answer("verify", manifest[:16], folder=installation)["holds"]


def test_changed_byte_is_named(installation: Path, bundle: Path, tmp_path: Path) -> None:
    """One changed byte ends with 1 and names the first broken step."""
    changed = tmp_path / "changed.json"
    changed.write_bytes(bundle.read_bytes().replace(b"2011-03", b"2011-04", 1))
    done = run("verify", str(changed), folder=installation)
    assert done.returncode == 1
    assert "The first broken step is: bundle" in done.stdout.decode()


def test_forged_line_is_named(installation: Path, bundle: Path, tmp_path: Path) -> None:
    """A smaller number, with the checksum made anew, breaks the step of the lines."""
    whole = bundle_from_bytes(bundle.read_bytes())
    forged = replace(whole, lines=tuple(line.replace("2278213000", "1278213000") for line in whole.lines))
    assert forged.lines != whole.lines
    (tmp_path / "forged.json").write_bytes(forged.sealed().to_bytes())
    assert answer("verify", str(tmp_path / "forged.json"), folder=installation, code=1)["first_failure"] == "lines"


def test_auditors_of_a_list_are_believed(bundle: Path, tmp_path: Path) -> None:
    """A list kept by the verifier takes the place of the chain."""
    address = json.loads(bundle.read_bytes())["auditors"][0]["address"]
    listed = tmp_path / "auditors.json"
    listed.write_text(json.dumps({"quorum": 1, "auditors": [{"address": address, "regions": ["US"]}]}), encoding="utf-8")
    done = run("verify", str(bundle), "--auditors", str(listed), folder=tmp_path / "none")
    assert done.returncode == 0
    assert f"1 of at least 1 auditors signed ({listed})" in done.stdout.decode()


def test_unknown_auditors_fail(bundle: Path, tmp_path: Path) -> None:
    """Signed by nobody on the list: the step of the signatures breaks."""
    listed = tmp_path / "auditors.json"
    listed.write_text(json.dumps({"quorum": 1, "auditors": [{"address": "0x" + "11" * 20, "regions": ["US"]}]}), encoding="utf-8")
    found = answer("verify", str(bundle), "--auditors", str(listed), folder=tmp_path / "none", code=1)
    assert found["first_failure"] == "signatures"


def test_second_import_changes_nothing(installation: Path, march: str) -> None:
    """The same file again counts nothing twice, and needs no place."""
    again = answer("import", "green-button", march, folder=installation)
    assert (again["import"]["is_known"], again["import"]["new_count"], again["import"]["same_count"]) == (True, 0, 31)
    assert again["months"][0]["g_co2e"] == "617715.315276"


def test_closed_month_stays_closed(installation: Path) -> None:
    """Closing again, with nothing changed, is refused with the next step."""
    done = run("close", "2011-03", folder=installation)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("Error: This period is closed, and nothing has changed since\n  expected ")
    assert "Traceback" not in done.stderr.decode()


def test_doctor_finds_all_well(installation: Path) -> None:
    """Every line of the self-check is ok on an installation that was used."""
    found = answer("doctor", folder=installation)
    assert {one["name"]: one["is_ok"] for one in found} == dict.fromkeys(
        ("Python", "packages", "SQLite", "data folder", "keys", "database", "factor set", "contract", "chain"), True
    )


def test_doctor_changes_nothing(tmp_path: Path) -> None:
    """Where nothing is yet, nothing is made."""
    folder = tmp_path / "none"
    assert run("doctor", folder=folder).returncode == 0
    assert not folder.exists()


def test_doctor_names_what_is_open(tmp_path: Path) -> None:
    """A key that others may read, and a database that is none, are told with the next step, and the exit code is 1."""
    (tmp_path / "keys").mkdir(mode=0o700)
    key = tmp_path / "keys" / "kek"
    key.write_text("0" * 64, encoding="ascii")
    key.chmod(0o644)
    (tmp_path / "data.sqlite3").write_bytes(b"not a database, but long enough to be looked at" * 40)
    done = run("doctor", folder=tmp_path)
    lines = done.stdout.decode()
    assert done.returncode == 1
    assert f"next step: chmod 0600 {key}" in lines
    assert "FAILED  database" in lines
    assert "ok      factor set" in lines


def test_close_waits_for_the_owner_of_the_chain(tmp_path: Path, march: str) -> None:
    """While another process owns the chain the statement waits; once that one lets go, the same command goes on with it."""
    run("import", "green-button", march, "--place", "10001", "--zone", "America/New_York", folder=tmp_path)
    (tmp_path / "chain").mkdir(exist_ok=True)
    with (tmp_path / "chain" / "chain.sqlite3.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [PROGRAM, "close", "2011-03", "--data-folder", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert waiting.stderr is not None
        assert b"Another process owns the chain" in waiting.stderr.readline()
        assert answer("statements", folder=tmp_path)[0]["state"] == "closed"
        waiting.kill()
        waiting.communicate()
    assert answer("close", "2011-03", folder=tmp_path)["state"] == "issued"


def test_parse_agrees_with_the_fixtures(shared_dir: Path, tmp_path: Path) -> None:
    """The JSON of the real program has the keys of the design and exact decimal text."""
    done = run("parse", "green-button", str(shared_dir / "fixtures" / MARCH), "--json", folder=tmp_path / "none")
    found = json.loads(done.stdout)
    assert list(found) == ["activities", "readings", "totals", "first_start", "last_end", "refused"]
    assert (found["activities"], found["readings"], found["refused"]) == (31, 743, [])
    assert found["totals"] == [{"kind": "electricity", "direction": "delivered", "unit": "kWh", "amount": "2278.213"}]
    assert not (tmp_path / "none").exists()


def test_parse_reads_standard_input(shared_dir: Path, tmp_path: Path) -> None:
    """A dash stands for standard input; what was refused makes the exit code 1."""
    body = (shared_dir / "fixtures/greenbutton/1hrLP_32Days_Additional2_M.xml").read_bytes()
    done = run("parse", "green-button", "-", "--json", folder=tmp_path, stdin=body)
    assert done.returncode == 1
    assert json.loads(done.stdout)["refused"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "truncated-document"),
        (b"<html><body>Sign in</body></html>", "unknown-format"),
        (b"\xff\xfe\x00<", ""),
        (ENTITY_BOMB, "hostile-document"),
    ],
)
def test_hostile_documents_are_unusable(body: bytes, code: str, tmp_path: Path) -> None:
    """What is no Green Button file ends with 2 and says why, on both streams, without a traceback."""
    done = run("parse", "green-button", "-", "--json", folder=tmp_path, stdin=body)
    refused = json.loads(done.stdout)["refused"]
    assert done.returncode == 2
    assert len(refused) == 1
    assert not code or refused[0]["code"] == code
    assert done.stderr.startswith(b"Error: ")
    assert b"Traceback" not in done.stderr


def test_hostile_import_stores_nothing(tmp_path: Path) -> None:
    """A refused first file leaves no person behind."""
    done = run("import", "green-button", "-", "--place", "94110", folder=tmp_path, stdin=ENTITY_BOMB)
    assert done.returncode == 2
    assert answer("subjects", folder=tmp_path) == []


def test_first_import_asks_for_the_place(march: str, tmp_path: Path) -> None:
    """Without a subject and without a place the next step is told."""
    done = run("import", "green-button", march, folder=tmp_path)
    assert done.returncode == 2
    assert "Error: We do not know where you live\n" in done.stderr.decode()
    assert "--place 94110" in done.stderr.decode()


def test_estimate_goes_on_after_bad_lines(tmp_path: Path) -> None:
    """Each line is answered by its number; bad ones make the exit code 1."""
    good = (
        b'{"id":"a","kind":"electricity","quantity":"350","unit":"kWh","start":"2023-03-01","end":"2023-04-01","region":"94110"}'
    )
    wrong_unit = good.replace(b"kWh", b"kg")
    lines = [good, b"{bad", b"", wrong_unit, b'"' + b"x" * 70_000 + b'"', good]
    done = run("estimate", folder=tmp_path / "none", stdin=b"\n".join(lines))
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [(one["line"], one.get("g_co2e"), one.get("error", {}).get("code")) for one in found] == [
        (1, "69559.52395", None),
        (2, None, "canonical"),
        (4, None, "dimension"),
        (5, None, "document-too-large"),
        (6, "69559.52395", None),
    ]


def test_estimate_leaves_out_words(tmp_path: Path) -> None:
    """`--explain none` gives the same numbers without steps, labels, tables and addresses."""
    line = b'{"kind":"electricity","quantity":"350","unit":"kWh","start":"2023-03-01","end":"2023-04-01","region":"94110"}'
    full, brief = (json.loads(run("estimate", *more, folder=tmp_path, stdin=line).stdout) for more in ((), ("--explain", "none")))
    assert full.keys() - brief.keys() == {"factor_label", "source_url", "steps", "table", "uncertainty_note"}
    assert brief["g_co2e"] == full["g_co2e"] == "69559.52395"


def test_estimate_answers_before_the_input_ends(tmp_path: Path) -> None:
    """A line is answered while the next one is still to come."""
    line = b'{"kind":"electricity","quantity":"1","unit":"kWh","start":"2023-03-01","end":"2023-04-01","region":"DE"}\n'
    with subprocess.Popen([PROGRAM, "estimate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(line)
        program.stdin.flush()
        assert json.loads(program.stdout.readline())["line"] == 1
        program.stdin.close()
        assert program.wait(timeout=10) == 0


def test_serve_prints_its_address_and_stops(tmp_path: Path) -> None:
    """The address has the port that is really open, and answers; SIGTERM ends the program with 0."""
    command = [str(PROGRAM), "serve", "--port", "0", "--data-folder", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment_of(tmp_path)) as program:
        assert program.stdout is not None
        port, _ = address_of(program)
        assert port
        assert status_of(port, "/health") == 200
        program.terminate()
        assert program.wait(timeout=30) == 0


def test_served_folder_shows_what_was_imported(installation: Path) -> None:
    """The printed link signs in, and leads to the page of the person whom the import made."""
    command = [str(PROGRAM), "serve", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment_of(installation)
    ) as program:
        port, path = address_of(program)
        cookie = get(port, path)[1]["set-cookie"].partition(";")[0]
        status, headers, _ = get(port, "/", cookie=cookie)
        person = answer("subjects", folder=installation)[0]["id"]
        assert (status, headers["location"]) == (303, f"/s/{person}")
        status, _, page = get(port, f"/s/{person}", cookie=cookie)
        assert status == 200
        assert "March 2011" in page
        assert "Demo data" not in page
        program.terminate()
        assert program.wait(timeout=30) == 0


def test_production_prints_no_link_unless_asked(tmp_path: Path) -> None:
    """In production the address signs nobody in; with the flag it does."""
    production = {
        "CF_ENVIRONMENT": "production",
        "CF_BASE_URL": "https://fitness.example",
        "CF_KEY_ENCRYPTION_KEY": "A" * 43 + "=",
        "CF_KEYSTORE_PASSPHRASE": "5a" * 32,
        "CF_PORT": "0",
    }
    printed = []
    for more in ([], ["--welcome-link"]):
        with subprocess.Popen(
            [str(PROGRAM), "serve", *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment_of(tmp_path / "data") | production,
        ) as program:
            assert program.stdout is not None
            printed.append(program.stdout.readline().decode())
            program.terminate()
    assert printed[0] == "Climate Fitness: https://fitness.example\n"
    assert printed[1].startswith("Climate Fitness: https://fitness.example/welcome/")


def test_password_typed_is_not_shown(tmp_path: Path) -> None:
    """At a terminal it is asked for twice, without an echo."""
    secret = "nobody reads this over my shoulder"
    keyboard, terminal = pty.openpty()
    with subprocess.Popen(
        [str(PROGRAM), "password"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment_of(tmp_path),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - the prompt asks its session's terminal
    ) as program:
        os.close(terminal)
        shown = b""
        for prompt in (b"New password of local: ", b"Once more: "):
            while not shown.endswith(prompt):
                shown += os.read(keyboard, 1024)
            os.write(keyboard, secret.encode() + b"\n")
        assert program.wait(timeout=30) == 0
        shown += os.read(keyboard, 1024)
    os.close(keyboard)
    assert b"Password set: sign in as local." in shown
    assert secret.encode() not in shown


def address_of(program: "subprocess.Popen[bytes]") -> tuple[int, str]:
    """Port and path of the address that a server prints."""
    assert program.stdout is not None
    address = urlsplit(program.stdout.readline().decode().removeprefix("Climate Fitness: ").strip())
    return address.port or 0, address.path


def get(port: int, path: str, *, cookie: str = "") -> tuple[int, dict[str, str], str]:
    """Status, headers by small name, and text of a page of a server on this machine."""
    with closing(HTTPConnection("localhost", port, timeout=30)) as connection:
        connection.request("GET", path, headers={"Cookie": cookie, "Accept": "text/html"} if cookie else {})
        with connection.getresponse() as response:
            return response.status, {name.lower(): text for name, text in response.getheaders()}, response.read().decode()


def status_of(port: int, path: str) -> int:
    """The status of a page of a server on this machine."""
    return get(port, path)[0]


def test_help_is_fast(tmp_path: Path) -> None:
    """The best of five starts takes less than half a second."""
    best_s = min(_seconds_of_help(tmp_path) for _ in range(5))
    assert best_s < 0.5


def _seconds_of_help(folder: Path) -> float:
    start_s = time.perf_counter()
    assert run("--help", folder=folder).returncode == 0
    return time.perf_counter() - start_s


def test_parse_imports_no_server_database_or_chain(shared_dir: Path, tmp_path: Path) -> None:
    """`parse` starts without FastAPI, SQLAlchemy and web3."""
    code = (
        "import sys; from typer.testing import CliRunner; from app.cli.program import program;"
        "print(CliRunner().invoke(program, sys.argv[1:]).exit_code,"
        "sorted({'fastapi','starlette','sqlalchemy','sqlmodel','web3','eth_account'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "parse", "green-button", str(shared_dir / "fixtures" / MARCH)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "0 []\n", done.stderr

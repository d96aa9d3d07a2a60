"""The whole program over its life: restarts, PostgreSQL, what lies on the disk, what stands in the logs."""

import io
import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.store.session import engine_of
from tests.app.live import PASSWORD, XML, Installation, Live, fill, green_button, start

CANARY = "Zanzibar-Canary-Utility"


def test_everything_is_there_after_a_restart(installation: Installation) -> None:
    """Stopped and started on the same folder: subjects, statements, tokens, proofs, sessions and keys are still there."""
    paths = [
        "/v1/subjects",
        "/v1/subjects/{household}/activities",
        "/v1/subjects/{household}/statements",
        "/v1/statements/{business_statement_id}/bundle",
        "/v1/documents/{document_sha256}?subject={household}",
        "/v1/proofs/{public_token}",
    ]

    def look(live: Live) -> list[bytes]:
        replies = [live.get(path.format(**vars(live.ada)), as_=live.ada) for path in paths]
        replies.append(live.browse("/proof/{public_token}?share={share_token}".format(**vars(live.ada))))
        assert {reply.status_code for reply in replies} == {200}
        assert replies[5].json()["holds"] is True
        return [reply.content for reply in replies]

    with start(installation) as live:
        before = look(live)
    with start(installation) as live:
        assert look(live) == before
        assert live.browse(f"/s/{live.ada.household}", as_=live.ada).status_code == 200


def test_work_that_was_asked_for_is_done_after_a_restart(installation: Installation) -> None:
    """A month closed just before the stop gets its proof from the next start."""
    with start(installation) as live:
        path = f"/v1/subjects/{live.ada.household}/periods/2026-02/close"
        proof = live.post(path, as_=live.ada, json={}).json()["proof_path"].replace("/proof/", "/v1/proofs/")
    with start(installation) as live:
        assert live.get(proof).status_code == 409
        live.work()
        assert live.get(proof).json()["holds"] is True


def test_ready_asks_every_part(live: Live) -> None:
    """Ready names database, factors and chain; health needs none of them."""
    ready = live.get("/ready").json()
    assert {name: check["is_ok"] for name, check in ready["checks"].items()} == {"database": True, "factors": True, "chain": True}
    assert "operator alone could rewrite it" in ready["checks"]["chain"]["detail"]
    assert live.get("/health").status_code == 200


def test_one_folder_has_one_owner(installation: Installation) -> None:
    """A second program on the same folder does not open the chain, says so at /ready, and the first one goes on."""
    with start(installation) as live:
        with pytest.raises(AssertionError, match=r"(?i)another process|owner"), start(installation):
            pass
        live.work()
        assert live.get("/ready").status_code == 200


def test_main_path_on_postgresql(tmp_path: Path, postgres_url: str, json_logs: io.StringIO) -> None:
    """Import, bill, close, proof, replay and restart on PostgreSQL as on SQLite; NUL in a path is a 404 there, too."""
    admin = engine_of(postgres_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE whole"))
    admin.dispose()
    url = make_url(postgres_url).set(database="whole").render_as_string(hide_password=False)
    place = Installation(tmp_path / "data", database_url=url)
    fill(place)
    key = {"Idempotency-Key": "pg-1"}
    bill = {"utility": "City", "first_date": "2025-11-05", "last_date": "2025-12-03", "amount": "412.5"}
    with start(place) as live:
        path = f"/v1/subjects/{live.ada.household}/bills"
        first = live.post(path, as_=live.ada, json=bill, headers=key)
        assert first.status_code == 201, first.text
        assert live.get(f"/v1/proofs/{live.ada.public_token}").json()["holds"] is True
        assert live.browse(f"/s/{live.ada.household}", as_=live.ada).status_code == 200
        assert live.get(f"/v1/subjects/{live.bob.household}", as_=live.ada).status_code == 404
    with start(place) as live:
        again = live.post(path, as_=live.ada, json=bill, headers=key)
        assert (again.status_code, again.content) == (201, first.content)
        before = live.counts()
        for odd in ("/v1/subjects/%00", "/v1/statements/%00", "/v1/proofs/%00", "/proof/%00"):
            assert live.get(odd, as_=live.ada).status_code == 404, odd
        assert live.get("/v1/documents?subject=%00", as_=live.ada).status_code == 400
        assert live.submit("/sign-in", data={"name": "a\x00", "password": PASSWORD}).status_code == 403
        assert live.counts() == before


# What lies on the disk.


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of an installation, by its name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_must_not_be_readable_is_not(installation: Installation) -> None:
    """Originals, attachments, file names, passwords, API keys, session and share tokens lie nowhere on the disk in clear."""
    with start(installation) as live:
        ada = live.ada
        body = green_button(date(2026, 3, 1), date(2026, 3, 2), title=CANARY)
        files = {"file": (f"{CANARY}-file.xml", body, "application/xml")}
        assert live.submit(f"/s/{ada.household}/documents", as_=ada, files=files).status_code == 303
        form = {"utility": "City", "start": "2025-11-05", "end": "2025-12-03", "kwh": "5"}
        attached = {**{name: (None, value) for name, value in form.items()}, "file": ("bill.pdf", b"%PDF " + CANARY.encode())}
        assert live.submit(f"/s/{ada.household}/bills", as_=ada, files=attached).status_code == 303
        running = files_of(live.folder)  # with the write-ahead log as it is
    stopped = files_of(installation.folder)
    secrets = [CANARY, PASSWORD, ada.key, ada.key.rpartition("_")[2], ada.cookie, ada.share_token, "<espi:IntervalReading>"]
    for found in (running, stopped):
        assert len(found) > 5
        for name, content in found.items():
            for secret in secrets:
                assert secret.encode() not in content, f"{secret[:12]}... in {name}"
                assert secret.encode("utf-16-le") not in content, name


def test_what_is_readable_by_design(installation: Installation) -> None:
    """Names and amounts lie in the database in clear, as docs/operations.md says; originals lie sealed in the archive."""
    with start(installation):
        pass
    database = b"".join(content for name, content in files_of(installation.folder).items() if "data.sqlite3" in name)
    assert b"Household of ada" in database
    assert b"RetailCustomer/1/UsagePoint/1" in database
    told = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert "## What lies on the disk in clear" in told


def test_keys_are_for_their_owner_only(installation: Installation) -> None:
    """Key files and originals can be read by nobody else on the machine."""
    with start(installation):
        pass
    for folder in ("keys", "archive"):
        for path in (installation.folder / folder).rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path


# Logs.


def test_logs_name_nobody(live: Live, json_logs: io.StringIO) -> None:
    """Whatever is asked, right or wrong, the log holds no names, meters, tokens, keys, passwords, queries or file names."""
    ada = live.ada
    live.get(f"/v1/subjects/{ada.household}/activities?period=2026-02&{CANARY}=1", as_=ada)
    live.get(f"/v1/subjects/{CANARY}", as_=ada)
    live.post(
        f"/v1/documents?subject={ada.household}", as_=ada, content=green_button(date(2026, 3, 1), date(2026, 3, 2)), headers=XML
    )
    live.post(f"/v1/documents?subject={ada.household}", as_=ada, content=CANARY.encode(), headers=XML)
    live.submit(f"/s/{ada.household}/documents", as_=ada, files={"file": (f"{CANARY}.xml", b"<x/>", "text/xml")})
    live.post(f"/v1/subjects/{ada.household}/bills", as_=ada, json={"utility": CANARY, "amount": "NaN"})
    live.submit("/sign-in", data={"name": "ada", "password": PASSWORD})
    live.submit("/sign-in", data={"name": CANARY, "password": f"{PASSWORD}!"})
    live.post(f"/v1/subjects/{ada.household}/periods/2026-02/close", as_=ada, json={})
    live.work()
    live.browse(f"/proof/{ada.public_token}?share={ada.share_token}")
    live.client.get(f"/{CANARY}", headers={"Authorization": f"Bearer {ada.key}", "User-Agent": CANARY})
    log = json_logs.getvalue()
    assert log.count("\n") > 10
    secrets = [CANARY, PASSWORD, ada.key, ada.cookie, ada.share_token, ada.public_token, "Household of", "Lovelace", "Meter of"]
    for secret in [*secrets, "UsagePoint", "Bay Power", ada.household, "period=", "share="]:
        assert secret not in log, secret
    assert not re.search(r'"level": "(error|critical)"', log)

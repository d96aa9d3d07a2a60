"""A key service that signs for the account that pays: a local one, asked over HTTP as Google Cloud KMS is."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr

from app.assemble import open_desk, open_services
from app.chain import open_signer
from app.chain_signer import MAX_ANSWER_BYTES, sign_over_http
from app.clock import FixedClock, SeededRandomness, SystemRandomness
from app.settings import Settings
from app.store.ledger import OutboxState
from app.usecases.send_outbox import send_outbox
from domain.errors import ChainError, InputError
from ledger.signing import AuditorKey, RelayerKey, recover_signer
from tests.app.usecases.installation import NOW, Installation
from tests.app.usecases.test_send_outbox import outbox, queued_of
from tests.ledger.test_signers import der

SECRET = bytes(range(2, 34))
ADDRESS = RelayerKey.from_bytes(SECRET).address
DIGEST = bytes(range(32))


@dataclass
class Service:
    """A key service on this machine.

    Attributes:
        url: Where it is.
        secret: Its key.
        answer: What it says instead of a signature; None signs.
        asked: Path, authorization and body of each request.
    """

    url: str = ""
    secret: bytes = SECRET
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    asked: list[tuple[str, str, Any]] = field(default_factory=list)


def said(
    body: bytes, *, status: int = 200, length: int | None = None, location: str = ""
) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer with this body."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("content-length", str(len(body) if length is None else length))
        if location:
            handler.send_header("location", location)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.fixture
def service() -> Iterator[Service]:
    """One that signs, until a test says otherwise."""
    made = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            made.asked.append((self.path, self.headers.get("authorization", ""), body))
            if made.answer is not None:
                made.answer(self)
                return
            digest = base64.b64decode(body["digest"]["sha256"])
            signature = AuditorKey.from_bytes(made.secret).sign_digest(digest)
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
            said(json.dumps({"name": "key", "signature": base64.b64encode(der(r, s)).decode()}).encode())(self)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/v1/projects/p/key:asymmetricSign"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def settings_of(folder: Path, service: Service, **more: Any) -> Settings:  # noqa: ANN401 - any setting
    """Settings that name the service."""
    named = {"chain_signer_url": SecretStr(service.url), "chain_signer_address": ADDRESS, **more}
    return Settings(data_folder=folder, chain_timeout_s=5, **named)


def test_service_is_asked_as_documented(service: Service, tmp_path: Path) -> None:
    """One POST with the digest in base64 and the token of the file, which is read each time."""
    token_file = tmp_path / "token"
    sign = sign_over_http(service.url, token_file=token_file, timeout_s=5)
    for token in ("first", "renewed"):
        token_file.write_text(f"{token}\n", encoding="ascii")
        sign(DIGEST)
    body = {"digest": {"sha256": base64.b64encode(DIGEST).decode()}}
    path = "/v1/projects/p/key:asymmetricSign"
    assert service.asked == [(path, "Bearer first", body), (path, "Bearer renewed", body)]


def test_statement_is_paid_for_by_the_service(service: Service, tmp_path: Path) -> None:
    """An installation whose settings name the service deploys and anchors with its account, and makes no key of its own."""
    folder, clock = tmp_path / "data", FixedClock(NOW)
    made = Installation(open_services(settings_of(folder, service), clock=clock, randomness=SeededRandomness("kms")), clock)
    desk = open_desk(made.services)
    assert desk.signer_address == ADDRESS
    row = queued_of(made, made.household(), desk)
    send_outbox(made.services, desk)
    assert (outbox(made, row).state, outbox(made, row).signer_address) == (OutboxState.FINAL, ADDRESS)
    assert len(service.asked) == 2  # the deployment and the anchor
    assert not (folder / "keys" / "relayer.json").exists()
    desk.close()
    made.close()


def test_service_that_is_away_loses_nothing(service: Service, tmp_path: Path) -> None:
    """While it refuses, the batch stays queued and says why; it takes no nonce, and goes on when the service does."""
    clock = FixedClock(NOW)
    services = open_services(settings_of(tmp_path / "data", service), clock=clock, randomness=SeededRandomness("kms"))
    made = Installation(services, clock)
    desk = open_desk(services)
    row = queued_of(made, made.household(), desk)
    service.answer = said(b'{"error": {"status": "UNAVAILABLE"}}', status=503)
    send_outbox(services, desk)
    waiting = outbox(made, row)
    assert (waiting.state, waiting.nonce, waiting.raw) == (OutboxState.QUEUED, None, None)
    assert "The key service gives no signature" in waiting.error
    assert "HTTP status 503" in waiting.error
    assert service.url not in waiting.error
    service.answer = None
    clock.advance(60)
    send_outbox(services, desk)
    assert (outbox(made, row).state, outbox(made, row).nonce) == (OutboxState.FINAL, 1)
    desk.close()
    made.close()


@pytest.mark.parametrize(
    "answer",
    [
        said(b"", status=500),
        said(b"<html>sign in</html>"),
        said(b'{"signature": 5}'),
        said(b'{"signature": "?"}'),
        said(b'["signature"]'),
        said(b"{}"),
        said(b"[" * 30_000),
        said(b" " * (MAX_ANSWER_BYTES + 1)),
        said(b"{}", status=302, location="http://127.0.0.1:9/"),
        said(b'{"signature"', length=100),
    ],
    ids=["500", "html", "number", "no base64", "list", "nothing", "deep", "large", "redirect", "half"],
)
def test_answer_that_is_no_signature(service: Service, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    """Whatever else comes is refused by name, without the address, which may hold a secret."""
    service.answer = answer
    with pytest.raises(ChainError, match="The key service gives no signature") as refused:
        sign_over_http(service.url, token_file=None, timeout_s=1)(DIGEST)
    assert service.url not in refused.value.sentence()
    assert len(service.asked) == 1


def test_signature_of_another_key_is_refused(service: Service, tmp_path: Path) -> None:
    """A service that signs with another key pays for nothing."""
    service.secret = bytes([9]) * 32
    signer = open_signer(settings_of(tmp_path, service), passphrase="", randomness=SystemRandomness())
    fields: dict[str, int | str | bytes] = {
        "chainId": 1,
        "nonce": 0,
        "gas": 1,
        "maxFeePerGas": 1,
        "maxPriorityFeePerGas": 1,
        "to": "",
        "value": 0,
        "data": b"",
    }
    with pytest.raises(ChainError, match="The signer signs with another key"):
        signer.sign_transaction(fields)
    service.secret = SECRET
    raw, _ = signer.sign_transaction(fields)
    assert raw
    assert recover_signer(DIGEST, AuditorKey.from_bytes(SECRET).sign_digest(DIGEST)) == signer.address


def test_settings_that_do_not_go_together(service: Service, tmp_path: Path) -> None:
    """A service without its account, beside a key file, or at no address is refused before anything is signed."""
    for wrong, message in (
        ({"chain_signer_address": ""}, "A key service needs its account"),
        ({"chain_keystore_file": tmp_path / "payer.json"}, "Two accounts are to pay"),
        ({"chain_signer_address": "0x" + "0" * 40}, "Nobody holds the zero address"),
    ):
        with pytest.raises(InputError, match=message):
            open_signer(settings_of(tmp_path, service, **wrong), passphrase="", randomness=SystemRandomness())
    with pytest.raises(ChainError, match="This is no address of a key service"):
        sign_over_http("ftp://127.0.0.1/sign", token_file=None, timeout_s=1)
    assert service.asked == []


@pytest.mark.parametrize("content", [None, b"", b"two words", b"x" * 20_000, "tökén".encode()])
def test_token_that_cannot_be_read(service: Service, tmp_path: Path, content: bytes | None) -> None:
    """Without its token the service is not asked; the message names the file and never what stands in it."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ChainError, match="The key service's access token cannot be read") as refused:
        sign_over_http(service.url, token_file=path, timeout_s=1)(DIGEST)
    assert str(path) in refused.value.sentence()
    assert "two words" not in refused.value.sentence()
    assert service.asked == []

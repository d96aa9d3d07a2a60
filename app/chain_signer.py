"""The account that pays, where its key is in a service that gives signatures and never the key.

What a service is asked is what Google Cloud KMS calls `asymmetricSign` (EC_SIGN_SECP256K1_SHA256), at the address of the key's
version: `{"digest": {"sha256": "<32 bytes, base64>"}}`, answered by `{"signature": "<DER, base64>"}`. In front of another one
(AWS KMS with ECC_SECG_P256K1, a device) stands a program of a few lines that speaks so. Each signature is checked against the
account before it is used, so whoever answers can refuse and nothing else.
"""

import base64
import json
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from app.security.oauth_client import LostAnswerError
from app.security.outbound import Outbound
from app.settings import Settings
from domain.canonical import to_canonical
from domain.errors import ChainError, DocumentTooLargeError, FormatChangedError, InputError, SecurityError, TryLaterError
from ledger.address import address_from_text
from ledger.signers import RemoteSigner, SignDer

MAX_ANSWER_BYTES = 64 * 1024
"""Largest answer of a key service, bytes."""

MAX_TOKEN_BYTES = 16 * 1024
"""Largest file of an access token, bytes."""

_SUCCESS = 200


def remote_signer(settings: Settings) -> RemoteSigner:
    """The account of the key service in the settings; the service is asked when something is signed, not before.

    Args:
        settings: Name its address, its account, and the file of an access token.

    Raises:
        InputError: Its account is not named, or a key file is named beside it.
        ChainError: It is no address of a service.
    """
    if not settings.chain_signer_address:
        raise InputError(
            "A key service needs its account",
            expected="the 0x address that its key signs for",
            got="nothing",
            record="CF_CHAIN_SIGNER_ADDRESS",
            next_step="Set it: a signature of any other account is refused.",
        )
    if settings.chain_keystore_file is not None:
        raise InputError(
            "Two accounts are to pay",
            expected="a key service or a key file",
            got="both",
            record="CF_CHAIN_KEYSTORE_FILE",
            next_step="Unset it, or CF_CHAIN_SIGNER_URL.",
        )
    address = address_from_text(settings.chain_signer_address, record="CF_CHAIN_SIGNER_ADDRESS")
    url, token_file = settings.chain_signer_url.get_secret_value(), settings.chain_signer_token_file
    return RemoteSigner(address, sign_over_http(url, token_file=token_file, timeout_s=settings.chain_timeout_s))


def sign_over_http(url: str, *, token_file: Path | None, timeout_s: float) -> SignDer:
    """What asks a key service for a signature.

    Args:
        url: Where; https, or http on this machine and in private networks.
        token_file: Holds an access token, read each time (such tokens are renewed); None sends none.
        timeout_s: Longest time for an answer, seconds.

    Raises:
        ChainError: It is no such address.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ChainError(
            "This is no address of a key service",
            expected="https://host/path",
            got=parts.scheme or "no scheme",
            next_step="Correct CF_CHAIN_SIGNER_URL.",
        )
    origin = f"{parts.scheme}://{parts.netloc}".lower()

    def sign(digest: bytes) -> bytes:
        headers = {"content-type": "application/json", "accept": "application/json", **_authorization(token_file)}
        body = to_canonical({"digest": {"sha256": base64.b64encode(digest).decode()}})
        outbound = Outbound(own_origins=[origin], timeout_s=timeout_s, gap_s=timeout_s)
        try:
            answer = outbound.send("POST", url, headers=headers, body=body, max_body_bytes=MAX_ANSWER_BYTES)
        except (TryLaterError, LostAnswerError, DocumentTooLargeError, FormatChangedError) as error:
            _refuse(error.got)
        except SecurityError as error:
            raise ChainError(
                "This key service may not be called",
                expected=error.expected,
                got=error.got,
                next_step="Correct CF_CHAIN_SIGNER_URL.",
            ) from error
        finally:
            outbound.close()
        return _signature_in(answer.body) if answer.status == _SUCCESS else _refuse(f"HTTP status {answer.status}")

    return sign


def _authorization(token_file: Path | None) -> dict[str, str]:
    """The header with the access token, where one is set."""
    if token_file is None:
        return {}
    try:
        with token_file.open("rb") as file:
            token = file.read(MAX_TOKEN_BYTES + 1).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        _no_token(token_file, type(error).__name__)
    if not token or len(token) > MAX_TOKEN_BYTES or not token.isprintable() or " " in token:
        _no_token(token_file, f"{len(token)} characters")
    return {"authorization": f"Bearer {token}"}


def _no_token(token_file: Path, got: str) -> NoReturn:
    """Refuse a file that holds no access token.

    Raises:
        ChainError: Always.
    """
    raise ChainError(
        "The key service's access token cannot be read",
        expected="a file with one token in ASCII",
        got=got,
        record=str(token_file),
        next_step="Correct CF_CHAIN_SIGNER_TOKEN_FILE, or the file.",
    )


def _refuse(got: str) -> NoReturn:
    """Refuse an answer that is no signature, or none at all.

    Raises:
        ChainError: Always.
    """
    raise ChainError(
        "The key service gives no signature",
        expected='{"signature": "<DER, base64>"}',
        got=got,
        next_step="It is asked again by itself; see what the service says.",
    )


def _signature_in(body: bytes) -> bytes:
    """The DER bytes in an answer; `RemoteSigner` reads them."""
    try:
        said: Any = json.loads(body)
        return base64.b64decode(said["signature"].encode("ascii"), validate=True)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        _refuse(f"{len(body)} bytes of something else")

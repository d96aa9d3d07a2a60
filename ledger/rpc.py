"""One exchange with a JSON-RPC node, which is believed in nothing: what it answers is checked before anybody uses it.

A node may be the embedded chain in this process, or a program elsewhere that lies, lags or vanishes. Whatever is wrong with an
answer is a `ChainError` that names it, and the caller asks again later; only what a node *refuses* by JSON-RPC is an `RpcError`.
Sending the bytes is the caller's (`Post`): the application's outbound rules say which addresses may be called.
"""

import http.client
import json
import re
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NoReturn, Protocol
from urllib.parse import urlsplit

from domain.errors import ChainError

NO_ANSWER = "The chain does not answer"
"""Message of a node that is away: it may come back."""

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Largest answer of a node, bytes; the largest that is asked for, a block's transaction hashes, is far below."""

Post = Callable[[bytes], bytes]
"""Takes the body of a JSON-RPC request, gives the body of the answer; raises ChainError where there is none."""

_QUANTITY = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,63})\Z")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}\Z")


class RpcError(Exception):
    """A JSON-RPC error object: the node refuses.

    Args:
        message: The error's message.
        code: JSON-RPC code; 3 is a revert.
        data_hex: Revert data, 0x and hexadecimal.
    """

    def __init__(self, message: str, *, code: int = -32000, data_hex: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.data_hex = data_hex

    def to_json(self) -> dict[str, Any]:
        """The error object of a JSON-RPC answer."""
        fields: dict[str, Any] = {"code": self.code, "message": self.message}
        return {**fields, "data": self.data_hex} if self.data_hex else fields


class Node(Protocol):
    """Answers JSON-RPC methods."""

    def request(self, method: str, params: list[Any]) -> Any:  # noqa: ANN401  # JSON
        """Result of one method, as JSON values.

        Args:
            method: Name of the method, as `eth_call`.
            params: Its parameters as JSON values.

        Raises:
            RpcError: The node refuses.
            ChainError: The node does not answer, or not in JSON-RPC.
        """
        ...


class HttpNode:
    """A node somewhere else.

    Concurrency: any number of threads, as far as `post` takes them.

    Args:
        post: Sends the request.
    """

    def __init__(self, post: Post) -> None:
        self._post = post
        self._numbers = count(1)

    def request(self, method: str, params: list[Any]) -> Any:  # noqa: ANN401  # JSON
        """Result of one method; see `Node`.

        Args:
            method: Name of the method.
            params: Its parameters as JSON values.

        Raises:
            RpcError: The node refuses.
            ChainError: The node does not answer, or not in JSON-RPC.
        """
        number = next(self._numbers)
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
        answer = self._post(body)
        if len(answer) > MAX_ANSWER_BYTES:
            refuse(method, f"at most {MAX_ANSWER_BYTES} bytes", f"{len(answer)} bytes")
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError):
            refuse(method, "JSON", "an HTML page" if answer.lstrip()[:1] == b"<" else f"{len(answer)} bytes of something else")
        if not isinstance(found, dict):
            refuse(method, "a JSON object", f"a JSON {type(found).__name__}")
        error = found.get("error")
        if error is not None:
            _raise(error)
        if found.get("id") != number or "result" not in found:
            refuse(method, f"the answer to request {number}", "another one" if "result" in found else "no result")
        return found["result"]


def _raise(error: object) -> NoReturn:
    """Raise what a node said.

    Raises:
        RpcError: Always.
    """
    if not isinstance(error, Mapping):
        raise RpcError(str(error)[:200])
    code, data = error.get("code"), error.get("data")
    raise RpcError(
        str(error.get("message"))[:500],
        code=code if isinstance(code, int) else -32000,
        data_hex=data if isinstance(data, str) and re.fullmatch(r"0x([0-9a-fA-F]{2})*", data) else "",
    )


def http_post(url: str, timeout_s: float) -> Post:
    """Sends requests to an address that is trusted as it is: tests and tools. The application has its own rules.

    Args:
        url: http:// or https:// address; no redirects are followed.
        timeout_s: Longest pause between two bytes, seconds.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"

    def post(body: bytes) -> bytes:
        connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            return connection.getresponse().read(MAX_ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise no_answer(type(error).__name__) from error
        finally:
            connection.close()

    return post


def no_answer(got: str) -> ChainError:
    """Nobody answers. Never the address: keys of node providers stand in addresses.

    Args:
        got: What happened instead, a class of error.
    """
    return ChainError(NO_ANSWER, expected="an answer in time", got=got, next_step="Try again later.")


def refuse(method: str, expected: str, got: str) -> NoReturn:
    """Refuse what a node answered.

    Args:
        method: What it was asked.
        expected: What would have been right.
        got: What came.

    Raises:
        ChainError: Always.
    """
    raise ChainError(
        "The node's answer cannot be used",
        expected=expected,
        got=got,
        record=method,
        next_step="It is asked again by itself; if it stays so, name another node.",
    )


def to_quantity(value: object, method: str) -> int:
    """An unsigned integer of an answer.

    Args:
        value: "0x" and hexadecimal digits without leading zeros.
        method: What was asked, for the message.

    Raises:
        ChainError: It is something else.
    """
    if not isinstance(value, str) or not _QUANTITY.match(value):
        refuse(method, "a quantity, as 0x1f", repr(value)[:80])
    return int(value, 16)


def to_hash(value: object, method: str) -> bytes:
    """A hash of an answer, 32 bytes.

    Args:
        value: "0x" and 64 hexadecimal digits.
        method: What was asked, for the message.

    Raises:
        ChainError: It is something else.
    """
    if not isinstance(value, str) or not _HASH.match(value):
        refuse(method, "32 bytes in hexadecimal", repr(value)[:80])
    return bytes.fromhex(value[2:])


def to_bytes(value: object, method: str) -> bytes:
    """Bytes of an answer.

    Args:
        value: "0x" and hexadecimal digits.
        method: What was asked, for the message.

    Raises:
        ChainError: It is something else.
    """
    if not isinstance(value, str) or not value.startswith("0x"):
        refuse(method, "bytes in hexadecimal", repr(value)[:80])
    try:
        return bytes.fromhex(value[2:])
    except ValueError:
        refuse(method, "bytes in hexadecimal", repr(value)[:80])


def to_fields(value: object, method: str) -> Mapping[str, Any]:
    """An object of an answer.

    Args:
        value: JSON.
        method: What was asked, for the message.

    Raises:
        ChainError: It is something else.
    """
    if not isinstance(value, dict):
        refuse(method, "a JSON object", repr(value)[:80])
    return value

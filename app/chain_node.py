"""Nodes that are spoken to over HTTP: the configured one, and nothing else.

The address of a node is the operator's, in the settings: it may be in the operator's own network, on any port. That is all that
is believed of it: no redirects, no other host, sizes and times limited. Plain http is for this machine and private networks.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from app.security.oauth_client import LostAnswerError
from app.security.outbound import Outbound
from domain.errors import ChainError, DocumentTooLargeError, FormatChangedError, SecurityError, TryLaterError
from ledger.rpc import MAX_ANSWER_BYTES, HttpNode, Post, no_answer, refuse

_SUCCESS = range(200, 300)


class RemoteNode(HttpNode):
    """A node over HTTP that keeps connections open until it is closed.

    Args:
        post: Sends the request.
        close: Closes the connections.
    """

    def __init__(self, post: Post, close: Callable[[], None]) -> None:
        super().__init__(post)
        self.close = close


def http_node(url: str, *, timeout_s: float) -> RemoteNode:
    """The node at an address; close it in the end.

    Args:
        url: http:// or https://, as the settings or the operator's command line name it.
        timeout_s: Longest time for a whole exchange, seconds.

    Raises:
        ChainError: It is no such address.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ChainError(
            "This is no address of a chain's node",
            expected="http://host:port/path or https://host/path",
            got=parts.scheme or "no scheme",
            next_step="Correct CF_CHAIN_URL.",
        )
    outbound = Outbound(own_origins=[f"{parts.scheme}://{parts.netloc}".lower()], timeout_s=timeout_s, gap_s=timeout_s)

    def post(body: bytes) -> bytes:
        headers = {"content-type": "application/json", "accept": "application/json"}
        try:
            answer = outbound.send("POST", url, headers=headers, body=body, max_body_bytes=MAX_ANSWER_BYTES)
        except (TryLaterError, LostAnswerError) as error:
            raise no_answer(error.got) from error
        except SecurityError as error:
            raise ChainError(
                "This node may not be called", expected=error.expected, got=error.got, next_step="Correct CF_CHAIN_URL."
            ) from error
        except (DocumentTooLargeError, FormatChangedError) as error:
            refuse("HTTP", error.expected, error.got)
        if answer.status not in _SUCCESS and not answer.body.lstrip().startswith(b"{"):
            raise no_answer(f"HTTP status {answer.status}")
        return answer.body

    return RemoteNode(post, outbound.close)

"""POST /v1/estimate: lines in, lines out, in order, with bad ones in the middle, in bounded time and memory."""

import json
import resource
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.app.live import Installation, Live, start

GOOD = {"kind": "electricity", "quantity": "412.5", "unit": "kWh", "start": "2023-01-05", "end": "2023-02-03", "region": "94110"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def line(**change: Any) -> bytes:  # noqa: ANN401 - whatever JSON holds
    """One activity as a line."""
    return json.dumps({**GOOD, **change}).encode() + b"\n"


def estimate(live: Live, body: bytes | Iterator[bytes]) -> httpx2.Response:
    """Send lines as Ada."""
    return live.post("/v1/estimate", as_=live.ada, content=body, headers=NDJSON)


def results(reply: httpx2.Response) -> list[dict[str, Any]]:
    """The lines of a reply."""
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/x-ndjson"
    return [json.loads(one) for one in reply.text.splitlines()]


def test_it_needs_somebody(shared_live: Live) -> None:
    """Without a key it is a 401 before a line is read."""
    reply = shared_live.post("/v1/estimate", content=line(), headers=NDJSON)
    assert (reply.status_code, reply.json()["type"]) == (401, "/problems/not-signed-in")


def test_one_line(shared_live: Live) -> None:
    """A line gives grams, the factor and how it was chosen."""
    (found,) = results(estimate(shared_live, line(id="a")))
    assert (found["line"], found["id"], found["kind"]) == (1, "a", "electricity")
    assert 50_000 < float(found["g_co2e"]) < 200_000
    assert found["region"] == "US/egrid/CAMX"
    assert found["steps"]


def test_lines_keep_their_order(shared_live: Live) -> None:
    """A thousand lines come back in their order, each with its own id."""
    found = results(estimate(shared_live, b"".join(line(id=i, quantity=str(i)) for i in range(1000))))
    assert [one["id"] for one in found] == list(range(1000))
    assert [one["line"] for one in found] == list(range(1, 1001))


def test_bad_lines_stop_nobody(shared_live: Live) -> None:
    """Bad lines in the middle carry their error, and the others their grams."""
    bad = [
        b"no JSON\n",
        b'{"id":"nan","quantity":NaN}\n',
        line(id="kg", unit="kg"),
        line(id="future", start="2027-01-01", end="2027-02-01"),
        line(id="twice")[:-2] + b',"id":"again"}\n',
        line(id="arabic", quantity="\u0664\u0661\u0662"),
        line(id="huge", quantity="1e30"),
        line(id="backwards", start="2023-02-03", end="2023-01-05"),
        line(id="where", region="Atlantis"),
        line(id="what", kind="unicorn"),
        line(id="more", colour="red"),
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
        b"null\n",
        b"[]\n",
        b'"text"\n',
        b'{"id":{"a":1}}\n',
        line(id="nul", region="94110\x00"),
    ]
    body = b"".join(line(id=f"good {i}") + one for i, one in enumerate(bad)) + line(id="last")
    found = results(estimate(shared_live, body))
    assert len(found) == 2 * len(bad) + 1
    for i, one in enumerate(found):
        if i % 2 == 0:
            assert "error" not in one, one
        else:
            assert one["error"]["message"], one
            assert "g_co2e" not in one
    assert (found[5]["id"], found[5]["error"]["code"]) == ("kg", "dimension")


def test_line_that_is_too_long(shared_live: Live) -> None:
    """A line over the limit is refused by itself; the next one counts."""
    body = line(id=1) + b'{"id":2,"x":"' + b"x" * 70_000 + b'"}\n' + line(id=3)
    found = results(estimate(shared_live, body))
    assert [one.get("id") for one in found] == [1, None, 3]
    assert found[1]["error"]["code"] == "document-too-large"
    assert found[1]["error"]["record"] == "line 2"


@pytest.mark.parametrize("body", [b"", b"\n\n\n", b" \r\n"])
def test_no_lines(shared_live: Live, body: bytes) -> None:
    """Nothing in, nothing out."""
    assert results(estimate(shared_live, body)) == []


@pytest.mark.parametrize("piece_size", [1, 7, 4096])
def test_pieces_do_not_matter(shared_live: Live, piece_size: int) -> None:
    """Wherever the body is cut on its way, the lines are the same."""
    body = line(id="a", region="94110") + b"bad\r\n" + line(id="\u00e9")[:-1]
    whole = estimate(shared_live, body).content
    assert estimate(shared_live, (body[i : i + piece_size] for i in range(0, len(body), piece_size))).content == whole


def test_words_can_be_left_out(shared_live: Live) -> None:
    """`explain=none` leaves out the words and nothing else; `full` is what comes without asking."""
    body = line(id="a") + line(id="b", unit="kg")

    def ask(query: str) -> httpx2.Response:
        return shared_live.post(f"/v1/estimate{query}", as_=shared_live.ada, content=body, headers=NDJSON)

    full, brief = results(ask("")), results(ask("?explain=none"))
    assert ask("?explain=full").content == ask("").content
    assert full[0].keys() - brief[0].keys() == {"factor_label", "source_url", "steps", "table", "uncertainty_note"}
    assert {name: full[0][name] for name in brief[0] if name != "additions"} == {
        k: v for k, v in brief[0].items() if k != "additions"
    }
    assert brief[0]["additions"][0].keys() < full[0]["additions"][0].keys()
    assert brief[1] == full[1]


def test_other_explanations_are_refused(shared_live: Live) -> None:
    """What is neither full nor none is a 422 before a line is read."""
    reply = shared_live.post("/v1/estimate?explain=some", as_=shared_live.ada, content=line(), headers=NDJSON)
    assert reply.status_code == 422
    assert "full" in reply.text


def test_too_many_lines(installation: Installation) -> None:
    """The reply ends with a line that says how many are allowed."""
    with start(installation, max_line_count=10) as live:
        found = results(estimate(live, line() * 11))
        assert len(found) == 11
        assert "error" not in found[9]
        assert (found[10]["line"], found[10]["error"]["expected"]) == (11, "at most 10")


def test_too_large_batch(installation: Installation) -> None:
    """A batch over the size limit is a 413 where its size was declared."""
    with start(installation, max_batch_bytes=1000) as live:
        reply = estimate(live, line() * 20)
        assert (reply.status_code, reply.json()["type"]) == (413, "/problems/body-too-large")


def test_nothing_is_stored(shared_live: Live) -> None:
    """An estimate leaves no trace."""
    before = shared_live.counts()
    estimate(shared_live, line() * 3)
    assert shared_live.counts() == before


def test_nothing_sent_stands_in_an_unasked_place(shared_live: Live) -> None:
    """A broken line is not quoted."""
    (found,) = results(estimate(shared_live, b'{"name":"Ada Lovelace"\n'))
    assert "Lovelace" not in json.dumps(found)


@pytest.mark.slow
def test_hundred_thousand_lines(shared_live: Live) -> None:
    """A full batch is answered line by line in under two minutes, and the memory grows by less than 200 MB."""
    body = b"".join(line(id=i) for i in range(100_000))
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started_s = time.monotonic()
    reply = estimate(shared_live, body)
    took_s = time.monotonic() - started_s
    grown_kib = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib - len(reply.content) * 2 // 1024
    )  # client's copies
    assert reply.content.count(b"\n") == 100_000
    assert took_s < 120
    assert grown_kib < 200 * 1024

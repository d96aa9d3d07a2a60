"""A file of activities through the API and the pages: taken in, shown, taken back."""

import json
import re

import httpx2

from tests.app.live import Live

LINES = (
    {"id": "c1", "kind": "car", "quantity": "100", "unit": "km", "start": "2026-01-05", "powertrain": "petrol"},
    {"id": "c2", "kind": "car", "quantity": "20", "unit": "kg", "start": "2026-01-06"},
    {"id": "r1", "kind": "rail", "quantity": "55", "unit": "pkm", "start": "2026-01-07", "region": "GB"},
)
BODY = "".join(json.dumps(one) + "\n" for one in LINES).encode()
NDJSON = {"Content-Type": "application/x-ndjson"}


def send(live: Live, body: bytes = BODY, **query: str) -> httpx2.Response:
    """A file of activities to the API, for Ada's household."""
    asked = {"subject": live.ada.household, "connector": "activities", **query}
    return live.post("/v1/documents", params=asked, as_=live.ada, content=body, headers=NDJSON)


def drop(live: Live, **fields: str) -> httpx2.Response:
    """A file of activities to the page, for Ada's household."""
    files = {"file": ("drives.ndjson", BODY, "application/x-ndjson")}
    return live.submit(f"/s/{live.ada.household}/documents", as_=live.ada, files=files, data=fields)


def test_api_takes_activities(live: Live) -> None:
    """Good lines are stored, the bad one is named, and all are listed with their kind."""
    report = send(live)
    assert report.status_code == 201
    said = report.json()
    assert (said["reading_count"], said["new_count"], said["refused_count"], said["months"]) == (2, 2, 1, ["2026-01"])
    assert "car is not measured in kg" in said["refused"][0]
    assert "line 2, unit" in said["refused"][0]


def test_api_takes_one_back(live: Live) -> None:
    """A declared activity is removed by its record like a typed bill."""
    send(live)
    here = f"/v1/subjects/{live.ada.household}/activities"
    listed = live.get(here, params={"period": "2026-01"}, as_=live.ada).json()["items"]
    found = next(one for one in listed if one["kind"] == "rail")
    address = f"/v1/subjects/{live.ada.household}/records/{found['record_id']}"
    removed = live.client.delete(address, headers={**live.ada.bearer, "Idempotency-Key": "r-1"})
    assert removed.status_code == 200, removed.text
    left = live.get(here, params={"period": "2026-01"}, as_=live.ada).json()["items"]
    assert "rail" not in [one["kind"] for one in left]


def test_page_takes_activities(live: Live) -> None:
    """The form's list of files has activities; the page that follows says what was read and refused."""
    reply = drop(live, connector="activities", place="94110")
    assert reply.status_code == 303
    shown = live.browse(reply.headers["location"], as_=live.ada).text
    assert "2 activities read." in shown
    assert "1 part was refused" in shown
    assert "Rail" in shown


def test_page_offers_what_reads_files(live: Live) -> None:
    """The form lists the utility's download first, then activities, and no typed bill."""
    shown = live.browse(f"/s/{live.ada.household}", as_=live.ada).text
    options = shown.partition('name="connector">')[2].partition("</select>")[0]
    assert options.index('value="green-button"') < options.index('value="activities"')
    assert "typed-bill" not in options


def test_page_refuses_other_connectors(live: Live) -> None:
    """A connector that reads no files that people choose is refused beside the file."""
    reply = drop(live, connector="typed-bill")
    assert reply.status_code == 422
    assert re.search(r"This is no kind of file; expected one of green-button, activities, .*; got typed-bill", reply.text)


def test_listed_activity_can_be_removed(live: Live) -> None:
    """The list of activities offers to remove a declared one, and names its source without a meter."""
    send(live)
    shown = live.browse(f"/s/{live.ada.household}/activities?period=2026-01", as_=live.ada).text
    assert "<bdi>Activities in a file</bdi><details" in shown

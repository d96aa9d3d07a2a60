"""What issue 2 names as bad input, one test per case and surface; and bills that cannot be."""

import re
from datetime import date
from html import unescape

import httpx2
import pytest

from app.store import activities
from app.store.session import reading
from domain.period import MonthRange
from tests.app.live import XML, Live, green_button

BILL = {"utility": "City Power", "first_date": "2025-11-05", "last_date": "2025-12-03", "amount": "412.5"}
FORM = {"utility": "City Power", "start": "2025-11-05", "end": "2025-12-03", "kwh": "412.5", "place": "94110"}
FIELD_OF = {"utility": "utility", "first_date": "start", "last_date": "end", "amount": "kwh", "place": "place"}


def send(live: Live, body: bytes, **query: str) -> httpx2.Response:
    """A file to the API, for Ada's household."""
    return live.post("/v1/documents", params={"subject": live.ada.household, **query}, as_=live.ada, content=body, headers=XML)


def drop(live: Live, body: bytes, **fields: str) -> httpx2.Response:
    """A file to the page, for Ada's household."""
    files = {"file": ("bill.xml", body, "application/xml")}
    return live.submit(f"/s/{live.ada.household}/documents", as_=live.ada, files=files, data=fields)


def type_bill(live: Live, **change: object) -> httpx2.Response:
    """A bill to the API, for Ada's household."""
    return live.post(f"/v1/subjects/{live.ada.household}/bills", as_=live.ada, json={**BILL, **change})


def fill_form(live: Live, **change: str) -> httpx2.Response:
    """A bill to the page, for Ada's household, as a browser sends a form without a file."""
    files = {name: (None, value) for name, value in {**FORM, **change}.items()}
    return live.submit(f"/s/{live.ada.household}/bills", as_=live.ada, files={**files, "file": ("", b"")})


def field_error(reply: httpx2.Response, form: str, field: str) -> str:
    """The message beside a field of a form, as a person reads it."""
    found = re.search(rf'id="{form}-{field}-error">([^<]*)<', reply.text)
    assert found, f"no message at {form}-{field}: {re.findall('[a-z]+-[a-z]+-error', reply.text)}"
    assert f'aria-describedby="{form}-{field}-error' in reply.text
    return unescape(found[1])


def total_kwh(live: Live, period: str) -> int:
    """Electricity of Ada's household over a period, kWh."""
    with reading(live.services.engine) as session:
        totals = activities.totals(session, live.ada.tenant_id, live.ada.household, MonthRange.from_text(period))
    return sum(total.quantity_micro for total in totals) // 1_000_000


# A file that is not Green Button.


def test_other_file_api(shared_live: Live) -> None:
    """Not Green Button: 415, with what was expected and what it looks like."""
    problem = send(shared_live, b"<!doctype html><html></html>").json()
    assert (problem["status"], problem["type"]) == (415, "/problems/unknown-format")
    assert problem["expected"] == "a Green Button (ESPI) XML document"


def test_other_file_page(shared_live: Live) -> None:
    """Not Green Button, and no table either: the form again, with the message beside the file."""
    reply = drop(shared_live, b"<!doctype html><html></html>", place="94110")
    assert reply.status_code == 422
    assert "expected a Green Button (ESPI) XML document" in field_error(reply, "up", "file")
    assert 'value="94110"' in reply.text


# A truncated file.


def test_truncated_file_api(shared_live: Live) -> None:
    """Cut off: 422, told as truncated."""
    problem = send(shared_live, green_button(date(2025, 12, 1), date(2025, 12, 2))[:9000]).json()
    assert (problem["status"], problem["type"]) == (422, "/problems/truncated-document")
    assert "again" in problem["next_step"]


def test_truncated_file_page(shared_live: Live) -> None:
    """Cut off: the message stands beside the file."""
    reply = drop(shared_live, green_button(date(2025, 12, 1), date(2025, 12, 2))[:9000])
    assert reply.status_code == 422
    assert "ends" in field_error(reply, "up", "file")


def test_no_file_page(shared_live: Live) -> None:
    """Nothing chosen: the message stands beside the file."""
    reply = shared_live.submit(
        f"/s/{shared_live.ada.household}/documents", as_=shared_live.ada, files={"file": ("", b""), "place": (None, "94110")}
    )
    assert (reply.status_code, field_error(reply, "up", "file")[:18]) == (422, "This file is empty")


# A file with no unit.


def no_unit() -> bytes:
    """Readings that nobody can know the meaning of."""
    return re.sub(rb"<espi:uom>\d+</espi:uom>", b"", green_button(date(2025, 12, 1), date(2025, 12, 2)))


def test_no_unit_api(shared_live: Live) -> None:
    """No unit: 422, names the unit, and nothing is guessed."""
    problem = send(shared_live, no_unit()).json()
    assert problem["status"] == 422
    assert "unit" in f"{problem['expected']} {problem['got']}"


def test_no_unit_page(shared_live: Live) -> None:
    """No unit: the message beside the file names it."""
    reply = drop(shared_live, no_unit())
    assert reply.status_code == 422
    assert "unit" in field_error(reply, "up", "file")


# Overlapping re-uploads.


def test_same_readings_twice_api(live: Live) -> None:
    """The same readings in another file count once."""
    before = total_kwh(live, "2026-02")
    report = send(live, green_button(date(2026, 2, 10), date(2026, 2, 12), title="Again")).json()
    assert (report["new_count"], report["changed_count"], report["same_count"]) == (0, 0, 3)
    assert (report["is_known"], report["months"]) == (False, [])
    assert total_kwh(live, "2026-02") == before == 28 * 12


def test_same_file_twice_api(live: Live) -> None:
    """The very same file is known, and changes nothing."""
    body = green_button(date(2026, 3, 1), date(2026, 3, 2))
    assert send(live, body).json()["is_known"] is False
    again = send(live, body).json()
    assert (again["is_known"], again["new_count"], again["changed_count"], again["months"]) == (True, 0, 0, [])


def test_same_readings_twice_page(live: Live) -> None:
    """The page of such an import says that nothing is new."""
    reply = drop(live, green_button(date(2026, 2, 10), date(2026, 2, 12), title="Again"))
    assert reply.status_code == 303
    assert live.browse(reply.headers["location"], as_=live.ada).status_code == 200
    assert total_kwh(live, "2026-02") == 28 * 12


def test_corrected_readings_api(live: Live) -> None:
    """Corrected readings take the place of the former ones, which stay in the history."""
    report = send(live, green_button(date(2026, 2, 10), date(2026, 2, 10), wh=1500)).json()
    assert (report["new_count"], report["changed_count"], report["months"]) == (0, 1, ["2026-02"])
    assert total_kwh(live, "2026-02") == 27 * 12 + 36
    with live.services.engine.connect() as connection:
        count = "SELECT count(*) FROM record_revision v JOIN record r ON r.id = v.record_id WHERE r.subject_id = :subject"
        revisions = connection.exec_driver_sql(count, {"subject": live.ada.household}).scalar_one()
    assert revisions == 59 + 1


def test_corrected_closed_month_page(live: Live) -> None:
    """Readings that change a closed month mark it, on the dashboard too."""
    assert drop(live, green_button(date(2026, 1, 10), date(2026, 1, 10), wh=1500)).status_code == 303
    (period,) = live.get(f"/v1/subjects/{live.ada.household}/periods", as_=live.ada).json()
    assert period["is_changed_since_close"] is True
    page = live.browse(f"/s/{live.ada.household}", as_=live.ada).text
    assert "The closed statement stays as it is until you restate it." in page


# A period with gaps.


def test_gaps_api(live: Live) -> None:
    """Days without readings are no activities: never zero."""
    send(live, green_button(date(2025, 12, 5), date(2025, 12, 9)))
    path = f"/v1/subjects/{live.ada.household}/activities?period=2025-12"
    items = live.get(path, as_=live.ada).json()["items"]
    assert sorted(one["start"][:10] for one in items) == [f"2025-12-{day:02}" for day in range(5, 10)]
    assert {one["quantity"] for one in items} == {"12"}


def test_gaps_page(live: Live) -> None:
    """A month with gaps says how many of its days are measured, and a month without data says that it is not measured."""
    send(live, green_button(date(2025, 12, 5), date(2025, 12, 9)))
    page = live.browse(f"/s/{live.ada.household}", as_=live.ada)
    said = " ".join(unescape(page.text).split())  # also the spaces that do not break
    assert "December 2025: 60.0 kWh in 5 of 31 days measured" in said
    assert "November 2025: not measured" in said


def test_month_without_data_api(shared_live: Live) -> None:
    """A month without any data cannot be closed as zero."""
    path = f"/v1/subjects/{shared_live.ada.household}/periods/2025-06/close"
    problem = shared_live.post(path, as_=shared_live.ada, json={}).json()
    assert (problem["status"], problem["detail"]) == (409, "Nothing is measured in this period")
    assert "not zero" in problem["next_step"]


def test_month_without_data_page(shared_live: Live) -> None:
    """The page says the same."""
    path = f"/s/{shared_live.ada.household}/periods/2025-06/close"
    reply = shared_live.submit(path, as_=shared_live.ada, data={"reason": ""})
    assert reply.status_code == 409
    assert "Nothing is measured in this period" in reply.text


# ZIP codes in several subregions.


def split_zip(live: Live) -> str:
    """A ZIP code that lies in several subregions of the grid."""
    found = next(one for one in live.services.factor_set.regions.zips() if len(one.subregions) > 1)
    return f"{found.first_number:05}"


def test_split_zip_api(shared_live: Live) -> None:
    """A ZIP code in several subregions is flagged, with all of them named."""
    found = shared_live.get(f"/v1/factors/explain?region={split_zip(shared_live)}&year=2023").json()
    assert "zip_in_several_subregions" in found["flags"]
    assert any("lies in several:" in step for step in found["steps"])


def test_split_zip_page(live: Live) -> None:
    """The trace of a number at such a ZIP code says so, too."""
    assert fill_form(live, place=split_zip(live)).status_code == 303
    page = live.browse(f"/s/{live.ada.household}/why/2025-11", as_=live.ada)
    assert "lies in several:" in page.text


# A future date.


def test_future_readings_api(shared_live: Live) -> None:
    """Readings of next week: 422, with the last one and now."""
    problem = send(shared_live, green_button(date(2026, 3, 20), date(2026, 3, 21))).json()
    assert (problem["status"], problem["detail"]) == (422, "This file has readings in the future")
    assert problem["expected"] == "readings up to 2026-03-10T12:00:00Z"
    assert "2026-03-22" in problem["got"]


def test_future_readings_page(shared_live: Live) -> None:
    """Readings of next week: the message stands beside the file."""
    reply = drop(shared_live, green_button(date(2026, 3, 20), date(2026, 3, 21)))
    assert (reply.status_code, "in the future" in field_error(reply, "up", "file")) == (422, True)


def test_future_bill_api(shared_live: Live) -> None:
    """A bill that ends next month: 422, names the day."""
    problem = type_bill(shared_live, first_date="2026-03-01", last_date="2026-04-01").json()
    assert (problem["status"], problem["record"], problem["got"]) == (422, "last day", "2026-04-01")


def test_future_bill_page(shared_live: Live) -> None:
    """A bill that ends next month: the message stands beside the last day, and what was typed stays."""
    reply = fill_form(shared_live, start="2026-03-01", end="2026-04-01")
    assert reply.status_code == 422
    assert "in the future" in field_error(reply, "bill", "end")
    assert 'value="2026-04-01"' in reply.text
    assert 'value="City Power"' in reply.text


# A negative series (export).


def test_export_api(live: Live) -> None:
    """What flows back is its own kind of activity, never subtracted from use."""
    body = green_button(date(2026, 3, 1), date(2026, 3, 2)).replace(b"<espi:flowDirection>1<", b"<espi:flowDirection>19<")
    assert b"<espi:flowDirection>19<" in body
    report = send(live, body).json()
    assert report["new_count"] == 2
    items = live.get(f"/v1/subjects/{live.ada.household}/activities?period=2026-03", as_=live.ada).json()["items"]
    assert {(one["kind"], one["quantity"]) for one in items} == {("electricity_export", "12")}


def test_negative_values_api(live: Live) -> None:
    """Readings below zero are what flowed back: export, with a note, never subtracted in silence."""
    body = green_button(date(2026, 3, 1), date(2026, 3, 2), wh=-250)
    report = send(live, body).json()
    assert (report["new_count"], report["reading_count"]) == (2, 48)
    items = live.get(f"/v1/subjects/{live.ada.household}/activities?period=2026-03", as_=live.ada).json()["items"]
    assert {(one["kind"], one["quantity"]) for one in items} == {("electricity_export", "6")}
    assert report["notes"] == ["48 readings below zero are counted as export"]


def test_export_page(live: Live) -> None:
    """The page of an import with export names it; the dashboard shows."""
    body = green_button(date(2026, 3, 1), date(2026, 3, 2)).replace(b"<espi:flowDirection>1<", b"<espi:flowDirection>19<")
    reply = drop(live, body)
    assert reply.status_code == 303
    assert "exported" in live.browse(reply.headers["location"], as_=live.ada).text.lower()
    assert live.browse(f"/s/{live.ada.household}", as_=live.ada).status_code == 200


# A place that must be asked for.


def test_zone_is_asked_for_api(live: Live) -> None:
    """A country with several zones and a clock that fits none: 422 that lists the zones."""
    body = re.sub(rb"<espi:tzOffset>-?\d+<", b"<espi:tzOffset>0<", green_button(date(2026, 3, 1), date(2026, 3, 2)))
    problem = send(live, body, place="AU").json()
    assert (problem["status"], problem["type"]) == (422, "/problems/place")
    assert "Australia/Sydney" in problem["expected"]


def test_zone_is_asked_for_page(live: Live) -> None:
    """The form comes back with the zones to choose from, and the chosen one is taken."""
    body = re.sub(rb"<espi:tzOffset>-?\d+<", b"<espi:tzOffset>0<", green_button(date(2025, 3, 1), date(2025, 3, 2)))
    body = body.replace(b"UsagePoint/1", b"UsagePoint/2")
    reply = drop(live, body, place="AU")
    assert reply.status_code == 422
    assert "more than one time zone" in field_error(reply, "up", "zone")
    assert '<option value="Australia/Sydney">' in reply.text
    assert drop(live, body, place="AU", zone="Australia/Sydney").status_code == 303


@pytest.mark.parametrize("place", ["Atlantis", "9411", "00000", "ZZ", "941 10", "\u0669\u0664\u0661\u0661\u0660"])
def test_place_that_is_none(shared_live: Live, place: str) -> None:
    """A place that is none: 422 at the API, the message beside the place on the page."""
    before = shared_live.counts()
    body = green_button(date(2026, 3, 1), date(2026, 3, 2))
    assert send(shared_live, body, place=place).json()["type"] == "/problems/place"
    assert field_error(drop(shared_live, body, place=place), "up", "place")
    assert type_bill(shared_live, place=place).json()["type"] == "/problems/place"
    assert field_error(fill_form(shared_live, place=place), "bill", "place")
    assert shared_live.counts() == before


# Bills.

ODD_AMOUNTS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e30",
    "1" + "0" * 30,
    "\u0664\u0661\u0662",
    "4,12.5",
    "412,5",
    "0x10",
    "",
    " ",
    "one",
    "--5",
]


@pytest.mark.parametrize("amount", ODD_AMOUNTS)
def test_amount_that_is_none(shared_live: Live, amount: str) -> None:
    """An amount that is no plain decimal in range: 422 on both surfaces, named, nothing stored."""
    before = shared_live.counts()
    problem = type_bill(shared_live, amount=amount).json()
    assert (problem["status"], problem["record"]) == (422, "amount"), problem
    reply = fill_form(shared_live, kwh=amount)
    assert reply.status_code == 422
    assert field_error(reply, "bill", "kwh")
    assert shared_live.counts() == before


@pytest.mark.parametrize("unit", ["kg", "kW", "therms and more", "", "Mt", "\x00", "m"])
def test_unit_that_is_none(shared_live: Live, unit: str) -> None:
    """A unit of another dimension, or none: refused by name."""
    before = shared_live.counts()
    reply = type_bill(shared_live, unit=unit)
    assert reply.status_code in {400, 422}
    assert reply.json()["next_step"]
    assert shared_live.counts() == before


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("2025-12-03", "2025-11-05", "end"),
        ("2023-01-01", "2025-01-01", ""),
        ("2025-02-30", "2025-03-05", "start"),
        ("2025-02-01", "2025-02-31", "end"),
        ("0001-01-01", "0001-01-31", ""),
        ("9999-12-01", "9999-12-31", ""),
        ("", "2025-12-03", "start"),
        ("05.11.2025", "2025-12-03", "start"),
        ("\u0662\u0660\u0662\u0665-11-05", "2025-12-03", "start"),
    ],
)
def test_days_that_are_none(shared_live: Live, first: str, last: str, field: str) -> None:
    """Days in the wrong order, too many, or none: 422 on both surfaces, beside the right field."""
    before = shared_live.counts()
    assert type_bill(shared_live, first_date=first, last_date=last).status_code == 422
    reply = fill_form(shared_live, start=first, end=last)
    assert reply.status_code == 422
    assert re.search(r'id="bill-\w+-error"', reply.text)
    if field:
        assert field_error(reply, "bill", field)
    assert shared_live.counts() == before


@pytest.mark.parametrize("utility", ["", " ", "x" * 121, "x" * 100_000, "a\nb\x07", "\u202egnp.exe"])
def test_utility_that_is_none(shared_live: Live, utility: str) -> None:
    """A name that is empty, too long or not printable: 422 on both surfaces."""
    before = shared_live.counts()
    assert type_bill(shared_live, utility=utility).status_code in {413, 422}
    assert fill_form(shared_live, utility=utility).status_code in {400, 413, 422}
    assert shared_live.counts() == before


def test_nul_in_a_bill(shared_live: Live) -> None:
    """NUL, which PostgreSQL cannot store: refused on both surfaces."""
    before = shared_live.counts()
    assert type_bill(shared_live, utility="City\x00Power").status_code == 400
    assert field_error(fill_form(shared_live, utility="City\x00Power"), "bill", "utility")
    assert shared_live.counts() == before


@pytest.mark.parametrize(
    "utility",
    [
        "Stadtwerke \U0001f4a1",
        "\u05d7\u05d1\u05e8\u05ea \u05d4\u05d7\u05e9\u05de\u05dc",
        "\u5317\u4eac\u7535\u529b",
        "<script>alert(1)</script>",
        'O\'Neil & "Sons"',
    ],
)
def test_name_of_any_language(live: Live, utility: str) -> None:
    """Emoji, right-to-left and markup are accepted as a name, and escaped on every page."""
    reply = fill_form(live, utility=utility)
    assert reply.status_code == 303, reply.text
    for path in (reply.headers["location"], f"/s/{live.ada.household}", f"/s/{live.ada.household}/activities"):
        page = live.browse(path, as_=live.ada)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
    items = live.get(f"/v1/subjects/{live.ada.household}/activities?period=2025-11", as_=live.ada).json()["items"]
    assert {one["usage_point"] for one in items} == {utility}


def test_name_of_a_subject_is_escaped(live: Live) -> None:
    """A subject may be called anything printable; pages escape it."""
    made = live.post(
        "/v1/subjects", as_=live.ada, json={"kind": "person", "name": "<img src=x onerror=alert(1)> \U0001f600", "place": "94110"}
    )
    assert made.status_code == 201
    page = live.browse(f"/s/{made.json()['id']}", as_=live.ada)
    assert page.status_code == 200
    assert "<img src=x" not in page.text
    assert "&lt;img src=x" in page.text


def test_bill_is_counted(live: Live) -> None:
    """A typed bill is an activity of its month with the evidence `typed`."""
    report = type_bill(live).json()
    assert report["months"] == ["2025-11", "2025-12"]
    items = live.get(f"/v1/subjects/{live.ada.household}/activities", as_=live.ada, params={"limit": 500}).json()["items"]
    typed = [one for one in items if one["connector"] == "typed-bill"]
    assert {one["evidence"] for one in typed} == {"typed"}
    assert sum(float(one["quantity"]) for one in typed) == 412.5


def test_bill_again_is_a_correction(live: Live) -> None:
    """The same utility and days with another amount replaces the bill."""
    assert type_bill(live).status_code == 201
    report = type_bill(live, amount="400").json()
    assert (report["new_count"], report["changed_count"]) == (0, 1)
    assert total_kwh(live, "2025-11") + total_kwh(live, "2025-12") in {399, 400}  # two floors


def test_overlapping_bill_api(live: Live) -> None:
    """A bill over days that another one of the utility has: 409, says how to correct."""
    assert type_bill(live).status_code == 201
    before = live.counts()
    problem = type_bill(live, first_date="2025-12-01", last_date="2025-12-31").json()
    assert (problem["status"], problem["detail"]) == (409, "This bill overlaps another one of the same utility")
    assert problem["next_step"] == "Correct the other bill: type it again with the same days; or remove it."
    assert live.counts() == before


def test_overlapping_bill_page(live: Live) -> None:
    """The form comes back with what was typed and the message."""
    assert fill_form(live).status_code == 303
    reply = fill_form(live, start="2025-12-01", end="2025-12-31")
    assert reply.status_code == 422
    assert "overlaps another one" in field_error(reply, "bill", "start")


def test_bill_over_measured_days_api(live: Live) -> None:
    """A bill over days that a meter measured is refused, unless it is said to be additional."""
    problem = type_bill(live, first_date="2026-02-01", last_date="2026-02-28").json()
    assert (problem["status"], problem["detail"]) == (409, "These days are measured already, and would count twice")
    more = type_bill(live, first_date="2026-02-01", last_date="2026-02-28", is_additional=True)
    assert more.status_code == 201
    assert total_kwh(live, "2026-02") == 28 * 12 + 412


def test_bill_over_measured_days_page(live: Live) -> None:
    """The form says that the days are measured already."""
    reply = fill_form(live, start="2026-02-01", end="2026-02-28")
    assert (reply.status_code, "measured already" in field_error(reply, "bill", "start")) == (422, True)


def test_bill_with_a_file(live: Live) -> None:
    """A file attached to a bill is an original of its own, given back byte for byte."""
    files = {
        **{name: (None, value) for name, value in FORM.items()},
        "file": ("bill.pdf", b"%PDF-1.7 my bill", "application/pdf"),
    }
    assert live.submit(f"/s/{live.ada.household}/bills", as_=live.ada, files=files).status_code == 303
    found = live.get("/v1/documents", params={"subject": live.ada.household}, as_=live.ada).json()
    attached = next(one for one in found if one["media_type"] == "application/pdf")
    back = live.get(f"/v1/documents/{attached['sha256']}", params={"subject": live.ada.household}, as_=live.ada)
    assert back.content == b"%PDF-1.7 my bill"
    assert back.headers["content-type"] == "application/octet-stream"

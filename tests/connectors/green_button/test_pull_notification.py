"""Notifications of prepared files: anybody can post one, so only the utility's own addresses come through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.green_button.notification import MAX_NOTIFICATION_SIZE, consent_names, notified_urls
from domain.errors import DocumentError, DocumentTooLargeError, HostileDocumentError, UnknownFormatError

BASE = "https://utility.example"


def batch_list(*addresses: str) -> bytes:
    """A notification of these addresses, as they stand in XML."""
    resources = "".join(f"<resources>{one}</resources>" for one in addresses)
    return f'<?xml version="1.0"?><BatchList xmlns="http://naesb.org/espi">{resources}</BatchList>'.encode()


def test_addresses_in_order() -> None:
    """Addresses are unescaped, stripped, and each stands once."""
    first = "https://utility.example/espi/Batch/Subscription/1?published-min=2026-01-01T00:00:00Z&amp;published-max=2026-02-01T00:00:00Z"
    body = batch_list(f"\n {first} ", "https://utility.example/b", first)
    assert notified_urls(body, BASE) == (first.replace("&amp;", "&"), "https://utility.example/b")


def test_relative_addresses() -> None:
    """A path without a host is at the utility."""
    assert notified_urls(batch_list("/espi/Batch/1"), f"{BASE}/espi") == ("https://utility.example/espi/Batch/1",)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/a",
        "http://utility.example/a",
        "https://utility.example:8443/a",
        "https://utility.example@evil.example/a",
        "https://user@utility.example/a",
        "https://utility.example.evil.example/a",
        "//evil.example/a",
        "https://[::1/a",
        "file:///etc/passwd",
        "https://utility.example/a b",
        "https://utility.example/&#233;",
    ],
)
def test_addresses_of_others(address: str) -> None:
    """An address at another host, scheme or port, or with a name in it, is left out; the others stand."""
    assert notified_urls(batch_list(address, "https://utility.example/b"), BASE) == ("https://utility.example/b",)


def test_further_hosts() -> None:
    """A host that the provider's row names is the utility's own."""
    assert notified_urls(batch_list("https://files.example/a"), BASE, frozenset({"files.example"})) == (
        "https://files.example/a",
    )


def test_elements_elsewhere() -> None:
    """Only resources of the list count: not nested ones, not those of another namespace."""
    body = batch_list("https://utility.example/a<resources>https://utility.example/b</resources>")
    other = body.replace(b"<resources>https://utility.example/a", b'<resources xmlns="urn:x">https://utility.example/a')
    assert notified_urls(body, BASE) == ("https://utility.example/a",)
    assert notified_urls(other, BASE) == ()


def test_document_type_declaration() -> None:
    """Entities need a declaration, and that is refused."""
    body = b'<!DOCTYPE BatchList [<!ENTITY a "b">]>' + batch_list("&a;").partition(b"?>")[2]
    with pytest.raises(HostileDocumentError, match="document type declaration"):
        notified_urls(body, BASE)


@pytest.mark.parametrize("body", [b"", b"{}", b"<html/>", batch_list("x")[:-5], b"<BatchList/>"])
def test_other_documents(body: bytes) -> None:
    """What is no BatchList is refused."""
    with pytest.raises(UnknownFormatError, match="This is no notification"):
        notified_urls(body, BASE)


def test_too_large() -> None:
    """A notification larger than any utility sends, and one with too many addresses, are refused."""
    with pytest.raises(DocumentTooLargeError, match="bytes"):
        notified_urls(b" " * (MAX_NOTIFICATION_SIZE + 1), BASE)
    with pytest.raises(DocumentTooLargeError, match="addresses"):
        notified_urls(batch_list(*(f"/{number}" for number in range(501))), BASE)


@given(st.binary(max_size=200))
def test_any_bytes(tail: bytes) -> None:
    """Whatever is posted is refused cleanly, or gives addresses of the utility alone."""
    try:
        found = notified_urls(b'<BatchList xmlns="http://naesb.org/espi"><resources>' + tail, BASE)
    except DocumentError:
        return
    assert all(url.startswith("https://utility.example") for url in found)


ROOT = "https://utility.example/espi/1_1/resource"


@pytest.mark.parametrize(
    "url",
    [
        f"{ROOT}/Batch/Subscription/42",
        f"{ROOT}/Batch/Subscription/42?correlationID=7",
        f"{ROOT}/Subscription/42",
        f"{ROOT}/Batch/Prepared/42/1?part=1&of=3",
        f"{ROOT}/Subscription/42/UsagePoint/1",
    ],
)
def test_files_of_a_consent(url: str) -> None:
    """However a utility spells the address of a file, it has the consent's name in it."""
    assert consent_names(f"{ROOT}/Batch/Subscription/42")[-1] in consent_names(url)


@pytest.mark.parametrize(
    "url",
    [
        f"{ROOT}/Batch/Subscription/421",
        f"{ROOT}/Batch/Subscription/4",
        f"{ROOT}/Batch/Bulk/7",
        "https://other.example/espi/1_1/resource/Batch/Subscription/42",
        "http://utility.example/espi/1_1/resource/Batch/Subscription/42",
        "https://utility.example/other/resource/Batch/Subscription/42",
        f"{ROOT}/Batch/Subscription/42/../43",
        f"{ROOT}/Batch/Subscription/42/%2e%2e/43",
        f"{ROOT}//Batch/Subscription/42",
        f"{ROOT}/" + "a/" * 20 + "42",
        "https://[::1/42",
    ],
)
def test_files_of_others(url: str) -> None:
    """Another consent, another place, or a path that can be read as another one, has not."""
    assert consent_names(f"{ROOT}/Batch/Subscription/42")[-1] not in consent_names(url)

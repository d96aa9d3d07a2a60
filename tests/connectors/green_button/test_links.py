"""Addresses are compared as feeds mean them."""

import pytest

from connectors.green_button.links import AddressBook, href_key, parents


@pytest.mark.parametrize(
    "href",
    ["a/b/1", "/a/b/1", "/a/b/1/", " a/b/1\n", "https://x.org/a/b/1", "HTTP://x.org//a//b/1/", "//x.org/a/b/1", "../a/b/1"],
)
def test_spellings_of_one_address(href: str) -> None:
    """Scheme, host, outer and doubled slashes, white space and leading dots do not count."""
    assert href_key(href) == "a/b/1"


def test_long_address_is_none() -> None:
    """An address of more than 500 characters is taken as none."""
    assert href_key("a" * 501) == ""


def test_parents_from_the_inside_out() -> None:
    """An address lies in each of its beginnings."""
    assert list(parents("a/b/c")) == ["a/b/c", "a/b", "a"]


def test_longer_address_is_found_by_its_end() -> None:
    """A relative address finds the thing that is named absolutely, and the other way round."""
    book = AddressBook([("espi/1_1/ReadingType/07", "absolute"), ("LocalTimeParameters/01", "relative")])
    assert (book.find("ReadingType/07"), book.find("espi/1_1/LocalTimeParameters/01")) == ("absolute", "relative")


def test_one_segment_finds_nothing() -> None:
    """A single last segment is too little to go by."""
    assert AddressBook([("ReadingType/07", "x")]).find("07") is None


def test_address_of_two_things_finds_none() -> None:
    """Where two things could be meant, neither is found."""
    book = AddressBook([("u/1/MeterReading/01", "a"), ("u/2/MeterReading/01", "b")])
    assert (book.find("MeterReading/01"), book.find("u/2/MeterReading/01")) == (None, "b")


def test_find_around() -> None:
    """The innermost thing that an address lies in is found."""
    book = AddressBook([("u/1", "point"), ("u/1/m/2", "meter")])
    assert (book.find_around("u/1/m/2/b/3"), book.find_around("u/1/m/9"), book.find_around("u/9")) == ("meter", "point", None)

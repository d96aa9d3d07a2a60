"""Names of lines: the same line in two files has one, two lines have two."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from connectors.bank_file.entries import Entry, keyed

DAYS = st.dates(date(2024, 1, 1), date(2024, 1, 4))
AMOUNTS = st.sampled_from([Decimal(-1), Decimal("-2.50"), Decimal("-2.5"), Decimal(3)])
LINES = st.builds(
    Entry, account=st.sampled_from(["", "a"]), day=DAYS, amount=AMOUNTS, currency=st.just("EUR"), text=st.sampled_from(["x", "y"])
)


def names(*entries: Entry) -> list[str]:
    """Names in the order of the lines."""
    return [key for key, _ in keyed(entries)]


@given(st.lists(LINES, max_size=30), st.randoms(use_true_random=False))
def test_overlapping_files_do_not_double(entries: list[Entry], chance: object) -> None:
    """A file with all lines, and one with those of some days, name the lines of these days alike."""
    whole = dict(keyed(entries))
    some = dict(keyed([one for one in entries if one.day <= date(2024, 1, 2)]))
    assert len(whole) == len(entries)
    assert some.keys() <= whole.keys()
    assert {key for key, one in whole.items() if one.day <= date(2024, 1, 2)} == some.keys()


@given(st.lists(LINES, max_size=30).flatmap(lambda one: st.tuples(st.just(one), st.permutations(one))))
def test_order_of_a_file_does_not_matter(orders: tuple[list[Entry], list[Entry]]) -> None:
    """Newest first or oldest first: the same names."""
    assert set(names(*orders[0])) == set(names(*orders[1]))


def test_reference_counts_once() -> None:
    """A bank repeats a line in one file; the reference says that it is the same."""
    one = Entry("a", date(2024, 1, 1), Decimal(-1), "EUR", reference="7", text="x")
    assert len(names(one, one)) == 1


def test_reference_used_twice_is_two_lines() -> None:
    """Banks that count lines anew each day, or give one reference to two lines of a day."""
    one = Entry("a", date(2024, 1, 1), Decimal(-1), "EUR", reference="1")
    other_day = Entry("a", date(2024, 1, 2), Decimal(-1), "EUR", reference="1")
    other_amount = Entry("a", date(2024, 1, 1), Decimal(-2), "EUR", reference="1")
    assert len(names(one, other_day, other_amount)) == 3


def test_corrected_text_keeps_the_name() -> None:
    """With a reference, a changed text is a correction of the same line."""
    before = Entry("a", date(2024, 1, 1), Decimal(-1), "EUR", reference="7", text="PENDING X")
    after = Entry("a", date(2024, 1, 1), Decimal(-1), "EUR", reference="7", text="X")
    assert names(before) == names(after)

"""Collected files of Plaid agree with what an independent reader found in them."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.exact_json import Number, listed, named, read_exact, text
from connectors.plaid import PLAID
from connectors.plaid.parse import read_page
from domain.errors import DocumentError
from domain.number import decimal_of_micro
from tests.connectors.plaid.sync_text import answer, payment


@pytest.fixture(scope="module")
def folder(shared_dir: Path) -> Path:
    """The folder of collected files."""
    return shared_dir / "fixtures/plaid"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, dict[str, Any]]:
    """What each file holds, by its name."""
    found: dict[str, dict[str, Any]] = json.loads((folder / "expected.json").read_text())
    return found


def test_every_file_is_expected(folder: Path, expected: dict[str, Any]) -> None:
    """Each collected file is spoken about, so that none is left out below."""
    files = {one.name for one in folder.glob("*.json")} - {"expected.json"}
    assert files == expected.keys()
    assert {facts["kind"] for facts in expected.values()} == {"added", "sandbox custom user", "other"}


def test_answer_of_sync_agrees(folder: Path, expected: dict[str, Any]) -> None:
    """Payments, removals, cursor, end and exact sum of the collected answer are those of the other reader."""
    facts = expected["transactions_sync.json"]
    body = (folder / "transactions_sync.json").read_bytes()
    page = read_page(body)
    whole = read_exact(body)
    added = {text(one, "transaction_id"): one for one in listed(whole, "added")}
    modified = {text(one, "transaction_id") for one in listed(whole, "modified")}
    found = {one.record_key: one for one in page.document.activities}
    assert (len(added), len(modified)) == (facts["transactions"], facts["modified"])
    assert found.keys() == added.keys() | modified
    assert sum(decimal_of_micro(found[one].quantity_micro) for one in added) == Decimal(facts["sum_amount"])
    assert set(facts["removed"]) <= set(page.document.removed_keys)
    assert {text(one, "pending_transaction_id") for one in added.values()} <= set(page.document.removed_keys)
    assert (page.next_cursor, page.has_more) == (facts["next_cursor"], facts["has_more"])
    assert page.document.refused == ()
    primaries = Counter(text(named(one, "personal_finance_category"), "primary") for one in added.values())
    assert primaries == facts["primary_categories"]


def test_custom_users_agree(folder: Path, expected: dict[str, Any]) -> None:
    """Payments of the sandbox's custom users, served as the sandbox serves them, have their number, sums and currencies."""
    for name, facts in expected.items():
        if facts["kind"] != "sandbox custom user":
            continue
        accounts = listed(read_exact((folder / name).read_bytes()), "override_accounts")
        served = [_served(one, index) for index, one in enumerate(_payments_of(accounts))]
        assert (len(accounts), len(served)) == (facts["accounts"], facts["transactions"]), name
        if facts["currencies"].keys() == {"null"}:  # the template that is to be filled in: nothing in it is a payment
            with pytest.raises(DocumentError, match="Not one payment"):
                PLAID.parse(answer(served))
            continue
        document = PLAID.parse(answer(served))
        assert sum(decimal_of_micro(one.quantity_micro) for one in document.activities) == Decimal(facts["sum_amount"]), name
        outflow = sum(decimal_of_micro(one.quantity_micro) for one in document.activities if one.quantity_micro > 0)
        assert outflow == Decimal(facts["outflow"]), name
        assert Counter(one.unit for one in document.activities) == facts["currencies"], name
        assert document.refused == (), name


def test_other_answers_are_refused(folder: Path, expected: dict[str, Any]) -> None:
    """Files that are no answer of /transactions/sync are refused whole."""
    for name, facts in expected.items():
        if facts["kind"] != "added":
            with pytest.raises(DocumentError, match="missing in this answer"):
                PLAID.parse((folder / name).read_bytes())


def _payments_of(accounts: list[object]) -> list[object]:
    return [one for account in accounts for one in listed(account, "transactions")]


def _served(custom: object, index: int) -> dict[str, Any]:
    """A payment of a custom user as the sandbox serves it."""
    amount = named(custom, "amount")
    served = payment(
        f"custom-{index}",
        amount=str(amount),
        account="elsewhere",
        name=text(custom, "description"),
        date=text(custom, "date_posted") or "2024-03-05",
        authorized_date=None,
        iso_currency_code=named(custom, "currency"),
    )
    return served if isinstance(amount, Number) else served | {"amount": None}

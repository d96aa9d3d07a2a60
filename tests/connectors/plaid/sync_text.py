"""Answers of /transactions/sync as text, with amounts in the digits that are given; and what a store makes of batches."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.base import Batch
from domain.declared import ActivityDocument

ACCOUNTS = (
    {"account_id": "check", "type": "depository", "balances": {"iso_currency_code": "USD"}},
    {"account_id": "card", "type": "credit", "balances": {"iso_currency_code": "USD"}},
    {"account_id": "loan", "type": "loan", "balances": {"iso_currency_code": "USD"}},
    {"account_id": "broker", "type": "investment", "balances": {"iso_currency_code": "USD"}},
)
GROCERIES, TRANSFER = "FOOD_AND_DRINK_GROCERIES", "TRANSFER_OUT_ACCOUNT_TRANSFER"


def payment(
    transaction_id: str = "t1",
    *,
    amount: str = "12.34",
    category: str | None = GROCERIES,
    pending_of: str | None = None,
    account: str = "check",
    **other: object,
) -> dict[str, Any]:
    """One payment as Plaid writes it; the amount is text here, and its digits stand in the answer."""
    named = {"primary": category, "detailed": category, "confidence_level": "HIGH"} if category is not None else None
    return {
        "transaction_id": transaction_id,
        "account_id": account,
        "amount": f"<{amount}>",
        "iso_currency_code": "USD",
        "unofficial_currency_code": None,
        "date": "2024-03-05",
        "authorized_date": "2024-03-04",
        "name": "CORNER MARKET 12",
        "merchant_name": None,
        "pending": False,
        "pending_transaction_id": pending_of,
        "personal_finance_category": named,
        "location": {"country": None, "city": None},
        **other,
    }


def answer(
    added: Sequence[object] = (),
    *,
    modified: Sequence[object] = (),
    removed: Iterable[str] = (),
    next_cursor: str = "c1",
    has_more: bool = False,
    status: str = "HISTORICAL_UPDATE_COMPLETE",
) -> bytes:
    """One answer."""
    text = json.dumps(
        {
            "accounts": ACCOUNTS,
            "added": added,
            "modified": modified,
            "removed": [{"transaction_id": one, "account_id": "check"} for one in removed],
            "next_cursor": next_cursor,
            "has_more": has_more,
            "request_id": "r1",
            "transactions_update_status": status,
        }
    )
    return re.sub(r'"<([-+.0-9eE]+)>"', r"\1", text).encode()


def refusal(code: str, kind: str = "ITEM_ERROR", message: str = "no") -> bytes:
    """A refusal, which comes with status 400."""
    return json.dumps({"error_type": kind, "error_code": code, "error_message": message, "display_message": None}).encode()


def amounts(document: ActivityDocument) -> dict[str, int]:
    """Purchases of a document, millionths by name."""
    return {one.record_key: one.quantity_micro for one in document.activities}


def stored(batches: Iterable[Batch], before: Mapping[str, int] | None = None) -> dict[str, int]:
    """What a store holds after batches, millionths by name: the newest word counts."""
    state = dict(before or {})
    for batch in batches:
        assert isinstance(batch.document, ActivityDocument)
        state |= amounts(batch.document)
        for gone in batch.document.removed_keys:
            state.pop(gone, None)
    return state

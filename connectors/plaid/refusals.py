"""What Plaid's error codes mean for a connection: ask the person again, come back later, or begin the update again.

Source of the codes: Plaid's published API description, version 2020-09-14, and its pages about errors; what follows is ours.
"""

from collections.abc import Mapping
from enum import StrEnum

from connectors.exact_json import read_exact, text
from domain.errors import ConnectorBugError, FormatChangedError, NeedsConsentError, TryLaterError

_ASK_AGAIN: Mapping[str, str] = {
    "ACCESS_NOT_GRANTED": "You did not allow payments to be read.",
    "ADDITIONAL_CONSENT_REQUIRED": "Reading payments needs your consent again.",
    "INVALID_ACCESS_TOKEN": "This connection has ended.",
    "INVALID_CREDENTIALS": "Your bank did not accept the sign-in.",
    "INVALID_MFA": "Your bank did not accept the second step of the sign-in.",
    "INSUFFICIENT_CREDENTIALS": "The sign-in at your bank was not finished.",
    "ITEM_CONCURRENTLY_DELETED": "This connection was ended at the provider.",
    "ITEM_LOCKED": "Your bank has locked the account after wrong sign-ins: unlock it there, then connect again.",
    "ITEM_LOGIN_REQUIRED": "Your bank wants you to sign in again.",
    "ITEM_NOT_FOUND": "This connection was ended at the provider.",
    "NO_ACCOUNTS": "No account of this bank is shared any more.",
    "PASSWORD_RESET_REQUIRED": "Your bank wants a new password from you first.",
    "USER_INPUT_TIMEOUT": "The sign-in at your bank took too long.",
    "USER_PERMISSION_REVOKED": "You have taken back the permission to read your payments.",
    "USER_SETUP_REQUIRED": "Your bank wants something from you first: sign in there, then connect again.",
}
_LATER_S: Mapping[str, float] = {
    "INSTITUTION_DOWN": 3_600.0,
    "INSTITUTION_NOT_AVAILABLE": 3_600.0,
    "INSTITUTION_NOT_RESPONDING": 3_600.0,
    "INSTITUTION_RATE_LIMIT": 3_600.0,
    "PLANNED_MAINTENANCE": 3_600.0,
    "PRODUCT_NOT_READY": 120.0,
    "TRANSACTIONS_SYNC_LIMIT": 60.0,
}
_LATER_TYPES = frozenset({"API_ERROR", "INSTITUTION_ERROR", "RATE_LIMIT_EXCEEDED"})
_LATER_TYPE_S = 900.0


class BeginAgain(StrEnum):
    """From where an update is begun again."""

    FIRST_PAGE = "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"
    """Payments changed meanwhile: from the cursor before page one."""
    EVERYTHING = "INVALID_FIELD"
    """The cursor is none any more: from the beginning."""


def begin_again(body: bytes) -> BeginAgain:
    """From where to begin again after a refusal.

    Args:
        body: Plaid's answer with status 400.

    Returns:
        From where.

    Raises:
        NeedsConsentError: The person must consent again.
        TryLaterError: The bank or Plaid is not ready.
        ConnectorBugError: Our request was wrong.
        FormatChangedError: It says no reason.
        DocumentError: The body is no JSON.
    """
    answer = read_exact(body)
    kind, code = text(answer, "error_type"), text(answer, "error_code")
    if code == BeginAgain.FIRST_PAGE:
        return BeginAgain.FIRST_PAGE
    if code == BeginAgain.EVERYTHING and "cursor" in text(answer, "error_message").casefold():
        return BeginAgain.EVERYTHING
    if code in _ASK_AGAIN or (kind == "ITEM_ERROR" and code not in _LATER_S):
        raise NeedsConsentError(_ASK_AGAIN.get(code, ""), got=code, next_step="Connect again; what was read stays.")
    if code in _LATER_S or kind in _LATER_TYPES:
        raise TryLaterError("Your bank cannot be read now", wait_s=_LATER_S.get(code, _LATER_TYPE_S), got=code or kind)
    if not code and not kind:
        raise FormatChangedError("A refusal says no reason", expected="error_type and error_code", got=repr(answer))
    raise ConnectorBugError(
        "Plaid refuses our request",
        expected="an answer of /transactions/sync",
        got=f"{kind} {code}: {text(answer, 'error_message')}",
    )

"""Dials for what real providers do on bad days. Tests turn them; the demo gives addresses without a host, and leaves the rest.

    provider.quirks.too_many_count = 2        # the next two requests for data are answered 429
    provider.quirks.retry_after = "3"         # ... with this Retry-After

A dial that ends in `_count` counts down: each time it bites, it is one lower. The others hold until they are set back. Where a
`DemoProviders` was started with its control address (tests only), the same is done from another process:

    curl "http://127.0.0.1:PORT/utility?too_many_count=2&retry_after=3"
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from domain.errors import InputError


@dataclass(slots=True)
class Quirks:
    """How a simulator misbehaves just now; as built, it behaves.

    Attributes:
        too_many_count: Requests for data that are answered 429 with `retry_after`.
        retry_after: What that header says: seconds, or an HTTP date; empty: no such header.
        unavailable_count: Requests for data that are answered 503 without a word.
        web_page_count: Requests for data that are answered 403 with a web page, as an edge network does that guards the API.
        unauthorized_count: Requests for data that are answered 401 although the token is good: it was lost in a cache.
        cut_off_count: Answers whose body ends in the middle, while Content-Length says the whole.
        changed_format_count: Answers of data that are JSON of another shape, with status 200.
        extra_padding_bytes: White space after the data, bytes: an answer larger than anybody expects.
        is_endless: Whether paging never ends: there is always one more page, and it has nothing new.
        access_lifetime_s: How long an access token lives, seconds.
        says_lifetime: Whether the token reply has `expires_in`.
        rotates_refresh: Whether each refresh gives a new refresh token and uses the old one up.
        lost_refresh_count: Refreshes that happen, but whose answer never arrives: the connection is dropped.
        issuer: What `iss` says in the redirect instead of the truth; `-` leaves it out.
        is_revoked: Whether the person has withdrawn the consent at the provider: every token is refused.
        is_delete_refused: Whether a consent can be ended on the provider's own pages only: DELETE is answered 405.
        pending_count: Batch requests that are answered 202; the file is ready at once, and a notification names it.
        part_count: Files that a batch of a notification is split into.
        has_no_data: Whether there is nothing in any window: 204.
        has_relative_addresses: Whether addresses in answers are paths without a host.
        knows_updated: Whether `updated-min` is understood; else it is answered 400.
        is_zipped: Whether batches come as a zip with one document for each meter.
        is_login_required: Whether the bank wants the person to sign in again.
        mutation_count: Next pages (not first ones) that are answered "mutation during pagination".
        not_ready_count: First pages that are empty with an empty cursor: the bank is still collecting.
    """

    too_many_count: int = 0
    retry_after: str = "1"
    unavailable_count: int = 0
    web_page_count: int = 0
    unauthorized_count: int = 0
    cut_off_count: int = 0
    changed_format_count: int = 0
    extra_padding_bytes: int = 0
    is_endless: bool = False
    access_lifetime_s: int = 3_600
    says_lifetime: bool = True
    rotates_refresh: bool = True
    lost_refresh_count: int = 0
    issuer: str = ""
    is_revoked: bool = False
    is_delete_refused: bool = False
    pending_count: int = 0
    part_count: int = 1
    has_no_data: bool = False
    has_relative_addresses: bool = False
    knows_updated: bool = True
    is_zipped: bool = False
    is_login_required: bool = False
    mutation_count: int = 0
    not_ready_count: int = 0

    def bites(self, name: str) -> bool:
        """Whether a counting dial bites now; it is one lower then.

        Args:
            name: Such as "too_many_count".
        """
        left: int = getattr(self, name)
        if left <= 0:
            return False
        setattr(self, name, left - 1)
        return True

    def turn(self, settings: Mapping[str, str]) -> None:
        """Set dials from text: all of them, or none where one cannot be.

        Args:
            settings: Name to value; yes or no for what is true or false.

        Raises:
            InputError: There is no such dial, or it does not take this.
        """
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        checked = {name: _value(name, known, text) for name, text in settings.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def reset(self) -> None:
        """Behave again."""
        for name, value in asdict(Quirks()).items():
            setattr(self, name, value)


def _value(name: str, known: Mapping[str, object], text: str) -> object:
    before = known.get(name)
    if isinstance(before, bool):
        choices = {"yes": True, "no": False}
        if text in choices:
            return choices[text]
    elif isinstance(before, int):
        if text.isascii() and text.isdigit() and len(text) <= 9:  # noqa: PLR2004 - digits of a count
            return int(text)
    elif isinstance(before, str):
        return text
    raise InputError("There is no such dial, or it does not take this", expected=", ".join(sorted(known)), got=f"{name}={text}")

"""The message catalogue: every word on a screen, by key and language.

One TOML file per language beside this module. A message is a text with `{names}` in it, or a table with one text per plural
form. The head `[language]` names the plural rule, separators and months. A second language is one more file with the same keys
(a test compares them), nothing else.
"""

import string
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from domain.errors import NotFoundError

DEFAULT_LANGUAGE = "en"
"""Language shown where a person's own is not there yet."""

PLURAL_RULES: Mapping[str, Callable[[int], str]] = {
    "one_other": lambda count: "one" if abs(count) == 1 else "other",
    "zero_one_other": lambda count: "one" if abs(count) in {0, 1} else "other",
}
"""Plural rules by name (Unicode CLDR cardinal rules, as far as the languages at hand need them)."""


@dataclass(frozen=True, slots=True)
class Locale:
    """How a language writes numbers and days.

    Attributes:
        code: BCP 47 tag, such as "en".
        direction: "ltr" or "rtl".
        decimal_mark: Between whole and parts.
        group_mark: Between thousands.
        months: Twelve names.
        months_short: Twelve short names.
        date_pattern: With `{day}`, `{month}`, `{year}`.
        month_pattern: With `{month}`, `{year}`.
        at_pattern: With `{date}`, `{time}`.
    """

    code: str
    direction: str
    decimal_mark: str
    group_mark: str
    months: tuple[str, ...]
    months_short: tuple[str, ...]
    date_pattern: str
    month_pattern: str
    at_pattern: str


class Messages:
    """The texts of one language.

    Invariants: a key that does not exist is an error, never an empty text; a missing value is an error too.
    """

    def __init__(self, locale: Locale, plural_rule: str, texts: Mapping[str, str | Mapping[str, str]]) -> None:
        self.locale = locale
        self._form = PLURAL_RULES[plural_rule]
        self._texts = texts

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its values in place; `count` chooses the plural form.

        Args:
            key: Dotted key.
            **values: What the text's names stand for.

        Returns:
            Plain text, not yet escaped for HTML.

        Raises:
            NotFoundError: There is no such key, or the text needs a value that was not given.
        """
        found = self._texts.get(key)
        if found is None:
            raise NotFoundError(expected=f"a message in {self.locale.code}", got=key, record="message catalogue")
        text = found if isinstance(found, str) else found[self._form(_count_of(values))]
        try:
            return text.format(**values)
        except (KeyError, IndexError) as error:
            raise NotFoundError(expected=f"a value for {error}", got=text, record=f"message {key}") from error

    def __contains__(self, key: object) -> bool:
        """Whether there is a text of this key."""
        return key in self._texts

    def __iter__(self) -> Iterator[str]:
        """Every key."""
        return iter(self._texts)

    def names(self, key: str) -> frozenset[str]:
        """The `{names}` that a key's text wants, over all its plural forms."""
        found = self._texts[key]
        texts = [found] if isinstance(found, str) else list(found.values())
        return frozenset(name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name)


def _count_of(values: Mapping[str, object]) -> int:
    count = values.get("count")
    return count if isinstance(count, int) else 0


@cache
def messages_in(language: str = DEFAULT_LANGUAGE) -> Messages:
    """The catalogue of a language.

    Args:
        language: BCP 47 tag; its first part is looked for.

    Returns:
        The catalogue of that language, or English where there is none.
    """
    name = language.split("-", maxsplit=1)[0].lower()
    return messages_from_toml(_text_of(name if name in languages() else DEFAULT_LANGUAGE))


@cache
def languages() -> tuple[str, ...]:
    """The languages that there are, by their tag."""
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in resources.files(__name__).iterdir() if entry.name.endswith(".toml"))
    )


def messages_from_toml(text: str) -> Messages:
    """The catalogue that a TOML text says.

    Args:
        text: A head `[language]` and messages in tables.

    Returns:
        The catalogue.

    Raises:
        NotFoundError: The head is missing.
    """
    content = tomllib.loads(text)
    head = content.pop("language", None)
    if head is None:
        raise NotFoundError(expected="a table [language]", got=", ".join(content), record="message catalogue")
    locale = Locale(
        code=head["code"],
        direction=head["direction"],
        decimal_mark=head["decimal_mark"],
        group_mark=head["group_mark"],
        months=tuple(head["months"]),
        months_short=tuple(head["months_short"]),
        date_pattern=head["date"],
        month_pattern=head["month"],
        at_pattern=head["at"],
    )
    return Messages(locale, head["plural"], dict(_flat("", content)))


def _flat(prefix: str, table: Mapping[str, object]) -> list[tuple[str, str | Mapping[str, str]]]:
    found: list[tuple[str, str | Mapping[str, str]]] = []
    for name, value in table.items():
        key = f"{prefix}.{name}" if prefix else name
        if isinstance(value, str) or (isinstance(value, dict) and "other" in value):
            found.append((key, value))
        elif isinstance(value, dict):
            found.extend(_flat(key, value))
    return found


def _text_of(language: str) -> str:
    return resources.files(__name__).joinpath(f"{language}.toml").read_text(encoding="utf-8")

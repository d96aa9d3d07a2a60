"""docs/kinds.md: it is what the code writes, every example is what `estimate` answers, and it says what a person looks for."""

import json
import re
from pathlib import Path

import pytest

from app.cli.document_kinds import BESIDE, EXAMPLES, PARTS, TODAY, kinds_document, shown_of
from domain.kinds import KINDS
from scoring.estimate import estimate
from scoring.factors.load import shipped_factor_set
from scoring.rules import RULES

PAGE = (Path(__file__).parents[3] / "docs" / "kinds.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def block(kind: str, language: str) -> str:
    """The fenced block of a language in a kind's section."""
    found = re.search(rf"^```{language}\n(.*?)^```", SECTIONS[kind], re.MULTILINE | re.DOTALL)
    assert found is not None, f"{kind} has no {language}"
    return found[1]


def test_page_is_what_the_code_writes() -> None:
    """docs/kinds.md is what `python -m app.cli.document_kinds` writes."""
    assert PAGE.rstrip("\n") == kinds_document(shipped_factor_set()).rstrip("\n")


def test_every_kind_has_a_section_and_an_example() -> None:
    """The page has the kinds of the vocabulary, in its order."""
    assert list(SECTIONS) == list(KINDS)
    assert set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_example_is_what_estimate_answers(kind: str) -> None:
    """A reader who sends the line gets the result that stands below it."""
    request = json.loads(block(kind, "ndjson"))
    result = estimate(request, factor_set=shipped_factor_set(), today_date=TODAY)
    assert shown_of(result) == json.loads(block(kind, "json"))
    assert ("error" in result) == (kind not in RULES)


@pytest.mark.parametrize("kind", KINDS)
def test_section_names_every_unit_and_attribute(kind: str) -> None:
    """All that a line may say stands in the section, closed choices whole."""
    section = SECTIONS[kind]
    wanted = [*KINDS[kind].unit_symbols(), *(one.name for one in KINDS[kind].attributes)]
    wanted += [f"`{choice}`" for one in KINDS[kind].attributes for choice in one.choices]
    assert [one for one in wanted if one not in section] == []


def test_open_attribute_lists_all_or_says_how_many_more() -> None:
    """Few values are listed, of many the first ones and the command that lists all."""
    assert "`vegan`, `vegetarian`, `white_fish` (as the factor set holds them)" in SECTIONS["meal"]
    assert re.search(r"and \d+ more: `climate-fitness factors list --kind food`", SECTIONS["food"])


def test_every_further_part_is_in_words() -> None:
    """A rule with a new kind of addition has to be described."""
    assert {rule.additions.__name__ for rule in RULES.values() if rule.additions} == set(PARTS)
    assert {rule.beside.__name__ for rule in RULES.values() if rule.beside} == set(BESIDE)

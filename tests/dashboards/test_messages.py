"""The message catalogue: plural forms, missing keys and values, and every key used in both directions."""

import ast
import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

import pytest
from jinja2 import Environment

from connectors import registry
from connectors.base import ApiKey
from dashboards.messages import DEFAULT_LANGUAGE, PLURAL_RULES, languages, messages_from_toml, messages_in
from dashboards.pages.dashboard import MonthState, SubjectKind
from dashboards.pages.progress import TaskState
from dashboards.pages.proof import StepState, Verdict
from domain import hourly
from domain.activity import KINDS, Direction, EvidenceClass, Quality
from domain.errors import NotFoundError
from domain.factor import Basis, Gas, LifeCycleScope, Part
from domain.kinds import FOOD_AND_THINGS, HOME, TRAVEL

ROOM = Path(str(resources.files("dashboards")))
TEMPLATES = sorted((ROOM / "templates").rglob("*.html"))
SMALL = """
hello = "Hello {name}"
[language]
code = "xx"
direction = "rtl"
plural = "one_other"
decimal_mark = ","
group_mark = "."
months = ["a"]
months_short = ["a"]
date = "{day}"
month = "{month}"
at = "{date}"
[apples]
one = "one apple"
other = "{count} apples"
"""
ENUM_KEYS = [
    *(f"evidence.{value}.{part}" for value in EvidenceClass for part in ("name", "said")),
    *(f"basis.{value}.{part}" for value in Basis for part in ("name", "said")),
    *(f"state.{value}" for value in MonthState),
    *(f"step.{value}" for value in StepState),
    *(f"proof.verdict_{value}" for value in Verdict),
    *(f"task.{value}" for value in TaskState),
    *(f"kind.{name}" for name in KINDS),
    *(f"part.{value}" for value in Part),
    *(f"domain.{value}" for value in (HOME, TRAVEL, FOOD_AND_THINGS)),
    *(f"scope.{number}" for number in range(4)),
    *(f"category.{number}" for number in range(1, 16)),
    *sorted({f"attribute.{one.name}" for kind in KINDS.values() for one in kind.attributes} | {"attribute.category"}),
    *sorted({f"value.{one.name}.{value}" for kind in KINDS.values() for one in kind.attributes for value in one.choices}),
    *(f"direction.{value}" for value in Direction),
    *(f"quality.{value}" for value in Quality),
    *(f"life_cycle.{value}" for value in LifeCycleScope),
    *(f"gas.{value}" for value in Gas),
    *(f"subject.{value}" for value in SubjectKind),
    *(f"months.lead_{value}" for value in SubjectKind),
    *(f"chain.states.{name}" for name in ("queued", "signed", "sent", "mined", "final", "failed", "expired")),
]
CALL = re.compile(r"""\b(?:t|messages|_used_said)\(\s*f?["']([a-z0-9_.]+)(\{?)[^"']*["']\s*(~?)""")
CHOICE = re.compile(r"""\b(?:t|messages)\(\s*["']([a-z0-9_.]+)["'] if .*?\)""")


FLAG_FUNCTIONS = {"age_flags", "_index_month", "_net_of_tax"}
"""Functions that give back flags."""

FLAG_NAMES = {"always", "flag", "flags", "more", "without_serial"}
"""Names that flags are put under."""


def flags_raised() -> set[str]:
    """Every flag that the code can raise, told from the syntax tree; those of hourly factors are constants."""
    found = {hourly.HOURLY, hourly.HOURLY_SPREAD, hourly.HOURLY_INCOMPLETE, hourly.HOURLY_SCOPE_DIFFERS}
    for path in [*(ROOM.parent / "scoring").rglob("*.py"), *(ROOM.parent / "app").rglob("*.py")]:
        if "importers" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                found |= {text for one in _flag_places(node) for text in _texts(one)}
    return {text for text in found if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", text)}


def _flag_places(node: ast.AST) -> Iterable[ast.AST]:
    """Where flags stand in a piece of code."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = getattr(getattr(node.func, "value", None), "id", "")
        if name == "flag" or (name == "append" and owner == "flags"):
            yield from node.args
        elif name in {"_head", "_sector"}:
            yield from node.args[2:]
    elif isinstance(node, ast.keyword | ast.Assign):
        names = {getattr(one, "id", "") for one in node.targets} if isinstance(node, ast.Assign) else {node.arg}
        if names & FLAG_NAMES:
            yield node.value
    elif isinstance(node, ast.FunctionDef) and node.name in FLAG_FUNCTIONS:
        yield from (one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value)


def _texts(node: ast.AST) -> Iterable[str]:
    """Texts in an expression, but for those that something is compared with."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in [] if isinstance(node, ast.Compare) else ast.iter_child_nodes(node):
        yield from _texts(child)


def test_every_flag_has_a_message() -> None:
    """No flag of the code is shown by its bare name, and none is explained that nothing raises."""
    explained = {key.removeprefix("flag.") for key in messages_in() if key.startswith("flag.")}
    assert flags_raised() - explained == set()
    assert explained - flags_raised() == set()


def used_keys() -> tuple[set[str], set[str]]:
    """Keys and prefixes of keys that templates and code name."""
    keys: set[str] = set()
    prefixes: set[str] = set()
    for path in [*TEMPLATES, *ROOM.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        for name, brace, tilde in CALL.findall(text):
            (prefixes if brace or tilde else keys).add(name)
        for match in CHOICE.finditer(text):
            keys.update(re.findall(r"""["']([a-z_]+\.[a-z_.]+)["']""", match[0]))
    return keys, prefixes


def asked() -> dict[str, str]:
    """What our connectors ask, by the keys that a catalogue has for it."""
    said: dict[str, str] = {}
    for manifest in (one.manifest for one in registry.connectors()):
        for one in manifest.questions:
            key = f"ask.{manifest.connector_id}.{one.name}"
            said |= {f"{key}.label": one.label} | ({f"{key}.help": one.help} if one.help else {})
            said |= {f"{key}.choice.{value}": label for value, label in one.choices.items()}
        for row in manifest.providers:
            if isinstance(row.auth, ApiKey) and row.auth.help:
                said[f"ask.{row.provider_id}.api_key.help"] = row.auth.help
    return said


def test_questions_of_connectors_are_in_the_catalogue() -> None:
    """Word for word what the connectors ask, so that another language has every key to put into its own words; and no more."""
    english = messages_in("en")
    assert {key: english(key) for key in english if key.startswith("ask.")} == asked()


def test_value_is_put_in_place() -> None:
    """A text gets its values."""
    assert messages_from_toml(SMALL)("hello", name="Ada") == "Hello Ada"


@pytest.mark.parametrize(("count", "text"), [(0, "0 apples"), (1, "one apple"), (-1, "one apple"), (2, "2 apples")])
def test_plural_form_follows_count(count: int, text: str) -> None:
    """The count chooses the form."""
    assert messages_from_toml(SMALL)("apples", count=count) == text


@pytest.mark.parametrize(("count", "form"), [(0, "one"), (1, "one"), (2, "other")])
def test_zero_counts_as_one_in_french(count: int, form: str) -> None:
    """A second language may group its plurals otherwise."""
    assert PLURAL_RULES["zero_one_other"](count) == form


def test_missing_key_is_an_error() -> None:
    """A key that does not exist is never an empty text."""
    with pytest.raises(NotFoundError, match=r"expected a message in xx; got nobody.home"):
        messages_from_toml(SMALL)("nobody.home")


def test_missing_value_is_an_error() -> None:
    """A value that was not given is named."""
    with pytest.raises(NotFoundError, match=r"expected a value for 'name'; got Hello \{name\}; in message hello"):
        messages_from_toml(SMALL)("hello")


def test_head_is_compulsory() -> None:
    """A file without its head is refused."""
    with pytest.raises(NotFoundError, match=r"expected a table \[language\]"):
        messages_from_toml('hello = "x"')


def test_unknown_language_falls_back_to_english() -> None:
    """A person's language that is not there yet gets English; a region is ignored."""
    assert messages_in("tlh").locale.code == DEFAULT_LANGUAGE
    assert messages_in("en-GB").locale.code == DEFAULT_LANGUAGE


@pytest.mark.parametrize("language", languages())
def test_languages_hold_the_same_messages(language: str) -> None:
    """Every language has the keys of English, and each text wants the same values."""
    english, other = messages_in(DEFAULT_LANGUAGE), messages_in(language)
    assert set(other) == set(english)
    assert {key: other.names(key) for key in other} == {key: english.names(key) for key in english}


@pytest.mark.parametrize("key", ENUM_KEYS)
def test_every_value_has_its_words(key: str) -> None:
    """Whatever a page can show has a text."""
    assert key in messages_in()


def test_every_key_used_exists() -> None:
    """No template and no module names a key that the catalogue lacks."""
    keys, prefixes = used_keys()
    catalogue = set(messages_in())
    assert keys - catalogue == set()
    assert [prefix for prefix in prefixes if not any(key.startswith(prefix) for key in catalogue)] == []


def test_every_key_is_used() -> None:
    """The catalogue carries no text that nothing shows, here or in the app (which names the sections of a page)."""
    keys, prefixes = used_keys()
    app = "".join(path.read_text(encoding="utf-8") for path in (ROOM.parent / "app").rglob("*.py"))
    spoken = set(re.findall(r"""["']([a-z0-9_]+\.[a-z0-9_.]*)["'{]""", app))
    unused = [key for key in messages_in() if key not in keys | spoken and not key.startswith((*prefixes, "flag."))]
    assert [key for key in unused if not any(key.startswith(part) for part in spoken if part.endswith("."))] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_holds_no_words_of_its_own(path: Path) -> None:
    """Every visible word comes from the catalogue."""
    tokens = Environment(autoescape=True).lex(path.read_text(encoding="utf-8"))
    markup = "".join(value for _, kind, value in tokens if kind == "data")
    spoken = re.findall(r'\b(?:aria-label|title|alt|placeholder|value)="([^"]*)"', markup)
    visible = re.sub(r"<[^>]*>", " ", markup)
    assert re.findall(r"[^\W\d_]+", visible) == []
    assert [text for text in spoken if re.search(r"[^\W\d_]", text)] == []

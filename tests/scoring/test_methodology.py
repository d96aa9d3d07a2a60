"""docs/methodology.md: its programs hold, its lines get the results that stand below them, and it names what the code has."""

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scoring.estimate import estimate
from scoring.factors.load import shipped_factor_set
from scoring.net import METHOD

TODAY = date(2026, 11, 22)
PAGE = (Path(__file__).parents[2] / "docs" / "methodology.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LINES = re.findall(r"^```ndjson\n(.*?)^```\n\n```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_programs_hold() -> None:
    """The blocks run one after the other, as a reader would type them, and every assertion in them holds."""
    names: dict[str, Any] = {}
    assert len(PROGRAMS) >= 7
    for number, program in enumerate(PROGRAMS, start=1):
        assert "assert " in program
        exec(compile(program, f"docs/methodology.md, program {number}", "exec"), names)  # noqa: S102 - our own document


@pytest.mark.parametrize(("line", "printed"), LINES, ids=[json.loads(line)["kind"] for line, _ in LINES])
def test_line_gets_what_is_printed(line: str, printed: str) -> None:
    """Every field that the page prints is the estimate's, additions in their order."""
    got: Any = estimate(json.loads(line), factor_set=shipped_factor_set(), today_date=TODAY)
    wanted = json.loads(printed)
    additions = wanted.pop("additions", [])
    assert {name: got[name] for name in wanted} == wanted
    assert [_fields(one, shown) for one, shown in zip(got["additions"], additions, strict=False)] == additions


def _fields(value: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in shown}


def test_every_line_has_its_result() -> None:
    """No line of the page stands without one."""
    assert len(LINES) == PAGE.count("```ndjson") >= 5


def test_page_is_about_this_method() -> None:
    """The page names the version of the logic, and the flags that its limits are told by."""
    assert f"`{METHOD}`" in PAGE
    for flag in ("region_proxy", "attribute_assumed", "year_later", "co2e_only", "no_residual_mix", "trade_margin_only"):
        assert f"`{flag}`" in PAGE

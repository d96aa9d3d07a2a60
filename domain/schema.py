"""JSON Schemas (2020-12) of the files that leave an installation: shipped, so that others read them without our code."""

import json
from functools import cache
from pathlib import Path
from typing import Any

SCHEMA_NAMES = ("bundle-1", "disclosure-1")
"""A format and its version each; a new version gets a new file, and the old one stays."""

_FOLDER = Path(__file__).with_name("schemas")


def schema_bytes(name: str) -> bytes:
    """A schema as it is shipped.

    Args:
        name: One of `SCHEMA_NAMES`.

    Returns:
        JSON.
    """
    return (_FOLDER / f"{name}.schema.json").read_bytes()


@cache
def load_schema(name: str) -> dict[str, Any]:
    """A schema's content.

    Args:
        name: One of `SCHEMA_NAMES`.

    Returns:
        The schema; not to be changed.
    """
    content: dict[str, Any] = json.loads(schema_bytes(name))
    return content

"""Validators of the shipped JSON Schemas."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from domain.schema import load_schema


@cache
def validator(name: str, part: str = "") -> Draft202012Validator:
    """The validator of a schema, or of one of its definitions."""
    schema = load_schema(name)
    if part:
        schema = {"$schema": schema["$schema"], "$ref": f"#/$defs/{part}", "$defs": schema["$defs"]}
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def check_bundle(data: bytes) -> None:
    """Refuse a bundle that its schema does not describe, outside or in any text that is JSON itself."""
    content = json.loads(data)
    validator("bundle-1").validate(content)
    texts: list[tuple[str, Any]] = [
        ("manifest", content["manifest"]),
        *(("line", text) for text in content["lines"]),
        *(("factor", factor["row"]) for factor in content["factors"]),
        *(("record", leaf) for group in content["groups"] for leaf in group["leaves"]),
    ]
    for part, text in texts:
        validator("bundle-1", part).validate(json.loads(text))

"""The JSON Schemas are schemas, say what the code says, and refuse other versions."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from domain import bundle as code
from domain.activity import EvidenceClass, Quality
from domain.factor import Basis, Gas, LifeCycleScope, Part
from domain.issuance import REGIONS, IssuanceKind
from domain.schema import SCHEMA_NAMES, load_schema, schema_bytes
from tests.schemas import validator

BUNDLE = load_schema("bundle-1")


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_schema_is_one(name: str) -> None:
    """It is valid by the metaschema, names itself, and has no object that lets unknown fields pass."""
    schema = json.loads(schema_bytes(name))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:climate-fitness:{name.replace('-', ':')}"
    for part in objects(schema):
        assert "additionalProperties" in part, part


def objects(schema: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
    """Every object type inside a schema."""
    if isinstance(schema, list):
        return [found for one in schema for found in objects(one)]
    if not isinstance(schema, dict):
        return []
    inner = [found for one in schema.values() for found in objects(one)]
    return [schema, *inner] if schema.get("type") == "object" else inner


def test_limits_are_the_codes() -> None:
    """What the reader refuses for its size, the schema refuses too."""
    parts = BUNDLE["properties"]
    assert {parts[name]["maxItems"] for name in ("auditors", "signatures")} == {code.MAX_SIGNER_COUNT}
    assert parts["batch_proof"]["maxItems"] == code.MAX_PROOF_NODE_COUNT
    rows = ("lines", "unscored", "factors", "originals", "groups")
    assert {parts[name]["maxItems"] for name in rows} == {code.MAX_ROW_COUNT}
    assert parts["manifest"]["maxLength"] == code.MAX_TEXT_BYTES
    assert parts["format"]["const"] == code.BUNDLE_FORMAT


def test_words_are_the_codes() -> None:
    """Enumerations of the schema are those of the program."""
    parts = BUNDLE["$defs"]
    record = parts["record"]["properties"]["activities"]["items"]["properties"]
    assert parts["evidence"]["enum"] == [str(one) for one in EvidenceClass]
    assert record["quality"]["enum"] == [str(one) for one in Quality]
    assert parts["line"]["properties"]["basis"]["enum"] == [str(one) for one in Basis]
    assert parts["line"]["properties"]["part"]["enum"] == [str(one) for one in Part]
    assert parts["factor"]["properties"]["life_cycle_scope"]["enum"] == [str(one) for one in LifeCycleScope]
    assert parts["factor"]["properties"]["published"]["propertyNames"]["enum"] == [str(one) for one in Gas]
    assert parts["issuance"]["properties"]["kind"]["enum"] == [int(one) for one in IssuanceKind]
    assert parts["region"]["enum"] == list(REGIONS)


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_other_versions_are_refused(name: str) -> None:
    """A later version is not taken for this one, whatever else it says."""
    later = name.replace("-", "/").replace("1", "2")
    with pytest.raises(ValidationError, match="was expected"):
        validator(name).evolve(schema={**load_schema(name), "required": ["format"], "allOf": []}).validate(
            {"format": f"climate-fitness/{later}"}
        )

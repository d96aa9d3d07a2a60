"""Footprints of suppliers: the collected files say what an independent reader found, and what is wrong is refused by name."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.footprint import run_footprint
from connectors.pact.footprint import parse
from domain.errors import ClimateFitnessError, InputError, TruncatedDocumentError, UnknownFormatError


def a_footprint(**changes: object) -> dict[str, Any]:
    """A small footprint of version 3; `pcf_NAME` changes a field of its `pcf`, None takes a field away."""
    pcf: dict[str, Any] = {
        "declaredUnitOfMeasurement": "kilogram",
        "declaredUnitAmount": "1",
        "referencePeriodStart": "2024-01-01T00:00:00Z",
        "referencePeriodEnd": "2024-02-29T00:00:00Z",
        "pcfExcludingBiogenicUptake": "0.384",
    }
    whole: dict[str, Any] = {"id": "f1", "specVersion": "3.0.0", "status": "Active", "companyName": "Company", "pcf": pcf}
    for name, value in changes.items():
        at, key = (pcf, name[4:]) if name.startswith("pcf_") else (whole, name)
        at[key] = value
        if value is None:
            del at[key]
    return whole


def as_bytes(*footprints: object) -> bytes:
    """An answer with these footprints."""
    return json.dumps({"data": footprints}).encode()


def test_collected_files_agree(shared_dir: Path) -> None:
    """Every collected file, field by field, with what the other reader found."""
    folder = shared_dir / "fixtures/pact"
    expected = json.loads((folder / "expected.json").read_text())
    assert {one.name for one in folder.glob("*.json")} - {"expected.json"} == expected.keys()
    for name, facts in expected.items():
        document = parse((folder / name).read_bytes())
        assert (len(document.footprints), document.refused) == (facts["footprints"], ())
        for one, said in zip(document.footprints, facts["items"], strict=True):
            total = one.excluding_biogenic_kg_co2e
            assert {
                "id": one.footprint_id,
                "specVersion": one.spec_version,
                "status": one.status or None,
                "productIds": list(one.product_ids),
                "declaredUnit": one.declared_unit,
                "amount": str(one.declared_amount),
                "pcf_excluding_biogenic": None if total is None else str(total),
                "extensions": one.extensions_count,
            } == said


def test_validity_follows_the_reference_period() -> None:
    """Three years, from the 29 February to the 28th; what is said goes first."""
    (one,) = parse(json.dumps(a_footprint()).encode()).footprints
    assert one.valid_to == datetime(2027, 2, 28, tzinfo=UTC)
    (said,) = parse(as_bytes(a_footprint(validityPeriodEnd="2025-01-01T00:00:00+01:00"))).footprints
    assert said.valid_to == datetime(2024, 12, 31, 23, tzinfo=UTC)


def test_amount_is_exact() -> None:
    """Digits are multiplied as they stand; a number instead of a text keeps its digits too."""
    body = as_bytes(a_footprint()).replace(b'"0.384"', b"0.3841000000000000001")
    (one,) = parse(body).footprints
    assert one.caused_kg_co2e(Decimal(1000)) == Fraction("384.1000000000000001")


def test_version_three_states_the_whole_product_and_version_two_one_unit() -> None:
    """A bottle of 12.5 liters: 2.0 kg CO2e are of the bottle in version 3, of a liter in version 2."""
    third = a_footprint(
        pcf_declaredUnitOfMeasurement="liter", pcf_declaredUnitAmount="12.5", pcf_pcfExcludingBiogenicUptake="2.0"
    )
    second = a_footprint(
        specVersion="2.2.0", pcf_declaredUnit="liter", pcf_unitaryProductAmount="12.5", pcf_pCfExcludingBiogenic="2.0"
    )
    caused = [one.caused_kg_co2e(Decimal(25)) for one in parse(as_bytes(third, second)).footprints]
    assert caused == [4, 50]


def test_what_is_not_said_is_not_made_up() -> None:
    """Without a total there is none, though a part is said."""
    (one,) = parse(as_bytes(a_footprint(pcf_pcfExcludingBiogenicUptake=None, pcf_fossilGhgEmissions="0.1"))).footprints
    with pytest.raises(InputError, match="no total"):
        one.caused_kg_co2e(Decimal(1))


@pytest.mark.parametrize(
    ("changes", "record"),
    [
        ({"specVersion": "4.0.0"}, "f1 specVersion"),
        ({"status": "Maybe"}, "f1 status"),
        ({"companyName": " "}, "f1 companyName"),
        ({"id": None}, "footprint 1 id"),
        ({"pcf_declaredUnitOfMeasurement": "kg"}, "f1 declaredUnitOfMeasurement"),
        ({"pcf_declaredUnitAmount": "0"}, "f1 declaredUnitAmount"),
        ({"pcf_declaredUnitAmount": None}, "f1 declaredUnitAmount"),
        ({"pcf_pcfExcludingBiogenicUptake": "0,384"}, "f1 pcfExcludingBiogenicUptake"),
        ({"pcf_pcfExcludingBiogenicUptake": True}, "f1 pcfExcludingBiogenicUptake"),
        ({"validityPeriodEnd": "tomorrow"}, "f1 validityPeriodEnd"),
    ],
)
def test_bad_footprint_is_refused_and_the_others_stand(changes: dict[str, object], record: str) -> None:
    """The field is named, and the next footprint is read."""
    document = parse(as_bytes(a_footprint(**changes), a_footprint(id="f2")))
    assert [one.record for one in document.refused] == [record]
    assert [one.footprint_id for one in document.footprints] == ["f2"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", TruncatedDocumentError),
        (b"[1]", UnknownFormatError),
        (b'{"data": 1}', UnknownFormatError),
        (b"<a/>", UnknownFormatError),
    ],
)
def test_other_documents_are_refused(body: bytes, error: type[Exception]) -> None:
    """A file without footprints is none."""
    with pytest.raises(error):
        parse(body)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(), lambda c: st.dictionaries(st.text(), c)).map(as_bytes))
def test_hostile_bytes_are_refused_cleanly(body: bytes) -> None:
    """Whatever comes, it is a document or one of our errors."""
    with suppress(ClimateFitnessError):
        assert not parse(body).footprints


def test_command_shows_an_amount(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people and for programs; a refused footprint makes the exit code one."""
    file = tmp_path / "footprints.json"
    file.write_bytes(as_bytes(a_footprint(), a_footprint(id="f2", status="Maybe")))
    assert run_footprint(str(file), amount_text="250", is_json=False) == 1
    shown = capsys.readouterr().out
    assert "250 kilogram: 96 kg CO2e without biogenic uptake" in shown
    assert run_footprint(str(file), amount_text="250", is_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["footprints"][0]["caused_kg_co2e"], told["refused"][0]["record"]) == ("96", "f2 status")
    with pytest.raises(InputError):
        run_footprint(str(file), amount_text="0", is_json=False)


def test_footprint_that_holds_no_longer_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its number is shown, and that its time is over, for people and for programs."""
    file = tmp_path / "old.json"
    file.write_bytes(as_bytes(a_footprint(validityPeriodEnd="2024-03-01T00:00:00Z")))
    assert run_footprint(str(file), amount_text="", is_json=False) == 0
    assert "NO LONGER VALID since 2024-03-01" in capsys.readouterr().out
    assert run_footprint(str(file), amount_text="", is_json=True) == 0
    assert json.loads(capsys.readouterr().out)["footprints"][0]["is_valid"] is False

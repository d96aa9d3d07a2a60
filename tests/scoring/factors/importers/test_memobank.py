"""Memo Bank: every code and country, Namibia, blanks, ranges of codes."""

import gzip
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from scoring.factors.importers.memobank import import_payment_cards
from scoring.factors.importers.published import Imported

HEAD = "MCC Code,MCC Name,EXIOBASE Name,Network,Year,Unit,FR,NA\n"


@pytest.fixture(scope="module")
def data(shared_dir: Path) -> bytes:
    """The publisher's file, compressed."""
    return (shared_dir / "data/raw/memobank/payment-cards-mcc-kgco2e-per-eur.csv.gz").read_bytes()


@pytest.fixture(scope="module")
def found(data: bytes) -> Imported:
    """What it gives."""
    return import_payment_cards(data)


def test_every_code_and_country_is_read(found: Imported) -> None:
    """303 codes by 249 countries less 721 blank cells; two codes have no country at all."""
    assert len(found.rows) == 303 * 249 - 721 == 74_726
    assert len({row.attributes["mcc"] for row in found.rows}) == 301
    assert len({row.region for row in found.rows}) == 249
    assert found.findings == ("Memo Bank payment cards: 721 blank cells of 11 codes left out: no factor, not zero",)


def test_published_values_are_kept(found: Imported) -> None:
    """Veterinary services (code 742, line 2): Andorra 0.04732477622, Austria 0.1224553366, Switzerland 0.07065381548 kg/EUR."""
    values = {row.region: row.by_gas["co2e"] for row in found.rows if row.attributes == {"mcc": "0742"}}
    assert (values["AD"], values["AT"], values["CH"]) == ("0.04732477622", "0.1224553366", "0.07065381548")


def test_namibia_is_a_country(found: Imported) -> None:
    """Groceries (code 5411): France 0.1479611633; the column NA is Namibia, 0.5950670653."""
    values = {row.region: row.by_gas["co2e"] for row in found.rows if row.attributes == {"mcc": "5411"}}
    assert (values["FR"], values["NA"]) == ("0.1479611633", "0.5950670653")


def test_table_names_unit_and_licence(found: Imported) -> None:
    """Per euro, share alike."""
    table = found.tables[0]
    assert (table.kind, table.unit, table.published_unit, table.licence) == ("purchase", "EUR", "kg/EUR", "CC BY-SA 4.0")


def test_range_of_codes_stays_one(found: Imported) -> None:
    """Airlines, car rentals and hotels are published as ranges."""
    assert {row.attributes["mcc"] for row in found.rows if "-" in row.attributes["mcc"]} == {
        "3000-3350",
        "3351-3499",
        "3500-3999",
    }


def test_compressed_and_plain_file_are_the_same(data: bytes, found: Imported) -> None:
    """Both are known, and give the same rows."""
    assert import_payment_cards(gzip.decompress(data)) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.replace("Unit", "Units") + "742,V,H,Visa,2019,kgCO2e/€,1,1\n", "columns are not the expected ones.*Units"),
        (HEAD.replace(",NA", ",NAM") + "742,V,H,Visa,2019,kgCO2e/€,1,1\n", "one column per ISO 3166-1 alpha-2 code; got NAM"),
        (HEAD.replace(",NA", ",FR") + "742,V,H,Visa,2019,kgCO2e/€,1,1\n", "got columns that stand twice"),
        (HEAD + "74x,V,H,Visa,2019,kgCO2e/€,1,1\n", "expected a merchant category code.*got 74x"),
        (
            HEAD + "742,V,H,Visa,2019,kgCO2e/$,1,1\n",
            r"numbers in kgCO2e/€; got 2019, kgCO2e/\$; in Memo Bank payment cards, MCC 742",
        ),
        (HEAD + "742,V,H,Visa,19,kgCO2e/€,1,1\n", "got 19, kgCO2e/€"),
        (HEAD + "742,V,H,Visa,2019,kgCO2e/€,1\n", "expected 8 cells; got 7"),
        (HEAD + "742,V,H,Visa,2019,kgCO2e/€,1,NaN\n", "got NaN; in Memo Bank payment cards, MCC 742, NA"),
        ("", "columns are not the expected ones"),
    ],
)
def test_what_is_not_the_layout_is_refused(text: str, message: str) -> None:
    """A changed column, code, unit or cell is refused by its code."""
    with pytest.raises(FactorSetError, match=message):
        import_payment_cards(text.encode())


def test_damaged_gzip_is_refused(data: bytes) -> None:
    """Half a file is no file."""
    with pytest.raises(FactorSetError, match="compressed file is damaged"):
        import_payment_cards(data[:1000])

"""Reads the shipped data set. A file that is not what `dataset.json` says is refused by name."""

import csv
import json
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from io import StringIO
from pathlib import Path

from domain.errors import FactorSetError
from domain.factor import EmissionFactor, FactorSetId, Gas, LifeCycleScope
from scoring.factors.factor_set import FactorSet, PublishedParameter
from scoring.regions import RegionGraph, region_graph_from_csv

FORMAT = "climate-fitness/factor-set/1"
"""Name and version of the data set's layout."""

_GASES = (Gas.CO2, Gas.CH4, Gas.N2O, Gas.CO2E)


@lru_cache(maxsize=1)
def shipped_factor_set() -> FactorSet:
    """The factor set that comes with the package, read once.

    Raises:
        FactorSetError: A file of it is damaged.
    """
    return load_factor_set(resources.files("scoring.factors").joinpath("data"))


def shipped_regions() -> RegionGraph:
    """The region graph of the shipped factor set."""
    return shipped_factor_set().regions


def load_factor_set(folder: Traversable | Path) -> FactorSet:
    """The factor set in a folder.

    Args:
        folder: Folder as `scoring.factors.build` writes it.

    Returns:
        The set, every file checked against its hash in `dataset.json`. The root is the one stated there;
        `FactorSet.check` recomputes it.

    Raises:
        FactorSetError: A file is missing or damaged, or the layout is one that this version does not read.
    """
    manifest = json.loads(_read(folder, "dataset.json"))
    if manifest.get("format") != FORMAT:
        raise FactorSetError(expected=FORMAT, got=str(manifest.get("format")), record="dataset.json")
    files = {name: _checked(folder, name, digest) for name, digest in manifest["files"].items()}
    factors = factors_of(files["tables.json"], files["factors.csv"])
    if len(factors) != manifest["size"]:
        raise FactorSetError(expected=f"{manifest['size']} rows", got=str(len(factors)), record="factors.csv")
    return FactorSet(
        factors=factors,
        parameters=_parameters(files["parameters.csv"]),
        regions=region_graph_from_csv(files["regions.csv"], files["zips.csv"], files["zones.csv"]),
        id=FactorSetId(manifest["size"], manifest["root"]),
        version=manifest["version"],
    )


def factors_of(tables_json: bytes, factors_csv: bytes) -> tuple[EmissionFactor, ...]:
    """Every factor of the two files, in the order of the log.

    Args:
        tables_json: Bytes of `tables.json`.
        factors_csv: Bytes of `factors.csv`.

    Returns:
        The factors.
    """
    tables = {table.pop("table_id"): table for table in json.loads(tables_json)}
    for table in tables.values():
        table["life_cycle_scope"] = LifeCycleScope(table["life_cycle_scope"])
    lines = csv.reader(StringIO(factors_csv.decode()))
    next(lines)
    return tuple(
        EmissionFactor(
            **tables[table_id],
            region=region,
            year=int(year),
            rate=rate,
            published={gas: text for gas, text in zip(_GASES, texts, strict=True) if text},
        )
        for table_id, region, year, rate, *texts in lines
    )


def _parameters(data: bytes) -> tuple[PublishedParameter, ...]:
    return tuple(
        PublishedParameter(
            name=line["name"],
            region=line["region"],
            year=int(line["year"]),
            value_text=line["value_text"],
            unit=line["unit"],
            publisher=line["publisher"],
            edition=line["edition"],
            source_url=line["source_url"],
            note=line["note"],
        )
        for line in csv.DictReader(StringIO(data.decode()))
    )


def _checked(folder: Traversable | Path, name: str, digest: str) -> bytes:
    data = _read(folder, name)
    got = sha256(data).hexdigest()
    if got != digest:
        raise FactorSetError(
            "A file of the factor set is damaged",
            expected=f"SHA-256 {digest}",
            got=got,
            record=name,
            next_step="Install the package again; never edit these files by hand.",
        )
    return data


def _read(folder: Traversable | Path, name: str) -> bytes:
    try:
        return folder.joinpath(name).read_bytes()
    except OSError as error:
        raise FactorSetError(
            "A file of the factor set is missing", expected=name, got=type(error).__name__, next_step="Install the package again."
        ) from error

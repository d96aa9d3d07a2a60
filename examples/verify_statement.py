"""Walk a statement back from its bundle in plain Python: manifest, lines, inputs. No database, no chain, no keys of ours.

    python examples/verify_statement.py bundle.json

Who signed and where it stands on a chain is checked by `climate-fitness verify`; here the numbers are computed again. That they
agree does not make them anybody's: without a known signature a bundle is consistent at most.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from hashlib import sha256
from hmac import digest as hmac_digest
from pathlib import Path
from typing import Any

from domain.errors import ClimateFitnessError
from domain.factor import factor_from_json
from domain.number import grams_of_micrograms
from domain.statement import line_from_json
from ledger import merkle
from scoring.arithmetic import line_emissions
from scoring.factors.compile import compile_factor
from scoring.factors.load import shipped_factor_set
from scoring.net import evidence_ppm, gwp_set_of

Content = dict[str, Any]


class BrokenError(Exception):
    """This step does not hold."""


def canonical(value: object) -> bytes:
    """Canonical JSON (RFC 8785) of objects, lists, texts and whole numbers."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def read(text: str | bytes) -> Content:
    """An object from canonical JSON, and from nothing else."""
    value: Content = json.loads(text)
    same("canonical JSON", canonical(value), text.encode() if isinstance(text, str) else text)
    return value


def same(what: str, expected: object, got: object) -> None:
    """Nothing, where both are equal.

    Args:
        what: What they are.
        expected: What is computed here.
        got: What the bundle says.

    Raises:
        BrokenError: They are not.
    """
    if expected != got:
        raise BrokenError(f"{what}: expected {str(expected)[:90]}, got {str(got)[:90]}")


def salted_root(groups: dict[str, tuple[dict[str, str], list[bytes]]], key_hex: str, layout: str) -> str:
    """Root over salted groups of salted leaves; salts follow from the key (ledger/inputs.py has both byte layouts)."""
    key, index, group_hashes = bytes.fromhex(key_hex), 0, []
    for group_index, name in enumerate(sorted(groups, key=str.encode)):
        totals, leaves = groups[name]
        hashes = []
        for leaf in sorted(leaves):
            hashes.append(sha256(b"\x00" + hmac_digest(key, index.to_bytes(8, "big"), "sha256") + leaf).digest())
            index += 1
        about = canonical({"group": name, "leaf_count": len(leaves), "totals": totals})
        salt = hmac_digest(key, b"group" + group_index.to_bytes(8, "big"), "sha256")
        hidden = salt + about if layout == "climate-fitness/manifest/1" else sha256(b"\x03" + salt + about).digest()
        group_hashes.append(sha256(b"\x02" + hidden + merkle.root(hashes)).digest())
    return merkle.root(group_hashes).hex()


def sums_of(leaves: Sequence[bytes]) -> dict[tuple[str, str], int]:
    """Millionths by month and activity key of these records."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for leaf in leaves:
        for activity in read(leaf)["activities"]:
            sums[activity["month"], sha256(canonical(activity["key"])).hexdigest()] += int(activity["quantity_micro"])
    return sums


def check_bundle(bundle: Content) -> str:
    """The file is whole."""
    body = {name: value for name, value in bundle.items() if name != "checksum"}
    same("checksum", sha256(canonical(body)).hexdigest(), bundle["checksum"])
    return "canonical, its checksum fits"


def check_manifest(bundle: Content) -> str:
    """The issuance, which auditors sign, is about this manifest."""
    manifest, issuance = read(bundle["manifest"]), bundle["issuance"]
    same("manifest hash", sha256(bundle["manifest"].encode()).hexdigest(), issuance["manifest_hash"])
    same("inputs root", manifest["inputs"]["root"], issuance["inputs_root"])
    net_g = grams_of_micrograms(int(manifest["totals"]["net_ug_co2e"]))
    same("net", str(net_g), issuance["net_g_co2e"])
    return f"{manifest['period']}, revision {manifest['revision']}: net {net_g} g CO2e"


def check_lines(bundle: Content) -> str:
    """The lines are those of the manifest."""
    leaves = [text.encode() for text in bundle["lines"]] + [canonical(one) for one in bundle["unscored"]]
    manifest = read(bundle["manifest"])
    root = salted_root({"lines": ({}, leaves)} if leaves else {}, bundle["keys"]["lines"], manifest["format"])
    same("lines root", manifest["lines"], {"leaf_count": len(leaves), "root": root})
    return f"{len(bundle['lines'])} lines, {len(bundle['unscored'])} unscored"


def check_factors(bundle: Content) -> str:
    """Every factor shown is a row of the factor set that the manifest names.

    Args:
        bundle: The bundle's content.

    Returns:
        What was found.

    Raises:
        BrokenError: One is not.
    """
    log = read(bundle["manifest"])["factor_set"]
    for factor in bundle["factors"]:
        path = [bytes.fromhex(node) for node in factor["path"]]
        leaf = sha256(b"\x00" + factor["row"].encode()).digest()
        if not merkle.verify_inclusion(leaf, factor["index"], log["size"], path, bytes.fromhex(log["root"])):
            raise BrokenError(f"no row of the factor set: {factor['row'][:90]}")
    return f"{len(bundle['factors'])} factors among {log['size']} rows"


def check_arithmetic(bundle: Content) -> str:
    """Quantity x factor is what each line says, and the lines add up to the totals.

    Args:
        bundle: The bundle's content.

    Returns:
        What was found.

    Raises:
        BrokenError: Something else comes out.
    """
    gwps, gwp_set = shipped_factor_set().gwps, gwp_set_of(read(bundle["manifest"])["method"])
    rows = {row.factor_id: row for row in (factor_from_json(read(one["row"])) for one in bundle["factors"])}
    gross_ug = {"location": 0, "market": 0}
    for line in map(read, bundle["lines"]):
        if line["factor_id"] not in rows:
            raise BrokenError(f"the factor {line['factor_id'][:16]} is not shown")
        factor = compile_factor(rows[line["factor_id"]], gwp_set, gwps, scale=Fraction(line["scale"]))
        made = line_emissions(int(line["quantity_micro"]), factor)
        said = line["emissions_ug_co2e"]
        parts = {"co2": made.co2_ug, "ch4": made.ch4_ug, "n2o": made.n2o_ug, "unsplit": made.unsplit_ug}
        same(
            f"line {line['month']} {line['key']['kind']}",
            {name: str(ug) for name, ug in parts.items()},
            {n: said[n] for n in parts},
        )
        if not line["is_avoided"]:
            gross_ug[line["basis"]] += made.total_ug_co2e
    totals = read(bundle["manifest"])["totals"]
    same("gross by location", str(gross_ug["location"]), totals["gross_location_ug_co2e"])
    same("gross by market", str(gross_ug["market"]), totals["gross_market_ug_co2e"])
    return f"{len(bundle['lines'])} multiplications: {gross_ug['location']} ug CO2e by location"


def check_evidence(bundle: Content) -> str:
    """The shares of typed, uploaded and fetched data are those of the lines."""
    shares = evidence_ppm(line_from_json(read(line)) for line in bundle["lines"])
    same("evidence shares", {str(kind): ppm for kind, ppm in shares.items()}, read(bundle["manifest"])["evidence_ppm"])
    return ", ".join(f"{kind} {ppm / 10_000:g} %" for kind, ppm in shares.items()) or "nothing is emitted"


def check_inputs(bundle: Content) -> str:
    """The records are those of the inputs root, and the lines are their sums."""
    groups: dict[str, tuple[dict[str, str], list[bytes]]] = {}
    records: list[bytes] = []
    for group in bundle["groups"]:
        leaves = [text.encode() for text in group["leaves"]]
        totals: dict[str, int] = defaultdict(int)
        for (_, key_id), quantity_micro in sums_of(leaves).items():
            totals[key_id] += quantity_micro
        groups[group["group"]] = ({key_id: str(total) for key_id, total in totals.items()}, leaves)
        records += leaves
    same("groups", len(groups), len(bundle["groups"]))
    manifest = read(bundle["manifest"])
    root = salted_root(groups, bundle["keys"]["inputs"], manifest["format"])
    same("inputs root", manifest["inputs"], {"leaf_count": len(records), "root": root})
    counted = [*map(read, bundle["lines"]), *bundle["unscored"]]
    said = {(x["month"], sha256(canonical(x["key"])).hexdigest()): int(x["quantity_micro"]) for x in counted}
    same("sums of the records", dict(sums_of(records)), said)
    return f"{len(records)} records in {len(groups)} groups add up to the lines"


STEPS: tuple[tuple[str, str, Callable[[Content], str]], ...] = (
    ("bundle", "", check_bundle),
    ("manifest", "", check_manifest),
    ("lines", "lines", check_lines),
    ("factors", "lines", check_factors),
    ("arithmetic", "lines", check_arithmetic),
    ("evidence", "lines", check_evidence),
    ("inputs", "inputs", check_inputs),
)
"""Name of a step, the key that it needs, and what checks it."""


def walk(data: bytes) -> Iterator[tuple[str, str, str]]:
    """State, name and detail of every step."""
    try:
        bundle = read(data)
    except (BrokenError, ValueError, RecursionError) as error:
        yield "FAILED", "bundle", str(error)
        return
    for name, key, check in STEPS:
        try:
            if key and key not in bundle["keys"]:
                yield "hidden", name, "not shown in this bundle, not checked"
            else:
                yield "ok", name, check(bundle)
        except (BrokenError, ClimateFitnessError, LookupError, TypeError, ValueError, AttributeError) as error:
            yield "FAILED", name, f"{type(error).__name__}: {error}"


def main(arguments: list[str]) -> int:
    """Print every step; 0 where none failed."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python examples/verify_statement.py BUNDLE\n")
        return 2
    failed_count = 0
    for state, name, detail in walk(Path(arguments[0]).read_bytes()):
        sys.stdout.write(f"{state:6} {name:10} {detail}\n")
        failed_count += state == "FAILED"
    if not failed_count:
        sys.stdout.write("consistent; who signed it was not checked here\n")
    return 1 if failed_count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

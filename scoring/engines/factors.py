"""What the activity keys of a folder are multiplied with: the factors of all their parts, and what stands behind them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.activity import ActivityKey
from domain.canonical import from_canonical
from domain.errors import ClimateFitnessError, DocumentError
from domain.factor import Addition, Basis, Resolution
from domain.kinds import checked_attributes, find_kind
from scoring.arithmetic import most_micro
from scoring.certificates import CERTIFICATE_KIND
from scoring.engines.files import FactorRow
from scoring.lines import bases_of, parts_of
from scoring.retirements import CREDIT_KIND

KeyRow = tuple[int, str, str, int, str, str]
"""A row of `KEY_COLUMNS`."""

_STATEMENT_ALONE = "Certificates and credits act on what else is in a statement: import them, and close the period."


@dataclass(frozen=True, slots=True)
class KeyFactors:
    """The factors of the keys of a folder.

    Attributes:
        rows: What an engine multiplies with.
        sources: What stands behind each of the rows, in the same order.
        unscored: Key id to the reason why no factor fits.
    """

    rows: tuple[FactorRow, ...]
    sources: tuple[Addition, ...]
    unscored: Mapping[int, str]


def activity_keys(rows: Sequence[KeyRow], *, record: str) -> list[ActivityKey]:
    """The activity keys of a table, each one checked.

    Args:
        rows: Of `KEY_COLUMNS`, in the order of their ids.
        record: The table's name, for messages.

    Returns:
        The keys, in the same order.

    Raises:
        DocumentError: One has a kind, a unit or an attribute that there is not, or stands twice.
    """
    found: dict[ActivityKey, int] = {}
    for key_id, kind_name, region, year, unit, attributes_json in rows:
        place = f"{record}, key_id {key_id}"
        try:
            kind = find_kind(kind_name, record=f"{place}, column kind")
            attributes = checked_attributes(kind, _attributes(attributes_json, place), record=f"{place}, column attributes_json")
        except DocumentError:
            raise
        except ClimateFitnessError as error:
            raise DocumentError(
                error.message, expected=error.expected, got=error.got, record=error.record, next_step=error.next_step
            ) from error
        if unit not in kind.kept_units():
            raise DocumentError(
                f"{kind_name} is not kept in this unit",
                expected=f"one of {', '.join(kind.kept_units())}",
                got=unit,
                record=f"{place}, column unit",
                next_step="Quantities in Parquet are in millionths of the kind's canonical unit; `import` converts others.",
            )
        key = ActivityKey(kind_name, region, year, unit, attributes)
        if key in found:
            raise DocumentError(
                "A key stands twice",
                expected="each kind, region, year, unit and attributes once",
                got=f"key_id {found[key]} and {key_id}",
                record=f"{record}, column key_id",
                next_step="Sums are made per key before they are multiplied: the same key twice would be rounded twice.",
            )
        found[key] = key_id
    return list(found)


def _attributes(text: str, place: str) -> Mapping[str, str]:
    value: Any = from_canonical(text.encode(), record=f"{place}, column attributes_json") if text else {}
    if not isinstance(value, dict) or any(not isinstance(one, str) for one in value.values()):
        raise DocumentError(
            "Attributes are an object of texts",
            expected='{"fuel": "diesel"}',
            got=text,
            record=f"{place}, column attributes_json",
        )
    return {str(name): str(one) for name, one in value.items()}


def key_factors(keys: Sequence[ActivityKey], resolve: Callable[[ActivityKey, Basis], Resolution]) -> KeyFactors:
    """The factors of keys: each is resolved once per basis, whatever number of activities it has.

    Args:
        keys: In the order of their ids.
        resolve: Chooses the factor of a key on a basis.

    Returns:
        Rows and what stands behind them, as `scoring.lines` makes lines of. Hourly factors are left to statements.
    """
    rows: list[FactorRow] = []
    sources: list[Addition] = []
    unscored: dict[int, str] = {}
    for key_id, key in enumerate(keys):
        if key.kind in {CERTIFICATE_KIND, CREDIT_KIND}:
            unscored[key_id] = _STATEMENT_ALONE
            continue
        for basis in bases_of(key.kind):
            found = resolve(key, basis)
            if found.chosen is None:
                unscored[key_id] = " ".join(found.steps)
                break
            for part in parts_of(key, found):
                split = part.chosen.ug_per_unit
                gases = (split.co2_ug, split.ch4_ug, split.n2o_ug, split.unsplit_ug, split.biogenic_co2_ug)
                rows.append(FactorRow(key_id, str(part.part), str(basis), *gases, most_micro(split)))
                sources.append(part)
    return KeyFactors(tuple(rows), tuple(sources), unscored)

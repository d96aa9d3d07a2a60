"""Activities and lines as Parquet: the layout of both folders, and what an engine is given and answers.

    INPUT/keys.parquet                          key_id, kind, region, year, unit, attributes_json
    INPUT/subjects.parquet                      subject_id, subject (its id in the store; not needed to score)
    INPUT/activity/month_ym=202401/*.parquet    subject_id, key_id, quantity_micro (and evidence, which is not read)

    OUTPUT/lines/month_ym=202401/*.parquet      the columns of `LINE_COLUMNS` without the month
    OUTPUT/unscored/month_ym=202401/*.parquet   subject_id, key_id, quantity_micro of keys that no factor fits

All numbers are signed 64-bit integers; the ids are numbers of this folder alone. `docs/parquet.md` says more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

ACTIVITY_COLUMNS = ("subject_id", "key_id", "quantity_micro")
"""Columns of activity that every file must have, in 64-bit integers without nulls."""

KEY_COLUMNS = ("key_id", "kind", "region", "year", "unit", "attributes_json")
"""Columns of the table of activity keys."""

GAS_COLUMNS = ("co2_ug", "ch4_ug", "n2o_ug", "unsplit_ug", "biogenic_co2_ug")
"""Micrograms of CO2e by gas, in the order of `GasSplit`."""

LINE_COLUMNS = ("subject_id", "month_ym", "key_id", "part", "basis", "quantity_micro", *GAS_COLUMNS, "total_ug")
"""Columns of a line, in the order of its text."""

LINE_ORDER = ("month_ym", "subject_id", "key_id", "part", "basis")
"""What lines are hashed in the order of: at most one line has the same."""


class FactorRow(NamedTuple):
    """One factor of one activity key, in integers.

    Attributes:
        key_id: The key's number in the folder.
        part: What of the activity it counts.
        basis: Location or market.
        co2_ug: Micrograms of CO2e per unit, and so on by gas.
        most_micro: The largest activity whose line stays below 2^63 (`scoring.arithmetic.most_micro`).
    """

    key_id: int
    part: str
    basis: str
    co2_ug: int
    ch4_ug: int
    n2o_ug: int
    unsplit_ug: int
    biogenic_co2_ug: int
    most_micro: int


class RefusedLine(NamedTuple):
    """A line that 64 bits do not hold.

    Attributes:
        month_ym: Its month, 202401.
        subject_id: Whose.
        key_id: Of which key.
        quantity_micro: The sum; None where already the sum is too large.
    """

    month_ym: int
    subject_id: int
    key_id: int
    quantity_micro: int | None


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """What an engine scores.

    Attributes:
        files_by_month: Activity files by month (202401), as the engine opens them.
        keys_count: Keys of the folder, whose ids are 0 to one less.
        factors: All factors of all keys.
        unscored_keys: Keys of the folder that no factor fits.
        output: Folder to write into, which exists and is this run's own.
    """

    files_by_month: Mapping[int, Sequence[str]]
    keys_count: int
    factors: Sequence[FactorRow]
    unscored_keys: Sequence[int]
    output: str


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What an engine did.

    Attributes:
        activities_count: Activities read.
        lines_count: Lines written, refused ones among them: all their amounts are NULL.
        unscored_count: Totals of keys that no factor fits.
        refused: The first lines that 64 bits do not hold.
        refused_count: How many there are.
    """

    activities_count: int
    lines_count: int
    unscored_count: int
    refused: tuple[RefusedLine, ...]
    refused_count: int


class Engine(Protocol):
    """Something that runs the canonical SQL over Parquet files."""

    @property
    def name(self) -> str:
        """As the command line calls it, with its version."""

    def score(self, job: ScoreJob) -> EngineResult:
        """Write the lines of a job, and say what was done.

        Args:
            job: What to score.

        Returns:
            Counts, and what was refused.
        """


MAX_REFUSED_COUNT = 100
"""How many refused lines an engine names."""

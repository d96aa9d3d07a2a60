"""Which distance an odometer's reading ends: what is remembered of a car between two answers.

| the reading is | then |
|---|---|
| the first one | it is remembered; there is no distance |
| of the same day, or older | nothing: a later day's reading holds it; so days never overlap, and never lie ahead |
| higher | the distance since the reading before |
| lower | refused, and remembered beside the one before: it may be a slip |
| lower than before, but higher than that lower one | another odometer: the distance since the lower one |
| ahead faster than a car drives | refused; the next distance begins here |
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from connectors.exact_json import named, text
from connectors.smartcar.answers import Odometer
from domain.canonical import Json
from domain.errors import DocumentError
from domain.number import fraction_from_text, quantize_text
from domain.period import instant_from_text, instant_to_text, local_day

FASTEST_KM_PER_H = 300
"""More than this between two readings is no driving."""

_SLACK_S = 1_800
_RECORD = "odometer"


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered of a car's odometer.

    Attributes:
        earlier: The reading that the next distance begins at; None before the first one.
        lower: A later reading that was lower than `earlier`.
    """

    earlier: Odometer | None = None
    lower: Odometer | None = None

    def to_json(self) -> dict[str, Json]:
        """As the cursor and the line before an answer carry it."""
        both = (("earlier", self.earlier), ("lower", self.lower))
        return {name: {"at": instant_to_text(one.at), "km": str(one.km)} for name, one in both if one is not None}

    @classmethod
    def from_json(cls, value: object) -> "State":
        """What `to_json` wrote; nothing remembers nothing.

        Args:
            value: Of the cursor or the line.

        Returns:
            The state.

        Raises:
            TimeError: A time is none.
            NumberError: A distance is none.
        """
        both = [named(value, name) for name in ("earlier", "lower")]
        return cls(
            *(
                None
                if one is None
                else Odometer(instant_from_text(text(one, "at"), record=_RECORD), fraction_from_text(text(one, "km")))
                for one in both
            )
        )


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from a reading.

    Attributes:
        state: What is to be remembered now.
        begin: The reading that its distance begins at; None where there is no distance.
        refusal: Why it is not believed; None where it is.
    """

    state: State
    begin: Odometer | None = None
    refusal: DocumentError | None = None


def step(state: State, reading: Odometer, zone: ZoneInfo) -> Step:
    """What follows from a reading.

    Args:
        state: What is remembered.
        reading: The reading.
        zone: Whose days count.

    Returns:
        The distance's begin, or why there is none, and what is to be remembered.
    """
    begin, lower = state.earlier, state.lower
    if begin is None:
        return Step(State(reading))
    if local_day(reading.at, zone) <= local_day((lower or begin).at, zone):
        return Step(state)
    if reading.km < begin.km:
        if lower is None or reading.km < lower.km:
            return Step(replace(state, lower=reading), refusal=_went_back(begin, reading))
        begin = lower
    passed_s = int((reading.at - begin.at) / timedelta(seconds=1)) + _SLACK_S
    if (reading.km - begin.km) * 3600 > FASTEST_KM_PER_H * passed_s:
        return Step(State(reading), refusal=_too_fast(begin, reading))
    return Step(State(reading), begin)


def _went_back(begin: Odometer, reading: Odometer) -> DocumentError:
    return DocumentError(
        "The odometer shows less than before",
        expected=f"at least {_shown(begin)}",
        got=_shown(reading),
        record=_RECORD,
        next_step="Nothing is counted from it. If the odometer was replaced, the next reading counts on from this one.",
    )


def _too_fast(begin: Odometer, reading: Odometer) -> DocumentError:
    return DocumentError(
        "No car drives that far in this time",
        expected=f"at most {FASTEST_KM_PER_H} km in an hour since {_shown(begin)}",
        got=_shown(reading),
        record=_RECORD,
        next_step="Nothing is counted from it; the next distance begins here.",
    )


def _shown(reading: Odometer) -> str:
    return f"{quantize_text(reading.km, places_count=1)} km at {instant_to_text(reading.at)}"

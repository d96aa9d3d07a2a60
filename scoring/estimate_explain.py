"""How much of its reasons an estimate says; a module of its own, so that the command line names it without loading the rest."""

from enum import StrEnum


class Explain(StrEnum):
    """How much of its reasons an answer says."""

    FULL = "full"
    NONE = "none"

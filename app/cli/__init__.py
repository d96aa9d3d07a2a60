"""The command line: `climate-fitness COMMAND`. `program.py` holds what can be typed, one file per group what it does."""

import sys

from app.cli.program import program
from app.cli.terminal import show_failure


def main() -> None:
    """Run the command that was typed, and end with its exit code: 0 done, 1 partly refused or failed, 2 unusable."""
    try:
        program()
    except Exception as error:  # noqa: BLE001 - the outermost frame: a person gets a sentence, not a traceback
        sys.exit(show_failure(error))

"""What a Green Button file holds: total by kind, direction and unit, and what was not read.

python examples/read_green_button.py usage.xml
"""

import sys
from pathlib import Path

from connectors.green_button.parse import parse
from domain.errors import DocumentError


def main(arguments: list[str]) -> int:
    """Print one line for each series; 1 where something was refused, 2 where nothing can be used."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python examples/read_green_button.py FILE\n")
        return 2
    try:
        document = parse(Path(arguments[0]).read_bytes())
    except DocumentError as error:
        sys.stdout.write(f"{error.sentence()}\n")
        return 2
    for series in document.series:
        meaning = "in all" if series.is_additive else "as register readings, which are not summed"
        amount = float(series.total()) if series.is_additive else 0.0
        sys.stdout.write(
            f"{series.kind} {series.direction}: {len(series.values)} readings, {amount:.3f} {series.unit} {meaning}\n"
        )
    sys.stdout.writelines(f"not read: {refusal.sentence()}\n" for refusal in document.refused)
    return 1 if document.refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

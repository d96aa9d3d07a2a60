"""A folder that appears when it is whole."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from domain.errors import ConflictError


def refuse_existing(output: Path) -> None:
    """Refuse an output that is there already.

    Args:
        output: Folder to make.

    Raises:
        ConflictError: It is there already.
    """
    if output.exists():
        raise ConflictError(**_taken(output))


@contextmanager
def own_folder(output: Path) -> Iterator[Path]:
    """A folder beside the output that becomes it when all went well, and is removed when not. Only its owner can read it.

    Args:
        output: Folder to make.

    Yields:
        Where to write.

    Raises:
        ConflictError: The output is there already, or another run made it meanwhile.
    """
    refuse_existing(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    own = Path(mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        yield own
        try:
            own.rename(output)
        except OSError as error:
            raise ConflictError(**_taken(output)) from error
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _taken(output: Path) -> dict[str, str]:
    return {
        "message": "This folder is there already",
        "expected": "a folder that is made by this run alone",
        "got": str(output),
        "next_step": "Name another one, or remove it.",
    }

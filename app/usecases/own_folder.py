"""A folder that appears when it is whole."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from domain.errors import ConflictError


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
    taken = ConflictError(
        "This folder is there already",
        expected="a folder that is made by this run alone",
        got=str(output),
        next_step="Name another one, or remove it.",
    )
    if output.exists():
        raise taken
    output.parent.mkdir(parents=True, exist_ok=True)
    own = Path(mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        yield own
        try:
            own.rename(output)
        except OSError as error:
            raise taken from error
    finally:
        shutil.rmtree(own, ignore_errors=True)

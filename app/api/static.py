"""Files that never change under one address: style sheets, scripts, plotly.js.

An address carries the version of the file, or of all files together (`/static/app.css?v=…`), so a browser may keep it for a
year. Files are compressed once, on the first request for them, and only the compressed bytes are kept: nothing is read at start.
"""

import gzip
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from mimetypes import guess_type
from pathlib import Path
from threading import Lock

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.api.etag import is_unchanged
from domain.errors import FormatChangedError, NotFoundError

FOREVER = "public, max-age=31536000, immutable"
"""Cache-Control of a versioned address: a year (RFC 8246)."""

ASK_EACH_TIME = "public, no-cache"
"""Cache-Control of an address without its version."""

COMPRESSIBLE = (".css", ".js", ".mjs", ".svg", ".json", ".webmanifest", ".txt", ".map")
"""Endings of files that compression makes smaller."""

PLOTLY_NAME = "plotly/plotly.min.js"
"""Name under which plotly.js is served."""

_PACKAGED_NAME = "plotly.min.js"


class StaticFiles:
    """The static files of the product, by name.

    Invariants: only files listed when it was made are served, so no name leads out of the folder; versions change with content;
    `version` changes when any file does.

    Args:
        folder: Folder of our own files; subfolders count.
        packaged: Files of installed packages by name: where they lie, and their version.
    """

    def __init__(self, folder: Path | None, packaged: Mapping[str, tuple[Path, str]] | None = None) -> None:
        own = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else []
        self._paths = {path.relative_to(folder).as_posix(): path for path in own} if folder else {}
        self._versions = {name: sha256(path.read_bytes()).hexdigest()[:12] for name, path in self._paths.items()}
        for name, (path, package_version) in (packaged or {}).items():
            self._paths[name] = path
            self._versions[name] = package_version
        versions = "".join(f"{name}={self._versions[name]};" for name in sorted(self._versions))
        self.version = sha256(versions.encode()).hexdigest()[:12]
        self._compressed: dict[str, bytes] = {}
        self._lock = Lock()

    def url(self, name: str) -> str:
        """The address of a file, with its version.

        Args:
            name: Path inside the folder, such as `app.css`.

        Returns:
            `/static/app.css?v=…`.

        Raises:
            NotFoundError: There is no such file.
        """
        return f"/static/{name}?v={self._version(name)}"

    def _version(self, name: str) -> str:
        if name not in self._versions:
            raise NotFoundError("There is no such static file", got=name[:80])
        return self._versions[name]

    def _gzipped(self, name: str) -> bytes:
        with self._lock:  # two first visitors must not compress 5 MB twice
            if name not in self._compressed:
                self._compressed[name] = gzip.compress(self._paths[name].read_bytes(), 9, mtime=0)
            return self._compressed[name]

    def respond(self, name: str, request: Request) -> Response:
        """The reply to a request for a file; called in a thread."""
        is_packed = name.endswith(COMPRESSIBLE)
        etag = f'"{self._version(name)}"'
        headers = {
            "ETag": etag,
            "Cache-Control": FOREVER if request.query_params.get("v") in {self._version(name), self.version} else ASK_EACH_TIME,
        }
        if is_packed:
            headers["Vary"] = "Accept-Encoding"
        if is_unchanged(request, etag):
            return Response(status_code=304, headers=headers)
        media_type = "text/javascript" if name.endswith((".js", ".mjs")) else guess_type(name)[0]
        if is_packed and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self._gzipped(name), headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)
        return Response(self._paths[name].read_bytes(), headers=headers, media_type=media_type)


def plotly_file() -> tuple[Path, str]:
    """Where the installed plotly package keeps plotly.js, and its version; the package itself is not imported (40 MB).

    Returns:
        Path of `plotly.min.js`, version of the package.

    Raises:
        FormatChangedError: The package has moved the file.
    """
    spec = find_spec("plotly")
    path = Path(spec.origin).parent / "package_data" / _PACKAGED_NAME if spec and spec.origin else Path(_PACKAGED_NAME)
    if not path.is_file():
        raise FormatChangedError("plotly.js is not where plotly keeps it", expected="plotly >= 7.1, < 8", got=path.name)
    return path, version("plotly")


def static_router(files: StaticFiles) -> APIRouter:
    """`GET /static/{name}`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{name:path}")
    def static(name: str, request: Request) -> Response:
        """One static file."""
        return files.respond(name, request)

    return router

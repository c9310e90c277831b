"""Style, script, icon and fonts, addressed by the hash of their contents."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

KEPT_A_YEAR = "public, max-age=31536000, immutable"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
HASH_CHARACTERS = 16


@dataclass(frozen=True)
class StaticFiles:
    """Contents by path. All files have one hash, so that the style sheet can name the fonts by relative paths."""

    digest: str
    contents: dict[str, bytes]

    def address(self, path: str) -> str:
        """Returns the address of a file."""
        return f"/static/{self.digest}/{path}"


@cache
def static_files() -> StaticFiles:
    """Returns all static files; they are read once."""
    contents = dict(sorted(_read(files("collateral_registry.web.pages") / "static", "")))
    digest = hashlib.sha256()
    for path, content in contents.items():
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return StaticFiles(digest.hexdigest()[:HASH_CHARACTERS], contents)


def _read(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _read(entry, f"{prefix}{entry.name}/")
        elif PurePosixPath(entry.name).suffix in TYPES:
            found.append((f"{prefix}{entry.name}", entry.read_bytes()))
    return found


async def serve_static(request: Request) -> Response:
    """Answers a static file. An address with another hash is of another version and is not found."""
    found = static_files()
    content = found.contents.get(request.path_params["path"])
    if content is None or request.path_params["digest"] != found.digest:
        raise HTTPException(404)
    kind = TYPES[PurePosixPath(request.path_params["path"]).suffix]
    return Response(content, headers={"content-type": kind, "cache-control": KEPT_A_YEAR})


async def serve_icon(_: Request) -> Response:
    """Answers the icon at the address that browsers ask for by themselves."""
    headers = {"content-type": TYPES[".svg"], "cache-control": "public, max-age=86400"}
    return Response(static_files().contents["icon.svg"], headers=headers)

"""Files that pages need: each under an address that names its content, so that a browser keeps it for good."""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request, Response

from steelyard.errors import NotFoundError
from steelyard.server.call import header_of
from steelyard.server.permits import public

PREFIX: Final = "/static"
KEPT_FOR_GOOD: Final = "public, max-age=31536000, immutable"
MEDIA_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
COMPRESSED: Final = frozenset({"css", "js", "svg"})
"""Kinds that are smaller when they are compressed; fonts are already."""

_URL: Final = re.compile(rb'url\("([^"/:]+)"\)')

STYLE: Final = "app.css"
"""Colours, tables and charts, shared with the report, and what every page is made of: sent as one."""

OF_NOUNS: Final = re.compile(r"[3-8][0-9]-([a-z_]+\.css)")
"""Files of the folder `style` that only pages have that name them, so that no noun undoes another's."""

router = APIRouter(prefix=PREFIX, include_in_schema=False, dependencies=[public()])


class NoSuchFileError(NotFoundError):
    """There is no such file, or it is another by now."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("There is no such file here. Load the page again.")


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent.

    Attributes:
        address: with the beginning of its SHA-256.
        media_type: of its content.
        plain: its content.
        packed: the same by gzip; None = that would not be smaller.
    """

    address: str
    media_type: str
    plain: bytes
    packed: bytes | None


def address_of(name: str) -> str:
    """Return the address of a file of ours.

    Args:
        name: in the folder `static`, or app.css.

    Raises:
        KeyError: there is none of that name: a defect of a template.
    """
    return _files()[name].address


@router.get("/{digest}/{name}")
async def get_static_file(request: Request, digest: str, name: str) -> Response:
    """Send a file; who has it under this address never asks again."""
    found = _files().get(name)
    if found is None or found.address != f"{PREFIX}/{digest}/{name}":
        raise NoSuchFileError
    headers = {"Cache-Control": KEPT_FOR_GOOD, "Vary": "Accept-Encoding"}
    body = found.plain
    if found.packed is not None and "gzip" in (header_of(request.scope, b"accept-encoding") or ""):
        body, headers["Content-Encoding"] = found.packed, "gzip"
    return Response(body, headers=headers, media_type=found.media_type)


@cache
def _files() -> dict[str, StaticFile]:
    """Read and pack every file, once."""
    folder = files("steelyard.web") / "static"
    contents = {
        entry.name: entry.read_bytes()
        for entry in folder.iterdir()
        if entry.name.rpartition(".")[2] in MEDIA_TYPES
    }
    made = {name: _made(name, content) for name, content in contents.items()}
    return made | {name: _made(name, _linked(style, made)) for name, style in _styles().items()}


def _styles() -> dict[str, bytes]:
    """Put the styles together: what all pages have, and what those that name a noun have beside it.

    What is in no layer would overrule what is in one, so the theme is in one too.
    """
    theme = (files("steelyard.charts") / "theme.css").read_bytes()
    common, of_nouns = [b"@layer base, theme;\n@layer theme {\n%b}" % theme], {}
    folder = files("steelyard.web") / "static" / "style"
    for source in sorted(folder.iterdir(), key=lambda entry: entry.name):
        noun = OF_NOUNS.fullmatch(source.name)
        if noun is None:
            common.append(source.read_bytes())
        else:
            of_nouns[noun[1]] = source.read_bytes()
    return of_nouns | {STYLE: b"\n".join(common)}


def _linked(style: bytes, made: Mapping[str, StaticFile]) -> bytes:
    """Return a style in which `url("name")` of a file of ours is its address."""
    return _URL.sub(lambda found: f'url("{made[found[1].decode()].address}")'.encode(), style)


def _made(name: str, content: bytes) -> StaticFile:
    kind = name.rpartition(".")[2]
    digest = sha256(content).hexdigest()[:16]
    packed = gzip.compress(content, 9, mtime=0) if kind in COMPRESSED else None
    return StaticFile(f"{PREFIX}/{digest}/{name}", MEDIA_TYPES[kind], content, packed)

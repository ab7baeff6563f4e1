"""Which version somebody has, and which one they change: ETag, If-None-Match and If-Match (RFC 9110, 13).

A tag is strong: who has it has the same bytes. What has a version of its own is tagged by it, "7"; what is made of
several things, by a hash of their versions.
"""

import re
from hashlib import sha256
from typing import Final

from starlette.types import Scope

from steelyard.server.call import header_of
from steelyard.server.refusals import MalformedRequestError, VersionNeededError

NOTHING_YET: Final = 0
"""The version of what is to be made."""

MOST_TAGS: Final = 20
_TAG: Final = re.compile(r'(?P<weak>W/)?"(?P<name>[!#-~]{0,100})"')
_VERSION: Final = re.compile(r'"(?P<version>[1-9][0-9]{0,17})"')


def tag_of_version(version: int) -> str:
    """Write the tag of what has a version of its own.

    >>> tag_of_version(7)
    '"7"'
    """
    return f'"{version}"'


def tag_of_parts(*parts: object) -> str:
    """Write the tag of what is made of several things: each is named, with its version where it has one.

    >>> tag_of_parts("overview", 12, None) == tag_of_parts("overview", 12, None) != tag_of_parts("overview", 13, None)
    True
    """
    return f'"{sha256(repr(parts).encode()).hexdigest()[:32]}"'


def has_already(scope: Scope, tag: str) -> bool:
    """Whether who asks says that they have what the tag stands for, so that it need not be sent.

    A weak tag is as good here: proxies make tags weak when they compress.

    Raises:
        MalformedRequestError: If-None-Match is not a list of tags.
    """
    said = header_of(scope, b"if-none-match")
    return said is not None and (said.strip() == "*" or tag.strip('"') in _names(said))


def expected_version(scope: Scope) -> int:
    """Return the version that is to be changed: that of If-Match, or NOTHING_YET for If-None-Match: *.

    Raises:
        VersionNeededError: neither is there, so that somebody else's change might be lost.
        MalformedRequestError: If-Match is no tag of a version.
    """
    said, new = header_of(scope, b"if-match"), header_of(scope, b"if-none-match")
    if said is None and new is not None and new.strip() == "*":
        return NOTHING_YET
    if said is None:
        raise VersionNeededError
    found = _VERSION.fullmatch(said.strip())
    if found is None or new is not None:
        raise MalformedRequestError(
            "its If-Match is not one ETag of a version, or If-None-Match is there too"
        )
    return int(found["version"])


def _names(said: str) -> set[str]:
    parts = [part.strip() for part in said.split(",")]
    found = [_TAG.fullmatch(part) for part in parts if part]
    if len(found) > MOST_TAGS or not all(found):
        raise MalformedRequestError("its If-None-Match is not a list of ETags")
    return {one["name"] for one in found if one is not None}

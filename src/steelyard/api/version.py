"""Answers with a version: not sent to who has it already, and changed by nobody who has read an older one."""

from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request, Response

from steelyard.api.answer import Answer
from steelyard.server.version import expected_version, has_already, tag_of_version

SENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"headers": {"ETag": {"description": "Which version this is.", "schema": {"type": "string"}}}},
    304: {"description": "Who asks has this version already, as If-None-Match says."},
}
"""What the description of a route says of answers with a version: `responses=SENT`."""


class Versioned:
    """A request that may name a version."""

    def __init__(self, request: Request) -> None:
        """Read the request."""
        self._scope = request.scope

    def answer(self, value: Any, version: int) -> Response:
        """Answer with a value and its version; a reader who says that they have it gets its tag alone."""
        tag = tag_of_version(version)
        return self.same(tag) if self.has(tag) else Answer(value, headers={"ETag": tag})

    def has(self, tag: str) -> bool:
        """Whether a reader has what the tag stands for; who changes something is told what came of it."""
        return self._scope["method"] == "GET" and has_already(self._scope, tag)

    def same(self, tag: str) -> Response:
        """Say that nothing has changed."""
        return Response(status_code=304, headers={"ETag": tag})


async def _versioned(request: Request) -> Versioned:
    return Versioned(request)


async def _expected(
    request: Request,
    if_match: Annotated[str | None, Header(description="The ETag that was read.", examples=['"1"'])] = None,
    if_none_match: Annotated[str | None, Header(description="`*`: there is none yet.")] = None,
) -> int:
    del if_match, if_none_match  # named for the description; one of them must be there
    return expected_version(request.scope)


AskedVersion = Annotated[Versioned, Depends(_versioned)]
"""The request, in a route whose answer has a version."""

ExpectedVersion = Annotated[int, Depends(_expected)]
"""The version that a request changes; 0 = it makes what is not there yet. A service refuses another one."""

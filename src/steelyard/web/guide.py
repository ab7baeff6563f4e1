"""Help: keys, sessions and how to read pages."""

from fastapi import APIRouter, Response

from steelyard.server.permits import signed_in
from steelyard.web.shell import AskedShell

router = APIRouter()


@router.get("/help", dependencies=[signed_in()])
async def show(shell: AskedShell) -> Response:
    """Show it."""
    return shell.draw("help.html", title="Keyboard and help")


@router.post("/session/stay", dependencies=[signed_in()])
async def stay() -> Response:
    """Say that somebody is there: asking is enough, for a request keeps its session alive."""
    return Response(status_code=204)

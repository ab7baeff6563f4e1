"""The first page."""

from fastapi import APIRouter, Request, Response

from steelyard.server.permits import signed_in
from steelyard.web.answer import go_to
from steelyard.web.entry import ProvenActor
from steelyard.web.shell import bare_shell

router = APIRouter()


@router.get("/", dependencies=[signed_in()])
async def go_home(request: Request, actor: ProvenActor) -> Response:
    """Go to the first page that whoever asks may open: the dashboard, or for an admin the people."""
    del actor  # who has shown all that their role asks for
    return go_to(bare_shell(request).home)

"""What was typed before a session ended: shown again, and sent with one press, or let go."""

from typing import Final

from fastapi import APIRouter, Request, Response

from steelyard.server.form import AskedForm
from steelyard.server.permits import signed_in
from steelyard.web.answer import go_to
from steelyard.web.draft import FIELD, Draft
from steelyard.web.entry import wanted
from steelyard.web.shell import Shell, bare_shell

UNTYPED: Final = frozenset({"credential"})
"""Secrets that nobody types: they are made anew on the page where they are asked for."""

router = APIRouter(dependencies=[signed_in()])


@router.post("/draft")
async def resume(request: Request, form: AskedForm) -> Response:
    """Show what was typed, to who signed in in another window meanwhile."""
    return draw_draft(bare_shell(request), form.text(FIELD), wanted(form))


def draw_draft(shell: Shell, text: str, after: str) -> Response:
    """Show what was typed, and offer to send it.

    Args:
        shell: of the page.
        text: the draft, as it travelled; what is none leads on to `after`.
        after: the page that its form stands on.
    """
    draft = Draft.read(text)
    if draft is None:
        return go_to(after)
    can_send = UNTYPED.isdisjoint(draft.misses)
    return shell.draw("draft.html", title="What you had typed", draft=draft, can_send=can_send, after=after)

"""What a browser is told to keep about how pages look: it needs no account, and says nothing of anybody."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.pending import check_return_path
from steelyard.server.form import AskedForm
from steelyard.server.identity import write_cookie
from steelyard.server.permits import public
from steelyard.web.answer import go_to
from steelyard.web.region import REGION_COOKIE, ZONE_COOKIE, as_cookie, is_region, is_zone
from steelyard.web.shell import THEME_COOKIE, THEMES

KEPT: Final = timedelta(days=400)
"""As long as browsers keep anything."""

router = APIRouter()


@router.post("/preferences/theme", dependencies=[public()])
async def choose_theme(request: Request, form: AskedForm) -> Response:
    """Choose light, dark, or what the machine says."""
    answer = go_to(page_of_ours(form.text("next")))
    theme = form.text("theme")
    if theme in THEMES:
        answer.headers.append("Set-Cookie", write_cookie(request.app.wiring.place, THEME_COOKIE, theme, KEPT))
    return answer


@router.post("/preferences/region", dependencies=[public()])
async def choose_region(request: Request, form: AskedForm) -> Response:
    """Choose how numbers and days are written, and the zone of moments; what is empty is the browser's again."""
    answer = go_to(page_of_ours(form.text("next")))
    place = request.app.wiring.place
    for name, value, is_known in (
        (REGION_COOKIE, form.text("region"), is_region),
        (ZONE_COOKIE, form.text("zone"), is_zone),
    ):
        if value and not is_known(value):
            continue
        kept = KEPT if value else timedelta(0)
        answer.headers.append("Set-Cookie", write_cookie(place, name, as_cookie(value), kept))
    return answer


def page_of_ours(path: str, otherwise: str = "/") -> str:
    """Return where to go, if that is a page of ours."""
    try:
        return check_return_path(path)
    except SteelyardError:
        return otherwise

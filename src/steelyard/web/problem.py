"""What went wrong, as a page: what it is, what to do, and the request's id for whoever runs the server."""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from steelyard.identity.permissions import SecondFactorNeededError, Standing
from steelyard.server.body import check_form, read_body
from steelyard.server.call import call_of, header_of
from steelyard.server.form import Form, read_form
from steelyard.server.identity import SAFE_METHODS
from steelyard.server.problem import Problem
from steelyard.server.refusals import RefusedError
from steelyard.web.draft import FIELD, Draft
from steelyard.web.entry import ENROL
from steelyard.web.preference import page_of_ours
from steelyard.web.shell import address_of, bare_shell
from steelyard.web.templates import wants_part

TITLES: Final = {
    HTTPStatus.FORBIDDEN: "You may not do this",
    HTTPStatus.NOT_FOUND: "There is nothing here",
    HTTPStatus.METHOD_NOT_ALLOWED: "There is nothing here",
    HTTPStatus.CONFLICT: "Something else happened first",
    HTTPStatus.PRECONDITION_FAILED: "Somebody changed it meanwhile",
    HTTPStatus.UNPROCESSABLE_ENTITY: "This cannot be used as it is",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many tries",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong on our side",
    HTTPStatus.SERVICE_UNAVAILABLE: "Try again in a moment",
}
ELSE: Final = "This did not work"
LOST: Final = HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED
IN_A_TOAST: Final = {"HX-Retarget": "#toast", "HX-Reswap": "innerHTML"}
"""Headers by which htmx shows an answer at the edge of the page, and leaves what it was asked for as it is."""

NOTHING_HERE: Final = "There is no page at this address. It may have been moved, or mistyped."


async def draw_problem(request: Request, problem: Problem) -> Response:
    """Draw the page of a problem.

    Who is not signed in, or has to prove again who they are, is sent to do so and comes back to the page they wanted;
    what they had typed goes with them.
    """
    page = _page_to_prove_it(call_of(request.scope).error, problem)
    if page:
        return await _ask_first(request, page)
    detail = NOTHING_HERE if problem.kind == "about:blank" and problem.status in LOST else problem.detail
    is_part = wants_part(request)
    return bare_shell(request).draw(
        "problem_part.html" if is_part else "problem.html",
        title=TITLES.get(problem.status, ELSE),
        status=problem.status,
        headers={**problem.headers, **(IN_A_TOAST if is_part else {})},
        detail=detail,
        request_id=call_of(request.scope).request_id,
    )


def _page_to_prove_it(error: Exception | None, problem: Problem) -> str:
    """Return the page on which somebody proves what they have yet to prove; "" = that is not what is wrong."""
    if isinstance(error, SecondFactorNeededError):
        return ENROL if error.standing is Standing.MUST_ENROL else "/step-up"
    if problem.is_signed_out:
        return "/login"
    return "/step-up" if problem.needs_step_up else ""


async def _ask_first(request: Request, page: str) -> Response:
    """Send somebody to prove who they are."""
    here = address_of(request)
    if wants_part(request):
        return _ask_beside(request)
    if (
        request.method in SAFE_METHODS or page == ENROL
    ):  # who has yet to enrol was on no page that sends anything
        here = here if request.method in SAFE_METHODS else "/"
        return RedirectResponse(f"{page}?{urlencode({'next': here})}", HTTPStatus.SEE_OTHER)
    form = await _form_of(request)
    draft = None if form is None else Draft.of(here, form)
    return bare_shell(request).draw(
        "ended.html",
        title="Your session has ended" if page == "/login" else "Prove again who you are",
        status=HTTPStatus.UNAUTHORIZED,
        page=page,
        field=FIELD,
        draft=draft.written if draft else "",
        next=_page_of_form(request, form),
    )


def _ask_beside(request: Request) -> Response:
    """Say it where a part of a page was asked for, which cannot hold another page.

    What only looks is loaded anew as a whole, which leads to signing in. What was typed stays as it is, and is kept
    when it is sent: loading the page anew would lose it.
    """
    if request.method in SAFE_METHODS:
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Refresh": "true"})
    return bare_shell(request).draw(
        "problem_part.html",
        title="Your session has ended",
        status=HTTPStatus.UNAUTHORIZED,
        headers=IN_A_TOAST,
        detail="What you typed is still here. Send it: you are asked who you are, and then see it again.",
        request_id=call_of(request.scope).request_id,
    )


async def _form_of(request: Request) -> Form | None:
    """Read what was sent, as far as it is a form."""
    call, limits = call_of(request.scope), request.app.wiring.limits
    try:
        if call.body is None:
            call.body = await read_body(
                request.receive, request.scope, limits.body_bytes, limits.body_seconds
            )
        check_form(call.body, header_of(request.scope, b"content-type"))
    except RefusedError:
        return None
    return read_form(call.body)


def _page_of_form(request: Request, form: Form | None) -> str:
    """Return the page of ours that a form stands on: where its draft says, or where the browser says it comes from."""
    if form is not None and Draft.read(form.text(FIELD)) is not None:
        return page_of_ours(form.text("next"))
    parts = urlsplit(header_of(request.scope, b"referer") or "")
    is_ours = f"{parts.scheme}://{parts.netloc}" in request.app.wiring.place.origins
    return page_of_ours(f"{parts.path}?{parts.query}" if parts.query else parts.path) if is_ours else "/"

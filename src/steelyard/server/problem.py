"""Errors become answers: problem details (RFC 9457), with the status by the branch of the error.

What an error of ours says is for who asked, except the errors about the store and the machine, which are for who runs
it; those, and every defect, say no more than the id of the request, by which the log tells the rest.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from steelyard.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    SteelyardError,
    UpstreamError,
)
from steelyard.identity.attempts import TooManyTriesError
from steelyard.identity.oauth import CallbackError
from steelyard.identity.pending import NoSignInError, ReturnPathError
from steelyard.identity.session import NotSignedInError, StepUpNeededError
from steelyard.server.call import call_of
from steelyard.server.paths import is_page
from steelyard.server.refusals import RefusedError
from steelyard.services.entrance import SignInFailedError
from steelyard.services.version import ChangedMeanwhileError
from steelyard.storage.failures import DatabaseBusyError

MEDIA_TYPE: Final = "application/problem+json"
BRANCHES: Final = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    NotPermittedError: HTTPStatus.FORBIDDEN,
    ConflictError: HTTPStatus.CONFLICT,
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UpstreamError: HTTPStatus.SERVICE_UNAVAILABLE,
}
OWN: Final = {
    NotSignedInError: HTTPStatus.UNAUTHORIZED,
    StepUpNeededError: HTTPStatus.UNAUTHORIZED,
    SignInFailedError: HTTPStatus.UNAUTHORIZED,
    TooManyTriesError: HTTPStatus.TOO_MANY_REQUESTS,
    DatabaseBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    ChangedMeanwhileError: HTTPStatus.PRECONDITION_FAILED,
    CallbackError: HTTPStatus.BAD_REQUEST,
    NoSignInError: HTTPStatus.BAD_REQUEST,
    ReturnPathError: HTTPStatus.BAD_REQUEST,
}
"""Errors for which HTTP has a status of their own."""

OPERATORS: Final = frozenset(
    f"steelyard.{name}"
    for name in (
        "identity.audit",
        "identity.field_encryption",
        "identity.key_file",
        "identity.provider_settings",
        "identity.vault",
        "services.audit",
        "services.key",
        "storage.address",
        "storage.cloud_sql",
        "storage.connection",
        "storage.embedded",
        "storage.migration",
    )
)
"""Modules whose errors name hosts, files, roles or statements: for who runs the server, not for who asks."""

RETRY_SECONDS: Final = 5
_FIELD: Final = re.compile(r"[A-Za-z_]{1,40}|[0-9]{1,6}")
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, before it is an answer.

    Attributes:
        status: of the answer.
        kind: a URI for programs.
        detail: what is said to who asked.
        headers: of the answer.
        is_signed_out: whether signing in is what would help.
        needs_step_up: whether showing a factor again is what would help.
        extra: for programs.
    """

    status: HTTPStatus
    kind: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    is_signed_out: bool = False
    needs_step_up: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


DrawProblem = Callable[[Request, Problem], Awaitable[Response]]
"""Draws a problem as a page, for people."""


async def answer_to(request: Request, problem: Problem) -> Response:
    """Make the answer to a problem: a page where the application has pages and one was asked for, else JSON."""
    draw: DrawProblem | None = request.app.draw_problem
    if draw is not None and is_page(request.scope["path"]):
        return await draw(request, problem)
    request_id = call_of(request.scope).request_id
    body = problem_body(problem.status, problem.kind, problem.detail, request_id, **problem.extra)
    return Response(body, problem.status, dict(problem.headers), MEDIA_TYPE)


class Problems:
    """Answers for what raises an error of ours, in the shell or in a route."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand around an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        has_begun = False

        async def watch(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except SteelyardError as error:
            if has_begun:
                raise
            call_of(scope).error = error
            answer = await answer_to(Request(scope, receive), problem_of(error))
            await answer(scope, receive, send)


def problem_of(error: SteelyardError) -> Problem:
    """Return what an error of ours is to who asked."""
    status = status_of(error)
    detail = _detail_for_all(status) if _is_for_operators(error) else str(error)
    headers = {}
    wait = getattr(error, "wait", None)
    if wait is None and (status == HTTPStatus.SERVICE_UNAVAILABLE or error.is_temporary):
        wait = timedelta(seconds=RETRY_SECONDS)
    if isinstance(wait, timedelta):
        headers["Retry-After"] = str(max(1, -(-wait // timedelta(seconds=1))))
    if isinstance(error, StepUpNeededError):  # RFC 9470
        age = error.age // timedelta(seconds=1)
        headers["WWW-Authenticate"] = f'Bearer error="insufficient_user_authentication", max_age={age}'
    elif status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Problem(
        status,
        type_of(error),
        detail,
        headers,
        is_signed_out=isinstance(error, NotSignedInError),
        needs_step_up=isinstance(error, StepUpNeededError),
    )


def status_of(error: SteelyardError) -> HTTPStatus:
    """Return the HTTP status of an error: its own, or its branch's.

    >>> from steelyard.domain.amount import AmountError
    >>> status_of(AmountError("price", "", "empty")).value
    422
    """
    if isinstance(error, RefusedError):
        return HTTPStatus(error.status)
    if type(error) in OWN:
        return OWN[type(error)]
    if _is_for_operators(error) and not isinstance(error, UpstreamError):
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return next(
        (status for branch, status in BRANCHES.items() if isinstance(error, branch)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def type_of(error: SteelyardError) -> str:
    """Name the type of an error, for programs: its class, in words.

    >>> from steelyard.server.refusals import TooLargeError
    >>> type_of(TooLargeError(10))
    'urn:steelyard:problem:too-large'
    """
    words = _WORDS.sub("-", type(error).__name__.removesuffix("Error")).lower()
    return f"urn:steelyard:problem:{words}"


async def invalid(request: Request, error: Any) -> Response:
    """Answer to input that does not fit a route: which part, and why; never the input, which may be secret."""
    parts = [{"at": ".".join(map(_step, fault["loc"])), "why": _why(fault)} for fault in error.errors()]
    detail = "; ".join(f"{part['at']}: {part['why']}" for part in parts[:10])
    problem = Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "urn:steelyard:problem:invalid-input",
        f"{detail}. Correct it and send it again.",
        extra={"faults": parts[:100]},
    )
    return await answer_to(request, problem)


async def refused(request: Request, error: Any) -> Response:
    """Answer to what the router refuses: no such path, no such method."""
    status = HTTPStatus(error.status_code)
    detail = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address. /openapi.json lists what there is.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This address does not answer to this method.",
    }.get(status, status.description or status.phrase)
    return await answer_to(request, Problem(status, "about:blank", detail, dict(error.headers or {})))


async def defect(request: Request, error: Exception) -> Response:
    """Answer to a defect of ours: nothing but the id of the request."""
    call_of(request.scope).error = error
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return await answer_to(request, Problem(status, "about:blank", _detail_for_all(status)))


def problem_body(status: HTTPStatus, kind: str, detail: str, request_id: str, **extra: Any) -> bytes:
    """Write problem details."""
    title = "Unprocessable Content" if status == HTTPStatus.UNPROCESSABLE_ENTITY else status.phrase
    body = {
        "type": kind,
        "title": title,
        "status": status.value,
        "detail": detail,
        "request_id": request_id,
        **extra,
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _step(step: object) -> str:
    """Name a field or a place in a list; what looks like neither was made up by who sent it, and is not repeated."""
    return str(step) if _FIELD.fullmatch(str(step)) else "?"


def _why(fault: dict[str, Any]) -> str:
    """Take the sentence of a fault: the rule that is broken, without what broke it."""
    return str(fault["msg"]).removeprefix("Value error, ").removesuffix(".")


def _is_for_operators(error: SteelyardError) -> bool:
    if isinstance(error, RefusedError):
        return False
    return isinstance(error, UpstreamError) or type(error).__module__ in OPERATORS


def _detail_for_all(status: HTTPStatus) -> str:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return "The server cannot answer at the moment. Try again in a few seconds."
    return "Something went wrong on our side. Tell whoever runs this server the request's id."

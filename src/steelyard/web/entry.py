"""What the pages of getting in have in common: where to go afterwards, who must prove more first, codes shown once."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.passwords import SHORTEST_ALONE, SHORTEST_WITH_SECOND_FACTOR
from steelyard.identity.permissions import Actor, SecondFactorNeededError, Standing
from steelyard.identity.session import NotSignedInError, StepUpNeededError
from steelyard.server.browser import Browser, Kept
from steelyard.server.form import Form
from steelyard.server.permits import CurrentActor
from steelyard.server.problem import status_of
from steelyard.services.provider import ProviderQuestion
from steelyard.web.answer import go_to
from steelyard.web.draft import FIELD, Draft
from steelyard.web.preference import page_of_ours
from steelyard.web.shell import Shell, bare_shell

HOME: Final = "/"
ENROL: Final = "/enrol"
PROVE_FIRST: Final = (StepUpNeededError, NotSignedInError)
"""Errors that a page of their own mends: no form is drawn again for them."""

PASSWORD_WORDS: Final = "A few words that only you would put together: at least"  # noqa: S105 - a rule, no password
PASSWORD_RULE: Final = (
    f"{PASSWORD_WORDS} {SHORTEST_ALONE} characters, or {SHORTEST_WITH_SECOND_FACTOR} where your role needs a second "
    "factor."
)


async def _proven(actor: CurrentActor) -> Actor:
    if actor.standing is not Standing.FULL:
        raise SecondFactorNeededError(actor.standing)
    return actor


ProvenActor = Annotated[Actor, Depends(_proven)]
"""Who asks, where they have shown all that their role asks for; others are sent to do so first."""


def wanted(form: Form) -> str:
    """Return the page to go to afterwards, which a form names; only pages of ours are gone to."""
    return page_of_ours(form.text("next"), HOME)


def asked_for(request: Request) -> Form:
    """Return what an address says of where to go afterwards, as a form would."""
    return Form({"next": (page_of_ours(request.query_params.get("next", HOME), HOME),)})


def with_next(path: str, after: str) -> str:
    """Return the address of a page that leads to another one afterwards."""
    return path if after == HOME else f"{path}?{urlencode({'next': after})}"


def draft_in(form: Form) -> str:
    """Return the draft that a form carries, if it is one; "" = none."""
    text = form.text(FIELD)
    return text if Draft.read(text) is not None else ""


def status_for(error: SteelyardError | None) -> int:
    """Return the status of a page that is drawn again because of an error.

    What was shown and does not count is a field to be mended (422): 403 is for who may not send the form at all.
    """
    status = HTTPStatus.OK if error is None else status_of(error)
    return HTTPStatus.UNPROCESSABLE_ENTITY if status == HTTPStatus.FORBIDDEN else status


def codes_or_on(shell: Shell, codes: Sequence[str], after: str) -> Response:
    """Go on; where recovery codes came of a change, show them first, this once."""
    if not codes:
        return go_to(after)
    return shell.draw("codes.html", title="Recovery codes", codes=codes, after=after)


def send_away(request: Request, browser: Browser, asked: ProviderQuestion, label: str) -> Response:
    """Send a browser to a provider, by a page: what follows a form may not leave this site."""
    shell = bare_shell(request)
    answer = shell.draw("away.html", title=f"On to {label}", url=asked.url, label=label)
    browser.keep(answer, Kept.AT_PROVIDER, asked.cookie)
    return answer

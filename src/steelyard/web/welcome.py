"""The first minutes of an installation: the sample book by one press, or the owner's own."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.permits import CurrentActor, permits
from steelyard.server.problem import problem_of
from steelyard.services.first_book import BookThereError, FirstBook, has_accounts
from steelyard.web.answer import go_to
from steelyard.web.entry import HOME
from steelyard.web.shell import AskedShell, bare_shell

router = APIRouter(prefix="/welcome")


@router.get("", dependencies=[permits(Verb.CHANGE, ObjectType.PORTFOLIO)])
async def show(shell: AskedShell, actor: CurrentActor) -> Response:
    """Offer a first book, or say how far it is; where there is one, go and see it."""
    book: FirstBook = shell.request.app.state.first_book
    loading = book.loading_of(actor.tenant_id)
    if loading.is_under_way:
        return shell.draw("welcome.html", title="Loading the sample book", loading=loading, problem="")
    if await has_accounts():
        return go_to(HOME)
    problem = "" if loading.problem is None else problem_of(loading.problem).detail
    return shell.draw("welcome.html", title="Welcome", loading=None, problem=problem)


@router.post("/sample", dependencies=[permits(Verb.CHANGE, ObjectType.PORTFOLIO)])
async def load_sample(request: Request, actor: CurrentActor) -> Response:
    """Begin to load the sample book."""
    book: FirstBook = request.app.state.first_book
    try:
        await book.begin(actor)
    except BookThereError:
        return go_to(HOME)
    return go_to("/welcome")


@router.get("/progress", dependencies=[permits(Verb.CHANGE, ObjectType.PORTFOLIO, by_itself=True)])
async def show_progress(request: Request, actor: CurrentActor) -> Response:
    """Say how far it is; when it is over, let the page go on."""
    book: FirstBook = request.app.state.first_book
    loading = book.loading_of(actor.tenant_id)
    if not loading.is_under_way:
        return Response(status_code=HTTPStatus.OK, headers={"HX-Redirect": "/welcome"})
    return bare_shell(request).draw("welcome_part.html", title="", loading=loading)

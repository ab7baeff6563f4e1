"""What routes declare of who may call them."""

from collections.abc import Iterator
from inspect import iscoroutinefunction

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from serving import wiring_of
from steelyard.api.routes import make_router
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.application import make_application
from steelyard.server.permits import CurrentActor, permits, public, signed_in, signing_in
from steelyard.server.routes import UndeclaredRouteError, undeclared_routes

READ = permits(Verb.READ, ObjectType.PORTFOLIO)


async def answer() -> str:
    return "answered"


def router_of(*dependencies: object) -> APIRouter:
    router = APIRouter()
    router.add_api_route("/toys/{toy}", answer, dependencies=list(dependencies))  # type: ignore[arg-type]  # as given
    return router


@pytest.mark.parametrize("declared", [READ, public(), signing_in(), signed_in()])
def test_a_route_that_declares_what_it_asks_is_served(declared: object) -> None:
    app = make_application(wiring_of(), [router_of(declared)])

    assert undeclared_routes(app) == []


def test_an_undeclared_route_fails_at_the_start() -> None:
    with pytest.raises(UndeclaredRouteError, match=r"/toys/\{toy\}"):
        make_application(wiring_of(), [router_of()])


def test_a_route_declares_once() -> None:
    with pytest.raises(UndeclaredRouteError):
        make_application(wiring_of(), [router_of(READ, public())])
    outer = APIRouter(dependencies=[public()])
    outer.include_router(router_of(READ))
    with pytest.raises(UndeclaredRouteError):
        make_application(wiring_of(), [outer])


def test_who_is_asked_for_is_no_declaration() -> None:
    router = APIRouter()

    @router.get("/me")
    async def get_me(actor: CurrentActor) -> str:
        return actor.name

    with pytest.raises(UndeclaredRouteError, match="/me"):
        make_application(wiring_of(), [router])


def test_what_comes_in_another_way_is_noticed() -> None:
    app = make_application(wiring_of(), [router_of(READ)])
    app.add_route("/plain", answer)  # type: ignore[arg-type]  # never called
    app.mount("/mounted", FastAPI())
    outer = APIRouter(prefix="/outer")
    outer.include_router(router_of())
    app.include_router(outer)

    assert undeclared_routes(app) == ["/plain", "/mounted", "/outer/toys/{toy}"]


async def test_a_route_is_never_reached_past_the_gate() -> None:
    app = FastAPI()
    app.include_router(router_of(READ))
    transport = httpx.ASGITransport(app)

    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        with pytest.raises(KeyError):
            await client.get("/toys/7")


def test_no_route_waits_for_a_thread() -> None:
    """A dependency that is no coroutine is run in a thread, which costs more than most answers."""
    app = make_application(wiring_of(), [make_router()])
    called = {
        inner.call
        for context in iter_route_contexts(app.routes)
        for inner in (context.dependant, *dependants_in(context.dependant))
    }
    plain = {call for call in called if not any(map(iscoroutinefunction, (call, type(call).__call__)))}

    assert len(called) > 100
    assert plain == set()


def dependants_in(dependant: Dependant) -> Iterator[Dependant]:
    for inner in dependant.dependencies:
        yield inner
        yield from dependants_in(inner)

"""The application: the routes given to it, with the shell around them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from steelyard.server.body import Bodies
from steelyard.server.dispatch import Dispatch
from steelyard.server.door import Door
from steelyard.server.figures import Figures
from steelyard.server.gate import Gate
from steelyard.server.kept import KeptAnswers
from steelyard.server.openapi import describe
from steelyard.server.probes import make_probes
from steelyard.server.problem import DrawProblem, Problems, defect, invalid, refused
from steelyard.server.responses import Responses
from steelyard.server.routes import Routes
from steelyard.server.watchers import Watchers
from steelyard.server.wiring import Wiring
from steelyard.services.dashboard import Dashboards
from steelyard.services.document import Documents


class Application(FastAPI):
    """FastAPI with the shell around all of it, its own answers to defects included."""

    wiring: Wiring
    figures: Figures
    declared: Routes
    watchers: Watchers
    exports: Watchers
    stopping: asyncio.Event
    documents: Documents
    dashboards: Dashboards
    kept: KeptAnswers
    draw_problem: DrawProblem | None

    def build_middleware_stack(self) -> ASGIApp:
        """Put the outermost part where nothing answers past it."""
        return Responses(super().build_middleware_stack(), self.wiring, self.figures)

    def openapi(self) -> dict[str, Any]:
        """Describe the routes, once."""
        if self.openapi_schema is None:
            self.openapi_schema = describe(self, self.declared, self.wiring.place)
        return self.openapi_schema


def make_application(
    wiring: Wiring, routers: Sequence[APIRouter] = (), *, draw_problem: DrawProblem | None = None
) -> Application:
    """Make the application of a server.

    Args:
        wiring: what it works with.
        routers: the routes of api and web; each route declares with `permits` what it asks of who calls it.
        draw_problem: draws what goes wrong with a page; None = there are none, and it is said in JSON.

    Raises:
        UndeclaredRouteError: a route does not declare it, or does twice.
    """
    app = Application(
        title="Steelyard",
        version=version("steelyard"),
        openapi_url=None,  # served by probes: every route declares who may call it
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        exception_handlers={
            RequestValidationError: invalid,
            HTTPException: refused,
            Exception: defect,
        },
    )
    app.wiring, app.figures, app.draw_problem = wiring, Figures(), draw_problem
    app.documents, app.dashboards, app.kept = Documents(), Dashboards(), KeptAnswers()
    app.watchers, app.stopping = Watchers(wiring.limits), asyncio.Event()
    app.exports = Watchers(replace(wiring.limits, streams=wiring.limits.exports, principal_streams=1))
    for router in (make_probes(wiring, app.figures), *routers):
        app.include_router(router)
    app.declared = Routes.of(app.routes)
    app.router.middleware_stack = Dispatch(app.router.middleware_stack)
    app.add_middleware(Bodies, wiring=wiring)
    app.add_middleware(Gate, wiring=wiring, routes=app.declared)
    app.add_middleware(Door, wiring=wiring)
    app.add_middleware(Problems)
    return app

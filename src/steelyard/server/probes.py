"""What anybody may ask: whether the server is alive, whether it is ready, its figures, and what it offers."""

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from steelyard.errors import SteelyardError
from steelyard.server.figures import MEDIA_TYPE, Figures
from steelyard.server.permits import public
from steelyard.server.refusals import NotReadyError
from steelyard.server.wiring import Wiring

READY_SECONDS: Final = 3.0


def make_probes(wiring: Wiring, figures: Figures) -> APIRouter:
    """Make the public routes."""
    router = APIRouter(tags=["probes"])

    @router.get("/healthz", dependencies=[public()])
    async def get_health() -> dict[str, str]:
        """Say that the server is alive."""
        return {"status": "alive"}

    @router.get("/readyz", dependencies=[public()])
    async def get_readiness() -> dict[str, str]:
        """Say whether the server can answer: the store is there, and its schema is ours."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await wiring.check_ready()
        except (SteelyardError, TimeoutError) as error:
            raise NotReadyError from error
        return {"status": "ready"}

    @router.get("/metrics", dependencies=[public()], response_class=PlainTextResponse)
    async def get_metrics() -> Response:
        """Give the figures of this process, for Prometheus."""
        return Response(figures.written(), media_type=MEDIA_TYPE)

    @router.get("/openapi.json", dependencies=[public()], include_in_schema=False)
    async def get_openapi(request: Request) -> dict[str, Any]:
        """Say what the server offers."""
        document: dict[str, Any] = request.app.openapi()
        return document

    return router

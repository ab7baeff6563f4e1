"""From the gate to the route: it was found there already, and is not looked for again among all there are."""

from starlette.types import ASGIApp, Receive, Scope, Send

from steelyard.server.call import call_of


class Dispatch:
    """Stands before the router, which answers only what no route does."""

    def __init__(self, otherwise: ASGIApp) -> None:
        """Take who says that there is no such address, or method."""
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route of a request answer."""
        call = call_of(scope) if scope["type"] == "http" else None
        if call is None or call.route is None or call.route.app is None:
            await self._otherwise(scope, receive, send)
            return
        scope["path_params"] = call.parameters
        scope["endpoint"] = call.route.endpoint
        await call.route.app(scope, receive, send)

"""Which route answers, who asks, and may they: decided before a byte of the body is read."""

import asyncio
from contextlib import AbstractContextManager
from dataclasses import replace

from starlette.types import ASGIApp, Receive, Scope, Send

from steelyard.identity.permissions import Actor, authorize
from steelyard.identity.session import NotSignedInError
from steelyard.server.call import Call, call_of
from steelyard.server.identity import check_same_site, key_of, secret_of
from steelyard.server.paths import is_api
from steelyard.server.permits import Access, Need
from steelyard.server.rates import Rate
from steelyard.server.refusals import BusyError
from steelyard.server.routes import Routes
from steelyard.server.wiring import Wiring
from steelyard.storage.acting import NOBODY, acting_as


class Gate:
    """Lets a request through to the route it may call, working for who asks."""

    def __init__(self, app: ASGIApp, wiring: Wiring, routes: Routes) -> None:
        """Stand around an application."""
        self._app, self._wiring, self._routes = app, wiring, routes
        self._rate = Rate(wiring.limits.principal_rate, wiring.limits.principal_burst, wiring.seconds)
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        call = call_of(scope)
        found = self._routes.find(scope["method"], scope["path"])
        call.route, call.parameters = found or (None, {})
        if call.route is not None and call.route.access.need is Need.PUBLIC:
            check_same_site(scope, self._wiring.place)
            with _acting(call):
                await self._app(scope, receive, send)
            return
        if self._under_way >= self._wiring.limits.at_once:
            raise BusyError
        self._under_way += 1
        try:
            async with asyncio.timeout(self._wiring.limits.answer_seconds) as deadline:
                await self._identify(call, scope)
                with _acting(call):
                    await self._app(scope, receive, send)
        except TimeoutError as error:
            if not deadline.expired():  # a route's own
                raise
            raise BusyError from error
        finally:
            self._under_way -= 1

    async def _identify(self, call: Call, scope: Scope) -> None:
        access = call.route.access if call.route is not None else None
        needs_actor = access is not None and access.need is not Need.SIGNING_IN
        if access is None:
            needs_actor = is_api(scope["path"])
        secret = secret_of(scope, self._wiring.place) if needs_actor else None
        if needs_actor and secret is None:
            raise NotSignedInError
        check_same_site(scope, self._wiring.place)
        if secret is not None:
            is_present = access is None or not access.by_itself
            call.actor = await self._wiring.find_actor(secret, call.request_id, is_present=is_present)
            self._rate.take(call.actor.name)
            if access is not None:
                check_access(access, call.actor, call.parameters)
                if access.moves_money and is_api(scope["path"]):  # a page has its key in the form
                    key_of(scope)


def check_access(access: Access, actor: Actor, parameters: dict[str, str]) -> None:
    """See that somebody may do what a route does.

    Raises:
        NotPermittedError: they may not; see `authorize`.
        NotFoundError: the account is not one that they see.
    """
    if access.verb is not None and access.object_type is not None:
        account_id = None if access.account is None else parameters[access.account]
        authorize(actor, access.verb, access.object_type, account_id)


def _acting(call: Call) -> AbstractContextManager[None]:
    if call.actor is not None:
        return acting_as(call.actor.acting)
    return acting_as(replace(NOBODY, request_id=call.request_id))

"""The routes of the application, with what each asks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from steelyard.server.permits import Access


class UndeclaredRouteError(RuntimeError):
    """A route does not say, once, what it asks of who calls it: a defect of the program."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route that answers.

    Attributes:
        path: with its parameters' names, such as /api/v1/accounts/{account_id}.
        methods: what it answers to.
        pattern: matches its paths.
        access: what it asks of who calls it.
        body_bytes: how large a body it takes; None = as large as the rest.
    """

    path: str
    methods: frozenset[str]
    pattern: re.Pattern[str]
    access: Access
    body_bytes: int | None


@dataclass(frozen=True, slots=True)
class Routes:
    """Every route, in the order in which they are asked."""

    routes: tuple[Route, ...]

    @classmethod
    def of(cls, routes: Sequence[BaseRoute]) -> "Routes":
        """Read the routes of an application.

        Raises:
            UndeclaredRouteError: one does not declare what it asks, or does twice.
        """
        undeclared = list(_undeclared(routes))
        if undeclared:
            raise UndeclaredRouteError(f"declare once what these routes ask: {', '.join(undeclared)}")
        return cls(tuple(_route(context) for context in iter_route_contexts(routes)))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route that answers, with the parameters in its path; None = none does."""
        for route in self.routes:
            if method in route.methods and (found := route.pattern.match(path)):
                return route, found.groupdict()
        return None


def undeclared_routes(app: Any) -> list[str]:
    """Return the paths of routes that do not declare, once, what they ask of who calls them."""
    return list(_undeclared(app.routes))


def _undeclared(routes: Sequence[BaseRoute]) -> Iterator[str]:
    for context in iter_route_contexts(routes):
        if len(_accesses(context)) != 1:
            yield str(context.path)


def _route(context: Any) -> Route:
    [access] = _accesses(context)
    return Route(
        context.path_format,
        frozenset(context.methods or ()),
        context.path_regex,
        access,
        context.max_body_size,
    )


def _accesses(context: Any) -> list[Access]:
    dependant = getattr(context, "dependant", None)
    return [] if dependant is None else list(_declared_in(dependant))


def _declared_in(dependant: Dependant) -> Iterator[Access]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Access):
            yield inner.call
        yield from _declared_in(inner)

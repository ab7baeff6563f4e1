"""The routes of the application, with what each asks."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.convertors import Convertor
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

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
        app: answers; None = the router has to look for it.
        endpoint: the function that does.
        convertors: of the parameters in its path.
    """

    path: str
    methods: frozenset[str]
    pattern: re.Pattern[str]
    access: Access
    body_bytes: int | None
    app: ASGIApp | None
    endpoint: Callable[..., Any] | None
    convertors: Mapping[str, Convertor[Any]]

    def parameters(self, path: str) -> dict[str, Any] | None:
        """Return the parameters in a path of it; None = the path is another's."""
        found = self.pattern.match(path)
        if found is None:
            return None
        return {name: self.convertors[name].convert(text) for name, text in found.groupdict().items()}


@dataclass(frozen=True, slots=True)
class Routes:
    """Every route, in the order in which they are asked."""

    routes: tuple[Route, ...]
    plain: Mapping[tuple[str, str], Route]
    """Method and path → the route, where no route before it might answer too: those whose path has no parameters."""

    @classmethod
    def of(cls, routes: Sequence[BaseRoute]) -> "Routes":
        """Read the routes of an application.

        Raises:
            UndeclaredRouteError: one does not declare what it asks, or does twice.
        """
        undeclared = list(_undeclared(routes))
        if undeclared:
            raise UndeclaredRouteError(f"declare once what these routes ask: {', '.join(undeclared)}")
        found = tuple(_route(context) for context in iter_route_contexts(routes))
        return cls(found, dict(_plain(found)))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, Any]] | None:
        """Return the route that answers, with the parameters in its path; None = none does."""
        if (plain := self.plain.get((method, path))) is not None:
            return plain, {}
        for route in self.routes:
            if method in route.methods and (parameters := route.parameters(path)) is not None:
                return route, parameters
        return None


def undeclared_routes(app: Any) -> list[str]:
    """Return the paths of routes that do not declare, once, what they ask of who calls them."""
    return list(_undeclared(app.routes))


def _undeclared(routes: Sequence[BaseRoute]) -> Iterator[str]:
    for context in iter_route_contexts(routes):
        if len(_accesses(context)) != 1:
            yield str(context.path)


def _plain(routes: Sequence[Route]) -> Iterator[tuple[tuple[str, str], Route]]:
    """Give the routes without parameters that the first match of their path is."""
    for route in routes:
        for method in route.methods if "{" not in route.path else ():
            first = next(one for one in routes if method in one.methods and one.pattern.match(route.path))
            if first is route:
                yield (method, route.path), route


def _route(context: Any) -> Route:
    [access] = _accesses(context)
    return Route(
        context.path_format,
        frozenset(context.methods or ()),
        context.path_regex,
        access,
        context.max_body_size,
        context.app,
        context.endpoint,
        context.param_convertors,
    )


def _accesses(context: Any) -> list[Access]:
    dependant = getattr(context, "dependant", None)
    return [] if dependant is None else list(_declared_in(dependant))


def _declared_in(dependant: Dependant) -> Iterator[Access]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Access):
            yield inner.call
        yield from _declared_in(inner)

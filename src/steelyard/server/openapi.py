"""What the server offers, as OpenAPI: each route with what it asks of who calls it, and how it says no."""

from contextlib import suppress
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from steelyard.server.examples import KNOWN, NoExampleError, example_of
from steelyard.server.permits import Access, Need
from steelyard.server.place import Place
from steelyard.server.problem import MEDIA_TYPE
from steelyard.server.routes import Routes

PROBLEM: Final = {
    "type": "object",
    "description": "Problem details, RFC 9457.",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "What went wrong, for programs."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What went wrong and what to do, for people."},
        "request_id": {"type": "string", "description": "What to tell whoever runs the server."},
        "faults": {
            "type": "array",
            "description": "Each part of the input that breaks a rule.",
            "items": {
                "type": "object",
                "required": ["at", "why"],
                "properties": {"at": {"type": "string"}, "why": {"type": "string"}},
            },
        },
    },
}
KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "New for each request; the same again repeats it, and gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    "example": "5f3a9c1e-review-1",
}
NO: Final = {
    "description": "Refused or failed; the body says why.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe(app: FastAPI, routes: Routes, place: Place) -> dict[str, Any]:
    """Return the document.

    Args:
        app: has the routes.
        routes: the same, with what each asks.
        place: where they are.
    """
    document: dict[str, Any] = get_openapi(title=app.title, version=app.version, routes=app.routes)
    document["servers"] = [{"url": place.public_url}]
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):  # what FastAPI would say, and ours does not
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    components["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": place.cookie_name("sid")},
        "token": {"type": "http", "scheme": "bearer"},
    }
    for route in routes.routes:
        for method in route.methods:
            operation = document["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                _exemplify(operation, schemas)
                operation |= _asked(route.access)
                if route.access.moves_money:
                    operation.setdefault("parameters", []).append(KEY)
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = NO
    return document


def _exemplify(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Give each required parameter and the body an example, and each parameter that has a well-known one.

    A test sees that none is missing; whoever reads the description meanwhile does without.
    """
    for parameter in operation.get("parameters", ()):
        if parameter["required"] or parameter["name"] in KNOWN:
            with suppress(NoExampleError):
                parameter["example"] = example_of(parameter["schema"], schemas, parameter["name"])
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        with suppress(NoExampleError):
            content["example"] = example_of(content["schema"], schemas, "body")


def _asked(access: Access) -> dict[str, Any]:
    if access.need in {Need.PUBLIC, Need.SIGNING_IN}:
        return {"security": []}
    permission = f"{access.verb} {access.object_type}" if access.verb else access.need.value
    return {"security": [{"session": []}, {"token": []}], "x-permission": permission}

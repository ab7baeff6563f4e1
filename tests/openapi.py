"""An OpenAPI document of others: what it says of a request, and of an answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped] # it brings no types
from jsonschema_rs import Draft202012Validator

METHODS: Final = frozenset({"get", "post", "put", "patch", "delete"})


@dataclass(frozen=True)
class Operation:
    """What may be asked at a path, and what is answered.

    Attributes:
        template: the path with braces.
        names: what stood in the braces.
        parameters: of path, query and header, by name.
        body: schema of the request's body; None = it has none.
        answers: status → schema of the body; None = none is described.
    """

    template: str
    names: Mapping[str, str]
    parameters: Mapping[str, Mapping[str, Any]]
    body: Any
    answers: Mapping[int, Any]


class Document:
    """An OpenAPI 3.0 document."""

    def __init__(self, path: Path, exceptions: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """Read it.

        Args:
            path: YAML.
            exceptions: (schema, property) → what it says instead, where the document contradicts itself.
        """
        self._loaded: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        for (schema, name), instead in exceptions.items():
            self._loaded["components"]["schemas"][schema]["properties"][name] = dict(instead)

    @property
    def security(self) -> frozenset[str]:
        """The headers of a login."""
        schemes = self._loaded["components"]["securitySchemes"].values()
        return frozenset(scheme["name"].lower() for scheme in schemes)

    def find(self, method: str, path: str) -> Operation | None:
        """Return what is described of a request; None = nothing."""
        for template, pattern in self._patterns:
            if (match := pattern.fullmatch(path)) and method.lower() in self._loaded["paths"][template]:
                return self._operation(template, method.lower(), match.groupdict())
        return None

    def schema(self, name: str) -> Any:
        """Return a schema by its name, as JSON Schema."""
        return self._resolved(self._loaded["components"]["schemas"][name])

    def violations_of_request(
        self, method: str, path: str, query: Sequence[tuple[str, str]], body: object
    ) -> list[str]:
        """Say how a request departs from the document; a body of None is none."""
        operation = self.find(method, path)
        if operation is None:
            return [f"{method} {path} is not described"]
        where = f"{method} {operation.template}"
        known = operation.parameters
        found = [f"{where} takes no {name}" for name, _ in query if name not in known]
        for name, text in [*query, *operation.names.items()]:
            schema = known.get(name, {}).get("schema", {})
            value: object = int(text) if schema.get("type") == "integer" and text.isdigit() else text
            found += [f"{where} {name}={text}: {fault}" for fault in violations(schema, value)]
        if (body is None) != (operation.body is None):
            return [*found, f"{where} {'lacks' if body is None else 'takes no'} body"]
        return (
            found if body is None else found + [f"{where}: {one}" for one in violations(operation.body, body)]
        )

    def violations_of_answer(self, method: str, path: str, status: int, body: object) -> list[str]:
        """Say how an answer departs from the document; a status that it does not describe passes."""
        operation = self.find(method, path)
        assert operation is not None
        schema = operation.answers.get(status)
        return [] if schema is None else violations(schema, body)

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        return [
            (template, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)))
            for template in self._loaded["paths"]
        ]

    def _operation(self, template: str, method: str, names: Mapping[str, str]) -> Operation:
        item = self._loaded["paths"][template]
        described = [*item.get("parameters", ()), *item[method].get("parameters", ())]
        parameters = [self._resolved(one) for one in described]
        content = item[method].get("requestBody", {}).get("content", {}).get("application/json")
        return Operation(
            template,
            names,
            {one["name"]: one for one in parameters},
            None if content is None else self._resolved(content["schema"]),
            {
                int(status): self._resolved(answer["content"]["application/json"]["schema"])
                for status, answer in item[method]["responses"].items()
                if "application/json" in answer.get("content", {})
            },
        )

    def _resolved(self, thing: Any, depth: int = 0) -> Any:
        """Replace references by what they refer to, to some depth, and `nullable` by the type null."""
        if isinstance(thing, list):
            return [self._resolved(one, depth) for one in thing]
        if not isinstance(thing, dict):
            return thing
        if "$ref" in thing:
            if depth > 3:  # an order may have legs that are orders
                return {}
            place: Any = self._loaded
            for step in thing["$ref"].removeprefix("#/").split("/"):
                place = place[step]
            return self._resolved(place, depth + 1)
        found = {name: self._resolved(inner, depth) for name, inner in thing.items()}
        if found.get("nullable") and isinstance(found.get("type"), str):
            found["type"] = [found["type"], "null"]
        return found


def violations(schema: Any, value: object) -> list[str]:
    """Say how a value departs from a JSON Schema, its formats too."""
    errors = Draft202012Validator(schema, validate_formats=True).iter_errors(value)
    return [f"{'.'.join(map(str, error.instance_path))} {error.message}".strip() for error in errors]

"""Examples in the description of the interface: made of its schemas, with values people know from the sample book.

A part is known by its name; what has no entry here takes the form that its schema gives, where it gives one. A body
that no composition makes sense of carries an example of its own (`json_schema_extra`), which is then taken as it is.
"""

from collections.abc import Mapping
from typing import Any, Final

from steelyard.errors import NotFoundError

KNOWN: Final[Mapping[str, Any]] = {
    "account": "RIVERA-IRA",
    "account_id": "RIVERA-IRA",
    "accounts": ["RIVERA-IRA"],
    "action": "user.create",
    "actor": "operator",
    "amount": "1000.00",
    "approval_limit": "250000.00",
    "as_of": "2022-12-28",
    "asset": "AAPL",
    "asset_id": "AAPL",
    "assets": ["AAPL"],
    "benchmark": "AAPL",
    "code": "123456",
    "code_limit": "25000.00",
    "content_hash": "9aa996ac866b47ca6198764d35537c2c4c8c39c78e97e9d2ec896d6dfe84302b",
    "credential": {"id": "AQIDBA", "type": "public-key"},
    "currency": "USD",
    "exclusions": {"sectors": ["Energy"]},
    "execution_id": "7f3a9c-1",
    "expires_at": "2027-01-01T00:00:00Z",
    "explanation": "a dividend that the broker books a day later",
    "first": "2022-01-03",
    "goals": ["a house"],
    "horizon_years": 10,
    "household": "RIVERA",
    "if-match": '"1"',
    "if-none-match": "*",
    "id": "max-position",
    "issuer": "https://login.example.com",
    "label": "the blue one",
    "last": "2022-12-28",
    "limit_price": "189.50",
    "login": "ada@example.org",
    "model": "BALANCED",
    "name": "Ada",
    "nonce": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "object_id": "RIVERA-IRA",
    "object_type": "account",
    "passkey_id": "AQIDBA",
    "password": "a heron counts the pebbles",
    "preferences": {"sectors": ["Technology"]},
    "price_tolerance": "0.005",
    "quantity": "10",
    "reason": "the mandate of 2026-01-02",
    "return_to": "/",
    "rights": ["PROPOSE"],
    "risk_tolerance": 3,
    "role": "viewer",
    "rule_id": "max-position",
    "scopes": ["read:portfolio"],
    "search": "apple",
    "secret": "c2VjcmV0IG9mIGEgb25lLXRpbWUgbGluayBvZiBvdXJz",
    "source_document": "Mandate of 2026-01-02, section 4",
    "subject": "ada",
    "symbol": "AAPL",
    "weights": {"AAPL": "0.6", "MSFT": "0.4"},
}
"""Name of a part → its example."""

BY_FORMAT: Final[Mapping[str, str]] = {
    "uuid": "6f0e0d1c-2b3a-4958-8776-655443322110",
    "date": "2022-12-28",
    "date-time": "2026-01-02T15:04:05Z",
}


class NoExampleError(NotFoundError):
    """Nothing says how a part looks: a defect of the description."""

    def __init__(self, name: str) -> None:
        """Name the part, and where its example goes."""
        super().__init__(f"No example of {name!r}: add one to server/examples.py, or to its body.")


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str) -> Any:
    """Make an example.

    Args:
        schema: of JSON, as the description has it.
        schemas: those that it refers to, by name.
        name: of the part.

    Raises:
        NoExampleError: neither the name nor the schema says how it looks.

    >>> body = {"type": "object", "required": ["account"], "properties": {"account": {}, "limit": {}}}
    >>> example_of(body, {}, "body")
    {'account': 'RIVERA-IRA'}
    """
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for given in ("example", "default", "const"):
        if given in schema:
            return schema[given]
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("enum"):
        known = KNOWN.get(name)
        return known if known in schema["enum"] else schema["enum"][0]
    if name in KNOWN:
        return KNOWN[name]
    return _by_form(schema, schemas, name)


def _by_form(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str) -> Any:
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas, name)
    match schema.get("type"):
        case "object" if "properties" in schema:
            parts = schema["properties"]
            return {part: example_of(parts[part], schemas, part) for part in schema.get("required", ())}
        case "array":
            return [example_of(schema["items"], schemas, name)] if schema.get("minItems") else []
        case "boolean":
            return True
        case "integer":
            return int(schema.get("minimum", 1))
    if schema.get("format") in BY_FORMAT:
        return BY_FORMAT[schema["format"]]
    raise NoExampleError(name)

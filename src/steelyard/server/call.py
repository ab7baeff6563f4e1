"""One request on its way through the shell: what is known of it so far."""

from dataclasses import dataclass, field
from typing import Any, Final

from starlette.types import Scope

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import Actor
from steelyard.server.place import Address
from steelyard.server.routes import Route
from steelyard.server.upload import Upload

KEY: Final = "steelyard.call"


@dataclass(slots=True)
class Call:
    """What is known of a request.

    Attributes:
        request_id: made by us, 128 bits in hex.
        address: who asks, as far as proxies of ours say; None = unknown yet, or no address at all.
        route: the route that answers; None = none does.
        parameters: of its path.
        actor: who asks; None = nobody in particular.
        error: what the request failed with; None = nothing.
        body: of the request; None = it was not read.
        upload: the form with files that it sends; None = it sends none.
        status: of the answer; 0 = none has begun.
    """

    request_id: str
    address: Address | None = None
    route: Route | None = None
    actor: Actor | None = None
    error: Exception | None = None
    body: bytes | None = None
    upload: Upload | None = None
    status: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def is_defect(self) -> bool:
        """Whether it failed with an error that nobody raised on purpose."""
        return self.error is not None and not isinstance(self.error, SteelyardError)


def call_of(scope: Scope) -> Call:
    """Return what is known of a request; a KeyError says that it did not come through the shell."""
    call: Call = scope[KEY]
    return call


def headers_of(scope: Scope, name: bytes) -> list[str]:
    """Return the values of a header, each as it was sent."""
    pairs: list[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1") for key, value in pairs if key == name]


def header_of(scope: Scope, name: bytes) -> str | None:
    """Return the value of a header that comes once; None = it did not come. The door refuses doubles."""
    values = headers_of(scope, name)
    return values[0] if values else None

"""What the shell refuses before a route sees it. Each error knows its HTTP status; none repeats what was sent."""

from datetime import timedelta
from typing import ClassVar

from steelyard.errors import InvalidInputError, NotPermittedError, SteelyardError, UpstreamError


class RefusedError(SteelyardError):
    """What the shell refuses.

    Attributes:
        status: of the answer, where it is not that of the branch.
    """

    status: ClassVar[int]


class MalformedRequestError(RefusedError, InvalidInputError):
    """The request breaks a rule of HTTP, or one of ours about its form."""

    status = 400

    def __init__(self, rule: str) -> None:
        """Name the rule."""
        super().__init__(f"The request is refused: {rule}.")


class KeyNeededError(RefusedError, InvalidInputError):
    """A request that moves money came without a key of its own."""

    status = 400

    def __init__(self) -> None:
        """Say what to send."""
        super().__init__(
            "This needs a header Idempotency-Key: 1 to 200 visible ASCII characters, new for each request, and the "
            "same again to repeat it. Nothing was done."
        )


class VersionNeededError(RefusedError, InvalidInputError):
    """A change came without the version it is about."""

    status = 428

    def __init__(self) -> None:
        """Say what to send."""
        super().__init__(
            "Say which version you change: If-Match with the ETag that you read, or If-None-Match: * for what is not "
            "there yet. Nothing was changed."
        )


class MalformedJsonError(RefusedError, InvalidInputError):
    """The body is not one plain JSON object."""

    status = 400

    def __init__(self) -> None:
        """Name the rules; the body may hold secrets and is not repeated."""
        super().__init__(
            "The body is not one plain JSON object in UTF-8: no key twice, no NaN or infinity, no lone surrogate, "
            "no number beyond double precision, at most 32 levels deep. Correct it and send it again."
        )


class MalformedFormError(RefusedError, InvalidInputError):
    """The body is not one plain form."""

    status = 400

    def __init__(self) -> None:
        """Say so; the body may hold secrets and is not repeated."""
        super().__init__("What was sent is not one plain form. Load the page again, and send it again.")


class NotFormError(RefusedError, InvalidInputError):
    """The body of a page is of another type."""

    status = 415

    def __init__(self) -> None:
        """Name the type."""
        super().__init__(
            "Pages take forms: Content-Type: application/x-www-form-urlencoded. Programs use /api/v1."
        )


class SlowRequestError(RefusedError, InvalidInputError):
    """The body did not arrive in time."""

    status = 408

    def __init__(self, seconds: float) -> None:
        """Say how long was waited."""
        super().__init__(f"The body did not arrive within {seconds:g} seconds. Send it again.")


class TooLargeError(RefusedError, InvalidInputError):
    """The body is larger than the route takes."""

    status = 413

    def __init__(self, limit: int) -> None:
        """Name the limit."""
        super().__init__(f"The body is larger than {limit} bytes, the most that is taken here. Send less.")


class NotJsonError(RefusedError, InvalidInputError):
    """The body is of another type."""

    status = 415

    def __init__(self) -> None:
        """Name the type."""
        super().__init__("Bodies are JSON here. Send Content-Type: application/json.")


class HeadersTooLargeError(RefusedError, InvalidInputError):
    """There are too many headers, or too long ones."""

    status = 431

    def __init__(self) -> None:
        """Say so."""
        super().__init__("There are too many headers, or too long ones. Send fewer.")


class MisdirectedError(RefusedError, NotPermittedError):
    """The request came around the proxy."""

    status = 421

    def __init__(self) -> None:
        """Say where to ask."""
        super().__init__("This server answers its proxy only. Use its public address, over https.")


class CrossSiteError(RefusedError, NotPermittedError):
    """Another site may have made the browser send this."""

    status = 403

    def __init__(self) -> None:
        """Say what is missing."""
        super().__init__(
            "The request does not come from a page of this site, so it was not carried out. Open the page here and "
            "try again; a program sends an API token, and no cookie."
        )


class TooManyRequestsError(RefusedError, NotPermittedError):
    """More requests came than one address, or one user, is given."""

    is_temporary = True
    status = 429

    def __init__(self, wait: timedelta) -> None:
        """Say how long to wait."""
        seconds = max(1, -(-wait // timedelta(seconds=1)))
        super().__init__(
            f"Too many requests. Wait {seconds} {'second' if seconds == 1 else 'seconds'}, then try again."
        )
        self.wait = wait


class NotReadyError(RefusedError, UpstreamError):
    """The store did not answer."""

    is_temporary = True
    status = 503

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The server is not ready. Try again in a moment.")


class BusyError(RefusedError, UpstreamError):
    """As many requests are under way as the server takes."""

    is_temporary = True
    status = 503

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The server is busy. Try again in a moment.")

"""The embedded server, for the commands that are about it and no other."""

from typing import TYPE_CHECKING

from steelyard.cli.output import working
from steelyard.config import Settings
from steelyard.errors import ConflictError

if TYPE_CHECKING:
    from steelyard.storage.embedded import EmbeddedServer


class NotEmbeddedError(ConflictError):
    """The settings name a server that is not ours to start or stop."""

    def __init__(self, verb: str) -> None:
        """Say whose it is."""
        super().__init__(
            "DATABASE_URL or INSTANCE_CONNECTION_NAME is set, so the store is a server that Steelyard does not "
            f"{verb}; unset it to use the embedded one."
        )


def require_embedded(settings: Settings, verb: str) -> None:
    """End unless the store is the embedded one."""
    if settings.database_url is not None or settings.instance_connection_name is not None:
        raise NotEmbeddedError(verb)


async def start_embedded(settings: Settings) -> "EmbeddedServer":
    """Return the running server; start it first where that is needed."""
    from steelyard.storage import embedded

    with working("Starting the embedded PostgreSQL") as report:
        return await embedded.start(settings.data_dir, postgres_bin=settings.postgres_bin, report=report)

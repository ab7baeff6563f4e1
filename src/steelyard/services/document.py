"""Published documents for many at once: who sees which is asked at every request, and made into answers once."""

from dataclasses import replace
from typing import Final, Unpack

from steelyard.domain.scope import TENANT
from steelyard.services.asset_360 import Which, get_document
from steelyard.services.scope import require_scope
from steelyard.services.together import Together
from steelyard.storage.acting import NOBODY, current_acting
from steelyard.storage.asset_360 import Document, NoVersionError
from steelyard.storage.connection import get_db_session
from steelyard.storage.document import DocumentAsked, DocumentSeen, find_documents_seen

MOST_AT_ONCE: Final = 100


class Documents:
    """The documents of a store, for those who may see them."""

    def __init__(self) -> None:
        """Begin with nobody asking."""
        self._looking = Together(find_documents_seen, most=MOST_AT_ONCE)

    async def find(self, **which: Unpack[Which]) -> DocumentSeen:
        """Say which document answers whom this works for, as of now; see `Which`.

        Raises:
            UnknownScopeError, NoVersionError: there is none that they see.
        """
        acting = replace(current_acting(NOBODY), actor="", request_id="")  # the user decides what is seen
        scope = which.get("scope", TENANT)
        asked = DocumentAsked(acting, scope, which.get("version"), which.get("as_of"))
        seen = await self._looking.ask(asked)
        if seen is None:
            async with get_db_session() as db:
                await require_scope(db, scope)
            raise NoVersionError(scope, version=asked.version, as_of=asked.as_of)
        return seen


async def read_seen(seen: DocumentSeen) -> Document:
    """Return a document that was found; raises NoVersionError where it is gone by now."""
    return await get_document(scope=seen.scope, version=seen.version)

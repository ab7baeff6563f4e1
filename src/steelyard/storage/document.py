"""Published documents, as each of many people sees them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from steelyard.domain.scope import Scope
from steelyard.storage.acting import Acting
from steelyard.storage.connection import look_up


@dataclass(frozen=True, slots=True)
class DocumentAsked:
    """Somebody's question for the document of a scope.

    Attributes:
        acting: who asks.
        scope: of what.
        version: a kept version; None = that of `as_of`, or the current one.
        as_of: a day, the newest version of which is asked for; ignored where a version is.
    """

    acting: Acting
    scope: Scope
    version: int | None
    as_of: date | None


@dataclass(frozen=True, slots=True)
class DocumentSeen:
    """A document that who asked for it sees.

    Attributes:
        tenant_id: whose.
        scope: of what.
        version: of asset 360.
        content_hash: of that version; it tells versions of one number apart, before and after a restore.
    """

    tenant_id: int | None
    scope: Scope
    version: int
    content_hash: str


async def find_documents_seen(asked: Sequence[DocumentAsked]) -> dict[DocumentAsked, DocumentSeen]:
    """Return which document answers each question; what whoever asks does not see, or is not there, is left out.

    The policies of the database decide, on each question anew, for the user who asks it.

    Args:
        asked: each once.
    """
    written = json.dumps([_written(place, one) for place, one in enumerate(asked)])
    rows = await look_up("find_documents_seen", {"asked": written})
    return {
        (one := asked[row["place"]]): DocumentSeen(
            one.acting.tenant_id, one.scope, row["version"], row["content_hash"]
        )
        for row in rows
    }


def _written(place: int, asked: DocumentAsked) -> dict[str, str | int | None]:
    acting = asked.acting
    return {
        "place": place,
        "tenant": "" if acting.tenant_id is None else str(acting.tenant_id),
        "actor": acting.actor,
        "user_id": "" if acting.user_id is None else str(acting.user_id),
        "request": acting.request_id,
        "scope_kind": asked.scope.kind,
        "scope_id": asked.scope.id,
        "version": asked.version,
        "as_of": None if asked.as_of is None else asked.as_of.isoformat(),
    }

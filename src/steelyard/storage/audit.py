"""The audit's chain of events."""

import json
from collections.abc import Mapping

from steelyard.storage.connection import MigratorSession, WriteSession
from steelyard.storage.queries import query

Fact = str | int | bool | None


async def record_event(
    db: WriteSession | MigratorSession,
    action: str,
    object_type: str,
    object_id: str,
    facts: Mapping[str, Fact] | None = None,
) -> int:
    """Add an event to the chain of the session's tenant, in the transaction of what it tells.

    Call it last: whoever adds an event for the same tenant waits until this transaction ends.

    Args:
        db: the session of the change.
        action: what was done, noun.verb.
        object_type: what it was done to.
        object_id: which one; "" where there is only one.
        facts: what else matters; never a secret, never a person's data.

    Returns:
        Its number in the chain.
    """
    values = {
        "action": action,
        "object_type": object_type,
        "object_id": object_id,
        "facts": json.dumps(facts or {}),
    }
    sequence: int = (await db.execute(query("record_event"), values)).scalar_one()
    return sequence

"""Tries that failed or are under way, under keyed hashes of what they are counted by."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query


async def count_tries(
    db: WriteSession, buckets: Collection[bytes], *, period: timedelta, now: datetime
) -> Mapping[bytes, tuple[int, datetime]]:
    """Count a try under each bucket, in one statement that others who count the same wait for.

    Args:
        db: a transaction of its own, committed before the try is made, and rolled back where it is refused.
        buckets: 32 bytes each.
        period: after which counting begins anew.
        now: the time, with its zone.

    Returns:
        Bucket → tries since the period began, this one included, and when it began.
    """
    values = {"buckets": list(buckets), "period": period, "now": now}
    rows = await db.execute(query("count_tries"), values)
    return {bytes(bucket): (tries, since) for bucket, tries, since in rows}


async def forget_tries(
    db: WriteSession, bucket: bytes, *, shared: bytes | None = None, before: datetime
) -> None:
    """Forget the tries of who was right.

    Args:
        db: the transaction that lets them in.
        bucket: what they alone count under.
        shared: what others count under, too: one try is taken back.
        before: what began earlier counts nowhere any more, and is forgotten too.
    """
    await db.execute(query("hold_tries"), {"buckets": [bucket, shared] if shared else [bucket]})
    await db.execute(query("forget_tries"), {"bucket": bucket, "before": before})
    if shared:
        await take_back_try(db, shared)


async def take_back_try(db: WriteSession, bucket: bytes) -> None:
    """Take back the try of who was right, where others count under the same bucket."""
    await db.execute(query("take_back_try"), {"bucket": bucket})

-- name: count_tries
-- Count a try under each bucket, the first of a new period as one; who counts the same waits for this transaction.
insert into steelyard.sign_in_tries as t (bucket, tries, since)
select b.bucket, 1, cast(:now as timestamptz)
from unnest(cast(:buckets as bytea[])) as b (bucket)
order by b.bucket -- everybody locks in one order
on conflict (bucket) do update set
    tries = case when t.since + cast(:period as interval) <= excluded.since then 1 else t.tries + 1 end,
    since = case when t.since + cast(:period as interval) <= excluded.since then excluded.since else t.since end
returning bucket, tries, since;

-- name: forget_tries
-- Forget what was counted under a bucket, and what is so old that it counts nowhere.
delete from steelyard.sign_in_tries as t
using (
    select f.bucket
    from steelyard.sign_in_tries as f
    where f.bucket = cast(:bucket as bytea) or f.since < cast(:before as timestamptz)
    order by f.bucket
    for update skip locked
) as old
where t.bucket = old.bucket;

-- name: take_back_try
-- Take back one try that was none: the person was right.
update steelyard.sign_in_tries set tries = tries - 1 where bucket = cast(:bucket as bytea) and tries > 1;

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

-- name: hold_tries
-- Hold what is counted, in the order in which everybody does.
select t.bucket
from steelyard.sign_in_tries as t
where t.bucket = any(cast(:buckets as bytea[]))
order by t.bucket
for update;

-- name: forget_tries
-- Forget the tries of who was right, and, where nobody counts there now, those so old that they count nowhere.
delete from steelyard.sign_in_tries as t
using (
    select o.bucket
    from steelyard.sign_in_tries as o
    where o.bucket = cast(:bucket as bytea) or o.since < cast(:before as timestamptz)
    for update skip locked
) as old
where t.bucket = old.bucket;

-- name: take_back_try
-- Take back one try that was none; the last one too, so that nothing stays of who was right at once.
with ended as (
    delete from steelyard.sign_in_tries where bucket = cast(:bucket as bytea) and tries = 1
)

update steelyard.sign_in_tries set tries = tries - 1 where bucket = cast(:bucket as bytea) and tries > 1;

-- name: take_key
-- Take a key for the request of this transaction; no row = it was taken before. Waits while another transaction has it
-- in hand, and takes it where that one is undone.
insert into steelyard.idempotency_keys (tenant_id, principal, key, route, body_hash, status, answer)
values (steelyard.current_tenant(), steelyard.current_actor(), :key, :route, :body_hash, 0, '')
on conflict do nothing
returning key;

-- name: get_kept
-- What was asked and answered under a key of who asks.
select k.key, k.route, k.body_hash, k.status, k.answer
from steelyard.idempotency_keys as k
where
    k.tenant_id = steelyard.current_tenant()
    and k.principal = steelyard.current_actor()
    and k.key = :key;

-- name: keep_answer
-- Write down what is answered to the key that this transaction took.
update steelyard.idempotency_keys
set status = :status, answer = :answer
where
    tenant_id = steelyard.current_tenant()
    and principal = steelyard.current_actor()
    and key = :key;

-- name: forget_kept
-- Forget what was answered long ago to who asks, a little with each new key.
with old as materialized (
    select o.key
    from steelyard.idempotency_keys as o
    where
        o.tenant_id = steelyard.current_tenant()
        and o.principal = steelyard.current_actor()
        and o.made_at < transaction_timestamp() - cast(:kept_for as interval)
    order by o.made_at
    limit :most
    for update skip locked
)

delete from steelyard.idempotency_keys as k
using old
where
    k.tenant_id = steelyard.current_tenant()
    and k.principal = steelyard.current_actor()
    and k.key = old.key;

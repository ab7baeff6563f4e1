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

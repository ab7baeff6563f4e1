-- name: get_current_tenant
-- The tenant this transaction works for.
select steelyard.current_tenant();

-- name: hold_sealing_key
-- The key that encrypts, kept from being retired until this transaction ends.
select tenant_id, key_id, wrapped_key, wrapped_by, created_at, retired_at, destroyed_at
from steelyard.tenant_keys
where tenant_id = steelyard.current_tenant() and retired_at is null and destroyed_at is null
order by key_id desc
limit 1
for share;

-- name: get_tenant_keys
-- The tenant's keys, oldest first, the retired and destroyed ones included.
select tenant_id, key_id, wrapped_key, wrapped_by, created_at, retired_at, destroyed_at
from steelyard.tenant_keys
where tenant_id = steelyard.current_tenant()
order by key_id;

-- name: add_tenant_key
-- Add a key; no row when another transaction was first.
insert into steelyard.tenant_keys (tenant_id, key_id, wrapped_key, wrapped_by)
values (steelyard.current_tenant(), :key_id, :wrapped_key, :wrapped_by)
on conflict (tenant_id, key_id) do nothing
returning key_id;

-- name: find_key_holders
-- The tenants that have keys, and the master keys that encrypt them; every tenant's, whoever asks.
select tenant_id, wrapped_by from steelyard.find_key_holders() order by tenant_id;

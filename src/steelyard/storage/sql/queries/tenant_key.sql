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

-- name: find_keys
-- Every tenant's keys, without the keys themselves; nothing where a user asks.
select tenant_id, key_id, wrapped_by, created_at, retired_at, destroyed_at
from steelyard.find_keys()
order by tenant_id, key_id;

-- name: lock_keys
-- Hold the tenant's keys until this transaction ends: whoever is sealing has ended, and nobody begins.
select key_id
from steelyard.tenant_keys
where tenant_id = steelyard.current_tenant()
order by key_id
for update;

-- name: lock_master_keys
-- Let one rotation of the master keys begin at a time.
select pg_advisory_xact_lock(hashtextextended('steelyard.master_keys', 0));

-- name: retire_keys
-- From now on the tenant's keys decrypt only.
update steelyard.tenant_keys
set retired_at = transaction_timestamp()
where tenant_id = steelyard.current_tenant() and retired_at is null;

-- name: rewrap_key
-- Take a key as another master key encrypted it, unless somebody did so first.
update steelyard.tenant_keys
set wrapped_key = :wrapped_key, wrapped_by = :wrapped_by
where tenant_id = steelyard.current_tenant() and key_id = :key_id and wrapped_key = :was
returning key_id;

-- name: destroy_key
-- Destroy a key that is retired.
update steelyard.tenant_keys
set wrapped_key = null, destroyed_at = transaction_timestamp()
where
    tenant_id = steelyard.current_tenant()
    and key_id = :key_id
    and retired_at is not null
    and destroyed_at is null
returning key_id;

-- name: destroy_keys
-- Destroy every key of the tenant.
update steelyard.tenant_keys
set
    wrapped_key = null,
    retired_at = coalesce(retired_at, transaction_timestamp()),
    destroyed_at = transaction_timestamp()
where tenant_id = steelyard.current_tenant() and destroyed_at is null
returning key_id;

-- name: erase_all_users
-- Leave of the tenant's users what the record needs: their keys, roles and times.
update steelyard.users
set
    status = 'erased',
    login_index = null,
    login_sealed = null,
    name_sealed = null,
    totp_seed_sealed = null,
    totp_new_seed_sealed = null,
    password_hash = null,
    epoch = epoch + 1
where tenant_id = steelyard.current_tenant();

-- name: read_sealed
-- The next rows of a column that were sealed with a key.
select row_id, sealed
from steelyard.read_sealed(:table_name, :column_name, :row_key, :key_id, cast(:after as text), :most);

-- name: replace_sealed
-- Replace what a column holds in some rows, where it still holds what was read.
select steelyard.replace_sealed(
    :table_name, :column_name, :row_key, cast(:row_ids as text[]), cast(:was as bytea[]), cast(:sealed as bytea[])
);

-- name: get_sealed
-- What a column of a row holds now.
select steelyard.get_sealed(:table_name, :column_name, :row_key, :row_id);

-- name: find_passkey
-- The tenant and user of a passkey.
select f.tenant_id, f.user_id from steelyard.find_passkey(cast(:credential_id as bytea)) as f;

-- name: list_passkeys
-- A user's passkeys, in the order in which they were made.
select credential_id, public_key, sign_count, is_backed_up, label, created_at, last_used_at
from steelyard.passkeys
where tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid)
order by created_at, credential_id;

-- name: insert_passkey
-- Keep a new passkey; nothing happens where it is somebody's already.
insert into steelyard.passkeys (tenant_id, user_id, credential_id, public_key, sign_count, is_backed_up, label)
values (
    steelyard.current_tenant(), cast(:user_id as uuid), cast(:credential_id as bytea), cast(:public_key as bytea),
    cast(:sign_count as bigint), cast(:is_backed_up as boolean), :label
)
on conflict (credential_id) do nothing
returning credential_id;

-- name: use_passkey
-- Keep what a passkey says of itself, where nobody used it since it was read.
update steelyard.passkeys
set
    sign_count = cast(:sign_count as bigint),
    is_backed_up = cast(:is_backed_up as boolean),
    last_used_at = cast(:now as timestamptz)
where
    tenant_id = steelyard.current_tenant() and credential_id = cast(:credential_id as bytea)
    and sign_count = cast(:before as bigint)
returning credential_id;

-- name: rename_passkey
-- Call a passkey something else.
update steelyard.passkeys
set label = :label
where
    tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid)
    and credential_id = cast(:credential_id as bytea)
returning credential_id;

-- name: delete_passkey
-- Forget a passkey.
delete from steelyard.passkeys
where
    tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid)
    and credential_id = cast(:credential_id as bytea)
returning credential_id;

-- name: delete_passkeys
-- Forget a user's passkeys.
delete from steelyard.passkeys
where tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid);

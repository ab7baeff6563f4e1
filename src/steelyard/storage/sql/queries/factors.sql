-- name: find_login
-- The user of a login name, and what a password is compared with.
select f.tenant_id, f.user_id, f.password_hash, f.status, f.user_epoch
from steelyard.find_login(cast(:login_index as bytea)) as f;

-- name: find_identity
-- The tenant and user whom a provider calls so.
select f.tenant_id, f.user_id from steelyard.find_identity(cast(:issuer as text), cast(:subject as text)) as f;

-- name: get_factors
-- What a user signs in with; held until the transaction ends, so that nothing of it changes meanwhile.
select
    u.tenant_id,
    u.user_id,
    u.role,
    u.status,
    u.epoch,
    u.login_sealed,
    u.name_sealed,
    u.password_hash,
    u.totp_seed_sealed,
    u.totp_new_seed_sealed,
    u.totp_last_step,
    t.requires_mfa,
    t.tenant_name,
    (
        select count(*) from steelyard.passkeys as p
        where p.tenant_id = u.tenant_id and p.user_id = u.user_id
    ) as passkeys,
    (
        select count(*) from steelyard.user_identities as i
        where i.tenant_id = u.tenant_id and i.user_id = u.user_id
    ) as identities,
    (
        select count(*) from steelyard.recovery_codes as c
        where c.tenant_id = u.tenant_id and c.user_id = u.user_id and c.used_at is null
    ) as recovery_codes
from steelyard.users as u
inner join steelyard.tenants as t on u.tenant_id = t.tenant_id
where u.tenant_id = steelyard.current_tenant() and u.user_id = cast(:user_id as uuid)
for update of u;

-- name: set_password_hash
-- Keep what a password is compared with.
update steelyard.users
set password_hash = :password_hash
where tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid);

-- name: set_new_seed
-- Keep the seed of an app that is to be confirmed by a code.
update steelyard.users
set totp_new_seed_sealed = cast(:seed_sealed as bytea)
where tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid);

-- name: set_seed
-- Let an app count, from the code on that confirmed it; or none any more.
update steelyard.users
set
    totp_seed_sealed = cast(:seed_sealed as bytea),
    totp_new_seed_sealed = null,
    totp_last_step = cast(:last_step as bigint)
where tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid);

-- name: use_step
-- Let a code count, where none of its step or a later one has.
update steelyard.users
set totp_last_step = cast(:step as bigint)
where
    tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid)
    and coalesce(totp_last_step < cast(:step as bigint), true)
returning user_id;

-- name: activate_user
-- Let a user who was invited be one, when they have a way in.
update steelyard.users
set status = 'active'
where tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid) and status = 'invited';

-- name: get_recovery_hashes
-- The hashes of the recovery codes that were not used.
select code_hash
from steelyard.recovery_codes
where tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid) and used_at is null;

-- name: use_recovery_code
-- Let a recovery code count, where it was not used before.
update steelyard.recovery_codes
set used_at = cast(:now as timestamptz)
where
    tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid)
    and code_hash = cast(:code_hash as bytea) and used_at is null
returning code_hash;

-- name: delete_recovery_codes
-- Forget a user's recovery codes.
delete from steelyard.recovery_codes
where tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid);

-- name: insert_recovery_codes
-- Keep the hashes of new recovery codes.
insert into steelyard.recovery_codes (tenant_id, user_id, code_hash)
select steelyard.current_tenant(), cast(:user_id as uuid), unnest(cast(:code_hashes as bytea[]));

-- name: list_identities
-- Who a user is at providers, in the order in which they were linked.
select issuer, subject, linked_at
from steelyard.user_identities
where tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid)
order by linked_at, issuer, subject;

-- name: insert_identity
-- Say who a user is at a provider; nothing happens where that is somebody already.
insert into steelyard.user_identities (tenant_id, user_id, issuer, subject)
values (steelyard.current_tenant(), cast(:user_id as uuid), :issuer, :subject)
on conflict (issuer, subject) do nothing
returning user_id;

-- name: delete_identity
-- No longer let a provider say that this is the user.
delete from steelyard.user_identities
where
    tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid)
    and issuer = :issuer and subject = :subject
returning user_id;

-- name: delete_identities
-- No longer let any provider say that this is the user.
delete from steelyard.user_identities
where tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid);

-- name: hold_tenant
-- Hold the tenant until this transaction ends; what others did before is seen by the statements after.
select tenant_id from steelyard.tenants where tenant_id = steelyard.current_tenant() for update;

-- name: has_users
-- Whether the tenant has a user.
select exists (select from steelyard.users where tenant_id = steelyard.current_tenant());

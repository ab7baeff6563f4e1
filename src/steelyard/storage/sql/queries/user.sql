-- name: add_user
-- Add a user, unless the login name is somebody's.
insert into steelyard.users
(tenant_id, user_id, role, status, login_index, login_sealed, name_sealed, approval_limit, created_at)
values (
    steelyard.current_tenant(), :user_id, :role, :status, :login_index, :login_sealed, :name_sealed, :approval_limit,
    :now
)
on conflict (login_index) do nothing
returning user_id;

-- name: get_users
-- The users of the tenant who are not erased, or one of them, the oldest first.
select
    u.user_id, u.role, u.status, u.login_sealed, u.name_sealed, u.approval_limit, u.created_at, u.last_sign_in_at,
    u.password_hash is not null as has_password,
    u.totp_seed_sealed is not null
    or exists (select from steelyard.passkeys as p where (p.tenant_id, p.user_id) = (u.tenant_id, u.user_id))
        as has_second_factor
from steelyard.users as u
where
    u.tenant_id = steelyard.current_tenant() and u.status <> 'erased'
    and (cast(:user_id as uuid) is null or u.user_id = :user_id)
    and (cast(:login_index as bytea) is null or u.login_index = :login_index)
order by u.created_at, u.user_id;

-- name: hold_managers
-- Active users who manage users; until this transaction ends nobody else changes them.
select u.user_id
from steelyard.users as u
where u.tenant_id = steelyard.current_tenant() and u.status = 'active' and u.role = any(:roles)
order by u.user_id
for update;

-- name: hold_user
-- Role and status of a user who is not erased; until this transaction ends nobody else changes them.
select u.role, u.status
from steelyard.users as u
where u.tenant_id = steelyard.current_tenant() and u.user_id = :user_id and u.status <> 'erased'
for update;

-- name: set_role
-- Give a user another role.
update steelyard.users set role = :role
where tenant_id = steelyard.current_tenant() and user_id = :user_id;

-- name: disable_user
-- Let a user in no more.
update steelyard.users set status = 'disabled'
where tenant_id = steelyard.current_tenant() and user_id = :user_id;

-- name: enable_user
-- Let a user in again, who is invited anew where they have no way in.
update steelyard.users as u set status = case
    when
        u.role = 'service' or u.password_hash is not null
        or exists (select from steelyard.passkeys as p where (p.tenant_id, p.user_id) = (u.tenant_id, u.user_id))
        or exists (select from steelyard.user_identities as i where (i.tenant_id, i.user_id) = (u.tenant_id, u.user_id))
        then 'active'
    else 'invited'
end
where u.tenant_id = steelyard.current_tenant() and u.user_id = :user_id
returning u.status;

-- name: set_approval_limit
-- Let a user approve orders up to another value alone.
update steelyard.users set approval_limit = cast(:approval_limit as numeric)
where tenant_id = steelyard.current_tenant() and user_id = :user_id;

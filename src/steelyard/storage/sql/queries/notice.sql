-- name: add_notice
-- Tell a user what happened to what they sign in with.
insert into steelyard.notices (tenant_id, user_id, kind)
values (steelyard.current_tenant(), cast(:user_id as uuid), :kind);

-- name: notify_owners
-- Tell the owners of the tenant that something needs one of them.
insert into steelyard.notices (tenant_id, user_id, kind)
select u.tenant_id, u.user_id, :kind
from steelyard.users as u
where u.tenant_id = steelyard.current_tenant() and u.role = 'owner' and u.status = 'active';

-- name: list_notices
-- What a user was told, the newest first.
select notice_id, kind, made_at, read_at
from steelyard.notices
where tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid)
order by made_at desc, notice_id
limit 100;

-- name: read_notices
-- Note that a user has seen what they were told up to a moment.
update steelyard.notices
set read_at = cast(:now as timestamptz)
where
    tenant_id = steelyard.current_tenant() and user_id = cast(:user_id as uuid)
    and read_at is null and made_at <= cast(:until as timestamptz);

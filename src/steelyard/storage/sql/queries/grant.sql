-- name: set_grant
-- Let a user do something with an account or with every account of a household, in place of what they could before.
insert into steelyard.account_grants
(tenant_id, user_id, account_id, household_id, rights, granted_by, granted_at)
values (
    steelyard.current_tenant(), :user_id, cast(:account_id as text), cast(:household_id as text), :rights,
    steelyard.current_actor(), :now
)
on conflict (tenant_id, user_id, account_id, household_id)
do update set rights = excluded.rights, granted_by = excluded.granted_by, granted_at = excluded.granted_at;

-- name: end_grant
-- Let a user do nothing with an account, or as one of a household's, any more.
delete from steelyard.account_grants
where
    tenant_id = steelyard.current_tenant() and user_id = :user_id
    and account_id is not distinct from cast(:account_id as text)
    and household_id is not distinct from cast(:household_id as text)
returning grant_id;

-- name: get_grants
-- Grants of a user or of everybody.
select user_id, account_id, household_id, rights, granted_by, granted_at
from steelyard.account_grants
where tenant_id = steelyard.current_tenant() and (cast(:user_id as uuid) is null or user_id = :user_id)
order by user_id, household_id, account_id;

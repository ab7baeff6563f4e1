-- name: get_rows_of_person
-- The rows of a table that name somebody, each as a JSON object.
select r.found
from steelyard.rows_of_person(
    :table, cast(:columns as text[]), cast(:found_by as text[]), cast(:names as text[])
) as r (found);

-- name: delete_rows_of_person
-- Delete the rows of a table that are somebody's.
select steelyard.delete_rows_of_person(:table, cast(:found_by as text[]), cast(:names as text[]));

-- name: clear_columns_of_person
-- Empty columns of the rows that are somebody's.
select steelyard.clear_columns_of_person(
    :table, cast(:columns as text[]), cast(:found_by as text[]), cast(:names as text[])
);

-- name: mark_erased
-- Let only the key of a user stay.
update steelyard.users set status = 'erased'
where tenant_id = steelyard.current_tenant() and user_id = :user_id;

-- name: get_names_of_user
-- The keys that tell of a user, of their tokens and of their sessions, and how the audit writes the first two.
select cast(:user_id as text) as name
union all
select 'user:' || cast(:user_id as text)
union all
select 'token:' || t.token_id from steelyard.api_tokens as t
where t.tenant_id = steelyard.current_tenant() and t.user_id = cast(:user_id as uuid)
union all
select t.token_id::text from steelyard.api_tokens as t
where t.tenant_id = steelyard.current_tenant() and t.user_id = cast(:user_id as uuid)
union all
select s.session_id::text from steelyard.sessions as s
where s.tenant_id = steelyard.current_tenant() and s.user_id = cast(:user_id as uuid);

-- name: get_last_act
-- When somebody last did something that books and records tell of; null = never.
select max(e.recorded_at)
from steelyard.audit_events as e
where
    e.tenant_id = steelyard.current_tenant()
    and e.actor = any(cast(:names as text[]))
    and split_part(e.action, '.', 1) <> all(cast(:besides as text[]));

-- name: place_hold
-- Hold the data of a user, or of the tenant.
insert into steelyard.legal_holds (tenant_id, user_id, reason, placed_by)
values (steelyard.current_tenant(), :user_id, :reason, steelyard.current_actor())
returning hold_id;

-- name: release_hold
-- Let a hold go that stands.
update steelyard.legal_holds
set released_by = steelyard.current_actor(), released_at = steelyard.begun_at()
where tenant_id = steelyard.current_tenant() and hold_id = :hold_id and released_at is null
returning user_id;

-- name: get_holds
-- Holds of the tenant, the oldest first: those that stand, or all; those on a user and on the tenant, or all.
select hold_id, user_id, reason, placed_by, placed_at, released_by, released_at
from steelyard.legal_holds
where
    tenant_id = steelyard.current_tenant()
    and (cast(:with_released as boolean) or released_at is null)
    and (cast(:user_id as uuid) is null or user_id is null or user_id = :user_id)
order by placed_at, hold_id;

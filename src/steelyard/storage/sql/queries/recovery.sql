-- name: ask_recovery
-- Ask that a user's factors be reset, unless somebody did.
insert into steelyard.recovery_requests (tenant_id, request_id, user_id, asked_by, asked_at, expires_at)
select steelyard.current_tenant(), :request_id, :user_id, steelyard.current_actor(), :now, :expires_at
where not exists (
    select from steelyard.recovery_requests as r
    where
        r.tenant_id = steelyard.current_tenant() and r.user_id = :user_id and r.approved_by is null
        and r.expires_at > :now
)
returning request_id;

-- name: approve_recovery
-- Approve that a user's factors be reset, as somebody else than who asked, once.
update steelyard.recovery_requests set approved_by = steelyard.current_actor(), approved_at = :now
where
    tenant_id = steelyard.current_tenant() and request_id = :request_id and approved_by is null and expires_at > :now
    and asked_by <> steelyard.current_actor()
returning request_id;

-- name: get_recovery_requests
-- What waits for a second person, the oldest first.
select request_id, user_id, asked_by, asked_at, expires_at
from steelyard.recovery_requests
where tenant_id = steelyard.current_tenant() and approved_by is null and expires_at > :now
order by asked_at, request_id;

-- name: find_link
-- The link of a hash, whether it still counts or not.
select * from steelyard.find_link(:hash);

-- name: add_link
-- Keep the hash of a link.
insert into steelyard.one_time_links (link_hash, tenant_id, user_id, purpose, made_by, made_at, expires_at)
values (:hash, steelyard.current_tenant(), :user_id, :purpose, steelyard.current_actor(), :now, :expires_at);

-- name: take_link
-- Use a link, unless it was used or has ended.
update steelyard.one_time_links set used_at = :now
where tenant_id = steelyard.current_tenant() and link_hash = :hash and used_at is null and expires_at > :now
returning purpose;

-- name: end_links
-- End the links of a user, or those that set the installation up, that are open still.
update steelyard.one_time_links set expires_at = :now
where
    tenant_id = steelyard.current_tenant() and user_id is not distinct from cast(:user_id as uuid)
    and used_at is null and expires_at > :now
returning purpose;

-- name: get_links
-- Links that are open still, the newest first.
select user_id, purpose, made_by, made_at, expires_at
from steelyard.one_time_links
where tenant_id = steelyard.current_tenant() and used_at is null and expires_at > :now
order by made_at desc, link_hash;

-- name: find_tokens
-- The API tokens of some hashes and their users as of now; a hash of none is left out.
select asked.hash, found.*
from unnest(cast(:asked_hashes as bytea[])) as asked (hash)
cross join lateral steelyard.find_token(asked.hash) as found;

-- name: touch_token
-- Note that a token was used, unless another request of the last minute did.
update steelyard.api_tokens set last_used_at = :now
where
    tenant_id = steelyard.current_tenant() and token_id = :token_id
    and (last_used_at is null or last_used_at <= :before);

-- name: add_token
-- Keep the hash of a token of an active user.
insert into steelyard.api_tokens
(tenant_id, token_id, user_id, token_hash, token_name, scopes, epoch, created_at, expires_at)
select u.tenant_id, :token_id, u.user_id, :hash, :token_name, :scopes, u.epoch, :now, :expires_at
from steelyard.users as u
where u.tenant_id = steelyard.current_tenant() and u.user_id = :user_id and u.status = 'active'
returning token_id;

-- name: get_tokens
-- Tokens that open something still, of one user or of all, the newest first.
select t.token_id, t.user_id, t.token_name, t.scopes, t.created_at, t.expires_at, t.last_used_at
from steelyard.api_tokens as t
inner join steelyard.users as u using (tenant_id, user_id, epoch)
where
    t.tenant_id = steelyard.current_tenant() and t.revoked_at is null and t.expires_at > :now
    and u.status = 'active' and (cast(:user_id as uuid) is null or t.user_id = :user_id)
order by t.created_at desc, t.token_id;

-- name: end_token
-- End a token, of one user or of any.
update steelyard.api_tokens set revoked_at = :now
where
    tenant_id = steelyard.current_tenant() and token_id = :token_id and revoked_at is null
    and (cast(:user_id as uuid) is null or user_id = :user_id)
returning user_id;

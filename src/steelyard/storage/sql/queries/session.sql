-- name: find_sessions
-- The sessions of some hashes and their users as of now; a hash of none is left out.
select asked.hash, found.*
from unnest(cast(:asked_hashes as bytea[])) as asked (hash)
cross join lateral steelyard.find_session(asked.hash) as found;

-- name: add_session
-- Begin a session of a user who may sign in, unless an epoch has passed since their factors were checked.
insert into steelyard.sessions
(session_hash, tenant_id, user_id, epoch, factors, auth_time, created_at, last_seen_at, address, user_agent)
select
    :hash, u.tenant_id, u.user_id, u.epoch, :factors, t.now as auth_time, t.now as created_at,
    t.now as last_seen_at, :address, :user_agent
from steelyard.users as u
cross join (select cast(:now as timestamptz) as now) as t
where
    u.tenant_id = steelyard.current_tenant() and u.user_id = :user_id and u.epoch = :epoch
    and u.status = 'active' and u.role <> 'service'
returning session_id, user_id, factors, auth_time, created_at, last_seen_at, address, user_agent;

-- name: rotate_session
-- Give a session another hash, unless somebody did so before or it has ended; it is so many epochs behind its user.
update steelyard.sessions as s
set session_hash = :new_hash, factors = :factors, auth_time = :auth_time, epoch = u.epoch
from steelyard.users as u
where
    s.tenant_id = steelyard.current_tenant() and s.session_hash = :hash and s.revoked_at is null
    and (s.tenant_id, s.user_id) = (u.tenant_id, u.user_id) and s.epoch = u.epoch - :behind
returning s.session_id, s.user_id, s.factors, s.auth_time, s.created_at, s.last_seen_at, s.address, s.user_agent;

-- name: touch_session
-- Note that a session was seen, unless another request of the last minute did.
update steelyard.sessions set last_seen_at = :now
where tenant_id = steelyard.current_tenant() and session_id = :session_id and last_seen_at <= :before;

-- name: get_sessions
-- Sessions of a user that nobody ended, the last seen first.
select
    s.session_id, s.user_id, s.factors, s.auth_time, s.created_at, s.last_seen_at, s.address, s.user_agent, u.role
from steelyard.sessions as s
inner join steelyard.users as u using (tenant_id, user_id, epoch)
where
    s.tenant_id = steelyard.current_tenant() and s.user_id = :user_id and s.revoked_at is null
    and u.status = 'active'
order by s.last_seen_at desc, s.created_at desc, s.session_id;

-- name: end_session
-- End a session of a user.
update steelyard.sessions set revoked_at = :now
where
    tenant_id = steelyard.current_tenant() and user_id = :user_id and session_id = :session_id and revoked_at is null
returning session_id;

-- name: end_other_sessions
-- End the sessions of a user but for one.
update steelyard.sessions set revoked_at = :now
where
    tenant_id = steelyard.current_tenant() and user_id = :user_id and session_id <> :session_id and revoked_at is null
returning session_id;

-- name: raise_epoch
-- End all sessions and tokens of a user.
update steelyard.users set epoch = epoch + 1
where tenant_id = steelyard.current_tenant() and user_id = :user_id
returning epoch;

-- name: insert_challenge
-- Ask something that can be answered once.
insert into steelyard.challenges (
    challenge_hash, tenant_id, session_id, user_id, epoch, factors, link_hash, purpose, expires_at
)
values (
    cast(:challenge_hash as bytea), steelyard.current_tenant(), cast(:session_id as uuid), cast(:user_id as uuid),
    cast(:epoch as integer), cast(:factors as text[]), cast(:link_hash as bytea), :purpose,
    cast(:expires_at as timestamptz)
);

-- name: find_challenge
-- The tenant and user who are to answer.
select c.tenant_id, c.user_id
from steelyard.find_challenge(cast(:challenge_hash as bytea)) as c
where c.purpose = any(cast(:purposes as text[])) and c.expires_at > cast(:now as timestamptz);

-- name: try_challenge
-- Count an answer before it is looked at.
update steelyard.challenges
set tries = tries + 1
where
    challenge_hash = cast(:challenge_hash as bytea) and purpose = :purpose
    and expires_at > cast(:now as timestamptz) and tries < :most
returning purpose, session_id, user_id, epoch, factors, link_hash, tries;

-- name: take_challenge
-- Take what is answered away: of many who answer at once one gets it.
delete from steelyard.challenges
where
    challenge_hash = cast(:challenge_hash as bytea) and purpose = any(cast(:purposes as text[]))
    and expires_at > cast(:now as timestamptz)
returning purpose, session_id, user_id, epoch, factors, link_hash, tries;

-- name: delete_old_challenges
-- Forget what nobody answered in time.
delete from steelyard.challenges as c
using (
    select o.challenge_hash
    from steelyard.challenges as o
    where o.expires_at <= cast(:now as timestamptz)
    for update skip locked
) as old
where c.challenge_hash = old.challenge_hash;

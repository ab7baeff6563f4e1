-- Who asks, before it is known who asks: each of these answers for one exact key that nobody can guess, with no more
-- than the tenant and the user. What follows in the transaction works for them.

create or replace function steelyard.find_login(p_login_index bytea)
returns table (tenant_id integer, user_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select u.tenant_id, u.user_id from steelyard.users as u where u.login_index = p_login_index
$$;
comment on function steelyard.find_login is 'The user of a login name, by its keyed hash.';

create or replace function steelyard.find_identity(p_issuer text, p_subject text)
returns table (tenant_id integer, user_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select i.tenant_id, i.user_id
    from steelyard.user_identities as i
    where i.issuer = p_issuer and i.subject = p_subject
$$;
comment on function steelyard.find_identity is 'The user whom a provider calls so.';

create or replace function steelyard.find_passkey(p_credential_id bytea)
returns table (tenant_id integer, user_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select p.tenant_id, p.user_id from steelyard.passkeys as p where p.credential_id = p_credential_id
$$;
comment on function steelyard.find_passkey is 'The user of a passkey.';

create or replace function steelyard.find_challenge(p_challenge_hash bytea)
returns table (tenant_id integer, user_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select c.tenant_id, c.user_id from steelyard.challenges as c where c.challenge_hash = p_challenge_hash
$$;
comment on function steelyard.find_challenge is 'Who is to answer; null = whoever can.';

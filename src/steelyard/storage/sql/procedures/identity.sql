-- Finding out who asks, before anybody acts: the only way past row-level security, and only by an exact secret.
--
-- Each of these answers one row for the whole of a key that nobody can guess, or none. Whoever called then acts as
-- the user it names (storage/acting.py), in the same transaction. They run with the rights of their owner, so
-- their search path is their own, and only the app may call them.

create or replace function steelyard.grants_of(p_tenant integer, p_user uuid) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_object_agg(g.account_id, g.rights), '{}')
    from (
        select x.account_id, jsonb_agg(distinct r.name order by r.name) as rights
        from (
            select n.account_id, n.rights
            from steelyard.account_grants as n
            where n.tenant_id = p_tenant and n.user_id = p_user and n.account_id is not null
            union all
            select a.account_id, n.rights
            from steelyard.account_grants as n
            inner join steelyard.accounts as a on n.tenant_id = a.tenant_id and n.household_id = a.household_id
            where n.tenant_id = p_tenant and n.user_id = p_user
        ) as x
        cross join lateral unnest(x.rights) as r (name)
        group by x.account_id
    ) as g
$$;
comment on function steelyard.grants_of is 'The rights of a user by account, those over a household included: {"A-1": ["PROPOSE", "READ"]}.';

create or replace function steelyard.standing_of(p_tenant integer, p_user uuid)
returns table (
    role text,
    status text,
    user_epoch integer,
    approval_limit numeric,
    requires_mfa boolean,
    has_password boolean,
    has_totp boolean,
    has_passkey boolean,
    grants jsonb
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select
        u.role,
        u.status,
        u.epoch,
        coalesce(u.approval_limit, t.approval_limit),
        t.requires_mfa,
        u.password_hash is not null,
        u.totp_seed_sealed is not null,
        exists (
            select from steelyard.passkeys as k
            where k.tenant_id = u.tenant_id and k.user_id = u.user_id
        ),
        steelyard.grants_of(u.tenant_id, u.user_id)
    from steelyard.users as u
    inner join steelyard.tenants as t on u.tenant_id = t.tenant_id
    where u.tenant_id = p_tenant and u.user_id = p_user
$$;
comment on function steelyard.standing_of is 'What a user is and may do now; approval_limit is the tenant''s where the user has none.';

create or replace function steelyard.find_session(p_hash bytea)
returns table (
    tenant_id integer,
    user_id uuid,
    session_id uuid,
    epoch integer,
    factors text[],
    auth_time timestamptz,
    created_at timestamptz,
    last_seen_at timestamptz,
    revoked_at timestamptz,
    role text,
    status text,
    user_epoch integer,
    approval_limit numeric,
    requires_mfa boolean,
    has_password boolean,
    has_totp boolean,
    has_passkey boolean,
    grants jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select
        s.tenant_id, s.user_id, s.session_id, s.epoch, s.factors, s.auth_time, s.created_at, s.last_seen_at, s.revoked_at,
        u.*
    from steelyard.sessions as s
    cross join lateral steelyard.standing_of(s.tenant_id, s.user_id) as u
    where s.session_hash = p_hash
$$;
comment on function steelyard.find_session is 'The session of a hash with its user''s standing, whether it still counts or not.';

create or replace function steelyard.find_token(p_hash bytea)
returns table (
    tenant_id integer,
    user_id uuid,
    token_id uuid,
    epoch integer,
    scopes text[],
    created_at timestamptz,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    role text,
    status text,
    user_epoch integer,
    approval_limit numeric,
    requires_mfa boolean,
    has_password boolean,
    has_totp boolean,
    has_passkey boolean,
    grants jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select
        k.tenant_id, k.user_id, k.token_id, k.epoch, k.scopes, k.created_at, k.expires_at, k.last_used_at, k.revoked_at, u.*
    from steelyard.api_tokens as k
    cross join lateral steelyard.standing_of(k.tenant_id, k.user_id) as u
    where k.token_hash = p_hash
$$;
comment on function steelyard.find_token is 'The token of a hash with its user''s standing, whether it still counts or not.';

create or replace function steelyard.find_login(p_index bytea)
returns table (
    tenant_id integer,
    user_id uuid,
    password_hash text,
    role text,
    status text,
    user_epoch integer,
    approval_limit numeric,
    requires_mfa boolean,
    has_password boolean,
    has_totp boolean,
    has_passkey boolean,
    grants jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select x.tenant_id, x.user_id, x.password_hash, u.*
    from steelyard.users as x
    cross join lateral steelyard.standing_of(x.tenant_id, x.user_id) as u
    where x.login_index = p_index
$$;
comment on function steelyard.find_login is 'The user of a login name''s keyed hash, to check a password against.';

create or replace function steelyard.find_identity(p_issuer text, p_subject text)
returns table (
    tenant_id integer,
    user_id uuid,
    role text,
    status text,
    user_epoch integer,
    approval_limit numeric,
    requires_mfa boolean,
    has_password boolean,
    has_totp boolean,
    has_passkey boolean,
    grants jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select i.tenant_id, i.user_id, u.*
    from steelyard.user_identities as i
    cross join lateral steelyard.standing_of(i.tenant_id, i.user_id) as u
    where i.issuer = p_issuer and i.subject = p_subject
$$;
comment on function steelyard.find_identity is 'The user whom an OpenID provider has just vouched for.';

create or replace function steelyard.find_passkey(p_credential_id bytea)
returns table (
    tenant_id integer,
    user_id uuid,
    public_key bytea,
    sign_count bigint,
    is_backed_up boolean,
    role text,
    status text,
    user_epoch integer,
    approval_limit numeric,
    requires_mfa boolean,
    has_password boolean,
    has_totp boolean,
    has_passkey boolean,
    grants jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select k.tenant_id, k.user_id, k.public_key, k.sign_count, k.is_backed_up, u.*
    from steelyard.passkeys as k
    cross join lateral steelyard.standing_of(k.tenant_id, k.user_id) as u
    where k.credential_id = p_credential_id
$$;
comment on function steelyard.find_passkey is 'The passkey of a credential and its user, to check a signature with.';

create or replace function steelyard.find_link(p_hash bytea)
returns table (
    tenant_id integer,
    user_id uuid,
    purpose text,
    made_by text,
    made_at timestamptz,
    expires_at timestamptz,
    used_at timestamptz,
    role text,
    status text,
    user_epoch integer,
    requires_mfa boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select
        l.tenant_id, l.user_id, l.purpose, l.made_by, l.made_at, l.expires_at, l.used_at, u.role, u.status, u.epoch,
        t.requires_mfa
    from steelyard.one_time_links as l
    inner join steelyard.tenants as t on l.tenant_id = t.tenant_id
    left join steelyard.users as u on l.tenant_id = u.tenant_id and l.user_id = u.user_id
    where l.link_hash = p_hash
$$;
comment on function steelyard.find_link is 'The one-time link of a hash, whether it still counts or not; no role where it sets the installation up.';

create or replace function steelyard.find_challenge(p_hash bytea) returns setof steelyard.challenges
language sql stable security definer rows 1
set search_path = pg_catalog, pg_temp
as $$
    select c.*
    from steelyard.challenges as c
    where c.challenge_hash = p_hash
$$;
comment on function steelyard.find_challenge is 'The challenge of a hash, whether it still counts or not; it tells whom to act as in answering it.';

-- Tenants, which the operator alone sees side by side ────────────────────────────────────────────────────

create or replace function steelyard.require_operator() returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if steelyard.current_actor() is distinct from 'operator' or steelyard.current_user_id() is not null then
        raise exception using errcode = 'insufficient_privilege', message = 'only the operator sees every tenant';
    end if;
end
$$;
comment on function steelyard.require_operator() is 'Refuse whoever is not the operator of the store.';

create or replace function steelyard.get_tenants() returns setof steelyard.tenants
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform steelyard.require_operator();
    return query select t.* from steelyard.tenants as t order by t.tenant_id;
end
$$;
comment on function steelyard.get_tenants() is 'Every tenant of the store, for the operator.';

create or replace function steelyard.create_tenant(p_name text, p_base_currency text) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_tenant integer;
begin
    perform steelyard.require_operator();
    insert into steelyard.tenants (tenant_name, base_currency)
    values (p_name, p_base_currency)
    returning tenant_id into v_tenant;
    insert into steelyard.category_thresholds (tenant_id, kind, category, bound, bound_included)
    select v_tenant, c.kind, c.category, c.bound, c.bound_included
    from steelyard.category_thresholds as c
    where c.tenant_id = 1;
    return v_tenant;
end
$$;
comment on function steelyard.create_tenant is 'Make a tenant, with the thresholds of the default one, for the operator; answer its key.';

revoke all on function
steelyard.grants_of(integer, uuid),
steelyard.standing_of(integer, uuid),
steelyard.find_session(bytea),
steelyard.find_token(bytea),
steelyard.find_login(bytea),
steelyard.find_identity(text, text),
steelyard.find_passkey(bytea),
steelyard.find_link(bytea),
steelyard.find_challenge(bytea),
steelyard.require_operator(),
steelyard.get_tenants(),
steelyard.create_tenant(text, text)
from public;
grant execute on function
steelyard.find_session(bytea),
steelyard.find_token(bytea),
steelyard.find_login(bytea),
steelyard.find_identity(text, text),
steelyard.find_passkey(bytea),
steelyard.find_link(bytea),
steelyard.find_challenge(bytea),
steelyard.get_tenants(),
steelyard.create_tenant(text, text)
to steelyard_app;

"""What the catalogue must not hold, as queries: each names what breaks a rule, one text a row."""

UNPROTECTED = """
select c.relname
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
where c.relnamespace = 'steelyard'::regnamespace and c.relkind in ('r', 'p')
and not (
    c.relrowsecurity and c.relforcerowsecurity
    and (
        select count(*) = 1 from pg_policy as p
        where p.polrelid = c.oid and 'steelyard_app'::regrole = any(p.polroles) and p.polpermissive and p.polcmd = '*'
        and pg_get_expr(p.polqual, c.oid) ~ 'tenant_id = \\( SELECT steelyard\\.current_tenant\\('
        and pg_get_expr(p.polwithcheck, c.oid) ~ 'tenant_id = \\( SELECT steelyard\\.current_tenant\\('
    )
    and (
        select array_agg(p.polname order by p.polname) = '{owner,tenant}' from pg_policy as p where p.polrelid = c.oid
    )
    and exists (
        select from pg_policy as p
        where p.polrelid = c.oid and p.polname = 'owner' and p.polroles = array['steelyard_migrator'::regrole::oid]
    )
)
"""
POLICIES_TOO_WIDE = """
select format('%s.%s', p.polrelid::regclass, p.polname)
from pg_policy as p join pg_class as c on c.oid = p.polrelid
where c.relnamespace = 'steelyard'::regnamespace
and not p.polroles <@ array(
    select r::regrole::oid
    from unnest(array['steelyard_app', 'steelyard_refresh', 'steelyard_auditor', 'steelyard_migrator']) as r
)
"""
ROW_BY_ROW = """
select format('%s.%s', p.polrelid::regclass, p.polname)
from pg_policy as p join pg_class as c on c.oid = p.polrelid
cross join lateral (
    select concat_ws(' ', pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid)) as expression
) as e
where c.relnamespace = 'steelyard'::regnamespace
and regexp_replace(e.expression, '(SELECT|FROM) steelyard\\.\\w+\\(', '', 'g')
~ 'steelyard\\.(?!sees_transaction)\\w+\\('
"""
POWERS = """
select format('%s is %s', r.rolname, case when r.rolsuper then 'superuser' else 'above something' end)
from pg_roles as r
where r.rolname in ('steelyard_app', 'steelyard_refresh', 'steelyard_auditor')
and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication)
union all
select format('%s owns %s', pg_get_userbyid(o.owner), o.name)
from (
    select c.relowner as owner, c.oid::regclass::text as name from pg_class as c
    where c.relnamespace = 'steelyard'::regnamespace
    union all
    select p.proowner, p.oid::regprocedure::text from pg_proc as p where p.pronamespace = 'steelyard'::regnamespace
    union all
    select n.nspowner, n.nspname from pg_namespace as n where n.nspname = 'steelyard'
    union all
    select d.datdba, d.datname from pg_database as d where d.datname = current_database()
) as o
where pg_get_userbyid(o.owner) in ('steelyard_app', 'steelyard_refresh', 'steelyard_auditor')
union all
select format('%s may %s %s', r, p, c.relname)
from pg_class as c
cross join unnest(array['steelyard_app', 'steelyard_refresh', 'steelyard_auditor']) as r
cross join unnest(array['truncate', 'references', 'trigger']) as p
where c.relnamespace = 'steelyard'::regnamespace and c.relkind = 'r' and has_table_privilege(r, c.oid, p)
union all
select format('steelyard_app is a %s of %s', p, r)
from (
    values ('steelyard_refresh', 'usage'), ('steelyard_migrator', 'member'), ('steelyard_auditor', 'member')
) as x (r, p)
where pg_has_role('steelyard_app', r, p)
union all
select 'steelyard_app cannot become steelyard_refresh'
where not pg_has_role('steelyard_app', 'steelyard_refresh', 'member')
union all
select format('%s may make things in the schema', r)
from unnest(array['steelyard_app', 'steelyard_refresh', 'steelyard_auditor']) as r
where has_schema_privilege(r, 'steelyard', 'create')
"""
VIEWS = """
select c.relname
from pg_class as c
where c.relnamespace = 'steelyard'::regnamespace
and (
    c.relkind = 'm'
    or c.relkind = 'v' and not coalesce(c.reloptions @> '{security_invoker=true}', false)
    -- a view on a firm's table runs as its owner, and carries the policy of the table whose place it takes
    and not (
        coalesce(c.reloptions @> '{security_barrier=true}', false)
        and pg_get_viewdef(c.oid) ~ 'SELECT steelyard\\.current_tenant\\(\\)'
        and pg_get_viewdef(c.oid) ~ 'SELECT steelyard\\.sees_every_account\\(\\)'
    )
    and not c.relname = any(array['asset_master', 'market_data', 'performance_history', 'risk_metrics'])
)
"""
DEFINERS = """
select p.oid::regprocedure::text
from pg_proc as p
where p.pronamespace = 'steelyard'::regnamespace and p.prosecdef
and not (
    p.proname = any(array[
        'find_session', 'find_token', 'find_login', 'find_identity', 'find_passkey', 'find_link', 'find_challenge',
        'get_tenants', 'create_tenant', 'find_keys', 'role_of_user', 'visible_accounts', 'visible_households',
        'find_due_tenants', 'find_tenants_with_runs', 'drop_old_uploads', 'tell_planner',
        'record_event', 'chain_pending_events', 'chain_heads',
        'check_entries', 'check_postings', 'move_balances', 'guard_balances'
    ])
    and coalesce(p.proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)
    and not has_function_privilege('public', p.oid, 'execute')
)
"""
FOREIGN_KEYS = """
select format('%s.%s', k.conrelid::regclass, k.conname)
from pg_constraint as k
join pg_attribute as a on a.attrelid = k.conrelid and a.attname = 'tenant_id'
join pg_attribute as b on b.attrelid = k.confrelid and b.attname = 'tenant_id'
where k.contype = 'f' and k.connamespace = 'steelyard'::regnamespace
and not exists (
    select from pg_constraint as o
    where o.contype = 'f' and o.conrelid = k.conrelid and o.confrelid = k.confrelid
    and k.conkey <@ (o.conkey || a.attnum)
    and (a.attnum, b.attnum) in (select x.here, x.there from unnest(o.conkey, o.confkey) as x (here, there))
)
"""
# A key without the tenant tells whoever writes the same one that it is taken. What stands here is made by the server,
# or has to find its row before the tenant is known.
KEYS = """
select i.indexrelid::regclass::text
from pg_index as i
join pg_attribute as a on a.attrelid = i.indrelid and a.attname = 'tenant_id'
join pg_class as c on c.oid = i.indrelid and c.relnamespace = 'steelyard'::regnamespace
where i.indisunique and i.indkey[0] <> a.attnum
and i.indexrelid::regclass::text <> all(array[
    'steelyard.tenants_tenant_name_key', -- the operator alone makes tenants
    'steelyard.journal_pkey', 'steelyard.journal_reversed_once', 'steelyard.load_runs_pkey',
    'steelyard.data_quality_findings_pkey', 'steelyard.users_user_id_key', 'steelyard.account_grants_pkey',
    'steelyard.audit_pending_pkey', 'steelyard.sessions_pkey', 'steelyard.one_time_links_pkey',
    'steelyard.challenges_pkey',
    'steelyard.api_tokens_token_hash_key',
    'steelyard.users_login_index_key', 'steelyard.user_identities_pkey', 'steelyard.passkeys_pkey'
])
"""

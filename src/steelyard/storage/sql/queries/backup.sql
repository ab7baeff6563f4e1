-- name: define_content_of
-- Let this session count and hash the rows of a table, in whatever order they stand and however the server writes them.
create or replace function pg_temp.content_of(
    in relation regclass,
    out row_count bigint,
    out content_hash text
)
language plpgsql
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
set extra_float_digits = 1
as $$
begin
    execute format(
        'select count(*), encode(sha256(convert_to(concat_ws('' '', sum(hashtextextended(whole_row::text, 0)), '
        'sum(hashtextextended(whole_row::text, 1))), ''UTF8'')), ''hex'') from only %s as whole_row',
        relation
    ) into row_count, content_hash;
end
$$;

-- name: get_contents
-- The tables of a schema, or of all but the system's, with their rows counted and hashed.
select
    format('%I.%I', n.nspname, c.relname) as name,
    h.row_count,
    h.content_hash
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
cross join lateral pg_temp.content_of(c.oid) as h
where
    c.relkind = 'r'
    and c.relpersistence <> 't'
    and n.nspname = coalesce($1, n.nspname)
    and n.nspname not in ('pg_catalog', 'information_schema')
order by name;

-- name: share_snapshot
-- Let another session, pg_dump's, read the same moment; the server must not end ours while it waits for that one.
select pg_export_snapshot() as snapshot, set_config('idle_in_transaction_session_timeout', '0', true) as waits;

-- name: get_current_versions
-- The versions of asset 360 that readers see.
select c.tenant_id, c.version, v.as_of, v.content_hash
from steelyard.asset_360_current as c
inner join steelyard.asset_360_versions as v on c.tenant_id = v.tenant_id and c.version = v.version
order by c.tenant_id;

-- name: get_grantees
-- The roles that were granted something in the schema by its owner.
select distinct pg_get_userbyid(g.grantee)::text as name
from (
    select c.relacl as acl, c.relowner as owner
    from pg_catalog.pg_class as c
    where c.relnamespace = 'steelyard'::regnamespace
    union all
    select p.proacl, p.proowner
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'steelyard'::regnamespace
    union all
    select n.nspacl, n.nspowner
    from pg_catalog.pg_namespace as n
    where n.nspname = 'steelyard'
) as o
cross join lateral aclexplode(o.acl) as g
where g.grantee not in (0, o.owner)
order by name;

-- name: get_absent_roles
-- Those of the roles that the server does not have.
select wanted.name
from unnest($1::text[]) as wanted (name)
where not exists (select from pg_catalog.pg_roles as r where r.rolname = wanted.name)
order by wanted.name;

-- name: get_borrowed_tables
-- Relations outside our schema that views of ours read: the tables of a firm, where the store is attached to them.
select distinct format('%I.%I', n.nspname, t.relname) as name
from pg_catalog.pg_class as v
inner join pg_catalog.pg_rewrite as r on v.oid = r.ev_class
inner join pg_catalog.pg_depend as d on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass
inner join pg_catalog.pg_class as t on d.refobjid = t.oid and d.refclassid = 'pg_class'::regclass
inner join pg_catalog.pg_namespace as n on t.relnamespace = n.oid
where
    v.relnamespace = 'steelyard'::regnamespace
    and n.nspname not in ('steelyard', 'pg_catalog', 'information_schema')
order by name;

-- name: get_withheld_tables
-- Tables of which row-level security may hold rows back from this role.
select c.relname::text as name
from pg_catalog.pg_class as c
where
    c.relnamespace = 'steelyard'::regnamespace
    and c.relkind = 'r'
    and row_security_active(c.oid)
    and not exists (
        select
        from pg_catalog.pg_policy as p
        cross join lateral unnest(p.polroles) as r (oid)
        where
            p.polrelid = c.oid
            and p.polpermissive
            and p.polcmd = '*'
            and pg_get_expr(p.polqual, p.polrelid) = 'true'
            and pg_has_role(r.oid, 'usage')
    )
order by name;

-- name: drop_scratch
-- Remove what an earlier verification or restore left.
drop database if exists steelyard_scratch with (force);

-- name: create_scratch
-- A database to restore into, owned by the role that owns the schema.
create database steelyard_scratch owner steelyard_migrator;

-- name: restrict_scratch
-- Only the roles of the house connect, as to the database it may replace.
revoke all on database steelyard_scratch from public;

-- name: admit_scratch
-- Let them in, as to the database it may replace.
grant connect, temporary on database steelyard_scratch to steelyard_app, steelyard_auditor, steelyard_refresh;

-- name: grant_future_tables
-- What schema.sql grants on tables to come; a dump does it in the name of its owner, who may be unknown here.
alter default privileges in schema steelyard grant select, insert, update, delete on tables to steelyard_app;
alter default privileges in schema steelyard grant usage on sequences to steelyard_app;
alter default privileges in schema steelyard grant select on tables to steelyard_auditor;

-- name: analyze_all
-- Tell the planner what came with the dump, which has no statistics.
analyze;

-- name: find_set_aside
-- True when a restore has set the store it replaced aside.
select exists (select from pg_catalog.pg_database where datname = 'steelyard_before_restore');

-- name: drop_set_aside
-- Remove the store that a restore has replaced.
drop database if exists steelyard_before_restore with (force);

-- name: swap_in_scratch
-- End the sessions on the store and put the scratch database in its place, in one transaction.
select pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where datname in ('steelyard', 'steelyard_scratch');
alter database steelyard rename to steelyard_before_restore;
alter database steelyard_scratch rename to steelyard;

-- name: count_later
-- What was recorded after a backup.
select
    (select count(*) from steelyard.load_runs where recorded_at > $1) as loads,
    (select count(*) from steelyard.asset_360_versions where recorded_at > $1) as versions;

-- name: get_other_tables
-- Some tables of the database that are not ours.
select format('%I.%I', n.nspname, c.relname) as name
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where
    c.relkind in ('r', 'p', 'm')
    and c.relpersistence <> 't'
    and n.nspname not in ('steelyard', 'pg_catalog', 'information_schema')
order by name
limit 5;

-- name: get_databases
-- The databases that hold something of somebody's.
select datname::text as name from pg_catalog.pg_database where datallowconn and not datistemplate order by datname;

-- name: has_column_marks
-- True where the server marks columns with a version of its own, as security releases of November 2026 do: only its own
-- programs know that the mark is no setting, and leave it out of a dump.
select exists (
    select
    from pg_catalog.pg_attribute
    where attoptions::text like '%pg\_attver=%'
);

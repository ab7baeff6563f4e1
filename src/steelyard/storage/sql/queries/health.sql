-- name: get_server
-- Who answers, as whom we speak, and how large the database is.
select
    current_setting('server_version') as version,
    current_database()::text as database_name,
    session_user::text as login,
    current_user::text as role,
    pg_database_size(current_database()) as size_bytes;

-- name: get_missing_roles
-- The roles of the house that the server does not have.
select wanted.name
from unnest(array['steelyard_migrator', 'steelyard_app', 'steelyard_auditor', 'steelyard_refresh']) as wanted (name)
where not exists (select from pg_catalog.pg_roles as r where r.rolname = wanted.name)
order by wanted.name;

-- name: get_last_load
-- The newest run of a load that was not refused.
select l.run_id, l.source, l.status, l.recorded_at
from steelyard.load_runs as l
where l.tenant_id = steelyard.current_tenant() and l.status <> 'refused'
order by l.run_id desc
limit 1;

-- name: count_findings
-- How many findings of each kind stand, most first.
select f.kind, f.severity, count(*) as findings, count(distinct f.asset_id) as assets
from steelyard.data_quality_findings as f
where (f.tenant_id is null or f.tenant_id = steelyard.current_tenant()) and f.severity <> 'refused'
group by f.kind, f.severity
order by count(*) desc, f.kind, f.severity;

-- name: get_other_ids
-- A few of the stored assets and accounts that are not among those given.
(
    select 'asset ' || a.asset_id as name
    from steelyard.asset_master as a
    where a.asset_id <> all(:assets)
    order by a.asset_id
    limit 3
)
union all
(
    select 'account ' || a.account_id
    from steelyard.accounts as a
    where a.tenant_id = steelyard.current_tenant() and a.account_id <> all(:accounts)
    order by a.account_id
    limit 3
);

-- name: tell_time
-- The time by the server's clock.
select clock_timestamp();

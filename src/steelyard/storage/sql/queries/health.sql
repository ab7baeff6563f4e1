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

-- name: get_publication
-- What readers see, when it was published, and until which day and moment there are prices and loads.
select v.version, v.as_of, v.recorded_at, v.row_count, steelyard.last_price_date() as last_price
from steelyard.asset_360_current as c
inner join steelyard.asset_360_versions as v on c.tenant_id = v.tenant_id and c.version = v.version
where c.tenant_id = steelyard.current_tenant();

-- name: get_price_ages
-- How old the prices are that the figures of a scope stand on, by what is held.
select
    count(*) as held,
    count(r.price_date) as priced,
    count(*) filter (where r.price_date < cast(:as_of as date) - 7) as old,
    min(r.price_date) as oldest,
    max(r.price_date) as newest
from steelyard.asset_360_rows as r
where
    r.tenant_id = steelyard.current_tenant() and r.version = :version
    and r.scope_kind = :scope_kind and r.scope_id = :scope_id
    and not 'no_position' = any(r.quality_flags) and lower(r.asset_type) <> 'cash';

-- name: get_queue
-- What waits for workers: orders and runs that are due, since when the first is, and what a worker has in hand.
select
    (
        select count(*) from steelyard.orders as o
        where o.tenant_id = steelyard.current_tenant() and o.due_at <= cast(:now as timestamptz)
    ) as orders,
    (
        select count(*) from steelyard.runs as r
        where r.tenant_id = steelyard.current_tenant() and r.due_at <= cast(:now as timestamptz)
    ) as runs,
    least(
        (select min(o.due_at) from steelyard.orders as o where o.tenant_id = steelyard.current_tenant()),
        (select min(r.due_at) from steelyard.runs as r where r.tenant_id = steelyard.current_tenant())
    ) as first_due,
    (
        select count(*) from steelyard.orders as o
        where
            o.tenant_id = steelyard.current_tenant() and o.due_at is not null
            and o.lease_until > cast(:now as timestamptz)
    ) as in_hand;

-- name: get_audit_end
-- The end of the tenant's chain of events, and how many wait for their place in it.
select
    h.sequence,
    encode(h.hash, 'hex') as hash,
    (select count(*) from steelyard.audit_pending as p where p.tenant_id = h.tenant_id) as pending
from steelyard.audit_heads as h
where h.tenant_id = steelyard.current_tenant();

-- name: get_flagged_assets
-- What limits figures of a scope: each flag with how many assets carry it, and the most valuable of them.
select f.flag, f.assets, f.asset_id, f.asset_name
from (
    select
        q.flag,
        count(*) over (partition by q.flag) as assets,
        row_number() over (partition by q.flag order by r.market_value desc nulls last, r.asset_id) as place,
        r.asset_id,
        r.asset_name
    from steelyard.asset_360_rows as r
    cross join lateral unnest(r.quality_flags) as q (flag)
    where
        r.tenant_id = steelyard.current_tenant() and r.version = :version
        and r.scope_kind = :scope_kind and r.scope_id = :scope_id
) as f
where f.place <= :most
order by f.assets desc, f.flag, f.place;

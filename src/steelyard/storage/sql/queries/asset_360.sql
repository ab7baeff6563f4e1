-- name: get_document
-- The answers of a scope: of a version, of the newest version of a day, or of the current version. No subquery
-- asks the outer row for its tenant, so that the version is found once and the key leads to one row.
select d.document::text
from steelyard.asset_360_documents as d
where
    d.tenant_id = steelyard.current_tenant()
    and d.scope_kind = :scope_kind
    and d.scope_id = :scope_id
    and d.version = case
        when cast(:version as bigint) is not null then cast(:version as bigint)
        when cast(:as_of as date) is not null
            then (
                select max(v.version)
                from steelyard.asset_360_versions as v
                where v.tenant_id = steelyard.current_tenant() and v.as_of = cast(:as_of as date)
            )
        else (
            select c.version
            from steelyard.asset_360_current as c
            where c.tenant_id = steelyard.current_tenant()
        )
    end;

-- name: get_versions
-- The kept versions, newest first, and whether each is the current one.
select
    v.version,
    v.as_of,
    v.universe,
    v.row_count,
    v.content_hash,
    v.recorded_at,
    c.version is not null as is_current
from steelyard.asset_360_versions as v
left join steelyard.asset_360_current as c on v.tenant_id = c.tenant_id and v.version = c.version
where
    v.tenant_id = steelyard.current_tenant()
    and exists (
        select from steelyard.asset_360_documents as d
        where d.tenant_id = v.tenant_id and d.version = v.version
    )
order by v.version desc;

-- name: get_scopes
-- Every household and account of the tenant.
select 'household' as scope_kind, h.household_id as scope_id, h.household_name as scope_name
from steelyard.households as h
where h.tenant_id = steelyard.current_tenant()
union all
select 'account', a.account_id, a.account_name
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant()
order by scope_kind desc, scope_id;

-- name: get_asset_rows
-- Asset 360 of a scope and version, most valuable first; of one asset where asset_id is given.
select r.*
from steelyard.asset_360_rows as r
where
    r.tenant_id = steelyard.current_tenant()
    and r.version = :version
    and r.scope_kind = :scope_kind
    and r.scope_id = :scope_id
    and (cast(:asset_id as text) is null or r.asset_id = cast(:asset_id as text))
order by r.market_value desc nulls last, r.asset_id;

-- name: get_asset_findings
-- What the loads found about an asset, newest first.
select f.finding_date, f.kind, f.severity, f.reason
from steelyard.data_quality_findings as f
where
    f.asset_id = :asset_id
    and (f.tenant_id is null or f.tenant_id = steelyard.current_tenant())
order by f.finding_date desc nulls last, f.finding_id desc;

-- name: get_last_price_date
-- The last price date, or null where there are no prices.
select steelyard.last_price_date();

-- name: get_current_version
-- The version readers see and its rows over all scopes; nothing where none was published.
select v.version, v.row_count
from steelyard.asset_360_current as c
inner join steelyard.asset_360_versions as v on c.tenant_id = v.tenant_id and c.version = v.version
where c.tenant_id = steelyard.current_tenant();

-- name: call_create_asset_360
-- Make and publish a version.
call steelyard.create_asset_360(cast(:as_of as date), :universe, :keep_versions, null, null);

-- name: find_documents_seen
-- Which documents answer some questions, each of whoever asks it.
select f.place, f.version, f.content_hash from steelyard.find_documents_seen(cast(:asked as jsonb)) as f;

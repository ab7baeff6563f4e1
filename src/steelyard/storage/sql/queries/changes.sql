-- name: get_version_differences
-- The tenant's assets that came, went, changed a category or are among the biggest moves of value between two versions.
with pairs as (
    select
        asset_id,
        coalesce(n.asset_name, o.asset_name) as asset_name,
        o.version is not null as was_there,
        n.version is not null as is_there,
        o.market_value as value_before,
        n.market_value as value_after,
        o.risk_category as risk_before,
        n.risk_category as risk_after,
        o.performance_category as performance_before,
        n.performance_category as performance_after,
        o.position_size as size_before,
        n.position_size as size_after,
        -- amounts of two currencies are not compared
        case when o.base_currency = n.base_currency then nullif(n.market_value - o.market_value, 0) end as amount
    from (
        select r.*
        from steelyard.asset_360_rows as r
        where r.tenant_id = steelyard.current_tenant() and r.version = :before and r.scope_kind = 'tenant'
    ) as o
    full join (
        select r.*
        from steelyard.asset_360_rows as r
        where r.tenant_id = steelyard.current_tenant() and r.version = :after and r.scope_kind = 'tenant'
    ) as n using (asset_id)
),

placed as (
    select p.*, row_number() over (order by abs(p.amount) desc nulls last, p.asset_id) as place
    from pairs as p
)

select
    p.asset_id,
    p.asset_name,
    p.was_there,
    p.is_there,
    p.value_before,
    p.value_after,
    p.risk_before,
    p.risk_after,
    p.performance_before,
    p.performance_after,
    p.size_before,
    p.size_after,
    case when p.place <= :most then p.amount end as amount
from placed as p
where
    p.was_there <> p.is_there
    or (p.risk_before, p.performance_before, p.size_before)
    is distinct from (p.risk_after, p.performance_after, p.size_after)
    or (p.place <= :most and p.amount is not null)
order by p.place;

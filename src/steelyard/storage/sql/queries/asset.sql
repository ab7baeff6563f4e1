-- name: list_assets
-- A page of the assets of a scope and version in an order, unknown figures last: those after an asset of it, or before.
-- Only what is sorted goes through the sorting; the rest is read for the page alone.
with found as (
    select
        r.asset_id,
        case when cast(:sort as text) = 'value' then r.market_value end as amount,
        case cast(:sort as text)
            when 'age' then cast(cast(:as_of as date) - r.price_date as double precision)
            when 'return' then r.total_return
            when 'volatility' then r.avg_volatility
            when 'risk' then r.value_at_risk
            when 'violations' then cast(r.active_violations as double precision)
        end as figure,
        case cast(:sort as text)
            when 'asset' then r.asset_id
            when 'class' then lower(r.asset_type)
            when 'sector' then lower(r.sector)
            when 'country' then lower(r.issuing_country)
        end as word
    from steelyard.asset_360_rows as r
    where
        r.tenant_id = steelyard.current_tenant()
        and r.version = :version
        and r.scope_kind = :scope_kind
        and r.scope_id = :scope_id
        and (
            cast(:search as text) = ''
            or strpos(lower(r.asset_id), lower(:search)) > 0
            or strpos(lower(r.asset_name), lower(:search)) > 0
            or strpos(lower(r.isin), lower(:search)) > 0
        )
        and (cast(:asset_type as text) is null or r.asset_type = :asset_type)
        and (cast(:sector as text) is null or coalesce(r.sector, 'Unknown') = :sector)
        and (cast(:country as text) is null or coalesce(r.issuing_country, 'Unknown') = :country)
        and (cast(:risk as text) is null or r.risk_category = :risk)
        and (cast(:performance as text) is null or r.performance_category = :performance)
        and (cast(:size as text) is null or r.position_size = :size)
        and (not cast(:with_violations as boolean) or r.active_violations > 0)
        and (
            not cast(:without_value as boolean)
            or r.market_value is null and not 'no_position' = any(r.quality_flags)
        )
),

placed as (
    select
        f.asset_id,
        row_number() over (
            order by
                case when cast(:is_descending as boolean) then f.amount end desc nulls last,
                case when not cast(:is_descending as boolean) then f.amount end asc nulls last,
                case when cast(:is_descending as boolean) then f.figure end desc nulls last,
                case when not cast(:is_descending as boolean) then f.figure end asc nulls last,
                case when cast(:is_descending as boolean) then f.word end desc nulls last,
                case when not cast(:is_descending as boolean) then f.word end asc nulls last,
                f.asset_id asc
        ) as place
    from found as f
),

page as (
    select p.asset_id, p.place
    from placed as p
    where
        case cast(:side as text)
            when 'after' then p.place > (select a.place from placed as a where a.asset_id = :beside)
            when 'before' then p.place < (select b.place from placed as b where b.asset_id = :beside)
            else true
        end
    order by case when cast(:side as text) = 'before' then -p.place else p.place end
    limit :most
)

select
    r.asset_id,
    r.asset_name,
    r.asset_type,
    r.isin,
    r.currency,
    r.sector,
    r.issuing_country,
    r.base_currency,
    trim_scale(r.quantity) as quantity,
    trim_scale(r.current_price) as price,
    r.price_date,
    r.market_value,
    r.total_return,
    r.avg_volatility,
    r.value_at_risk,
    r.active_violations,
    r.last_compliance_check,
    r.risk_category,
    r.performance_category,
    r.position_size,
    r.quality_flags,
    p.place,
    (select count(*) from placed) as among
from page as p
inner join steelyard.asset_360_rows as r on p.asset_id = r.asset_id
where
    r.tenant_id = steelyard.current_tenant()
    and r.version = :version
    and r.scope_kind = :scope_kind
    and r.scope_id = :scope_id
order by p.place;

-- name: get_asset_groups
-- What the assets of a scope and version are parted into, each with its number of assets.
select
    case
        grouping(
            r.asset_type, r.sector, r.issuing_country, r.risk_category, r.performance_category, r.position_size
        )
        when 31 then 'asset_type'
        when 47 then 'sector'
        when 55 then 'country'
        when 59 then 'risk'
        when 61 then 'performance'
        else 'size'
    end as dimension,
    coalesce(
        r.asset_type, r.sector, r.issuing_country, r.risk_category, r.performance_category, r.position_size, 'Unknown'
    ) as name,
    count(*) as assets
from steelyard.asset_360_rows as r
where
    r.tenant_id = steelyard.current_tenant()
    and r.version = :version
    and r.scope_kind = :scope_kind
    and r.scope_id = :scope_id
group by grouping sets (
    (r.asset_type), (r.sector), (r.issuing_country), (r.risk_category), (r.performance_category), (r.position_size)
)
order by dimension, name;

-- name: get_return_history
-- The daily returns of assets after a day and until another, oldest first.
select h.asset_id, h.date, h.daily_return, h.origin
from steelyard.performance_history as h
where
    h.asset_id = any(cast(:asset_ids as text[]))
    and h.date > cast(:after as date)
    and h.date <= cast(:until as date)
    and h.daily_return is not null
order by h.asset_id, h.date;

-- name: get_risk_history
-- The risk of an asset at the days it was measured until a day, oldest first.
select
    m.calculation_date,
    m.volatility,
    m.var_95,
    m.expected_shortfall_95,
    m.var_95_parametric,
    m.beta,
    m.sharpe_ratio,
    m.max_drawdown,
    m.observations,
    m.origin
from steelyard.risk_metrics as m
where m.asset_id = :asset_id and m.calculation_date <= cast(:until as date)
order by m.calculation_date;

-- name: get_asset_records
-- What checks said of an asset in some accounts, or of all together, newest first.
select c.record_id, coalesce(c.account_id, '') as account_id, c.check_date, c.status, coalesce(c.rule, '') as rule
from steelyard.compliance_records as c
where
    c.tenant_id = steelyard.current_tenant()
    and c.asset_id = :asset_id
    and (c.account_id is null or c.account_id = any(cast(:account_ids as text[])))
order by c.check_date desc, c.record_id
limit :most;

-- What the eight readers would ask, had they no document: seven queries over the rows of the current version,
-- and one over the transactions.
select
    count(*) as total_assets,
    sum(market_value) as total_value,
    sum(market_value::double precision * total_return) / nullif(
        sum(market_value::double precision) filter (where total_return is not null), 0
    ) as average_return,
    avg(total_return) as mean_return
from steelyard.asset_360;
select asset_type, count(*) as n, sum(market_value) as value
from steelyard.asset_360
group by asset_type
order by value desc nulls last;
select asset_id, asset_name, value_at_risk, beta, sharpe_ratio
from steelyard.asset_360
order by value_at_risk desc nulls last, asset_id
limit 10;
select asset_id, asset_name, avg_daily_return, avg_volatility, total_return, performance_category
from steelyard.asset_360
where total_return is not null
order by total_return desc, asset_id
limit 5;
select asset_id, asset_name, active_violations, last_compliance_check
from steelyard.asset_360
where active_violations > 0
order by active_violations desc, asset_name, asset_id;
select month, volume
from steelyard.scope_monthly_volume(steelyard.current_tenant(), '%(as_of)s')
where scope_kind = 'tenant'
order by month;
select sector, count(*) as n, sum(market_value) as value
from steelyard.asset_360
group by sector
order by value desc nulls last;
select issuing_country, count(*) as n, sum(market_value) as value
from steelyard.asset_360
group by issuing_country
order by value desc nulls last;

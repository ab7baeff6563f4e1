-- The procedure that asset 360 replaces, as its users describe it, faults included: a price is multiplied by a
-- percentage, an asset in several portfolios stands several times, an asset without a price is dropped, and the
-- table is gone while it is made. Only the day is an argument here (%(as_of)s) instead of the clock.
begin;
set local search_path = historical, pg_temp;

create temporary table latest_value on commit drop as
select
    a.*,
    m.closing_price as current_price,
    m.closing_price * p.actual_weight as market_value
from steelyard.asset_master as a
left join steelyard.market_data as m on a.asset_id = m.asset_id
left join steelyard.portfolio_allocation as p on a.asset_id = p.asset_id
where
    m.price_date = (
        select max(n.price_date)
        from steelyard.market_data as n
        where n.asset_id = a.asset_id
    );

create temporary table performance_summary on commit drop as
select
    h.asset_id,
    avg(h.daily_return) as avg_daily_return,
    max(h.daily_return) as max_daily_return,
    min(h.daily_return) as min_daily_return,
    avg(h.total_return) as total_return
from steelyard.performance_history as h
where h.date >= date '%(as_of)s' - interval '1 year'
group by h.asset_id;

create temporary table risk_summary on commit drop as
select
    r.asset_id,
    avg(r.volatility) as avg_volatility,
    avg(r.var_95) as value_at_risk,
    avg(r.beta) as beta,
    avg(r.sharpe_ratio) as sharpe_ratio
from steelyard.risk_metrics as r
where r.calculation_date >= date '%(as_of)s' - interval '3 months'
group by r.asset_id;

create temporary table transaction_summary on commit drop as
select
    t.asset_id,
    count(*) as total_transactions,
    sum(case when t.transaction_type = 'BUY' then t.total_amount else 0 end) as total_purchases,
    sum(case when t.transaction_type = 'SELL' then t.total_amount else 0 end) as total_sales,
    avg(t.transaction_costs) as avg_transaction_cost
from steelyard.transactions as t
where t.transaction_date >= date '%(as_of)s' - interval '1 year'
group by t.asset_id;

create temporary table compliance_summary on commit drop as
select
    c.asset_id,
    count(*) filter (where c.status = 'VIOLATION') as active_violations,
    max(c.check_date) as last_compliance_check
from steelyard.compliance_records as c
where c.check_date >= date '%(as_of)s' - interval '6 months'
group by c.asset_id;

drop table if exists historical.asset_360;

create table historical.asset_360 as
select
    v.*,
    p.avg_daily_return,
    p.max_daily_return,
    p.min_daily_return,
    p.total_return,
    r.avg_volatility,
    r.value_at_risk,
    r.beta,
    r.sharpe_ratio,
    t.total_transactions,
    t.total_purchases,
    t.total_sales,
    t.avg_transaction_cost,
    c.active_violations,
    c.last_compliance_check,
    case
        when abs(r.value_at_risk) > 2600 then 'HIGH'
        when abs(r.value_at_risk) > 2500 then 'MEDIUM'
        else 'LOW'
    end as risk_category,
    case
        when p.total_return > 0.15 then 'OUTPERFORMING'
        when p.total_return < 0.04 then 'UNDERPERFORMING'
        else 'NEUTRAL'
    end as performance_category,
    case
        when v.market_value > 1000000 then 'LARGE'
        when v.market_value > 100000 then 'MEDIUM'
        else 'SMALL'
    end as position_size
from latest_value as v
left join performance_summary as p on v.asset_id = p.asset_id
left join risk_summary as r on v.asset_id = r.asset_id
left join transaction_summary as t on v.asset_id = t.asset_id
left join compliance_summary as c on v.asset_id = c.asset_id;
commit;

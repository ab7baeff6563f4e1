-- The figures of asset 360 over Parquet files of the tables, for every scope of a tenant in dollars without
-- households; $as_of is the day. Rates are doubles here, so money agrees to 1e-9 and not to the cent.
with scopes as (
    select 'tenant' as scope_kind, '' as scope_id, account_id
    from accounts
    union all
    select 'account', account_id, account_id
    from accounts
),

rates as (
    select u.rate_date, unnest(['USD', 'EUR', 'GBP']) as currency,
        unnest([1.0, u.units_per_eur::double, u.units_per_eur::double / g.units_per_eur::double]) as rate
    from fx_rates as u
    inner join fx_rates as g on u.rate_date = g.rate_date
    where u.currency = 'USD' and g.currency = 'GBP'
),

prices as (
    select asset_id, arg_max(closing_price, price_date) as closing_price
    from market_data
    where price_date <= $as_of
    group by asset_id
),

performance as (
    select
        asset_id,
        avg(daily_return) as avg_daily_return,
        max(daily_return) as max_daily_return,
        min(daily_return) as min_daily_return,
        product(1 + daily_return) - 1 as total_return
    from performance_history
    where date > $as_of - interval '1 year' and date <= $as_of
    group by asset_id
),

risk_returns as (
    select asset_id, date, daily_return
    from performance_history
    where date > $as_of - interval '3 months' and date <= $as_of
),

measured as (
    select a.asset_id, a.currency, coalesce(a.benchmark_asset_id, b.asset_id) as benchmark_asset_id
    from asset_master as a
    left join benchmarks as b on a.currency = b.currency
),

samples as (
    select
        w.asset_id,
        quantile_cont(w.daily_return, 0.05) as quantile,
        list(w.daily_return) as daily_returns,
        stddev_samp(w.daily_return) * sqrt(252) as volatility,
        regr_slope(w.daily_return, b.daily_return) as beta,
        avg(w.daily_return - coalesce(f.annual_rate / 252, 0))
        / stddev_samp(w.daily_return - coalesce(f.annual_rate / 252, 0))
        * sqrt(252) as sharpe_ratio
    from risk_returns as w
    inner join measured as m on w.asset_id = m.asset_id
    left join risk_returns as b on m.benchmark_asset_id = b.asset_id and w.date = b.date
    asof left join risk_free_rates as f on m.currency = f.currency and w.date >= f.rate_date
    group by w.asset_id
    having count(*) >= 20
),

holdings as (
    select s.scope_kind, s.scope_id, p.asset_id, sum(p.quantity) as quantity
    from portfolio_allocation as p
    inner join scopes as s on p.portfolio = s.account_id
    group by all
),

booked as (
    select
        t.account_id,
        t.asset_id,
        count(*) as n,
        sum(t.total_amount * r.rate) filter (where t.transaction_type = 'BUY') as purchases,
        sum(t.total_amount * r.rate) filter (where t.transaction_type = 'SELL') as sales,
        sum(t.transaction_costs * r.rate) as costs,
        count(t.transaction_costs) as costs_n
    from transactions as t
    inner join rates as r on t.currency = r.currency and t.transaction_date = r.rate_date
    where t.transaction_date > $as_of - interval '1 year' and t.transaction_date <= $as_of
    group by all
),

traded as (
    select
        s.scope_kind,
        s.scope_id,
        b.asset_id,
        sum(b.n) as total_transactions,
        coalesce(sum(b.purchases), 0) as total_purchases,
        coalesce(sum(b.sales), 0) as total_sales,
        sum(b.costs) / sum(b.costs_n) as avg_transaction_cost
    from booked as b
    inner join scopes as s on b.account_id = s.account_id
    group by all
),

checked as (
    select
        s.scope_kind,
        s.scope_id,
        c.asset_id,
        count(*) filter (where c.status = 'VIOLATION') as active_violations,
        max(c.check_date) as last_compliance_check
    from compliance_records as c
    inner join scopes as s on c.account_id = s.account_id
    where c.check_date > $as_of - interval '6 months' and c.check_date <= $as_of
    group by all
)

select
    h.scope_kind,
    h.scope_id,
    a.*,
    p.closing_price as current_price,
    h.quantity * p.closing_price::double * r.rate as market_value,
    f.* exclude (asset_id),
    k.volatility as avg_volatility,
    -k.quantile as value_at_risk,
    -list_avg(list_filter(k.daily_returns, lambda x: x <= k.quantile)) as expected_shortfall,
    k.beta,
    k.sharpe_ratio,
    coalesce(t.total_transactions, 0) as total_transactions,
    coalesce(t.total_purchases, 0) as total_purchases,
    coalesce(t.total_sales, 0) as total_sales,
    t.avg_transaction_cost,
    coalesce(c.active_violations, 0) as active_violations,
    c.last_compliance_check,
    case when value_at_risk >= 0.03 then 'HIGH' when value_at_risk >= 0.02 then 'MEDIUM' else 'LOW' end
        as risk_category,
    case
        when f.total_return > 0.15 then 'OUTPERFORMING' when f.total_return < 0.04 then 'UNDERPERFORMING'
        else 'NEUTRAL'
    end as performance_category,
    case when market_value > 1000000 then 'LARGE' when market_value > 100000 then 'MEDIUM' else 'SMALL' end
        as position_size
from holdings as h
inner join asset_master as a on h.asset_id = a.asset_id
inner join rates as r on a.currency = r.currency and r.rate_date = $as_of
left join prices as p on h.asset_id = p.asset_id
left join performance as f on h.asset_id = f.asset_id
left join samples as k on h.asset_id = k.asset_id
left join traded as t on h.scope_kind = t.scope_kind and h.scope_id = t.scope_id and h.asset_id = t.asset_id
left join checked as c on h.scope_kind = c.scope_kind and h.scope_id = c.scope_id and h.asset_id = c.asset_id
order by h.scope_kind, h.scope_id, h.asset_id

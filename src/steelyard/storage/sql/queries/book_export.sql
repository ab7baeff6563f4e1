-- name: get_export_names
-- Assets, currencies and models that what a scope owns is about, and what those are measured against, as (noun, name).
with recursive own as (
    select s.account_id
    from steelyard.scope_accounts(steelyard.current_tenant()) as s
    where s.scope_kind = :scope_kind and s.scope_id = :scope_id
),

model as (
    select m.model_id
    from steelyard.model_portfolios as m
    where
        m.tenant_id = steelyard.current_tenant()
        and (
            :scope_kind = 'tenant'
            or m.model_id in (
                select a.model_id
                from steelyard.accounts as a
                inner join own as o on a.account_id = o.account_id
                where a.tenant_id = steelyard.current_tenant()
            )
        )
),

traded as materialized (
    select distinct t.asset_id, t.counter_asset_id, t.currency, t.counter_currency
    from steelyard.transactions as t
    where
        t.tenant_id = steelyard.current_tenant()
        and (
            coalesce(t.account_id, '') in (select o.account_id from own as o)
            or t.counter_account_id in (select o.account_id from own as o)
        )
),

-- what a part of a tenant holds may come of what was for every holder
held as materialized (
    select t.asset_id from traded as t
    union
    select t.counter_asset_id from traded as t
    union
    select p.commodity
    from steelyard.postings as p
    where
        :scope_kind <> 'tenant'
        and p.tenant_id = steelyard.current_tenant()
        and not p.is_cash
        and p.account_id in (select o.account_id from own as o)
    union
    select p.asset_id
    from steelyard.portfolio_allocation as p
    inner join own as o on p.portfolio = o.account_id
    where p.tenant_id = steelyard.current_tenant()
),

for_holders as materialized (
    select distinct t.counter_asset_id, t.currency, t.counter_currency
    from steelyard.transactions as t
    inner join held as h on t.asset_id = h.asset_id
    where t.tenant_id = steelyard.current_tenant() and t.account_id is null
),

-- with the units that amounts are quoted in come the currencies they are a fraction of
money as materialized (
    select n.currency
    from (
        select t.currency from traded as t
        union
        select t.counter_currency from traded as t
        union
        select t.currency from for_holders as t
        union
        select a.base_currency
        from steelyard.accounts as a
        inner join own as o on a.account_id = o.account_id
        where a.tenant_id = steelyard.current_tenant()
        union
        select h.base_currency
        from steelyard.households as h
        where h.tenant_id = steelyard.current_tenant()
        union
        select t.base_currency
        from steelyard.tenants as t
        where t.tenant_id = steelyard.current_tenant()
    ) as n
    where n.currency is not null
),

named as (
    select h.asset_id from held as h
    union
    select t.counter_asset_id from for_holders as t
    union
    select w.asset_id
    from steelyard.target_weights as w
    inner join model as m on w.model_id = m.model_id
    where w.tenant_id = steelyard.current_tenant()
    union
    select c.asset_id
    from steelyard.compliance_records as c
    inner join own as o on coalesce(c.account_id, '') = o.account_id
    where c.tenant_id = steelyard.current_tenant()
    union
    select c.asset_id
    from steelyard.cash_assets() as c
    inner join money as m on c.currency = m.currency
    union
    select b.asset_id
    from steelyard.benchmarks as b
    inner join money as m on b.currency = m.currency
),

reached (asset_id) as (
    select n.asset_id
    from named as n
    where n.asset_id is not null
    union
    select n.asset_id
    from reached as r
    inner join steelyard.asset_master as a on r.asset_id = a.asset_id
    left join steelyard.benchmarks as b on a.currency = b.currency
    cross join lateral (values (a.benchmark_asset_id), (b.asset_id)) as n (asset_id)
    where n.asset_id is not null
),

quoted as (
    select m.currency from money as m
    union
    select a.currency
    from steelyard.asset_master as a
    inner join reached as r on a.asset_id = r.asset_id
)

select
    'asset' as noun,
    r.asset_id as name
from reached as r
union all
select
    'currency',
    n.currency
from (
    select q.currency from quoted as q
    union
    select m.major_currency
    from steelyard.minor_currencies as m
    inner join quoted as q on m.currency = q.currency
) as n
union all
select
    'model',
    m.model_id
from model as m;

-- name: export_asset_master
-- What assets are, as a load reads it.
select
    a.asset_id,
    a.asset_name,
    a.asset_type,
    a.isin,
    a.currency,
    a.exchange,
    a.issuer,
    a.issue_date,
    a.maturity_date,
    trim_scale(a.par_value) as par_value,
    a.rating,
    a.sector,
    a.issuing_country,
    a.status,
    a.benchmark_asset_id,
    a.price_basis
from steelyard.asset_master as a
where a.asset_id = any($1::text[])
order by a.asset_id;

-- name: export_benchmarks
-- What assets of currencies are measured against, as a load reads it.
select
    b.currency,
    b.asset_id
from steelyard.benchmarks as b
where b.currency = any($1::text[])
order by b.currency;

-- name: export_fx_rates
-- Exchange rates of currencies, as a load reads them.
select
    f.currency,
    f.rate_date,
    trim_scale(f.units_per_eur) as units_per_eur,
    f.source
from steelyard.fx_rates as f
where f.currency = any($1::text[])
order by f.currency, f.rate_date;

-- name: export_risk_free_rates
-- Risk-free rates of currencies, as a load reads them.
select
    r.currency,
    r.rate_date,
    r.annual_rate,
    r.series
from steelyard.risk_free_rates as r
where r.currency = any($1::text[])
order by r.currency, r.rate_date;

-- name: export_households
-- Households of a scope's accounts, of a tenant all, as a load reads them.
select
    h.household_id,
    h.household_name,
    h.base_currency
from steelyard.households as h
where
    h.tenant_id = steelyard.current_tenant()
    and (
        $1::text = 'tenant'
        or h.household_id in (
            select a.household_id
            from steelyard.accounts as a
            inner join steelyard.scope_accounts(steelyard.current_tenant()) as s on a.account_id = s.account_id
            where a.tenant_id = steelyard.current_tenant() and s.scope_kind = $1 and s.scope_id = $2::text
        )
    )
order by h.household_id;

-- name: export_model_portfolios
-- Models, as a load reads them.
select
    m.model_id,
    m.model_name
from steelyard.model_portfolios as m
where m.tenant_id = steelyard.current_tenant() and m.model_id = any($1::text[])
order by m.model_id;

-- name: export_target_weights
-- What models hold, as a load reads it.
select
    w.model_id,
    w.asset_id,
    trim_scale(w.target_weight) as target_weight
from steelyard.target_weights as w
where w.tenant_id = steelyard.current_tenant() and w.model_id = any($1::text[])
order by w.model_id, w.asset_id;

-- name: export_accounts
-- Accounts of a scope, as a load reads them.
select
    a.account_id,
    a.account_name,
    a.household_id,
    a.base_currency,
    a.model_id,
    trim_scale(a.stated_value) as stated_value,
    a.stated_value_date,
    a.lot_method,
    case when a.may_overdraw then 'yes' else 'no' end as may_overdraw,
    case when a.may_short then 'yes' else 'no' end as may_short
from steelyard.accounts as a
inner join steelyard.scope_accounts(steelyard.current_tenant()) as s on a.account_id = s.account_id
where a.tenant_id = steelyard.current_tenant() and s.scope_kind = $1::text and s.scope_id = $2::text
order by a.account_id;

-- name: export_market_data
-- Prices of assets, as a load reads them.
select
    m.asset_id,
    m.price_date,
    trim_scale(m.closing_price) as closing_price,
    m.source,
    to_char(m.price_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as price_time
from steelyard.market_data as m
where m.asset_id = any($1::text[])
order by m.asset_id, m.price_date;

-- name: export_performance_history
-- Returns of assets by the firm's own word, as a load reads them; those that are derived are derived again.
select
    p.asset_id,
    p.date,
    p.daily_return,
    p.total_return
from steelyard.performance_history as p
where p.asset_id = any($1::text[]) and p.origin = 'loaded'
order by p.asset_id, p.date;

-- name: export_risk_metrics
-- Risk of assets by the firm's own word, as a load reads it; what is derived is derived again.
select
    r.asset_id,
    r.calculation_date,
    r.volatility,
    r.var_95,
    r.beta,
    r.sharpe_ratio,
    r.expected_shortfall_95,
    r.var_95_parametric,
    r.expected_shortfall_95_parametric,
    r.max_drawdown
from steelyard.risk_metrics as r
where r.asset_id = any($1::text[]) and r.origin = 'loaded'
order by r.asset_id, r.calculation_date;

-- name: export_portfolio_allocation
-- Snapshots of a scope's accounts, as a load reads them.
select
    p.portfolio,
    p.asset_id,
    p.as_of,
    trim_scale(p.quantity) as quantity,
    trim_scale(p.target_weight) as target_weight,
    trim_scale(p.actual_weight) as actual_weight
from steelyard.portfolio_allocation as p
inner join steelyard.scope_accounts(steelyard.current_tenant()) as s on p.portfolio = s.account_id
where p.tenant_id = steelyard.current_tenant() and s.scope_kind = $1::text and s.scope_id = $2::text
order by p.portfolio, p.as_of, p.asset_id;

-- name: export_transactions
-- Transactions of a scope, those for every holder of its assets among them, as a load reads them.
select
    t.transaction_id,
    t.account_id as account,
    t.asset_id,
    t.transaction_date,
    t.transaction_type,
    trim_scale(t.quantity) as quantity,
    trim_scale(t.price) as price,
    t.currency,
    trim_scale(t.total_amount) as total_amount,
    trim_scale(t.transaction_costs) as transaction_costs,
    trim_scale(t.tax_amount) as tax_amount,
    t.settlement_date,
    t.counter_account_id as counter_account,
    t.counter_asset_id,
    trim_scale(t.counter_quantity) as counter_quantity,
    t.counter_currency,
    trim_scale(t.counter_amount) as counter_amount,
    t.acquired_date,
    trim_scale(t.basis_fraction) as basis_fraction,
    t.lot_id
from steelyard.transactions as t
where
    t.tenant_id = steelyard.current_tenant()
    and (
        $1::text = 'tenant'
        or t.account_id in (
            select s.account_id
            from steelyard.scope_accounts(steelyard.current_tenant()) as s
            where s.scope_kind = $1 and s.scope_id = $2::text
        )
        or t.counter_account_id in (
            select s.account_id
            from steelyard.scope_accounts(steelyard.current_tenant()) as s
            where s.scope_kind = $1 and s.scope_id = $2
        )
        or (t.account_id is null and t.asset_id = any($3::text[]))
    )
order by t.transaction_date, t.transaction_id;

-- name: export_compliance_records
-- Results of compliance checks of a scope, as a load reads them.
select
    c.record_id,
    c.account_id as account,
    c.asset_id,
    c.check_date,
    c.status,
    c.rule
from steelyard.compliance_records as c
inner join steelyard.scope_accounts(steelyard.current_tenant()) as s on coalesce(c.account_id, '') = s.account_id
where c.tenant_id = steelyard.current_tenant() and s.scope_kind = $1::text and s.scope_id = $2::text
order by c.check_date, c.record_id;

-- name: get_export_ledger_names
-- Each commodity in each place of a ledger's accounts, from which day on, and what is held of it in the end.
with own as (
    select s.account_id
    from steelyard.scope_accounts(steelyard.current_tenant()) as s
    where s.scope_kind = :scope_kind and s.scope_id = :scope_id
),

moved as (
    select
        p.account_id,
        p.place,
        p.commodity,
        p.is_cash,
        min(e.trade_date) as first_day
    from steelyard.entries_known(steelyard.current_tenant(), 'infinity') as e
    inner join steelyard.postings as p on e.entry_id = p.entry_id
    where
        p.tenant_id = steelyard.current_tenant()
        and (
            e.account_id in (select o.account_id from own as o)
            or e.counter_account_id in (select o.account_id from own as o)
        )
    group by p.account_id, p.place, p.commodity, p.is_cash
)

select
    m.account_id,
    m.place,
    m.commodity,
    m.is_cash,
    m.first_day as first,
    case when not m.is_cash then a.currency end as quoted_in,
    case
        when m.place = 'held' and m.account_id in (select o.account_id from own as o)
            then trim_scale(coalesce(b.quantity, 0))
    end as balance
from moved as m
left join steelyard.asset_master as a on m.commodity = a.asset_id and not m.is_cash
left join steelyard.balances as b
    on
        b.tenant_id = steelyard.current_tenant()
        and m.account_id = b.account_id
        and m.commodity = b.commodity
        and m.is_cash = b.is_cash
order by m.account_id, m.place, m.is_cash, m.commodity;

-- name: export_postings
-- What the entries of a scope that stand move, in the order of their days, each line with what its entry says.
select
    e.entry_id,
    e.trade_date,
    e.kind,
    e.external_id as transaction,
    e.asset_id,
    trim_scale(e.price) as price,
    e.currency,
    trim_scale(e.amount) as amount,
    trim_scale(e.costs) as costs,
    trim_scale(e.tax) as tax,
    e.settlement_date,
    e.acquired_date,
    e.lot_id,
    p.account_id,
    p.place,
    p.commodity,
    p.is_cash,
    trim_scale(p.quantity) as units
from steelyard.entries_known(steelyard.current_tenant(), 'infinity') as e
inner join steelyard.postings as p on e.entry_id = p.entry_id
where
    p.tenant_id = steelyard.current_tenant()
    and (
        $1::text = 'tenant'
        or e.account_id in (
            select s.account_id
            from steelyard.scope_accounts(steelyard.current_tenant()) as s
            where s.scope_kind = $1 and s.scope_id = $2::text
        )
        or e.counter_account_id in (
            select s.account_id
            from steelyard.scope_accounts(steelyard.current_tenant()) as s
            where s.scope_kind = $1 and s.scope_id = $2
        )
    )
order by e.trade_date, e.entry_id, p.line;

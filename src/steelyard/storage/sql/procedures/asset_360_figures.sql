-- What create_asset_360 is made of: one function a figure, all of them plain queries over the tables.
-- Dates are arguments; a window excludes its first day and includes as_of. All are parallel safe: a query that
-- names one function that is not gets no workers.

create or replace aggregate steelyard.product(double precision) (
    sfunc = float8mul, stype = float8, initcond = '1', combinefunc = float8mul, parallel = safe
);
comment on aggregate steelyard.product(double precision) is 'Product of the values that are not null; 1 when there are none.';

-- sum(numeric) keeps several hundred bytes per group and column; over a group per account and asset this is twice
-- as fast, in a fifth of the memory.
create or replace aggregate steelyard.compact_sum(numeric) (
    sfunc = numeric_add, stype = numeric, combinefunc = numeric_add, parallel = safe
);
comment on aggregate steelyard.compact_sum(numeric) is 'Sum of the values that are not null, for queries with very many groups; null when there are none.';

-- FX ─────────────────────────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.units_per_eur(p_currency text, p_date date) returns numeric
language sql stable parallel safe
as $$
    select major.units * coalesce(m.units_per_major, 1)
    from (select p_currency as currency) as asked
    left join steelyard.minor_currencies as m on m.currency = asked.currency
    cross join lateral (
        select 1::numeric as units
        where coalesce(m.major_currency, asked.currency) = 'EUR'
        union all
        (
            select r.units_per_eur
            from steelyard.fx_rates as r
            where
                r.currency = coalesce(m.major_currency, asked.currency)
                and r.currency <> 'EUR'
                and r.rate_date between p_date - 10 and p_date
            order by r.rate_date desc
            limit 1
        )
    ) as major
$$;
comment on function steelyard.units_per_eur(text, date) is 'Units of a currency for 1 EUR on a day, by the last rate of the ten days before; null when there is none.';

create or replace function steelyard.conversion_rate(p_from text, p_to text, p_date date) returns numeric
language sql stable parallel safe
as $$
    select
        case
            when p_from = p_to then 1::numeric
            else
                round(
                    steelyard.units_per_eur(p_to, p_date)::numeric(80, 40) / steelyard.units_per_eur(p_from, p_date),
                    18
                )
        end
$$;
comment on function steelyard.conversion_rate(text, text, date) is 'What one unit of p_from is worth in p_to, 18 decimals; domain/money.conversion_rate agrees.';

-- Prices ───────────────────────────────────────────────────────────────────────────────────────────────────────
-- Our own table has an index that finds an asset's last price. An attached one may have none, and is read whole.

create or replace function steelyard.last_price_date() returns date
language sql stable parallel safe
as $$
    select
        case
            when 'market_data' = any(steelyard.attached_tables())
                then (select max(m.price_date) from steelyard.market_data as m)
            else
                (
                    select max(latest.price_date)
                    from steelyard.asset_master as a
                    cross join lateral (
                        select m.price_date
                        from steelyard.market_data as m
                        where m.asset_id = a.asset_id
                        order by m.price_date desc
                        limit 1
                    ) as latest
                )
        end
$$;
comment on function steelyard.last_price_date() is 'The newest day any asset has a price of; null when there are no prices.';

create or replace function steelyard.first_price_date() returns date
language sql stable parallel safe
as $$
    select
        case
            when 'market_data' = any(steelyard.attached_tables())
                then (select min(m.price_date) from steelyard.market_data as m)
            else
                (
                    select min(earliest.price_date)
                    from steelyard.asset_master as a
                    cross join lateral (
                        select m.price_date
                        from steelyard.market_data as m
                        where m.asset_id = a.asset_id
                        order by m.price_date asc
                        limit 1
                    ) as earliest
                )
        end
$$;
comment on function steelyard.first_price_date() is 'The oldest day any asset has a price of; null when there are no prices.';

create or replace function steelyard.latest_prices(p_as_of date)
returns table (asset_id text, closing_price numeric, price_date date)
language sql stable parallel safe
as $$
    select m.asset_id, m.closing_price, m.price_date
    from (
        select n.asset_id, max(n.price_date) as price_date
        from steelyard.market_data as n
        where n.price_date <= p_as_of
        group by n.asset_id
    ) as latest
    inner join steelyard.market_data as m on latest.asset_id = m.asset_id and latest.price_date = m.price_date
$$;
comment on function steelyard.latest_prices(date) is 'The last price of every asset on or before a day, reading the whole table.';

-- Positions and scopes ───────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.positions_stated(p_tenant integer, p_as_of date)
returns table (
    account_id text,
    asset_id text,
    as_of date,
    quantity numeric,
    target_weight numeric,
    actual_weight numeric
)
language sql stable parallel safe
as $$
    select p.portfolio, p.asset_id, p.as_of, p.quantity, p.target_weight, p.actual_weight
    from steelyard.portfolio_allocation as p
    inner join (
        select a.portfolio, max(coalesce(a.as_of, 'infinity'::date)) as as_of
        from steelyard.portfolio_allocation as a
        where a.tenant_id = p_tenant and (a.as_of <= p_as_of or a.as_of is null)
        group by a.portfolio
    ) as latest
        on p.portfolio = latest.portfolio and coalesce(p.as_of, 'infinity'::date) = latest.as_of
    where p.tenant_id = p_tenant
$$;
comment on function steelyard.positions_stated(integer, date) is 'The newest snapshot of each portfolio on or before a day.';

create or replace function steelyard.positions_at(p_tenant integer, p_as_of date)
returns table (
    account_id text,
    asset_id text,
    as_of date,
    quantity numeric,
    target_weight numeric,
    actual_weight numeric
)
language sql stable parallel safe
as $$
    select p.account_id, p.asset_id, p.as_of, p.quantity, p.target_weight, p.actual_weight
    from steelyard.positions_stated(p_tenant, p_as_of) as p
    where
        not exists (
            select from steelyard.accounts as a
            where a.tenant_id = p_tenant and a.account_id = p.account_id and a.kept_by = 'ledger'
        )
    union all
    select l.account_id, l.asset_id, nullif(p_as_of, 'infinity'), l.quantity, null, null
    from steelyard.ledger_positions_at(p_tenant, p_as_of) as l
$$;
comment on function steelyard.positions_at(integer, date) is 'What each account held on a day, by what keeps it: its newest snapshot, or the ledger.';

create or replace view steelyard.positions with (security_invoker = true) as
select
    steelyard.current_tenant() as tenant_id,
    p.account_id,
    p.asset_id,
    p.as_of,
    p.quantity
from steelyard.positions_at(steelyard.current_tenant(), 'infinity') as p
where p.quantity is not null;
comment on view steelyard.positions is 'Quantity of an asset in an account now, by what keeps it: the newest snapshot, or the ledger.';

create or replace function steelyard.scope_accounts(p_tenant integer)
returns table (scope_kind text, scope_id text, base_currency text, account_id text)
language sql stable parallel safe
as $$
    select 'tenant', '', t.base_currency, a.account_id
    from steelyard.tenants as t
    inner join (
        select x.tenant_id, x.account_id
        from steelyard.accounts as x
        where x.tenant_id = p_tenant
        union all
        select p_tenant, '' -- rows that name no account belong to the tenant alone
    ) as a
        on t.tenant_id = a.tenant_id
    union all
    select 'household', h.household_id, h.base_currency, a.account_id
    from steelyard.households as h
    inner join steelyard.accounts as a on h.tenant_id = a.tenant_id and h.household_id = a.household_id
    where h.tenant_id = p_tenant
    union all
    select 'account', a.account_id, a.base_currency, a.account_id
    from steelyard.accounts as a
    where a.tenant_id = p_tenant
$$;
comment on function steelyard.scope_accounts(integer) is 'Each scope with the accounts it spans.';

create or replace function steelyard.scope_targets(p_tenant integer)
returns table (scope_kind text, scope_id text, asset_id text)
language sql stable parallel safe
as $$
    select distinct s.scope_kind, s.scope_id, w.asset_id
    from steelyard.accounts as a
    inner join steelyard.target_weights as w on a.tenant_id = w.tenant_id and a.model_id = w.model_id
    inner join steelyard.scope_accounts(p_tenant) as s on a.account_id = s.account_id
    where a.tenant_id = p_tenant
$$;
comment on function steelyard.scope_targets(integer) is 'The assets that the models of a scope''s accounts want.';

-- Performance and risk, per asset ────────────────────────────────────────────────────────────────────────

create or replace function steelyard.asset_performance(p_as_of date)
returns table (
    asset_id text,
    avg_daily_return double precision,
    max_daily_return double precision,
    min_daily_return double precision,
    total_return double precision,
    first_date date,
    origin text
)
language sql stable parallel safe
as $$
    select
        h.asset_id,
        avg(h.daily_return),
        max(h.daily_return),
        min(h.daily_return),
        steelyard.product(1 + h.daily_return) - 1,
        min(h.date),
        case count(*) filter (where h.origin = 'loaded')
            when count(*) then 'loaded'
            when 0 then 'derived'
            else 'mixed'
        end
    from steelyard.performance_history as h
    where
        h.date > (p_as_of - interval '1 year')::date
        and h.date <= p_as_of
        and h.daily_return is not null
    group by h.asset_id
$$;
comment on function steelyard.asset_performance(date) is 'Daily returns over the year: mean, best, worst, compounded.';

create or replace function steelyard.loaded_risk(p_as_of date)
returns table (
    asset_id text,
    volatility double precision,
    value_at_risk double precision,
    expected_shortfall double precision,
    beta double precision,
    sharpe_ratio double precision
)
language sql stable parallel safe
as $$
    select
        r.asset_id,
        avg(r.volatility),
        avg(r.var_95),
        avg(r.expected_shortfall_95),
        avg(r.beta),
        avg(r.sharpe_ratio)
    from steelyard.risk_metrics as r
    where
        r.calculation_date > (p_as_of - interval '3 months')::date
        and r.calculation_date <= p_as_of
        and r.origin = 'loaded'
    group by r.asset_id
$$;
comment on function steelyard.loaded_risk(date) is 'The firm''s own risk figures: their mean over three months.';

create or replace function steelyard.risk_free_daily(p_as_of date)
returns table (currency text, date date, rate double precision)
language sql stable parallel safe
as $$
    select c.currency, d.date::date, latest.annual_rate / 252
    from (select distinct r.currency from steelyard.risk_free_rates as r) as c
    cross join generate_series((p_as_of - interval '3 months')::date, p_as_of, interval '1 day') as d (date)
    cross join lateral (
        select r.annual_rate
        from steelyard.risk_free_rates as r
        where r.currency = c.currency and r.rate_date <= d.date::date
        order by r.rate_date desc
        limit 1
    ) as latest
$$;
comment on function steelyard.risk_free_daily(date) is 'What a day without risk earns, per currency and day of the risk window.';

create or replace function steelyard.derived_risk(p_as_of date)
returns table (
    asset_id text,
    volatility double precision,
    value_at_risk double precision,
    expected_shortfall double precision,
    beta double precision,
    sharpe_ratio double precision,
    observations bigint
)
language sql stable parallel safe
as $$
    with measured as not materialized (
        select a.asset_id, a.currency, coalesce(a.benchmark_asset_id, b.asset_id) as benchmark_asset_id
        from steelyard.asset_master as a
        left join steelyard.benchmarks as b on a.currency = b.currency
    ),

    benchmark_returns as (
        select h.asset_id, h.date, h.daily_return
        from steelyard.performance_history as h
        where
            h.asset_id in (select m.benchmark_asset_id from measured as m)
            and h.date > (p_as_of - interval '3 months')::date
            and h.date <= p_as_of
    ),

    samples as (
        select
            h.asset_id,
            count(*) as n,
            array_agg(h.daily_return order by h.daily_return) as sorted,
            stddev_samp(h.daily_return) as deviation,
            regr_slope(h.daily_return, b.daily_return) as beta,
            avg(h.daily_return - coalesce(f.rate, 0)) as mean_excess,
            stddev_samp(h.daily_return - coalesce(f.rate, 0)) as deviation_excess
        from steelyard.performance_history as h
        inner join measured as m on h.asset_id = m.asset_id
        left join benchmark_returns as b on m.benchmark_asset_id = b.asset_id and h.date = b.date
        left join steelyard.risk_free_daily(p_as_of) as f on m.currency = f.currency and h.date = f.date
        where
            h.date > (p_as_of - interval '3 months')::date
            and h.date <= p_as_of
            and h.daily_return is not null
        group by h.asset_id
        having count(*) >= 20
    ),

    -- materialized, or the quantile would be worked out anew for each return it is compared with
    quantiles as materialized (
        select
            s.*,
            s.sorted[q.below + 1]
            + (q.place - q.below) * (s.sorted[q.below + 2] - s.sorted[q.below + 1]) as quantile
        from samples as s
        cross join lateral (
            select
                0.05::double precision * (s.n - 1) as place,
                floor(0.05::double precision * (s.n - 1))::integer as below
        ) as q
    )

    select
        q.asset_id,
        q.deviation * sqrt(252::double precision),
        0 - q.quantile, -- not a minus sign: of zero it would make -0
        0 - (select avg(r.daily_return) from unnest(q.sorted) as r (daily_return) where r.daily_return <= q.quantile),
        q.beta,
        q.mean_excess / nullif(q.deviation_excess, 0) * sqrt(252::double precision),
        q.n
    from quantiles as q
$$;
comment on function steelyard.derived_risk(date) is 'Risk from daily returns over three months, for assets with at least 20 of them; the quantile is linear.';

-- What the tenant holds, traded and had checked, per scope and asset ─────────────────────────────────────

create or replace function steelyard.scope_positions(p_tenant integer, p_as_of date)
returns table (
    scope_kind text,
    scope_id text,
    asset_id text,
    quantity numeric,
    weighed_value numeric,
    is_known boolean
)
language sql stable parallel safe
as $$
    select
        s.scope_kind,
        s.scope_id,
        p.asset_id,
        steelyard.compact_sum(p.quantity),
        sum(p.actual_weight * a.stated_value * steelyard.conversion_rate(a.base_currency, s.base_currency, p_as_of))
            filter (where p.quantity is null),
        bool_and(
            p.quantity is not null
            or p.actual_weight
            * a.stated_value
            * steelyard.conversion_rate(a.base_currency, s.base_currency, p_as_of) is not null
        )
    from steelyard.positions_at(p_tenant, p_as_of) as p
    inner join steelyard.accounts as a on p.account_id = a.account_id and a.tenant_id = p_tenant
    inner join steelyard.scope_accounts(p_tenant) as s on p.account_id = s.account_id
    group by s.scope_kind, s.scope_id, p.asset_id
$$;
comment on function steelyard.scope_positions(integer, date) is 'Quantities of a scope, and the value in its base currency of what is kept as weights; is_known = no part is missing.';

create or replace function steelyard.scope_transactions(p_tenant integer, p_as_of date)
returns table (
    scope_kind text,
    scope_id text,
    asset_id text,
    total_transactions bigint,
    total_purchases numeric,
    total_sales numeric,
    avg_transaction_cost numeric,
    is_converted boolean
)
language sql stable parallel safe
as $$
    with one_currency as (
        select min(s.base_currency) as currency
        from steelyard.scope_accounts(p_tenant) as s
        having count(distinct s.base_currency) = 1
    ),

    -- where every base currency is the same, its amounts need no rate, and most of the work is done here
    domestic as (
        select
            coalesce(t.account_id, '') as account_id,
            t.currency as base_currency,
            t.asset_id,
            count(*) as n,
            steelyard.compact_sum(t.total_amount) filter (where t.transaction_type = 'BUY') as purchases,
            steelyard.compact_sum(t.total_amount) filter (where t.transaction_type = 'SELL') as sales,
            steelyard.compact_sum(t.transaction_costs) as costs,
            count(t.transaction_costs) as costs_n,
            true as is_converted
        from steelyard.transactions as t
        where
            t.tenant_id = p_tenant
            and t.transaction_date > (p_as_of - interval '1 year')::date
            and t.transaction_date <= p_as_of
            and t.currency = (select o.currency from one_currency as o)
            and t.asset_id is not null
        group by t.account_id, t.currency, t.asset_id
    ),

    foreign_amounts as materialized (
        select
            coalesce(t.account_id, '') as account_id,
            t.asset_id,
            t.currency,
            t.transaction_date,
            case when t.transaction_type = 'BUY' then t.total_amount end as purchase,
            case when t.transaction_type = 'SELL' then t.total_amount end as sale,
            t.transaction_costs as cost
        from steelyard.transactions as t
        where
            t.tenant_id = p_tenant
            and t.transaction_date > (p_as_of - interval '1 year')::date
            and t.transaction_date <= p_as_of
            and t.currency is distinct from (select o.currency from one_currency as o)
            and t.asset_id is not null
    ),

    bases as (
        select distinct s.account_id, s.base_currency
        from steelyard.scope_accounts(p_tenant) as s
    ),

    rates as materialized (
        select
            k.currency,
            k.base_currency,
            k.transaction_date,
            steelyard.conversion_rate(k.currency, k.base_currency, k.transaction_date) as rate
        from (
            select distinct a.currency, b.base_currency, a.transaction_date
            from foreign_amounts as a
            inner join bases as b on a.account_id = b.account_id
        ) as k
    ),

    booked as (
        select d.* from domestic as d
        union all
        select
            a.account_id,
            r.base_currency,
            a.asset_id,
            count(*),
            steelyard.compact_sum(a.purchase * r.rate),
            steelyard.compact_sum(a.sale * r.rate),
            steelyard.compact_sum(a.cost * r.rate),
            count(a.cost),
            bool_and(r.rate is not null)
        from foreign_amounts as a
        inner join bases as b on a.account_id = b.account_id
        inner join rates as r
            on
                a.currency = r.currency
                and b.base_currency = r.base_currency
                and a.transaction_date = r.transaction_date
        group by a.account_id, r.base_currency, a.asset_id
    )

    select
        s.scope_kind,
        s.scope_id,
        b.asset_id,
        sum(b.n)::bigint,
        coalesce(sum(b.purchases), 0),
        coalesce(sum(b.sales), 0),
        sum(b.costs) / nullif(sum(b.costs_n), 0),
        bool_and(b.is_converted)
    from booked as b
    inner join steelyard.scope_accounts(p_tenant) as s
        on b.account_id = s.account_id and b.base_currency = s.base_currency
    group by s.scope_kind, s.scope_id, b.asset_id
$$;
comment on function steelyard.scope_transactions(integer, date) is 'Transactions of the year per scope and asset, in the base currency at each day''s rate.';

create or replace function steelyard.scope_monthly_volume(p_tenant integer, p_as_of date)
returns table (scope_kind text, scope_id text, month date, volume numeric, is_converted boolean)
language sql stable parallel safe
as $$
    with booked as (
        select
            coalesce(t.account_id, '') as account_id,
            date_trunc('month', t.transaction_date)::date as month,
            t.currency,
            t.transaction_date as rate_date,
            sum(t.total_amount) as amount
        from steelyard.transactions as t
        where
            t.tenant_id = p_tenant
            and t.transaction_type in ('BUY', 'SELL')
            and t.transaction_date >= (date_trunc('month', p_as_of::timestamp) - interval '11 months')::date
            and t.transaction_date <= p_as_of
        group by 1, 2, 3, 4
    ),

    rates as materialized (
        select
            k.currency,
            k.base_currency,
            k.rate_date,
            steelyard.conversion_rate(k.currency, k.base_currency, k.rate_date) as rate
        from (
            select distinct b.currency, b.rate_date, s.base_currency
            from booked as b
            inner join steelyard.scope_accounts(p_tenant) as s on b.account_id = s.account_id
        ) as k
    )

    select s.scope_kind, s.scope_id, b.month, sum(b.amount * r.rate), bool_and(r.rate is not null)
    from booked as b
    inner join steelyard.scope_accounts(p_tenant) as s on b.account_id = s.account_id
    inner join rates as r
        on b.currency = r.currency and s.base_currency = r.base_currency and b.rate_date = r.rate_date
    group by s.scope_kind, s.scope_id, b.month
$$;
comment on function steelyard.scope_monthly_volume(integer, date) is 'Amounts bought and sold per scope in the twelve calendar months that end with as_of''s.';

create or replace function steelyard.scope_compliance(p_tenant integer, p_as_of date)
returns table (
    scope_kind text,
    scope_id text,
    asset_id text,
    active_violations bigint,
    last_compliance_check date
)
language sql stable parallel safe
as $$
    select
        s.scope_kind,
        s.scope_id,
        c.asset_id,
        count(*) filter (where c.status = 'VIOLATION'),
        max(c.check_date)
    from steelyard.compliance_records as c
    inner join steelyard.scope_accounts(p_tenant) as s on coalesce(c.account_id, '') = s.account_id
    where
        c.tenant_id = p_tenant
        and c.check_date > (p_as_of - interval '6 months')::date
        and c.check_date <= p_as_of
    group by s.scope_kind, s.scope_id, c.asset_id
$$;
comment on function steelyard.scope_compliance(integer, date) is 'Checks of six months per scope and asset.';

create or replace function steelyard.category_ranges(p_tenant integer, p_kind text)
returns table (category text, range numrange)
language sql stable parallel safe
as $$
    select
        t.category,
        numrange(
            t.bound,
            lead(t.bound) over upwards,
            case when t.bound_included then '[' else '(' end
            || case when lead(t.bound_included) over upwards then ')' else ']' end
        )
    from steelyard.category_thresholds as t
    where t.tenant_id = p_tenant and t.kind = p_kind
    window upwards as (order by t.bound nulls first)
$$;
comment on function steelyard.category_ranges(integer, text) is 'Each category with the values it takes: from its bound up to the next.';

-- name: limit_lock_wait
-- Wait for no lock longer than this; long enough for an autovacuum to step aside, which it does after a second.
set local lock_timeout = '2s';

-- name: lift_lock_wait
-- Wait for locks as long as the session otherwise does.
set local lock_timeout to default;

-- name: lock_history
-- Let one transaction at a time derive: two that copy the same returns could not both keep them.
lock table steelyard.performance_history in share row exclusive mode;

-- name: lock_own_history
-- The same where performance_history is a view: to lock that would be to lock a table that is not ours.
lock table steelyard.performance_history_own in share row exclusive mode;

-- name: adopt_refresh_role
-- Work for the whole tenant until the transaction ends, whoever asked.
set local role steelyard_refresh;

-- name: get_pending_derivations
-- Assets to derive, from which day, and their day before it: changed prices, a changed benchmark, or no risk
-- figures at as_of yet.
with measured as (
    select a.asset_id, a.currency, coalesce(a.benchmark_asset_id, b.asset_id) as benchmark_asset_id
    from steelyard.asset_master as a
    left join steelyard.benchmarks as b on a.currency = b.currency
),

changed as (
    select p.asset_id, p.from_date
    from steelyard.derivations_pending as p
    union all
    select m.asset_id, p.from_date
    from steelyard.derivations_pending as p
    inner join measured as m on p.asset_id = m.benchmark_asset_id
    union all
    select m.asset_id, :as_of
    from measured as m
    where
        not exists (
            select from steelyard.risk_metrics as r
            where r.asset_id = m.asset_id and r.calculation_date = :as_of
        )
        and (
            exists (
                select from steelyard.market_data as d
                where d.asset_id = m.asset_id and d.price_date > :as_of - 90 and d.price_date <= :as_of
            )
            or exists (
                select from steelyard.performance_history as h
                where h.asset_id = m.asset_id and h.date > :as_of - 90 and h.date <= :as_of
            )
        )
)

select
    p.asset_id,
    p.currency,
    p.benchmark_asset_id,
    p.from_date,
    coalesce(
        greatest(
            (select max(d.price_date) from steelyard.market_data as d
             where d.asset_id = p.asset_id and d.price_date < p.from_date),
            (select max(h.date) from steelyard.performance_history as h
             where h.asset_id = p.asset_id and h.date < p.from_date)
        ),
        p.from_date
    ) as previous_date
from (
    select m.asset_id, m.currency, m.benchmark_asset_id, min(c.from_date) as from_date
    from changed as c
    inner join measured as m on c.asset_id = m.asset_id
    group by m.asset_id, m.currency, m.benchmark_asset_id
) as p
order by p.from_date, p.asset_id;

-- name: get_prices
-- Prices of assets from the last one on or before a day, as (place of the asset, days since 2000, price).
with wanted as (
    select (a.place - 1)::integer as place, a.asset_id
    from unnest($1::text[]) with ordinality as a (asset_id, place)
)

select w.place, m.price_date - date '2000-01-01', m.closing_price::double precision
from wanted as w
inner join steelyard.market_data as m on w.asset_id = m.asset_id
where m.price_date > $2
union all
select w.place, p.price_date - date '2000-01-01', p.closing_price::double precision
from wanted as w
cross join lateral (
    select m.price_date, m.closing_price
    from steelyard.market_data as m
    where m.asset_id = w.asset_id and m.price_date <= $2
    order by m.price_date desc
    limit 1
) as p;

-- name: get_loaded_returns
-- The firm's own daily returns of assets after a day, as (place of the asset, days since 2000, return).
select
    (a.place - 1)::integer,
    h.date - date '2000-01-01',
    h.daily_return
from unnest($1::text[]) with ordinality as a (asset_id, place)
inner join steelyard.performance_history as h on a.asset_id = h.asset_id
where h.origin = 'loaded' and h.daily_return is not null and h.date > $2;

-- name: get_first_prices
-- The first price of each asset, as (place of the asset, price).
select a.place - 1 as place, f.closing_price::double precision as price
from unnest($1::text[]) with ordinality as a (asset_id, place)
cross join lateral (
    select m.closing_price
    from steelyard.market_data as m
    where m.asset_id = a.asset_id
    order by m.price_date asc
    limit 1
) as f;

-- name: get_first_price_date
-- The oldest day any asset has a price of, or null.
select steelyard.first_price_date();

-- name: get_risk_free_rates
-- Every risk-free rate, in order.
select r.currency, r.rate_date, r.annual_rate
from steelyard.risk_free_rates as r
order by r.currency, r.rate_date;

-- name: delete_derived_returns
-- Forget the derived returns of assets from each one's own day on.
delete from steelyard.performance_history as h
using unnest($1::text[], $2::date[]) as a (asset_id, from_date)
where h.asset_id = a.asset_id and h.date >= a.from_date and h.origin = 'derived';

-- name: delete_derived_risk
-- Forget the derived risk of assets from each one's own day on.
delete from steelyard.risk_metrics as r
using unnest($1::text[], $2::date[]) as a (asset_id, from_date)
where r.asset_id = a.asset_id and r.calculation_date >= a.from_date and r.origin = 'derived';

-- name: create_derived_risk_table
-- An empty place to copy derived risk to, before it meets the firm's own.
drop table if exists derived_risk;
create temporary table derived_risk (like steelyard.risk_metrics) on commit drop;

-- name: merge_derived_risk
-- Keep derived risk where the firm has no figure of its own.
insert into steelyard.risk_metrics
select d.* from derived_risk as d
on conflict (asset_id, calculation_date) do nothing;

-- name: clear_pending_derivations
-- Everything pending has been derived.
delete from steelyard.derivations_pending;

-- name: get_price_keys
-- How assets are asked for at a source of prices: their quotation unit and their exchange.
select m.asset_id, m.currency, coalesce(m.exchange, '') as exchange
from steelyard.asset_master as m
where m.asset_id = any(cast(:asset_ids as text[]))
order by m.asset_id;

-- name: get_priced_assets
-- The assets that may have a price: all but cash.
select m.asset_id
from steelyard.asset_master as m
where lower(m.asset_type) <> 'cash'
order by m.asset_id;

-- name: get_newest_closes
-- The newest accepted closes of each asset on or before a day, the newest first.
select
    m.asset_id,
    latest.price_date,
    trim_scale(latest.closing_price) as closing_price,
    latest.source,
    latest.price_time
from unnest(cast(:asset_ids as text[])) as m (asset_id)
cross join lateral (
    select d.price_date, d.closing_price, d.source, d.price_time
    from steelyard.market_data as d
    where d.asset_id = m.asset_id and d.price_date <= cast(:as_of as date)
    order by d.price_date desc
    limit :most
) as latest
order by m.asset_id, latest.price_date desc;

-- name: get_closes_between
-- The accepted closes of assets in a period, both days included, oldest first.
select d.asset_id, d.price_date, trim_scale(d.closing_price) as closing_price
from steelyard.market_data as d
where
    d.asset_id = any(cast(:asset_ids as text[]))
    and d.price_date between cast(:first as date) and cast(:last as date)
order by d.asset_id, d.price_date;

-- name: get_price_actions
-- Splits of assets, and what else moves a price by any amount, each after a day of its own; a split entered for several
-- accounts is one.
select distinct t.asset_id, t.transaction_date, t.transaction_type, trim_scale(t.counter_quantity / t.quantity) as ratio
from unnest(cast(:asset_ids as text[]), cast(:since as date[])) as a (asset_id, since)
inner join steelyard.transactions as t on a.asset_id = t.asset_id
where
    t.tenant_id = steelyard.current_tenant()
    and t.transaction_type in ('SPLIT', 'SPIN_OFF', 'MERGER', 'SYMBOL_CHANGE')
    and t.transaction_date > a.since;

-- name: get_backfills
-- The assets whose history a source may be asked for, and how far it was brought in; none named = all but cash.
select
    m.asset_id, m.currency, coalesce(m.exchange, '') as exchange, m.price_basis,
    b.first_date, b.done_through
from steelyard.asset_master as m
left join steelyard.price_backfills as b on m.asset_id = b.asset_id and b.source = :source
where
    lower(m.asset_type) <> 'cash'
    and (cardinality(cast(:asset_ids as text[])) = 0 or m.asset_id = any(cast(:asset_ids as text[])))
order by m.asset_id;

-- name: note_backfills
-- Write down how far histories were brought in, and why one stopped.
insert into steelyard.price_backfills as b (
    source, asset_id, first_date, last_date, done_through, fault, updated_at
)
select :source, n.asset_id, n.first_date, cast(:last_date as date), n.done_through, n.fault, cast(:now as timestamptz)
from unnest(
    cast(:asset_ids as text[]), cast(:first_dates as date[]), cast(:done_through as date[]), cast(:faults as text[])
) as n (asset_id, first_date, done_through, fault)
on conflict (source, asset_id) do update set
    first_date = excluded.first_date,
    last_date = greatest(excluded.last_date, excluded.first_date),
    done_through = excluded.done_through,
    fault = excluded.fault,
    updated_at = excluded.updated_at;

-- name: get_days_of_others
-- Days on which another source, or a file, has brought the price of an asset.
select d.asset_id, d.price_date
from steelyard.market_data as d
where
    d.asset_id = any(cast(:asset_ids as text[]))
    and d.price_date between cast(:first as date) and cast(:last as date)
    and d.source <> :source;

-- name: get_rate_days_of_others
-- Days on which another source, or a file, has brought the rate of a currency.
select r.currency, r.rate_date
from steelyard.fx_rates as r
where r.rate_date between cast(:first as date) and cast(:last as date) and r.source <> :source;

-- name: get_currencies_in_use
-- The currencies that assets are quoted in, and that totals are in; a fraction of a currency counts as the currency.
select distinct coalesce(c.major_currency, u.currency) as currency
from (
    select currency from steelyard.asset_master
    union
    select base_currency from steelyard.accounts where tenant_id = steelyard.current_tenant()
    union
    select base_currency from steelyard.households where tenant_id = steelyard.current_tenant()
    union
    select base_currency from steelyard.tenants where tenant_id = steelyard.current_tenant()
) as u
left join steelyard.minor_currencies as c on u.currency = c.currency
order by currency;

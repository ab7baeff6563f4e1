-- name: get_price_keys
-- How assets are asked for at a source of prices: their quotation unit and their exchange.
select m.asset_id, m.currency, coalesce(m.exchange, '') as exchange, m.price_basis, lower(m.asset_type) = 'cash' as is_cash
from steelyard.asset_master as m
where m.asset_id = any(cast(:asset_ids as text[]))
order by m.asset_id;

-- name: get_newest_closes
-- The newest accepted closes of each asset on or before a day, the newest first.
select m.asset_id, latest.price_date, trim_scale(latest.closing_price) as closing_price, latest.source, latest.price_time
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

-- name: get_account
-- One account of the tenant, with its model.
select a.account_id, a.account_name, a.household_id, a.base_currency, a.model_id
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant() and a.account_id = :account_id;

-- name: get_account_ids
-- The accounts of a household, or all that follow a model; the others are not rebalanced.
select a.account_id
from steelyard.accounts as a
where
    a.tenant_id = steelyard.current_tenant()
    and (cast(:household_id as text) is null or a.household_id = cast(:household_id as text))
    and (cast(:household_id as text) is not null or a.model_id is not null)
order by a.account_id;

-- name: get_positions
-- What an account held on a day: its newest snapshot on or before it.
select p.asset_id, p.as_of, trim_scale(p.quantity) as quantity, m.asset_type, m.currency
from steelyard.positions_at(steelyard.current_tenant(), cast(:as_of as date)) as p
inner join steelyard.asset_master as m on p.asset_id = m.asset_id
where p.account_id = :account_id
order by p.asset_id;

-- name: get_target_weights
-- What a model portfolio holds.
select w.asset_id, trim_scale(w.target_weight) as target_weight, m.asset_type, m.currency
from steelyard.target_weights as w
inner join steelyard.asset_master as m on w.asset_id = m.asset_id
where w.tenant_id = steelyard.current_tenant() and w.model_id = :model_id
order by w.asset_id;

-- name: get_last_prices
-- The newest price of each asset on or before a day, as it is quoted; assets without one are left out.
select m.asset_id, m.currency, trim_scale(latest.closing_price) as closing_price, latest.price_date
from steelyard.asset_master as m
cross join lateral (
    select d.closing_price, d.price_date
    from steelyard.market_data as d
    where d.asset_id = m.asset_id and d.price_date <= cast(:as_of as date)
    order by d.price_date desc
    limit 1
) as latest
where m.asset_id = any(cast(:asset_ids as text[]));

-- name: get_conversion_rates
-- What one unit of each currency is worth in the base currency on a day; null where no rate is known.
select c.currency, steelyard.conversion_rate(c.currency, :base_currency, cast(:as_of as date)) as rate
from unnest(cast(:currencies as text[])) as c (currency);

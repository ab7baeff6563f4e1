-- name: get_ruled_assets
-- What assets are, as rules ask; empty where it is not known.
select
    m.asset_id,
    coalesce(m.issuer, '') as issuer,
    coalesce(m.sector, '') as sector,
    coalesce(m.issuing_country, '') as country,
    m.asset_type as asset_class
from steelyard.asset_master as m
where m.asset_id = any(cast(:asset_ids as text[]))
order by m.asset_id;

-- name: get_volumes
-- Units traded of assets in their last sessions before a day, the newest first; none older than a while.
select v.asset_id, trim_scale(v.volume) as volume
from unnest(cast(:asset_ids as text[])) as a (asset_id)
cross join lateral (
    select t.asset_id, t.price_date, t.volume
    from steelyard.traded_volumes as t
    where
        t.asset_id = a.asset_id
        and t.price_date < cast(:day as date)
        and t.price_date >= cast(:oldest as date)
    order by t.price_date desc
    limit :sessions
) as v
order by v.asset_id, v.price_date desc;

-- name: get_past_trades
-- What an account bought and sold in some days, and for how much of which currency; sold is negative.
select
    t.asset_id,
    t.transaction_date as trade_date,
    t.currency,
    trim_scale(case when t.transaction_type = 'SELL' then -t.total_amount else t.total_amount end) as amount
from steelyard.transactions as t
where
    t.tenant_id = steelyard.current_tenant()
    and t.account_id = :account_id
    and t.asset_id is not null
    and t.transaction_type in ('BUY', 'SELL')
    and t.transaction_date between cast(:since as date) and cast(:until as date)
order by t.transaction_date, t.transaction_id;

-- name: has_transactions
-- Whether any transaction of an account is known.
select exists (
    select from steelyard.transactions as t
    where t.tenant_id = steelyard.current_tenant() and t.account_id = :account_id
);

-- name: sees_whole_household
-- Whether every account of a household is seen.
select
    steelyard.sees_every_account()
    or exists (
        select from steelyard.visible_households() as v where v.household_id = :household_id and v.is_whole
    );

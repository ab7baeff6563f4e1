-- name: get_all_accounts
-- The accounts of the tenant, each with its household and its model.
select a.account_id, a.account_name, a.household_id, a.base_currency, a.model_id
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant()
order by a.account_id;

-- name: get_account
-- One account of the tenant, with its model.
select a.account_id, a.account_name, a.household_id, a.base_currency, a.model_id
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant() and a.account_id = :account_id;

-- name: get_account_ids
-- The accounts of a household.
select a.account_id
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant() and a.household_id = :household_id
order by a.account_id;

-- name: get_positions
-- What an account held on a day, by what keeps it: its newest snapshot, or the ledger.
select p.asset_id, p.as_of, trim_scale(p.quantity) as quantity, m.asset_type, m.currency
from steelyard.positions_at(steelyard.current_tenant(), cast(:as_of as date)) as p
inner join steelyard.asset_master as m on p.asset_id = m.asset_id
where p.account_id = :account_id
order by p.asset_id;

-- name: get_some_accounts
-- Some accounts, each with its model.
select a.account_id, a.account_name, a.household_id, a.base_currency, a.model_id
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant() and a.account_id = any(cast(:account_ids as text[]));

-- name: get_positions_of_accounts
-- What each of some accounts held on a day, as get_positions says.
select p.account_id, p.asset_id, p.as_of, trim_scale(p.quantity) as quantity, m.asset_type, m.currency
from steelyard.positions_at(steelyard.current_tenant(), cast(:as_of as date)) as p
inner join steelyard.asset_master as m on p.asset_id = m.asset_id
where p.account_id = any(cast(:account_ids as text[]))
order by p.account_id, p.asset_id;

-- name: get_asset_ids_of_accounts
-- What some accounts held on a day or should hold, cash left out.
select m.asset_id
from steelyard.asset_master as m
where
    lower(m.asset_type) <> 'cash'
    and m.asset_id in (
        select p.asset_id
        from steelyard.positions_at(steelyard.current_tenant(), cast(:as_of as date)) as p
        where p.account_id = any(cast(:account_ids as text[]))
        union all
        select w.asset_id
        from steelyard.accounts as a
        inner join steelyard.target_weights as w on a.tenant_id = w.tenant_id and a.model_id = w.model_id
        where a.tenant_id = steelyard.current_tenant() and a.account_id = any(cast(:account_ids as text[]))
    )
order by m.asset_id;

-- name: get_target_weights
-- What a model portfolio holds.
select w.asset_id, trim_scale(w.target_weight) as target_weight, m.asset_type, m.currency
from steelyard.target_weights as w
inner join steelyard.asset_master as m on w.asset_id = m.asset_id
where w.tenant_id = steelyard.current_tenant() and w.model_id = :model_id
order by w.asset_id;

-- name: get_last_prices
-- The newest price of each asset on or before a day, as it is quoted; assets without one are left out.
select
    m.asset_id,
    m.currency,
    trim_scale(latest.closing_price) as closing_price,
    latest.price_date,
    coalesce(m.exchange, '') as exchange
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

-- name: get_models_in_use
-- Each model that accounts of a base currency follow, its cash, and whether all of it is in that currency.
select
    a.base_currency,
    a.model_id,
    a.accounts,
    coalesce(trim_scale(sum(w.target_weight) filter (where lower(m.asset_type) = 'cash')), 0) as cash_weight,
    coalesce(bool_and(m.currency = a.base_currency), false) as is_in_base_currency
from (
    select x.tenant_id, x.base_currency, x.model_id, count(*) as accounts
    from steelyard.accounts as x
    where x.tenant_id = steelyard.current_tenant() and x.model_id is not null
    group by x.tenant_id, x.base_currency, x.model_id
) as a
left join steelyard.target_weights as w on a.tenant_id = w.tenant_id and a.model_id = w.model_id
left join steelyard.asset_master as m on w.asset_id = m.asset_id
group by a.base_currency, a.model_id, a.accounts
order by a.base_currency, a.model_id;

-- name: get_book_accounts
-- What the accounts that follow some models held on a day, an account a row; others are not plain: they hold
-- another currency, are kept as weights, or nothing says what they hold.
select
    a.account_id,
    a.model_id,
    coalesce(array_agg(p.asset_id) filter (where lower(m.asset_type) <> 'cash'), '{}') as asset_ids,
    coalesce(array_agg(p.quantity) filter (where lower(m.asset_type) <> 'cash'), '{}') as quantities,
    coalesce(sum(p.quantity) filter (where lower(m.asset_type) = 'cash'), 0) as cash,
    coalesce(bool_and(p.quantity is not null and m.currency = a.base_currency), false) as is_plain
from steelyard.accounts as a
left join steelyard.positions_at(steelyard.current_tenant(), cast(:as_of as date)) as p
    on a.account_id = p.account_id
left join steelyard.asset_master as m on p.asset_id = m.asset_id
where
    a.tenant_id = steelyard.current_tenant()
    and a.base_currency = :base_currency
    and a.model_id = any(cast(:model_ids as text[]))
group by a.account_id, a.model_id
order by a.account_id;

-- name: get_accounts_of_models
-- The accounts of a base currency that follow some models.
select a.account_id
from steelyard.accounts as a
where
    a.tenant_id = steelyard.current_tenant()
    and a.base_currency = :base_currency
    and a.model_id = any(cast(:model_ids as text[]))
order by a.account_id;

-- name: get_prices_in_currency
-- The newest price on or before a day of every asset quoted in a currency, cash left out.
select
    m.asset_id,
    m.currency,
    trim_scale(latest.closing_price) as closing_price,
    latest.price_date,
    coalesce(m.exchange, '') as exchange
from steelyard.asset_master as m
cross join lateral (
    select d.closing_price, d.price_date
    from steelyard.market_data as d
    where d.asset_id = m.asset_id and d.price_date <= cast(:as_of as date)
    order by d.price_date desc
    limit 1
) as latest
where m.currency = :currency and lower(m.asset_type) <> 'cash'
order by m.asset_id;

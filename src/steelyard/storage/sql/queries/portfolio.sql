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

-- name: get_target_assets
-- What those of some names are that are an asset's id, or the currency of cash.
select m.asset_id as target, m.asset_type, m.currency
from steelyard.asset_master as m
where m.asset_id = any(cast(:names as text[]))
union
select m.currency as target, 'Cash' as asset_type, m.currency
from steelyard.asset_master as m
where
    lower(m.asset_type) = 'cash' and m.currency = any(cast(:names as text[]))
    and not exists (select from steelyard.asset_master as o where o.asset_id = m.currency);

-- name: get_asset_names
-- What assets are called.
select m.asset_id, m.asset_name
from steelyard.asset_master as m
where m.asset_id = any(cast(:asset_ids as text[]));

-- name: get_closes
-- The last close of each week of assets, the oldest first.
select distinct on (d.asset_id, date_trunc('week', d.price_date))
    d.asset_id, d.price_date, trim_scale(d.closing_price) as closing_price
from steelyard.market_data as d
where
    d.asset_id = any(cast(:asset_ids as text[]))
    and d.price_date between cast(:since as date) and cast(:until as date)
order by d.asset_id, date_trunc('week', d.price_date), d.price_date desc;

-- name: get_account_drifts
-- How far accounts are from the models they follow, the farthest first; what has no price or no rate is not known.
with accounts as (
    select a.account_id, a.account_name, a.household_id, a.base_currency, a.model_id
    from steelyard.accounts as a
    where
        a.tenant_id = steelyard.current_tenant()
        and (cast(:household_id as text) is null or a.household_id = cast(:household_id as text))
),

held as (
    select p.account_id, p.asset_id, p.quantity
    from steelyard.positions_at(steelyard.current_tenant(), cast(:as_of as date)) as p
    inner join accounts as a on p.account_id = a.account_id
    where p.quantity <> 0 or p.quantity is null
),

priced as (
    select
        m.asset_id,
        coalesce(u.major_currency, m.currency) as currency,
        case
            when lower(m.asset_type) = 'cash' then 1
            else latest.closing_price / coalesce(u.units_per_major, 1)
        end as price
    from steelyard.asset_master as m
    left join steelyard.minor_currencies as u on m.currency = u.currency
    left join lateral (
        select d.closing_price
        from steelyard.market_data as d
        where d.asset_id = m.asset_id and d.price_date <= cast(:as_of as date)
        order by d.price_date desc
        limit 1
    ) as latest on lower(m.asset_type) <> 'cash'
    where m.asset_id in (select h.asset_id from held as h)
),

rates as (
    select
        c.currency, c.base_currency,
        steelyard.conversion_rate(c.currency, c.base_currency, cast(:as_of as date)) as rate
    from (
        select distinct p.currency, a.base_currency from priced as p cross join accounts as a
    ) as c
),

valued as (
    select a.account_id, h.asset_id, h.quantity * p.price * r.rate as value
    from held as h
    inner join accounts as a on h.account_id = a.account_id
    inner join priced as p on h.asset_id = p.asset_id
    inner join rates as r on p.currency = r.currency and a.base_currency = r.base_currency
),

totals as (
    select v.account_id, case when bool_and(v.value is not null) then sum(v.value) end as total
    from valued as v
    group by v.account_id
),

drifts as (
    select
        coalesce(v.account_id, w.account_id) as account_id,
        coalesce(v.value, 0) / t.total - coalesce(w.target_weight, 0) as drift
    from valued as v
    full join (
        select a.account_id, w.asset_id, w.target_weight
        from accounts as a
        inner join steelyard.target_weights as w
            on w.tenant_id = steelyard.current_tenant() and a.model_id = w.model_id
    ) as w on v.account_id = w.account_id and v.asset_id = w.asset_id
    inner join totals as t on coalesce(v.account_id, w.account_id) = t.account_id
    where t.total > 0
)

select
    a.account_id, a.account_name, a.household_id, a.base_currency, a.model_id,
    round(t.total, 2) as total_value,
    round(d.total_drift, 6) as total_drift,
    round(d.furthest, 6) as furthest
from accounts as a
left join totals as t on a.account_id = t.account_id
left join (
    select d.account_id, sum(abs(d.drift)) / 2 as total_drift, max(abs(d.drift)) as furthest
    from drifts as d
    group by d.account_id
) as d on a.account_id = d.account_id and a.model_id is not null
order by d.furthest desc nulls last, a.account_name, a.account_id
limit :most;

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

-- name: get_choices
-- The first households and accounts that are seen, and the one that was chosen wherever it stands, by name.
with choices as (
    select
        'household' as scope_kind, h.household_id as scope_id, h.household_name as scope_name,
        h.base_currency
    from steelyard.households as h
    where h.tenant_id = steelyard.current_tenant()
    union all
    select 'account', a.account_id, a.account_name, a.base_currency
    from steelyard.accounts as a
    where a.tenant_id = steelyard.current_tenant()
),

ordered as (
    select
        c.scope_kind, c.scope_id, c.scope_name, c.base_currency,
        c.scope_kind = :scope_kind and c.scope_id = :scope_id as is_chosen,
        row_number() over (partition by c.scope_kind order by c.scope_name, c.scope_id) as place
    from choices as c
)

select o.scope_kind, o.scope_id, o.scope_name, o.base_currency, o.is_chosen
from ordered as o
where o.place <= :most or o.is_chosen
order by o.scope_kind desc, o.place;

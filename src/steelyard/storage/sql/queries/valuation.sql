-- name: get_valuation_accounts
-- The accounts of a scope, with the scope's base currency.
select
    s.base_currency as scope_currency,
    a.account_id,
    a.account_name,
    a.base_currency,
    a.lot_method,
    a.kept_by,
    a.model_id
from steelyard.scope_accounts(steelyard.current_tenant()) as s
inner join steelyard.accounts as a on s.account_id = a.account_id and a.tenant_id = steelyard.current_tenant()
where s.scope_kind = :scope_kind and s.scope_id = :scope_id
order by a.account_id;

-- name: get_described_accounts
-- Accounts by id.
select a.account_id, a.account_name, a.base_currency, a.lot_method, a.kept_by, a.model_id
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant() and a.account_id = any(cast(:account_ids as text[]))
order by a.account_id;

-- name: get_journal_revision
-- How many entries there are and the newest: both change with every entry, in whatever order they are committed. Who
-- sees other accounts sees other entries, which may be as many.
select
    count(*) as entries,
    coalesce(max(j.entry_id), 0) as last_entry,
    concat_ws(
        ' ',
        steelyard.current_tenant(),
        case
            when not steelyard.sees_every_account()
                then (select md5(jsonb_agg(a.account_id order by a.account_id)::text) from steelyard.accounts as a)
        end
    ) as seen
from steelyard.journal as j
where j.tenant_id = steelyard.current_tenant();

-- name: get_scope_names
-- What the standing entries of accounts after an entry count and touch: commodities, then other accounts.
with entries as (
    select j.entry_id, j.account_id, j.counter_account_id, j.asset_id, j.currency
    from steelyard.entries_known(steelyard.current_tenant(), cast(:known_at as timestamptz)) as j
    where
        j.entry_id > :after_entry
        and (
            j.account_id = any(cast(:account_ids as text[]))
            or j.counter_account_id = any(cast(:account_ids as text[]))
        )
)

select 'commodity' as what, p.commodity as name, p.is_cash
from steelyard.postings as p
inner join entries as e on p.entry_id = e.entry_id
where p.tenant_id = steelyard.current_tenant()
union
select 'commodity', coalesce(e.asset_id, e.currency), e.asset_id is null
from entries as e
union
select 'account', a.account_id, false
from entries as e
cross join lateral (values (e.account_id), (e.counter_account_id)) as a (account_id)
where a.account_id is not null
order by what, is_cash, name;

-- name: copy_scope_postings
-- The postings of the standing entries of accounts after an entry, all in numbers: entry, days since 2000, account,
-- place, commodity, quantity, and the account and commodity the entry is about.
select
    p.entry_id,
    p.trade_date - date '2000-01-01',
    (a.place - 1)::integer,
    array_position($3::text[], p.place) - 1,
    (c.place - 1)::integer,
    p.quantity::double precision,
    (b.place - 1)::integer,
    (d.place - 1)::integer
from steelyard.entries_known(steelyard.current_tenant(), $7::timestamptz) as j
inner join steelyard.postings as p on j.tenant_id = p.tenant_id and j.entry_id = p.entry_id
inner join unnest($2::text[]) with ordinality as a (account_id, place) on p.account_id = a.account_id
inner join unnest($2::text[]) with ordinality as b (account_id, place) on j.account_id = b.account_id
inner join unnest($4::text[], $5::boolean[]) with ordinality as c (commodity, is_cash, place)
    on p.commodity = c.commodity and p.is_cash = c.is_cash
inner join unnest($4::text[], $5::boolean[]) with ordinality as d (commodity, is_cash, place)
    on coalesce(j.asset_id, j.currency) = d.commodity and (j.asset_id is null) = d.is_cash
where j.entry_id > $6 and (j.account_id = any($1::text[]) or j.counter_account_id = any($1::text[]))
order by p.entry_id, p.line;

-- name: count_entries_after
-- How many entries there are after an entry; -1 where one of them takes an earlier one back.
select case when bool_or(j.reverses is not null) then -1 else count(*) end
from steelyard.journal as j
where j.tenant_id = steelyard.current_tenant() and j.entry_id > :after_entry;

-- name: get_market_revision
-- How many transactions have changed prices, rates or assets; null where such a table is a firm's own.
select
    case
        when steelyard.attached_tables() && array['asset_master', 'benchmarks', 'fx_rates', 'market_data'] then null
        else (select count(*) from steelyard.market_changes)
    end;

-- name: get_described_assets
-- What assets are; units_per_major tells pence from pounds.
select
    m.asset_id,
    m.asset_name,
    m.asset_type,
    coalesce(u.major_currency, m.currency) as currency,
    coalesce(u.units_per_major, 1) as units_per_major,
    coalesce(m.sector, '') as sector,
    coalesce(m.issuing_country, '') as issuing_country,
    m.price_basis = 'split_adjusted' as is_adjusted
from steelyard.asset_master as m
left join steelyard.minor_currencies as u on m.currency = u.currency
where m.asset_id = any(cast(:asset_ids as text[]))
order by m.asset_id;

-- name: copy_prices
-- Every price of assets, a row an asset: days since 2000 and prices in its quotation unit, one pair after the other.
select
    m.asset_id,
    string_agg(date_send(m.price_date) || float8send(m.closing_price::double precision), '')
from steelyard.market_data as m
where m.asset_id = any($1::text[])
group by m.asset_id;

-- name: get_rates
-- Every exchange rate of currencies, in units for 1 EUR.
select r.currency, r.rate_date, trim_scale(r.units_per_eur) as units_per_eur
from steelyard.fx_rates as r
where r.currency = any(cast(:currencies as text[]))
order by r.currency, r.rate_date;

-- name: get_splits
-- The splits that were booked of assets: the ex-date and the units that one unit becomes.
select distinct j.asset_id, j.trade_date, (j.counter_quantity / j.quantity)::double precision as ratio
from steelyard.entries_known(steelyard.current_tenant(), 'infinity') as j
where j.kind = 'SPLIT' and j.asset_id = any(cast(:asset_ids as text[]))
order by j.asset_id, j.trade_date;

-- name: get_benchmark
-- The asset that stands for the market of a currency.
select b.asset_id
from steelyard.benchmarks as b
where b.currency = :currency;

-- name: get_asset_ids
-- Every asset.
select m.asset_id
from steelyard.asset_master as m
order by m.asset_id;

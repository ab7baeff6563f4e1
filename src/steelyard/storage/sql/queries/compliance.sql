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

-- name: get_accounts_with_transactions
-- Those of some accounts of which any transaction is known.
select a.account_id
from unnest(cast(:account_ids as text[])) as a (account_id)
where exists (
    select from steelyard.transactions as t
    where t.tenant_id = steelyard.current_tenant() and t.account_id = a.account_id
);

-- name: sees_whole_household
-- Whether every account of a household is seen.
select
    steelyard.sees_every_account()
    or exists (
        select from steelyard.visible_households() as v where v.household_id = :household_id and v.is_whole
    );

-- name: add_override
-- Let a proposal pass a rule that holds it; null where it was let pass already.
insert into steelyard.rule_overrides (tenant_id, proposal_id, rule_id, rule_version, reason, made_by)
values (
    steelyard.current_tenant(), cast(:proposal_id as uuid), :rule_id, :rule_version, :reason, steelyard.current_actor()
)
on conflict do nothing
returning rule_id;

-- name: get_overrides
-- Who let a proposal pass which rule, and why.
select o.rule_id, o.rule_version, o.reason, o.made_by, o.made_at
from steelyard.rule_overrides as o
where o.tenant_id = steelyard.current_tenant() and o.proposal_id = cast(:proposal_id as uuid)
order by o.rule_id;

-- name: get_ruled_accounts
-- Accounts that are seen and rules may be about, by id; of all of them where none is named.
select a.account_id, a.account_name, a.household_id, a.base_currency, a.model_id
from steelyard.accounts as a
where
    a.tenant_id = steelyard.current_tenant()
    and (cast(:account_ids as text[]) is null or a.account_id = any(cast(:account_ids as text[])))
order by a.account_id;

-- name: get_ruled_days
-- The days of a period on which something of some accounts was stated or booked, each with those accounts.
select d.day, array_agg(distinct d.account_id order by d.account_id) as account_ids
from (
    select p.as_of as day, p.portfolio as account_id
    from steelyard.portfolio_allocation as p
    where
        p.tenant_id = steelyard.current_tenant()
        and p.portfolio = any(cast(:account_ids as text[]))
        and p.as_of between cast(:since as date) and cast(:until as date)
    union all
    select s.trade_date, s.account_id
    from steelyard.postings as s
    where
        s.tenant_id = steelyard.current_tenant()
        and s.account_id = any(cast(:account_ids as text[]))
        and s.trade_date between cast(:since as date) and cast(:until as date)
) as d
group by d.day
order by d.day;

-- name: get_ruled_positions
-- What some accounts held on a day, by what keeps them; quantity is null where a snapshot keeps weights.
select p.account_id, p.asset_id, trim_scale(p.quantity) as quantity, lower(m.asset_type) = 'cash' as is_cash, m.currency
from steelyard.positions_at(steelyard.current_tenant(), cast(:day as date)) as p
inner join steelyard.asset_master as m on p.asset_id = m.asset_id
where p.account_id = any(cast(:account_ids as text[]))
order by p.account_id, p.asset_id;

-- name: get_trades_of_days
-- What accounts bought and sold in some days: units, and how much of which currency; sold is negative.
select
    t.account_id,
    t.asset_id,
    t.transaction_date as trade_date,
    t.currency,
    trim_scale(case when t.transaction_type = 'SELL' then -t.total_amount else t.total_amount end) as amount,
    trim_scale(case when t.transaction_type = 'SELL' then -abs(t.quantity) else abs(t.quantity) end) as quantity
from steelyard.transactions as t
where
    t.tenant_id = steelyard.current_tenant()
    and t.account_id = any(cast(:account_ids as text[]))
    and t.asset_id is not null
    and t.transaction_type in ('BUY', 'SELL')
    and t.transaction_date between cast(:since as date) and cast(:until as date)
order by t.account_id, t.transaction_date, t.transaction_id;

-- name: get_cash_assets
-- The assets that stand for money of some currencies.
select m.currency, min(m.asset_id) as asset_id
from steelyard.asset_master as m
where lower(m.asset_type) = 'cash' and m.currency = any(cast(:currencies as text[]))
group by m.currency;

-- name: are_records_attached
-- Whether a firm's table stands in the place of our compliance_records.
select 'compliance_records' = any(steelyard.attached_tables());

-- name: forget_records
-- Take away what an earlier check of some accounts on the same day wrote.
delete from steelyard.compliance_records
where
    tenant_id = steelyard.current_tenant()
    and record_id like 'steelyard:%'
    and check_date = cast(:day as date)
    and account_id = any(cast(:account_ids as text[]));

-- name: add_records
-- Write what checks of a day said of assets.
insert into steelyard.compliance_records (tenant_id, record_id, account_id, asset_id, check_date, status, rule)
select steelyard.current_tenant(), r.record_id, r.account_id, r.asset_id, cast(:day as date), r.status, r.rule
from unnest(
    cast(:record_ids as text[]),
    cast(:account_ids as text[]),
    cast(:asset_ids as text[]),
    cast(:statuses as text[]),
    cast(:rules as text[])
) as r (record_id, account_id, asset_id, status, rule);

-- name: get_rate_currencies
-- The currencies of which any exchange rate is known.
select distinct r.currency from steelyard.fx_rates as r;

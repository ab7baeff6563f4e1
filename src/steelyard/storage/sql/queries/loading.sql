-- name: lock_loading
-- Wait for another load of this database to end.
select pg_advisory_xact_lock(hashtextextended('steelyard.load', 0));

-- name: get_known_keys
-- What rows may refer to: assets with their currencies, and a tenant's accounts, households and models.
select 'asset' as kind, asset_id as key, currency
from steelyard.asset_master
union all
select 'account', account_id, base_currency
from steelyard.accounts
where tenant_id = steelyard.current_tenant()
union all
select 'household', household_id, base_currency
from steelyard.households
where tenant_id = steelyard.current_tenant()
union all
select 'model', model_id, null
from steelyard.model_portfolios
where tenant_id = steelyard.current_tenant();

-- name: get_tenant
-- The tenant at work, and the currency of its totals.
select tenant_id, base_currency
from steelyard.tenants
where tenant_id = steelyard.current_tenant();

-- name: get_snapshot_kinds
-- Portfolios of a tenant, and whether their stored snapshots are dated.
select distinct portfolio, as_of is not null as dated
from steelyard.portfolio_allocation
where tenant_id = steelyard.current_tenant();

-- name: drop_incoming
-- Make room for the next rows that wait.
drop table if exists pg_temp.incoming;

-- name: stage_places
-- Make the temporary table of assets whose stored prices are wanted, each since a day of its own.
create temporary table incoming (place integer, asset_id text, price_date date) on commit drop;

-- name: stage_findings
-- Make the temporary table that findings wait in.
create temporary table incoming (
    table_name text,
    file_name text,
    kind text,
    severity text,
    reason text,
    asset_id text,
    row_number integer,
    finding_date date,
    row_data text
) on commit drop;

-- name: stage_incoming
-- Make the temporary table that rows wait in.
select steelyard.stage_incoming(:table_name, :columns);

-- name: merge_incoming
-- Take the waiting rows over; answer how many were added and corrected.
select added, corrected
from steelyard.merge_incoming(:table_name);

-- name: remove_from_portfolio_allocation
-- Drop what a snapshot no longer holds: the file states it whole.
delete from steelyard.portfolio_allocation as s
using (select distinct tenant_id, portfolio, as_of from incoming) as snapshot
where
    s.tenant_id = snapshot.tenant_id
    and s.portfolio = snapshot.portfolio
    and s.as_of is not distinct from snapshot.as_of
    and not exists (
        select from incoming as n
        where n.portfolio = s.portfolio and n.asset_id = s.asset_id and n.as_of is not distinct from s.as_of
    );

-- name: remove_from_target_weights
-- Drop what a model no longer holds: the file states it whole.
delete from steelyard.target_weights as s
where
    (s.tenant_id, s.model_id) in (select n.tenant_id, n.model_id from incoming as n)
    and not exists (select from incoming as n where n.model_id = s.model_id and n.asset_id = s.asset_id);

-- name: note_asset_master
-- Mark the assets whose figures change because their currency or their benchmark does.
insert into steelyard.derivations_pending (asset_id)
select s.asset_id
from steelyard.asset_master as s
inner join incoming as n on s.asset_id = n.asset_id
where
    s.currency <> n.currency
    or (  -- a file without the column says nothing about it
        to_jsonb(n) ? 'benchmark_asset_id'
        and s.benchmark_asset_id is distinct from to_jsonb(n) ->> 'benchmark_asset_id'
    )
on conflict (asset_id) do update set from_date = '-infinity';

-- name: note_benchmarks
-- Mark the assets that a changed benchmark of their currency is for.
insert into steelyard.derivations_pending (asset_id)
select a.asset_id
from steelyard.asset_master as a
inner join incoming as n on a.currency = n.currency
left join steelyard.benchmarks as s on n.currency = s.currency
where s.asset_id is distinct from n.asset_id and a.benchmark_asset_id is null
on conflict (asset_id) do update set from_date = '-infinity';

-- name: note_risk_free_rates
-- Mark the assets whose Sharpe ratio changes, from the first rate that does.
insert into steelyard.derivations_pending as p (asset_id, from_date)
select a.asset_id, min(n.rate_date)
from incoming as n
inner join steelyard.asset_master as a on n.currency = a.currency
left join steelyard.risk_free_rates as s on a.currency = s.currency and n.rate_date = s.rate_date
where s.annual_rate is distinct from n.annual_rate
group by a.asset_id
on conflict (asset_id) do update set from_date = least(p.from_date, excluded.from_date);

-- name: note_performance_history
-- Mark the assets whose risk changes because the firm brings returns of its own, from the first that differs.
insert into steelyard.derivations_pending as p (asset_id, from_date)
select n.asset_id, min(n.date)
from incoming as n
left join steelyard.performance_history as s on n.asset_id = s.asset_id and n.date = s.date
where (s.daily_return, s.origin) is distinct from (n.daily_return, n.origin)
group by n.asset_id
on conflict (asset_id) do update set from_date = least(p.from_date, excluded.from_date);

-- name: note_market_data
-- Mark the assets whose prices change, from the first day that does; `incoming` holds the day per asset.
insert into steelyard.derivations_pending as p (asset_id, from_date)
select n.asset_id, n.price_date
from incoming as n
on conflict (asset_id) do update set from_date = least(p.from_date, excluded.from_date);

-- name: get_stored_prices
-- Prices the new ones are judged beside, exact: (place of the asset, day, whole units, 10^-12 units).
select
    n.place,
    m.price_date,
    trunc(m.closing_price)::bigint,
    ((m.closing_price - trunc(m.closing_price)) * 1000000000000)::bigint
from incoming as n
inner join steelyard.market_data as m on n.asset_id = m.asset_id and m.price_date >= n.price_date;

-- name: delete_prices
-- Take prices back that later ones prove wrong.
delete from steelyard.market_data as m
using incoming as n
where m.asset_id = n.asset_id and m.price_date = n.price_date;

-- name: record_run
-- Write down a run of a load.
insert into steelyard.load_runs (tenant_id, source, status, summary)
values (steelyard.current_tenant(), :source, :status, :summary)
returning run_id;

-- name: record_findings
-- Keep the findings that are not known yet.
insert into steelyard.data_quality_findings (
    tenant_id, run_id, table_name, file_name, row_number,
    asset_id, finding_date, kind, severity, reason, row_data
)
select
    case when not :is_shared then steelyard.current_tenant() end,
    :run_id, table_name, file_name, row_number, asset_id, finding_date, kind, severity, reason, row_data::jsonb
from incoming
on conflict do nothing;

-- name: lock_ledger
-- Hold other writers of a tenant's ledger back until the transaction ends.
select steelyard.lock_ledger(steelyard.current_tenant());

-- name: post_transactions
-- Bring the ledger to what the transactions say, or some of them.
select booked, reversed, unposted
from steelyard.post_transactions(steelyard.current_tenant(), :today, cast(:transaction_ids as text[]));

-- name: get_unposted_transactions
-- Transactions that are not in the ledger, and why; all of a tenant's, or of some ids.
select u.transaction_id, coalesce(t.transaction_type, '') as kind, u.fault
from steelyard.unposted_transactions as u
left join steelyard.transactions as t on u.tenant_id = t.tenant_id and u.transaction_id = t.transaction_id
where
    u.tenant_id = steelyard.current_tenant()
    and (cast(:transaction_ids as text[]) is null or u.transaction_id = any(cast(:transaction_ids as text[])))
order by u.transaction_id;

-- name: put_transaction
-- Put a transaction into the table: add it, or correct the one of its id that differs.
insert into steelyard.transactions as t (
    tenant_id, transaction_id, account_id, asset_id, transaction_date, transaction_type, quantity, price, currency,
    total_amount, transaction_costs, settlement_date, tax_amount, counter_account_id, counter_asset_id,
    counter_quantity, counter_currency, counter_amount, acquired_date, basis_fraction, lot_id
)
values (
    steelyard.current_tenant(), :transaction_id, :account_id, :asset_id, :transaction_date, :transaction_type,
    :quantity, :price, :currency, :total_amount, :transaction_costs, :settlement_date, :tax_amount,
    :counter_account_id, :counter_asset_id, :counter_quantity, :counter_currency, :counter_amount, :acquired_date,
    :basis_fraction, :lot_id
)
on conflict (tenant_id, transaction_id) do update
set
    account_id = excluded.account_id, asset_id = excluded.asset_id, transaction_date = excluded.transaction_date,
    transaction_type = excluded.transaction_type, quantity = excluded.quantity, price = excluded.price,
    currency = excluded.currency, total_amount = excluded.total_amount,
    transaction_costs = excluded.transaction_costs, settlement_date = excluded.settlement_date,
    tax_amount = excluded.tax_amount, counter_account_id = excluded.counter_account_id,
    counter_asset_id = excluded.counter_asset_id, counter_quantity = excluded.counter_quantity,
    counter_currency = excluded.counter_currency, counter_amount = excluded.counter_amount,
    acquired_date = excluded.acquired_date, basis_fraction = excluded.basis_fraction, lot_id = excluded.lot_id
where
    (
        t.account_id, t.asset_id, t.transaction_date, t.transaction_type, t.quantity, t.price, t.currency,
        t.total_amount, t.transaction_costs, t.settlement_date, t.tax_amount, t.counter_account_id,
        t.counter_asset_id, t.counter_quantity, t.counter_currency, t.counter_amount, t.acquired_date,
        t.basis_fraction, t.lot_id
    ) is distinct from (
        excluded.account_id, excluded.asset_id, excluded.transaction_date, excluded.transaction_type,
        excluded.quantity, excluded.price, excluded.currency, excluded.total_amount, excluded.transaction_costs,
        excluded.settlement_date, excluded.tax_amount, excluded.counter_account_id, excluded.counter_asset_id,
        excluded.counter_quantity, excluded.counter_currency, excluded.counter_amount, excluded.acquired_date,
        excluded.basis_fraction, excluded.lot_id
    );

-- name: delete_transactions
-- Take transactions out of the table, so that posting reverses them.
delete from steelyard.transactions
where tenant_id = steelyard.current_tenant() and transaction_id = any(cast(:transaction_ids as text[]))
returning transaction_id;

-- name: get_unknown_names
-- Of accounts and assets those that are not there, as (account or asset, name).
select 'account' as noun, n.name
from unnest(cast(:account_ids as text[])) as n (name)
where not exists (
    select from steelyard.accounts as a
    where a.tenant_id = steelyard.current_tenant() and a.account_id = n.name
)
union all
select 'asset', n.name
from unnest(cast(:asset_ids as text[])) as n (name)
where not exists (select from steelyard.asset_master as a where a.asset_id = n.name);

-- name: get_entries
-- Entries after one that stand at a moment, in the order they were booked.
select
    e.entry_id, e.recorded_at, e.external_id, e.kind, e.trade_date, e.account_id, e.currency, e.amount, e.costs, e.tax,
    e.asset_id, e.quantity, e.price, e.settlement_date, e.counter_account_id, e.counter_asset_id, e.counter_quantity,
    e.counter_currency, e.counter_amount, e.acquired_date, e.basis_fraction, e.lot_id, e.held, e.revision, e.reverses
from steelyard.entries_known(steelyard.current_tenant(), $2) as e
where e.entry_id > $1
order by e.entry_id;

-- name: get_reversed_since
-- Entries up to one that were reversed after it, and the last entry there is.
select
    coalesce(max(j.entry_id), $1) as last_entry_id,
    coalesce(array_agg(j.reverses) filter (where j.reverses <= $1), '{}') as reversed
from steelyard.journal as j
where j.tenant_id = steelyard.current_tenant() and j.entry_id > $1 and j.recorded_at <= $2;

-- name: get_posted_names
-- Every account, asset and currency in a tenant's ledger, as (account, commodity, whether it is money).
select p.account_id, p.commodity, p.is_cash
from steelyard.postings as p
where p.tenant_id = steelyard.current_tenant()
union
select j.account_id, coalesce(j.asset_id, j.currency), j.asset_id is null
from steelyard.journal as j
where j.tenant_id = steelyard.current_tenant();

-- name: get_posting_columns
-- Postings of the entries that stand at a moment, as numbers: (entry, day, account, place, commodity, whole units,
-- 10^-12 units, account and commodity the entry is about). Names come as arrays, and their places are the numbers.
with account as (
    select (n.place - 1)::integer as account_at, n.name
    from unnest($3::text[]) with ordinality as n (name, place)
),

commodity as (
    select (n.place - 1)::integer as commodity_at, n.name, n.is_cash
    from unnest($4::text[], $5::boolean[]) with ordinality as n (name, is_cash, place)
),

place as (
    select (n.place - 1)::integer as place_at, n.name
    from unnest($6::text[]) with ordinality as n (name, place)
)

select
    p.entry_id,
    p.trade_date - date '1970-01-01',
    a.account_at,
    l.place_at,
    c.commodity_at,
    trunc(p.quantity)::bigint,
    ((p.quantity - trunc(p.quantity)) * 1000000000000)::bigint,
    e.about_account,
    e.about_commodity
from steelyard.postings as p
inner join (
    select j.entry_id, x.account_at as about_account, y.commodity_at as about_commodity
    from steelyard.entries_known(steelyard.current_tenant(), $2) as j
    inner join account as x on j.account_id = x.name
    inner join commodity as y on coalesce(j.asset_id, j.currency) = y.name and y.is_cash = (j.asset_id is null)
    where j.entry_id > $1
) as e on p.entry_id = e.entry_id
inner join account as a on p.account_id = a.name
inner join commodity as c on p.commodity = c.name and p.is_cash = c.is_cash
inner join place as l on p.place = l.name
where p.tenant_id = steelyard.current_tenant() and p.entry_id > $1;

-- name: get_journal_page
-- Entries after a place in the order of days, of an account and a kind where they are named.
select
    j.entry_id, j.recorded_at, j.external_id, j.kind, j.trade_date, j.account_id, j.currency, j.amount, j.costs, j.tax,
    j.asset_id, j.quantity, j.price, j.settlement_date, j.counter_account_id, j.counter_asset_id, j.counter_quantity,
    j.counter_currency, j.counter_amount, j.acquired_date, j.basis_fraction, j.lot_id, j.held, j.revision, j.reverses,
    r.entry_id as reversed_by
from steelyard.journal as j
left join steelyard.journal as r on j.entry_id = r.reverses
where
    j.tenant_id = steelyard.current_tenant()
    and (j.trade_date, j.entry_id) > ($1, $2)
    and ($4 or (j.reverses is null and r.entry_id is null))
    and ($5::text is null or $5 in (j.account_id, j.counter_account_id))
    and ($6::text is null or j.kind = $6)
order by j.trade_date, j.entry_id
limit $3;

-- name: get_journal_page_of_asset
-- The same of one asset.
select
    j.entry_id, j.recorded_at, j.external_id, j.kind, j.trade_date, j.account_id, j.currency, j.amount, j.costs, j.tax,
    j.asset_id, j.quantity, j.price, j.settlement_date, j.counter_account_id, j.counter_asset_id, j.counter_quantity,
    j.counter_currency, j.counter_amount, j.acquired_date, j.basis_fraction, j.lot_id, j.held, j.revision, j.reverses,
    r.entry_id as reversed_by
from steelyard.journal as j
left join steelyard.journal as r on j.entry_id = r.reverses
where
    j.tenant_id = steelyard.current_tenant()
    and j.asset_id = $7
    and (j.trade_date, j.entry_id) > ($1, $2)
    and ($4 or (j.reverses is null and r.entry_id is null))
    and ($5::text is null or $5 in (j.account_id, j.counter_account_id))
    and ($6::text is null or j.kind = $6)
order by j.trade_date, j.entry_id
limit $3;

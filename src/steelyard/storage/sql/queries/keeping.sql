-- name: make_cash_assets
-- Make the cash assets that the ledger's money lacks, as their ids.
select made.asset_id
from unnest(steelyard.make_cash_assets(steelyard.current_tenant())) as made (asset_id)
order by made.asset_id;

-- name: adopt_accounts
-- Let the ledger keep the accounts whose newest snapshot agrees with it, and say what keeps each.
select a.account_id, a.kept_by, a.is_changed, a.is_differing
from steelyard.adopt_accounts(steelyard.current_tenant()) as a
order by a.account_id;

-- name: get_ledger_differences
-- Where newest snapshots say otherwise than the ledger, in a scope.
select d.account_id, d.asset_id, d.as_of, trim_scale(d.snapshot_quantity), trim_scale(d.ledger_quantity), d.reason
from steelyard.ledger_differences(steelyard.current_tenant()) as d
inner join steelyard.scope_accounts(steelyard.current_tenant()) as s on d.account_id = s.account_id
where s.scope_kind = :scope_kind and s.scope_id = :scope_id
order by d.account_id, d.asset_id;

-- name: get_keepers
-- What keeps each account of a scope.
select a.account_id, a.kept_by
from steelyard.accounts as a
inner join steelyard.scope_accounts(steelyard.current_tenant()) as s on a.account_id = s.account_id
where a.tenant_id = steelyard.current_tenant() and s.scope_kind = :scope_kind and s.scope_id = :scope_id
order by a.account_id;

-- name: get_unposted_rows
-- The first transactions of each fault that are not in the ledger, and how many there are of it.
select f.transaction_id, f.fault, f.asset_id, f.transaction_date, f.transaction_type, f.of_fault
from (
    select
        u.transaction_id,
        u.fault,
        t.asset_id,
        t.transaction_date,
        t.transaction_type,
        count(*) over (partition by u.fault) as of_fault,
        row_number() over (partition by u.fault order by t.transaction_date, u.transaction_id) as place
    from steelyard.unposted_transactions as u
    left join steelyard.transactions as t on u.tenant_id = t.tenant_id and u.transaction_id = t.transaction_id
    where u.tenant_id = steelyard.current_tenant()
) as f
where f.place <= :most
order by f.fault, f.place;

-- name: is_ledger_behind
-- Whether transactions of the tenant wait that could be booked now: the firm's own table may have changed, or a day has
-- come.
select
    'transactions' = any(steelyard.attached_tables())
    or exists (
        select
        from steelyard.unposted_transactions as u
        inner join steelyard.transactions as t on u.tenant_id = t.tenant_id and u.transaction_id = t.transaction_id
        where
            u.tenant_id = steelyard.current_tenant()
            and u.fault = 'not_yet'
            and t.transaction_date <= cast(:today as date) + 1
    );

-- name: get_exchanges
-- The exchange of each asset that has one.
select a.asset_id, a.exchange
from steelyard.asset_master as a
where a.exchange is not null;

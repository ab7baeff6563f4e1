-- name: lock_orders_of_fill
-- The orders that a fill names by the broker's key or by ours, held until this transaction ends.
select
    o.order_id, o.account_id, o.link_id, o.asset_id, o.side, o.quantity, o.currency, o.lots, o.state, o.version,
    o.filled_quantity
from steelyard.orders as o
where
    o.tenant_id = steelyard.current_tenant()
    and (
        (o.link_id = cast(:link_id as uuid) and o.broker_order_id = nullif(:broker_order_id, ''))
        or (
            coalesce(o.link_id, cast(:link_id as uuid)) = cast(:link_id as uuid)
            and o.client_order_id = nullif(:client_order_id, '')
        )
    )
order by o.order_id
for no key update;

-- name: lock_suspense
-- Wait for whoever puts fills of a link into suspense, or looks for some there.
select pg_advisory_xact_lock(hashtextextended('steelyard.suspense.' || :link_id, steelyard.current_tenant()));

-- name: lock_order
-- An order by its key, held until this transaction ends.
select
    o.order_id, o.account_id, o.link_id, o.asset_id, o.side, o.quantity, o.currency, o.lots, o.state, o.version,
    o.filled_quantity
from steelyard.orders as o
where o.tenant_id = steelyard.current_tenant() and o.order_id = cast(:order_id as uuid)
for no key update;

-- name: get_order_lots
-- The lots that an order names.
select o.lots from steelyard.orders as o
where o.tenant_id = steelyard.current_tenant() and o.order_id = cast(:order_id as uuid);

-- name: get_ended_state
-- The last state in which the broker had ended an order, before fills came late.
select e.to_state
from steelyard.order_events as e
where
    e.tenant_id = steelyard.current_tenant() and e.order_id = cast(:order_id as uuid)
    and e.to_state in ('cancelled', 'rejected')
order by e.version desc
limit 1;

-- name: move_filled_order
-- Say how much of an order is filled, and where that leaves it: filled is done, a late fill or a bust makes it due.
update steelyard.orders as o
set
    state = :state,
    version = o.version + 1,
    filled_quantity = :filled_quantity,
    broker_order_id = coalesce(o.broker_order_id, nullif(:broker_order_id, '')),
    reason = :reason,
    due_at = case
        when :state = 'filled' then null
        when :is_late or o.state = 'filled' then cast(:executed_at as timestamptz)
        else o.due_at
    end,
    lease_owner = case when :state <> 'filled' then o.lease_owner end,
    lease_until = case when :state <> 'filled' then o.lease_until end,
    changed_at = transaction_timestamp()
where
    o.tenant_id = steelyard.current_tenant() and o.order_id = cast(:order_id as uuid) and o.version = :version;

-- name: get_exchange
-- The exchange of an asset, by its MIC.
select a.exchange from steelyard.asset_master as a where a.asset_id = :asset_id;

-- name: find_symbol
-- The asset of a symbol.
select a.asset_id from steelyard.asset_master as a where a.asset_id = :symbol;

-- name: add_fill
-- Write a fill down, unless its execution is known; answer whether it was not.
insert into steelyard.fills (
    tenant_id, link_id, execution_id, order_id, account_id, asset_id, broker_order_id, symbol, side, quantity, price,
    currency, fees, executed_at, busted_at, suspended_because
)
values (
    steelyard.current_tenant(), :link_id, :execution_id, :order_id, :account_id, :asset_id, :broker_order_id, :symbol,
    :side, :quantity, :price, :currency, :fees, :executed_at, case when :is_bust then transaction_timestamp() end,
    :suspended_because
)
on conflict (tenant_id, link_id, execution_id) do nothing
returning execution_id;

-- name: correct_busted_fill
-- Take the words of a fill that comes after it was busted, in place of those of the bust.
update steelyard.fills
set symbol = :symbol, side = :side, quantity = :quantity, price = :price, currency = :currency, fees = :fees,
    executed_at = :executed_at
where
    tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid) and execution_id = :execution_id
    and busted_at is not null and transaction_id is null;

-- name: bust_fill
-- Note that the broker took a fill back; answer whether it had not before.
update steelyard.fills
set busted_at = transaction_timestamp()
where
    tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid) and execution_id = :execution_id
    and busted_at is null
returning execution_id;

-- name: set_fill_booked
-- Note which transaction books a fill.
update steelyard.fills
set transaction_id = :transaction_id
where tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid) and execution_id = :execution_id;

-- name: set_fill_suspended
-- Note why the ledger does not say what it should of a fill; empty = it does.
update steelyard.fills
set suspended_because = :why
where tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid) and execution_id = :execution_id;

-- name: assign_fill
-- Say of a fill in suspense whose it is.
update steelyard.fills
set order_id = cast(:order_id as uuid), account_id = :account_id, asset_id = :asset_id, suspended_because = ''
where tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid) and execution_id = :execution_id;

-- name: get_fill
-- A fill by its execution.
select
    f.link_id, f.execution_id, f.symbol, f.side, f.quantity, f.price, f.currency, f.executed_at, f.fees,
    f.broker_order_id,
    f.received_at, f.order_id, f.account_id, f.asset_id, f.busted_at, f.transaction_id, f.block_execution_id,
    trim_scale(f.amount) as amount, f.suspended_because
from steelyard.fills as f
where
    f.tenant_id = steelyard.current_tenant()
    and f.link_id = cast(:link_id as uuid) and f.execution_id = :execution_id;

-- name: get_fills_of_orders
-- The fills of some orders, in the order of their execution.
select
    f.link_id, f.execution_id, f.symbol, f.side, f.quantity, f.price, f.currency, f.executed_at, f.fees,
    f.broker_order_id,
    f.received_at, f.order_id, f.account_id, f.asset_id, f.busted_at, f.transaction_id, f.block_execution_id,
    trim_scale(f.amount) as amount, f.suspended_because
from steelyard.fills as f
where
    f.tenant_id = steelyard.current_tenant()
    and f.order_id = any(cast(:order_ids as uuid[]))
order by f.executed_at, f.execution_id, f.link_id;

-- name: get_unsettled_fills
-- Fills of an account that stand and are not booked, or were busted and still are.
select
    f.link_id, f.execution_id, f.symbol, f.side, f.quantity, f.price, f.currency, f.executed_at, f.fees,
    f.broker_order_id,
    f.received_at, f.order_id, f.account_id, f.asset_id, f.busted_at, f.transaction_id, f.block_execution_id,
    trim_scale(f.amount) as amount, f.suspended_because
from steelyard.fills as f
where
    f.tenant_id = steelyard.current_tenant()
    and f.account_id = :account_id
    and (f.busted_at is null) = (f.transaction_id is null)
order by f.executed_at, f.execution_id, f.link_id;

-- name: get_suspended_fills
-- Fills in suspense, of a link or of all; of an account or a household those that are nobody's yet, too.
select
    f.link_id, f.execution_id, f.symbol, f.side, f.quantity, f.price, f.currency, f.executed_at, f.fees,
    f.broker_order_id,
    f.received_at, f.order_id, f.account_id, f.asset_id, f.busted_at, f.transaction_id, f.block_execution_id,
    trim_scale(f.amount) as amount, f.suspended_because
from steelyard.fills as f
where
    f.tenant_id = steelyard.current_tenant()
    and f.suspended_because <> ''
    and f.link_id = coalesce(cast(:link_id as uuid), f.link_id)
    and (cast(:account_id as text) is null or f.account_id is null or f.account_id = :account_id)
    and (
        cast(:household_id as text) is null
        or f.account_id is null
        or f.account_id in (
            select a.account_id from steelyard.accounts as a
            where a.tenant_id = f.tenant_id and a.household_id = :household_id
        )
    )
order by f.executed_at, f.execution_id, f.link_id;

-- name: list_fills
-- A page of fills, the newest first; of an order and of an account, or a household, where they are named.
select
    f.link_id, f.execution_id, f.symbol, f.side, f.quantity, f.price, f.currency, f.executed_at, f.fees,
    f.broker_order_id,
    f.received_at, f.order_id, f.account_id, f.asset_id, f.busted_at, f.transaction_id, f.block_execution_id,
    trim_scale(f.amount) as amount, f.suspended_because
from steelyard.fills as f
where
    f.tenant_id = steelyard.current_tenant()
    and (cast(:order_id as uuid) is null or f.order_id = :order_id)
    and (cast(:account_id as text) is null or f.account_id = :account_id)
    and (
        cast(:household_id as text) is null
        or f.account_id in (
            select a.account_id from steelyard.accounts as a
            where a.tenant_id = steelyard.current_tenant() and a.household_id = :household_id
        )
    )
    and (
        cast(:before as timestamptz) is null
        or (f.executed_at, f.execution_id, f.link_id)
        < (cast(:before as timestamptz), cast(:before_id as text), cast(:before_link as uuid))
    )
order by f.executed_at desc, f.execution_id desc, f.link_id desc
limit :most;

-- name: get_booked_terms
-- The terms of those of some executions that are booked and stand.
select f.execution_id, f.quantity, f.price, f.fees
from steelyard.fills as f
where
    f.tenant_id = steelyard.current_tenant() and f.link_id = cast(:link_id as uuid)
    and f.execution_id = any(cast(:execution_ids as text[]))
    and f.transaction_id is not null and f.busted_at is null and f.suspended_because = '';

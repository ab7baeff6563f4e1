-- name: insert_blocks
-- Make blocks of orders of a run that are alike in asset, side, link, type, worst price and currency; one is none.
with alike as (
    select
        b.link_id, o.asset_id, o.side, o.order_type, o.limit_price, o.currency, sum(o.quantity) as quantity,
        sum(o.quantity * o.reference_price) / sum(o.quantity) as reference_price, sum(o.order_value) as order_value
    from steelyard.orders as o
    inner join steelyard.broker_accounts as b on o.tenant_id = b.tenant_id and o.account_id = b.account_id
    where
        o.tenant_id = steelyard.current_tenant() and o.run_id = cast(:run_id as uuid) and o.account_id is not null
        and o.state = 'approved' and o.released_at is null and o.phase = :phase
    group by b.link_id, o.asset_id, o.side, o.order_type, o.limit_price, o.currency
    having count(*) > 1
)

insert into steelyard.orders (
    tenant_id, run_id, link_id, asset_id, side, quantity, order_type, limit_price, currency, reference_price,
    order_value, client_order_id, made_at, changed_at
)
select
    steelyard.current_tenant(), cast(:run_id as uuid), a.link_id, a.asset_id, a.side, a.quantity, a.order_type,
    a.limit_price, a.currency, a.reference_price, a.order_value,
    format(
        '%s-B%s',
        cast(:run_id as text),
        lpad((row_number() over (order by a.side desc, a.asset_id, a.link_id, a.limit_price) + :before)::text, 4, '0')
    ),
    cast(:now as timestamptz), cast(:now as timestamptz)
from alike as a
returning order_id;

-- name: count_blocks
-- How many blocks a run has.
select count(*)
from steelyard.orders as o
where o.tenant_id = steelyard.current_tenant() and o.run_id = cast(:run_id as uuid) and o.account_id is null;

-- name: move_blocks
-- Move blocks on; those that are released are due at once.
update steelyard.orders
set
    state = :to_state,
    version = version + 1,
    released_at = case when :to_state = 'approved' then cast(:now as timestamptz) end,
    due_at = case when :to_state = 'approved' then cast(:now as timestamptz) end,
    changed_at = cast(:now as timestamptz)
where tenant_id = steelyard.current_tenant() and order_id = any(cast(:order_ids as uuid[]));

-- name: release_into_blocks
-- Give the orders of a run to the workers: those that a block was made of wait for it, others are due at once.
with block as materialized (
    select k.order_id, k.link_id, k.asset_id, k.side, k.order_type, k.limit_price, k.currency
    from steelyard.orders as k
    where k.tenant_id = steelyard.current_tenant() and k.order_id = any(cast(:block_ids as uuid[]))
)

update steelyard.orders as o
set
    version = o.version + 1,
    link_id = r.link_id,
    block_id = r.block_id,
    released_at = cast(:now as timestamptz),
    due_at = case when r.block_id is null then cast(:now as timestamptz) end,
    changed_at = cast(:now as timestamptz)
from (
    select c.order_id, b.link_id, k.order_id as block_id
    from steelyard.orders as c
    inner join steelyard.broker_accounts as b on c.tenant_id = b.tenant_id and c.account_id = b.account_id
    left join block as k
        on
            b.link_id = k.link_id and c.asset_id = k.asset_id and c.side = k.side and c.order_type = k.order_type
            and c.limit_price is not distinct from k.limit_price and c.currency = k.currency
    where
        c.tenant_id = steelyard.current_tenant() and c.run_id = cast(:run_id as uuid) and c.account_id is not null
        and c.state = 'approved' and c.released_at is null and c.phase = :phase
) as r
where o.tenant_id = steelyard.current_tenant() and o.order_id = r.order_id
returning o.order_id;

-- name: count_open_sells_of_run
-- Sells of a run's accounts that may still bring in cash.
select count(*)
from steelyard.orders as o
where
    o.tenant_id = steelyard.current_tenant() and o.run_id = cast(:run_id as uuid) and o.account_id is not null
    and o.side = 'sell' and o.state in ('approved', 'sending', 'sent', 'partially_filled', 'unknown');

-- name: cancel_unpaid_buys
-- Cancel the buys of a run that the cash of their account does not pay for, the last of each account first.
update steelyard.orders as o
set
    version = o.version + 1, state = 'cancelled', changed_at = cast(:now as timestamptz),
    reason = format(
        'The sells of its proposal have ended; with those before it, it takes %s %s, and %s are free.',
        trim_scale(u.takes), o.currency, trim_scale(u.cash)
    )
from (
    select
        w.order_id, coalesce(b.quantity, 0) - coalesce(t.takes, 0) as cash,
        sum(w.quantity * coalesce(w.limit_price, w.reference_price))
            over (partition by w.account_id, w.currency order by w.client_order_id) as takes
    from steelyard.orders as w
    left join steelyard.balances as b
        on w.tenant_id = b.tenant_id and w.account_id = b.account_id and w.currency = b.commodity and b.is_cash
    left join lateral (
        select sum((x.quantity - least(x.filled_quantity, x.quantity)) * coalesce(x.limit_price, x.reference_price))
            as takes
        from steelyard.orders as x
        where
            x.tenant_id = w.tenant_id and x.account_id = w.account_id and x.currency = w.currency and x.side = 'buy'
            and x.released_at is not null
            and x.state in ('approved', 'sending', 'sent', 'partially_filled', 'unknown')
    ) as t on true
    where
        w.tenant_id = steelyard.current_tenant() and w.run_id = cast(:run_id as uuid) and w.account_id is not null
        and w.state = 'approved' and w.released_at is null and w.phase = 2
) as u
where o.tenant_id = steelyard.current_tenant() and o.order_id = u.order_id and u.takes > u.cash
returning o.order_id;

-- name: count_unreleased_buys
-- Buys of an executed run that wait for what its sells bring in.
select count(*)
from steelyard.orders as o
where
    o.tenant_id = steelyard.current_tenant() and o.run_id = cast(:run_id as uuid) and o.account_id is not null
    and o.state = 'approved' and o.released_at is null and o.phase = 2;

-- name: count_open_orders_of_run
-- Orders of a run's accounts that have not ended.
select count(*)
from steelyard.orders as o
where
    o.tenant_id = steelyard.current_tenant() and o.run_id = cast(:run_id as uuid) and o.account_id is not null
    and o.state not in ('filled', 'cancelled', 'rejected');

-- name: find_unshared_blocks
-- Blocks of a run whose fills are not shared out as they stand: it ended and was not, or its fills are others now.
select k.order_id
from steelyard.orders as k
cross join lateral (
    select
        coalesce(sum(f.quantity), 0) as units, coalesce(sum(round(f.quantity * f.price, 8)), 0) as money,
        coalesce(sum(f.fees), 0) as fees
    from steelyard.fills as f
    where f.tenant_id = k.tenant_id and f.order_id = k.order_id and f.busted_at is null
) as had
cross join lateral (
    select
        coalesce(sum(f.quantity) filter (where f.busted_at is null), 0) as units,
        coalesce(sum(f.amount) filter (where f.busted_at is null), 0) as money,
        coalesce(sum(f.fees) filter (where f.busted_at is null), 0) as fees,
        count(f.*) as parts,
        coalesce(bool_or(c.state in ('approved', 'sent')), false) as waits
    from steelyard.orders as c
    left join steelyard.fills as f on c.tenant_id = f.tenant_id and c.order_id = f.order_id
    where c.tenant_id = k.tenant_id and c.block_id = k.order_id
) as gave
where
    k.tenant_id = steelyard.current_tenant() and k.run_id = cast(:run_id as uuid) and k.account_id is null
    and (cast(:block_id as uuid) is null or k.order_id = cast(:block_id as uuid))
    and (
        k.state in ('filled', 'cancelled', 'rejected') and (gave.waits or gave.units <> had.units)
        or gave.parts > 0 and (gave.units, gave.money, gave.fees) <> (had.units, had.money, had.fees)
    )
order by k.order_id;

-- name: hold_block_orders
-- The orders that a block stands for, held until this transaction ends.
select
    o.order_id, o.account_id, o.client_order_id, o.quantity, o.lots, o.state, o.version, o.filled_quantity
from steelyard.orders as o
where o.tenant_id = steelyard.current_tenant() and o.block_id = cast(:block_id as uuid)
order by o.order_id
for no key update;

-- name: get_block
-- What of a block its fills are shared out by.
select
    o.order_id, o.run_id, o.link_id, o.asset_id, o.side, o.quantity, o.currency, o.client_order_id, o.state, o.reason,
    m.exchange
from steelyard.orders as o
inner join steelyard.asset_master as m on o.asset_id = m.asset_id
where o.tenant_id = steelyard.current_tenant() and o.order_id = cast(:block_id as uuid)
for no key update of o;

-- name: bust_shares
-- Take back what was given of a block before; answer how often it was shared out.
with rounds as (
    select count(distinct f.block_execution_id) as number
    from steelyard.orders as c
    inner join steelyard.fills as f on c.tenant_id = f.tenant_id and c.order_id = f.order_id
    where c.tenant_id = steelyard.current_tenant() and c.block_id = cast(:block_id as uuid)
),

taken_back as (
    update steelyard.fills as f
    set busted_at = cast(:now as timestamptz)
    from steelyard.orders as c
    where
        c.tenant_id = steelyard.current_tenant() and c.block_id = cast(:block_id as uuid)
        and f.tenant_id = c.tenant_id and f.order_id = c.order_id and f.busted_at is null
)

select number from rounds;

-- name: add_shares
-- Write down what each order of a block was given.
insert into steelyard.fills (
    tenant_id, link_id, execution_id, order_id, account_id, asset_id, symbol, side, quantity, price, currency, fees,
    executed_at, block_execution_id, amount
)
select
    steelyard.current_tenant(), cast(:link_id as uuid), s.execution_id, s.order_id, s.account_id, :asset_id, :symbol,
    :side, s.quantity, cast(:price as numeric), :currency, s.fees, cast(:executed_at as timestamptz),
    :block_execution_id, s.amount
from jsonb_to_recordset(cast(:shares as jsonb)) as s (
    execution_id text, order_id uuid, account_id text, quantity numeric, fees numeric, amount numeric
);

-- name: set_shares_booked
-- Note that the shares of a block are booked, and those of before no more.
update steelyard.fills as f
set transaction_id = case when f.busted_at is null then cast(:prefix as text) || f.execution_id end
from steelyard.orders as c
where
    c.tenant_id = steelyard.current_tenant() and c.block_id = cast(:block_id as uuid)
    and c.account_id = any(cast(:account_ids as text[]))
    and f.tenant_id = c.tenant_id and f.order_id = c.order_id
    and (f.busted_at is null) = (f.transaction_id is null);

-- name: move_block_orders
-- Move the orders of a block, each to where its share leaves it.
update steelyard.orders as o
set
    version = o.version + 1, state = m.state, filled_quantity = m.filled_quantity, reason = m.reason,
    changed_at = cast(:now as timestamptz)
from jsonb_to_recordset(cast(:moves as jsonb)) as m (
    order_id uuid, state text, filled_quantity numeric, reason text
)
where o.tenant_id = steelyard.current_tenant() and o.order_id = m.order_id;

-- name: wake_run_of_block
-- Let a worker look at the run of a block at once.
update steelyard.runs as r
set due_at = r.executed_at
from steelyard.orders as o
where
    o.tenant_id = steelyard.current_tenant() and o.order_id = cast(:block_id as uuid)
    and r.tenant_id = o.tenant_id and r.run_id = o.run_id and r.state = 'executed';

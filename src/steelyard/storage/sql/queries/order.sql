-- name: add_order
-- Draft an order.
insert into steelyard.orders (
    tenant_id, proposal_id, run_id, block_id, account_id, link_id, asset_id, side, quantity, order_type, limit_price,
    currency, reference_price, order_value, phase, lots, client_order_id, replaces, reason, made_at, changed_at
)
values (
    steelyard.current_tenant(), cast(:proposal_id as uuid), cast(:run_id as uuid), cast(:block_id as uuid), :account_id,
    cast(:link_id as uuid), :asset_id, :side, :quantity, :order_type, cast(:limit_price as numeric), :currency,
    :reference_price, :order_value, :phase, cast(:lots as jsonb), :client_order_id, cast(:replaces as uuid), :reason,
    :now, :now
)
returning *;

-- name: get_order
-- An order.
select * from steelyard.orders
where tenant_id = steelyard.current_tenant() and order_id = cast(:order_id as uuid);

-- name: hold_order
-- An order, which nobody else changes until this transaction ends.
select * from steelyard.orders
where tenant_id = steelyard.current_tenant() and order_id = cast(:order_id as uuid)
for update;

-- name: list_orders
-- Orders by account, proposal, run and states, the newest first.
select * from steelyard.orders
where
    tenant_id = steelyard.current_tenant()
    and (cast(:account_id as text) is null or account_id = :account_id)
    and (cast(:proposal_id as uuid) is null or proposal_id = cast(:proposal_id as uuid))
    and (cast(:run_id as uuid) is null or run_id = cast(:run_id as uuid))
    and (cast(:states as text[]) is null or state = any(cast(:states as text[])))
    and (
        cast(:before as timestamptz) is null
        or (made_at, order_id) < (cast(:before as timestamptz), cast(:before_id as uuid))
    )
order by made_at desc, order_id desc
limit :most;

-- name: list_order_events
-- The states an order was in, the first first.
select version, from_state, to_state, reason, actor, at
from steelyard.order_events
where tenant_id = steelyard.current_tenant() and order_id = cast(:order_id as uuid)
order by version;

-- name: save_order
-- Change an order, unless somebody else did meanwhile.
update steelyard.orders
set
    version = version + 1,
    state = :state,
    reason = :reason,
    link_id = cast(:link_id as uuid),
    block_id = cast(:block_id as uuid),
    broker_order_id = :broker_order_id,
    filled_quantity = :filled_quantity,
    released_at = :released_at,
    sent_at = :sent_at,
    due_at = :due_at,
    settle_until = :settle_until,
    attempts = :attempts,
    cancel_asked_at = :cancel_asked_at,
    raised_at = :raised_at,
    lease_owner = :lease_owner,
    lease_until = :lease_until,
    changed_at = :now
where tenant_id = steelyard.current_tenant() and order_id = cast(:order_id as uuid) and version = :version
returning *;

-- name: move_orders
-- Bring the orders of a proposal or of a run from one state to another.
update steelyard.orders
set version = version + 1, state = :to_state, reason = :reason, changed_at = :now
where
    tenant_id = steelyard.current_tenant() and state = :from_state
    and (
        proposal_id = cast(:proposal_id as uuid)
        or run_id = cast(:run_id as uuid)
    )
returning order_id;

-- name: release_orders
-- Give the approved orders of a proposal to the workers; those of a block wait for it.
update steelyard.orders as o
set version = o.version + 1, released_at = :now, due_at = :now, link_id = b.link_id, changed_at = :now
from steelyard.broker_accounts as b
where
    o.tenant_id = steelyard.current_tenant() and o.proposal_id = cast(:proposal_id as uuid)
    and o.state = 'approved' and o.released_at is null and o.block_id is null
    and o.tenant_id = b.tenant_id and o.account_id = b.account_id
returning o.order_id;

-- name: find_due_tenants
-- Tenants of which something is due for a worker.
select * from steelyard.find_due_tenants(:now);

-- name: claim_orders
-- Take the orders that are due in hand, those that waited longest first; whose worker is waited for are left to it.
-- What is taken is chosen once: joined as it is looked at, a row that moved meanwhile would let it choose again.
with due as materialized (
    select d.tenant_id, d.order_id, d.lease_owner as lost_owner
    from steelyard.orders as d
    where
        d.tenant_id = steelyard.current_tenant() and d.due_at <= :now
        and (d.lease_owner is null or d.lease_until <= :now)
    order by d.due_at, d.order_id
    limit :most
    for update skip locked
)

update steelyard.orders as o
set version = o.version + 1, lease_owner = :owner, lease_until = :until, due_at = :until, changed_at = :now
from due
where o.tenant_id = due.tenant_id and o.order_id = due.order_id
returning o.*, due.lost_owner;

-- name: claim_link
-- Take the reading of the fills of a link in hand for a while, the one that waited longest.
with due as materialized (
    select d.tenant_id, d.link_id
    from steelyard.broker_links as d
    where
        d.tenant_id = steelyard.current_tenant() and d.ended_at is null and d.fills_due_at <= :now
        -- a link begins with its first account: what was executed there before is not ours
        and exists (
            select from steelyard.broker_accounts as b where b.tenant_id = d.tenant_id and b.link_id = d.link_id
        )
    order by d.fills_due_at, d.link_id
    limit 1
    for update skip locked
)

update steelyard.broker_links as l
set fills_due_at = :until
from due
where l.tenant_id = due.tenant_id and l.link_id = due.link_id
returning l.link_id;

-- name: get_fills_page
-- How far the fills of a link were read.
select fills_page from steelyard.broker_links
where tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid);

-- name: may_be_on_its_way
-- Whether what was executed is of none of our orders yet, while the answer to a call that may have made it is out.
select
    not exists (
        select from steelyard.orders as o
        where
            o.tenant_id = steelyard.current_tenant()
            and (
                o.link_id = cast(:link_id as uuid) and o.broker_order_id = :broker_order_id
                or o.client_order_id = :client_order_id
            )
    )
    and exists (
        select from steelyard.orders as o
        where
            o.tenant_id = steelyard.current_tenant() and o.link_id = cast(:link_id as uuid)
            and o.asset_id = :symbol and o.side = :side and o.sent_at <= :sent_until
            and o.state = 'sending' and o.lease_owner is not null and o.broker_order_id is null
    );

-- name: turn_fills_page
-- Note how far the fills of a link were read, where nobody else did.
update steelyard.broker_links set fills_page = :after
where
    tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid) and fills_page = :before;

-- name: set_fills_due
-- Say when the fills of a link are to be read next: soon where orders of it are open, else later.
update steelyard.broker_links
set
    fills_due_at = case
        when exists (
            select from steelyard.orders as o
            where
                o.tenant_id = broker_links.tenant_id and o.link_id = broker_links.link_id
                and (
                    o.state in ('sending', 'sent', 'partially_filled', 'unknown')
                    or o.state = 'approved' and o.released_at is not null
                )
        ) then cast(:soon as timestamptz)
        else cast(:later as timestamptz)
    end
where tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid);

-- name: count_open_sells
-- Sells of the proposal that may still bring in cash.
select count(*) from steelyard.orders
where
    tenant_id = steelyard.current_tenant() and proposal_id = cast(:proposal_id as uuid) and side = 'sell'
    and state in ('approved', 'sending', 'sent', 'partially_filled', 'unknown');

-- name: lock_cash
-- Let nobody else look at the free cash of an account until this transaction ends.
select pg_advisory_xact_lock(hashtextextended('steelyard.cash.' || :account_id, steelyard.current_tenant()));

-- name: get_free_cash
-- Cash of an account by the ledger, less what its other buys at the broker, or on the way there, may still take.
select
    coalesce((
        select b.quantity from steelyard.balances as b
        where
            b.tenant_id = steelyard.current_tenant() and b.account_id = :account_id
            and b.commodity = :currency and b.is_cash
    ), 0) - coalesce((
        select sum((o.quantity - least(o.filled_quantity, o.quantity)) * coalesce(o.limit_price, o.reference_price))
        from steelyard.orders as o
        where
            o.tenant_id = steelyard.current_tenant() and o.account_id = :account_id and o.currency = :currency
            and o.side = 'buy' and o.order_id <> cast(:order_id as uuid)
            and (
                o.state in ('sending', 'sent', 'partially_filled', 'unknown')
                or o.state = 'approved' and o.phase = 1 and o.released_at is not null
            )
    ), 0);

-- name: list_claimed
-- Which of these orders of a broker are orders of ours.
select broker_order_id from steelyard.orders
where
    tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid)
    and broker_order_id = any(cast(:broker_order_ids as text[]));

-- name: count_alike
-- Orders of a link that a broker's order of this asset, side and quantity could be, as nobody knows yet which is.
select count(*) from steelyard.orders
where
    tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid)
    and asset_id = :asset_id and side = :side and quantity = :quantity
    and broker_order_id is null and state in ('sending', 'unknown');

-- name: count_replacements
-- Orders in the place of an order that were not given up.
select count(*) from steelyard.orders
where
    tenant_id = steelyard.current_tenant() and replaces = cast(:order_id as uuid)
    and state not in ('rejected', 'cancelled');

-- name: get_accounts_of_link
-- The accounts whose orders go by a link.
select b.account_id
from steelyard.broker_accounts as b
where b.tenant_id = steelyard.current_tenant() and b.link_id = cast(:link_id as uuid)
order by b.account_id;

-- name: get_held_by_ledger
-- What some accounts hold together by the ledger; at a moment, what was executed or is dated later is taken off.
with moved as (
    select b.commodity, b.is_cash, b.quantity
    from steelyard.balances as b
    where b.tenant_id = steelyard.current_tenant() and b.account_id = any(cast(:account_ids as text[]))
    union all
    select m.commodity, m.is_cash, -m.quantity
    from steelyard.fills as f
    cross join lateral (
        values
        (f.asset_id, false, case f.side when 'buy' then f.quantity else -f.quantity end),
        (
            f.currency, true,
            case f.side when 'buy' then -1 else 1 end * coalesce(f.amount, round(f.quantity * f.price, 8)) - f.fees
        )
    ) as m (commodity, is_cash, quantity)
    where
        f.tenant_id = steelyard.current_tenant() and f.account_id = any(cast(:account_ids as text[]))
        and f.transaction_id is not null and f.executed_at > cast(:as_of as timestamptz)
    union all
    select p.commodity, p.is_cash, -p.quantity
    from steelyard.journal as j
    inner join steelyard.postings as p on j.entry_id = p.entry_id
    where
        j.tenant_id = steelyard.current_tenant()
        and j.trade_date > cast(cast(:as_of as timestamptz) at time zone 'UTC' as date)
        and p.account_id = any(cast(:account_ids as text[])) and p.place = 'held'
        and not starts_with(j.external_id, 'fill:')
)

select m.commodity, m.is_cash, sum(m.quantity) as quantity
from moved as m
group by m.commodity, m.is_cash
having sum(m.quantity) <> 0
order by m.is_cash, m.commodity;

-- name: get_on_the_way
-- What orders of some accounts at a broker have open, by asset; those of a block as long as it is not shared out.
select
    o.asset_id,
    coalesce(sum(o.quantity - o.filled_quantity) filter (where o.side = 'buy'), 0) as bought,
    coalesce(sum(o.quantity - o.filled_quantity) filter (where o.side = 'sell'), 0) as sold
from steelyard.orders as o
left join steelyard.orders as b on o.tenant_id = b.tenant_id and o.block_id = b.order_id
where
    o.tenant_id = steelyard.current_tenant()
    and o.account_id = any(cast(:account_ids as text[]))
    and o.quantity > o.filled_quantity
    and (
        o.state in ('sending', 'sent', 'partially_filled', 'unknown')
        or (
            o.state = 'approved'
            and b.state in ('sending', 'sent', 'partially_filled', 'unknown', 'filled', 'cancelled')
        )
    )
group by o.asset_id;

-- name: get_open_breaks
-- The breaks that stand, of some accounts or of all.
select
    b.break_id, b.link_id, b.account_id, b.commodity, b.is_cash, b.ledger_quantity, b.broker_quantity, b.hold_id,
    b.found_at, b.seen_at, b.resolved_at, b.resolved_by, b.explanation
from steelyard.reconciliation_breaks as b
where
    b.tenant_id = steelyard.current_tenant()
    and b.resolved_at is null
    and (cast(:account_ids as text[]) is null or b.account_id = any(cast(:account_ids as text[])))
order by b.found_at, b.account_id, b.is_cash, b.commodity;

-- name: list_breaks
-- A page of breaks, the newest first, resolved ones included; of an account or a household where it is named.
select
    b.break_id, b.link_id, b.account_id, b.commodity, b.is_cash, b.ledger_quantity, b.broker_quantity, b.hold_id,
    b.found_at, b.seen_at, b.resolved_at, b.resolved_by, b.explanation
from steelyard.reconciliation_breaks as b
where
    b.tenant_id = steelyard.current_tenant()
    and (cast(:account_id as text) is null or b.account_id = :account_id)
    and (
        cast(:household_id as text) is null
        or b.account_id in (
            select a.account_id from steelyard.accounts as a
            where a.tenant_id = steelyard.current_tenant() and a.household_id = :household_id
        )
    )
    and (:with_resolved or b.resolved_at is null)
    and (
        cast(:before as timestamptz) is null
        or (b.found_at, b.break_id) < (cast(:before as timestamptz), cast(:before_id as uuid))
    )
order by b.found_at desc, b.break_id desc
limit :most;

-- name: hold_break
-- A break by its key, that nobody else changes until this transaction ends.
select
    b.break_id, b.link_id, b.account_id, b.commodity, b.is_cash, b.ledger_quantity, b.broker_quantity, b.hold_id,
    b.found_at, b.seen_at, b.resolved_at, b.resolved_by, b.explanation
from steelyard.reconciliation_breaks as b
where b.tenant_id = steelyard.current_tenant() and b.break_id = cast(:break_id as uuid)
for no key update;

-- name: see_explained_break
-- Note that what somebody explained is still as it was at the look before; answer whether it is so.
update steelyard.reconciliation_breaks as b
set seen_at = cast(:now as timestamptz)
from steelyard.broker_links as l
where
    b.tenant_id = steelyard.current_tenant() and b.account_id = :account_id and b.commodity = :commodity
    and b.is_cash = :is_cash and b.explanation <> '' and b.resolved_at is not null
    and b.broker_quantity - b.ledger_quantity = cast(:units as numeric)
    and l.tenant_id = b.tenant_id and l.link_id = b.link_id and b.seen_at >= l.synced_at
returning b.break_id;

-- name: see_break
-- Note that a break still stands, and of how much it is now.
update steelyard.reconciliation_breaks
set seen_at = cast(:now as timestamptz), ledger_quantity = :ledger_quantity, broker_quantity = :broker_quantity
where tenant_id = steelyard.current_tenant() and break_id = cast(:break_id as uuid);

-- name: add_break
-- Write a break down.
insert into steelyard.reconciliation_breaks
(tenant_id, link_id, account_id, commodity, is_cash, ledger_quantity, broker_quantity, hold_id, found_at, seen_at)
values (
    steelyard.current_tenant(), :link_id, :account_id, :commodity, :is_cash, :ledger_quantity, :broker_quantity,
    :hold_id, :now, :now
)
returning break_id;

-- name: resolve_break
-- Note that a break is gone, or was explained.
update steelyard.reconciliation_breaks
set resolved_at = cast(:now as timestamptz), resolved_by = :resolved_by, explanation = :explanation
where tenant_id = steelyard.current_tenant() and break_id = cast(:break_id as uuid);

-- name: set_link_synced
-- Note when what a broker holds was last compared.
update steelyard.broker_links
set synced_at = cast(:now as timestamptz)
where tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid);

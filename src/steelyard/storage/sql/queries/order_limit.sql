-- name: get_order_limits
-- Every limit of orders that is seen, the tenant's first.
select
    l.account_id,
    trim_scale(l.max_order_value) as max_order_value,
    trim_scale(l.max_day_value) as max_day_value,
    trim_scale(l.price_collar) as price_collar,
    trim_scale(l.max_participation) as max_participation,
    l.changed_by,
    l.changed_at
from steelyard.order_limits as l
where l.tenant_id = steelyard.current_tenant()
order by l.account_id nulls first;

-- name: get_order_limits_of
-- The limits of the tenant and of some accounts.
select
    l.account_id,
    trim_scale(l.max_order_value) as max_order_value,
    trim_scale(l.max_day_value) as max_day_value,
    trim_scale(l.price_collar) as price_collar,
    trim_scale(l.max_participation) as max_participation
from steelyard.order_limits as l
where
    l.tenant_id = steelyard.current_tenant()
    and (l.account_id is null or l.account_id = any(cast(:account_ids as text[])));

-- name: set_order_limits
-- Write the limits of an account, or of the tenant, in place of what they were.
insert into steelyard.order_limits as l
(tenant_id, account_id, max_order_value, max_day_value, price_collar, max_participation, changed_by)
values (
    steelyard.current_tenant(), cast(:account_id as text), cast(:max_order_value as numeric),
    cast(:max_day_value as numeric), cast(:price_collar as numeric), cast(:max_participation as numeric),
    steelyard.current_actor()
)
on conflict (tenant_id, account_id) do update set
    max_order_value = excluded.max_order_value,
    max_day_value = excluded.max_day_value,
    price_collar = excluded.price_collar,
    max_participation = excluded.max_participation,
    changed_by = excluded.changed_by,
    changed_at = transaction_timestamp();

-- name: end_order_limits
-- Take away the limits of an account, or of the tenant.
delete from steelyard.order_limits
where tenant_id = steelyard.current_tenant() and account_id is not distinct from cast(:account_id as text)
returning limit_id;

-- name: lock_day_values
-- Wait for whoever else is about to send an order of the same accounts; everybody locks in one order.
select pg_advisory_xact_lock(hashtextextended('steelyard.day_value.' || a.account_id, steelyard.current_tenant()))
from (
    select n.account_id
    from unnest(cast(:account_ids as text[])) as n (account_id)
    order by n.account_id
) as a;

-- name: share_day_values
-- Wait for who has the values of all accounts, and let nobody take them meanwhile.
select pg_advisory_xact_lock_shared(hashtextextended('steelyard.day_values', steelyard.current_tenant()));

-- name: lock_all_day_values
-- Wait for whoever else is about to send an order of the tenant.
select pg_advisory_xact_lock(hashtextextended('steelyard.day_values', steelyard.current_tenant()));

-- name: get_day_values
-- What orders that were given to a broker on this day (UTC) are worth, by account: also those that were refused there,
-- cancelled or replaced, and those that a block was sent for; some orders left out.
with sent as materialized (
    select e.order_id
    from steelyard.order_events as e
    where
        e.tenant_id = steelyard.current_tenant()
        and (e.account_id is null or e.account_id = any(cast(:account_ids as text[])))
        and e.to_state = 'sending'
        and e.at >= date_trunc('day', transaction_timestamp(), 'UTC')
),

meant as (
    select o.order_id, o.account_id, o.order_value
    from steelyard.orders as o
    inner join sent on o.order_id = sent.order_id
    where o.tenant_id = steelyard.current_tenant() and o.account_id = any(cast(:account_ids as text[]))
    union
    select o.order_id, o.account_id, o.order_value
    from steelyard.orders as o
    inner join sent on o.block_id = sent.order_id
    where o.tenant_id = steelyard.current_tenant() and o.account_id = any(cast(:account_ids as text[]))
)

select m.account_id, trim_scale(sum(m.order_value)) as order_value
from meant as m
where m.order_id <> all(cast(:left_out as uuid[]))
group by m.account_id;

-- name: get_orders_behind
-- The orders that an order stands for: itself, or of a block those it is sent for that were not given up.
select
    o.order_id,
    o.account_id,
    trim_scale(o.order_value) as order_value,
    coalesce(cast(p.document as jsonb) #>> '{asked,stale_reason}', '') <> '' as takes_stale
from steelyard.orders as o
left join steelyard.proposals as p on o.tenant_id = p.tenant_id and o.proposal_id = p.proposal_id
where
    o.tenant_id = steelyard.current_tenant()
    and o.account_id is not null
    and (o.order_id = cast(:order_id as uuid) or o.block_id = cast(:order_id as uuid))
    and o.state not in ('cancelled', 'rejected')
order by o.account_id, o.order_id;

-- name: get_holds_on
-- What keeps orders of some accounts from being sent: holds of the tenant, of the accounts, of the orders.
select h.kind, h.reason
from steelyard.trading_holds as h
where
    h.tenant_id = steelyard.current_tenant()
    and h.released_at is null
    and (h.account_id is null or h.account_id = any(cast(:account_ids as text[])))
    and (h.order_id is null or h.order_id = any(cast(:order_ids as uuid[])))
order by h.made_at, h.hold_id;

-- name: get_open_stops
-- The reasons why nothing is sent for anybody.
select s.reason
from steelyard.trading_stops as s
where s.released_at is null
order by s.made_at, s.stop_id;

-- name: count_news
-- What a user was told and has not seen, and the orders they see that wait for a decision. A notice that one does is
-- not counted beside it. An unknown order is always due, which an index knows.
select
    (
        select count(*)
        from steelyard.notices as n
        where
            n.tenant_id = steelyard.current_tenant() and n.user_id = cast(:user_id as uuid) and n.read_at is null
            and n.kind <> 'order.raise'
    )
    + (
        select count(*)
        from steelyard.orders as o
        where
            :sees_orders and o.tenant_id = steelyard.current_tenant()
            and (o.raised_at is not null or o.due_at is not null and o.state = 'unknown')
            and o.state not in ('filled', 'rejected', 'cancelled')
    ) as news;

-- name: list_order_news
-- Orders that wait for a decision, and those that were rejected or filled lately; an order that a block stands for is
-- told by its block where that is seen.
select
    o.order_id, o.account_id, o.asset_id, m.asset_name, o.side, o.quantity, o.state, o.reason, o.changed_at,
    o.state not in ('filled', 'rejected', 'cancelled') as is_to_decide
from steelyard.orders as o
inner join steelyard.asset_master as m on o.asset_id = m.asset_id
where
    o.tenant_id = steelyard.current_tenant()
    and (
        (o.state = 'unknown' or o.raised_at is not null) and o.state not in ('filled', 'rejected', 'cancelled')
        or o.state = 'rejected' and o.changed_at >= cast(:rejected_since as timestamptz)
        or o.state = 'filled' and o.changed_at >= cast(:filled_since as timestamptz)
    )
    and not exists (
        select from steelyard.orders as b where b.tenant_id = o.tenant_id and b.order_id = o.block_id
    )
order by is_to_decide desc, o.state desc, o.changed_at desc, o.order_id
limit :most;

-- name: get_name_of_user
-- What a user is called, encrypted.
select u.name_sealed
from steelyard.users as u
where u.tenant_id = steelyard.current_tenant() and u.user_id = cast(:user_id as uuid) and u.status <> 'erased';

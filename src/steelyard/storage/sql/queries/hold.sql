-- name: place_trading_hold
-- Hold orders back; nothing where an open hold says the same.
insert into steelyard.trading_holds (tenant_id, account_id, order_id, kind, reason, made_by)
select steelyard.current_tenant(), h.account_id, h.order_id, h.kind, h.reason, steelyard.current_actor()
from (
    select
        cast(:account_id as text) as account_id, cast(:order_id as uuid) as order_id, cast(:kind as text) as kind,
        cast(:reason as text) as reason
) as h
where not exists (
    select from steelyard.trading_holds as o
    where
        o.tenant_id = steelyard.current_tenant() and o.released_at is null and o.kind = h.kind and o.reason = h.reason
        and o.account_id is not distinct from h.account_id and o.order_id is not distinct from h.order_id
)
returning hold_id;

-- name: release_trading_hold
-- Let go of a hold that stands.
update steelyard.trading_holds
set released_by = steelyard.current_actor(), released_at = transaction_timestamp(), release_reason = :reason
where tenant_id = steelyard.current_tenant() and hold_id = cast(:hold_id as uuid) and released_at is null
returning hold_id;

-- name: lift_trading_hold
-- Let go of the hold that stands and says something.
update steelyard.trading_holds
set released_by = steelyard.current_actor(), released_at = transaction_timestamp(), release_reason = :why
where
    tenant_id = steelyard.current_tenant() and released_at is null and kind = :kind and reason = :reason
    and account_id is not distinct from cast(:account_id as text)
    and order_id is not distinct from cast(:order_id as uuid)
returning hold_id;

-- name: get_trading_holds
-- Holds, the newest first; those that stand, or all; of an account, or the accounts of a household, those of its orders
-- and of every account, too.
select
    h.hold_id, h.account_id, h.order_id, h.kind, h.reason, h.made_by, h.made_at, h.released_by, h.released_at,
    h.release_reason
from steelyard.trading_holds as h
where
    h.tenant_id = steelyard.current_tenant()
    and (:with_released or h.released_at is null)
    and (cast(:hold_id as uuid) is null or h.hold_id = :hold_id)
    and (
        cast(:account_id as text) is null
        or h.account_id = :account_id
        or (h.account_id is null and h.order_id is null)
        or exists (
            select from steelyard.orders as o
            where o.tenant_id = h.tenant_id and o.order_id = h.order_id and o.account_id = :account_id
        )
    )
    and (
        cast(:household_id as text) is null
        or (h.account_id is null and h.order_id is null)
        or exists (
            select
            from steelyard.accounts as a
            left join steelyard.orders as o
                on a.tenant_id = o.tenant_id and a.account_id = o.account_id and o.order_id = h.order_id
            where
                a.tenant_id = h.tenant_id and a.household_id = :household_id
                and a.account_id in (h.account_id, o.account_id)
        )
    )
order by h.made_at desc, h.hold_id
limit cast(:most as bigint);

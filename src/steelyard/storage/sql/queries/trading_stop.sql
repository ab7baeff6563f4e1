-- name: list_obstacles
-- What holds an order back: stops of the installation, holds of its tenant, of its account (of a block, each), of it.
select 'stop' as kind, s.reason from steelyard.trading_stops as s
where s.released_at is null
union all
select h.kind, h.reason from steelyard.trading_holds as h
where
    h.tenant_id = steelyard.current_tenant() and h.released_at is null
    and (
        h.account_id is null or h.account_id = :account_id
        or h.account_id in (
            select c.account_id from steelyard.orders as c
            where c.tenant_id = h.tenant_id and c.block_id = cast(:order_id as uuid)
        )
    )
    and (h.order_id is null or h.order_id = cast(:order_id as uuid))
order by kind, reason;

-- name: share_kill_switches
-- Let nobody pull a kill switch between the look at it and the end of this transaction.
select
    pg_advisory_xact_lock_shared(hashtextextended('steelyard.trading_stop', 0)),
    pg_advisory_xact_lock_shared(hashtextextended('steelyard.trading_stop', steelyard.current_tenant()));

-- name: take_kill_switch
-- Wait for every intent under way, of a tenant or (0) of any, and let none begin until this transaction ends.
select pg_advisory_xact_lock(hashtextextended('steelyard.trading_stop', :tenant_id));

-- name: pull_kill_switch
-- Let nothing of the tenant be sent, unless it is so already.
insert into steelyard.trading_holds (tenant_id, kind, reason, made_by)
select steelyard.current_tenant(), 'kill_switch', :reason, steelyard.current_actor()
where not exists (
    select from steelyard.trading_holds as h
    where h.tenant_id = steelyard.current_tenant() and h.kind = 'kill_switch' and h.released_at is null
)
returning hold_id;

-- name: release_kill_switch
-- Let the orders of the tenant be sent again.
update steelyard.trading_holds
set released_at = :now, released_by = steelyard.current_actor(), release_reason = :reason
where tenant_id = steelyard.current_tenant() and kind = 'kill_switch' and released_at is null
returning hold_id;

-- name: pull_stop
-- Let nothing of any tenant be sent, unless it is so already.
insert into steelyard.trading_stops (reason, author)
select :reason, steelyard.current_actor()
where not exists (select from steelyard.trading_stops where released_at is null)
returning stop_id;

-- name: release_stop
-- Let orders be sent again, as far as the tenants let them.
update steelyard.trading_stops set released_at = :now, releaser = steelyard.current_actor()
where released_at is null
returning stop_id;

-- name: list_stops
-- The kill switches that are pulled: of the installation, and of the tenant.
select p.is_of_all, p.reason, p.made_by, p.made_at
from (
    select true as is_of_all, s.reason, s.author as made_by, s.made_at from steelyard.trading_stops as s
    where s.released_at is null
    union all
    select false, h.reason, h.made_by, h.made_at from steelyard.trading_holds as h
    where h.tenant_id = steelyard.current_tenant() and h.kind = 'kill_switch' and h.released_at is null
) as p
order by p.is_of_all desc, p.made_at;

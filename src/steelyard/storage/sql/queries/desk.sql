-- name: list_desk_orders
-- A page of orders of a scope with the names of what they are of, the newest first.
select
    o.order_id, o.proposal_id, o.run_id, o.block_id, o.account_id, o.asset_id, m.asset_name, o.side, o.quantity,
    o.filled_quantity, o.order_type, o.limit_price, o.currency, o.state, o.reason, o.raised_at, o.released_at,
    o.made_at, o.changed_at
from steelyard.orders as o
inner join steelyard.asset_master as m on o.asset_id = m.asset_id
where
    o.tenant_id = steelyard.current_tenant()
    and (cast(:account_id as text) is null or o.account_id = :account_id)
    and (
        cast(:household_id as text) is null
        or o.account_id in (
            select a.account_id from steelyard.accounts as a
            where a.tenant_id = steelyard.current_tenant() and a.household_id = :household_id
        )
    )
    and (cast(:asset_id as text) is null or o.asset_id = :asset_id)
    and (cast(:made_from as timestamptz) is null or o.made_at >= cast(:made_from as timestamptz))
    and (cast(:made_before as timestamptz) is null or o.made_at < cast(:made_before as timestamptz))
    and case cast(:kind as text)
        when 'decide' then
            o.state not in ('filled', 'rejected', 'cancelled')
            and (o.raised_at is not null or o.due_at is not null and o.state = 'unknown') -- as indexes have them
        when 'open' then
            o.state in ('sending', 'sent', 'partially_filled', 'unknown')
            or o.state = 'approved' and o.released_at is not null
        when 'planned' then o.state in ('draft', 'reviewed') or o.state = 'approved' and o.released_at is null
        when 'done' then o.state in ('filled', 'rejected', 'cancelled')
        else true
    end
    and (
        cast(:before as timestamptz) is null
        or (o.made_at, o.order_id) < (cast(:before as timestamptz), cast(:before_id as uuid))
    )
order by o.made_at desc, o.order_id desc
limit :most;

-- name: count_desk
-- How much there is of what somebody at the desk looks after, in a scope.
with scope as (
    select cast(:account_id as text) is null and cast(:household_id as text) is null as is_whole
),

within as (
    select a.account_id
    from steelyard.accounts as a
    where
        a.tenant_id = steelyard.current_tenant()
        and (a.account_id = cast(:account_id as text) or a.household_id = cast(:household_id as text))
),

orders as (
    select
        o.state = 'unknown' or o.raised_at is not null as is_to_decide,
        o.state in ('draft', 'reviewed') or o.state = 'approved' and o.released_at is null as is_planned
    from steelyard.orders as o
    where
        o.tenant_id = steelyard.current_tenant() and o.state not in ('filled', 'rejected', 'cancelled')
        and ((select scope.is_whole from scope) or o.account_id in (select within.account_id from within))
)

select
    (select count(*) from orders where orders.is_to_decide) as to_decide,
    (select count(*) from orders where not orders.is_planned) as open_orders,
    (select count(*) from orders where orders.is_planned) as planned,
    (
        select count(*) from steelyard.fills as f
        where
            f.tenant_id = steelyard.current_tenant() and f.suspended_because <> ''
            and (
                (select scope.is_whole from scope)
                or f.account_id is null -- it may be anybody's
                or f.account_id in (select within.account_id from within)
            )
    ) as suspense,
    (
        select count(*) from steelyard.reconciliation_breaks as b
        where
            b.tenant_id = steelyard.current_tenant() and b.resolved_at is null
            and ((select scope.is_whole from scope) or b.account_id in (select within.account_id from within))
    ) as breaks,
    (
        select count(*)
        from steelyard.trading_holds as h
        left join steelyard.orders as o on h.tenant_id = o.tenant_id and h.order_id = o.order_id
        where
            h.tenant_id = steelyard.current_tenant() and h.released_at is null and h.kind <> 'kill_switch'
            and (
                (select scope.is_whole from scope)
                or h.account_id is null and h.order_id is null
                or coalesce(h.account_id, o.account_id) in (select within.account_id from within)
            )
    ) as holds;

-- name: get_order_around
-- What an order is called, where it goes, and the orders that belong to it.
select
    m.asset_name, a.account_name, l.link_name, l.broker, l.environment,
    coalesce(o.run_id, p.run_id) as run_id, r.run_name,
    (
        select n.order_id from steelyard.orders as n
        where n.tenant_id = o.tenant_id and n.replaces = o.order_id
        order by n.made_at desc
        limit 1
    ) as replaced_by,
    (
        select count(*) from steelyard.orders as n where n.tenant_id = o.tenant_id and n.block_id = o.order_id
    ) as members
from steelyard.orders as o
inner join steelyard.asset_master as m on o.asset_id = m.asset_id
left join steelyard.accounts as a on o.tenant_id = a.tenant_id and o.account_id = a.account_id
left join steelyard.broker_links as l on o.tenant_id = l.tenant_id and o.link_id = l.link_id
left join steelyard.proposals as p on o.tenant_id = p.tenant_id and o.proposal_id = p.proposal_id
left join steelyard.runs as r on o.tenant_id = r.tenant_id and coalesce(o.run_id, p.run_id) = r.run_id
where o.tenant_id = steelyard.current_tenant() and o.order_id = cast(:order_id as uuid);

-- name: list_block_members
-- The orders that a block stands for, by account.
select o.order_id, o.account_id, o.quantity, o.filled_quantity, o.state
from steelyard.orders as o
where o.tenant_id = steelyard.current_tenant() and o.block_id = cast(:block_id as uuid)
order by o.account_id, o.order_id
limit :most;

-- name: list_holds_of_order
-- What holds an order back now, the newest first: holds of the tenant, of its account, of it; of a block those of each
-- account and order behind it, too.
with own as materialized (
    select o.order_id, o.account_id from steelyard.orders as o
    where
        o.tenant_id = steelyard.current_tenant()
        and (o.order_id = cast(:order_id as uuid) or o.block_id = cast(:order_id as uuid))
)

select
    h.hold_id, h.account_id, h.order_id, h.kind, h.reason, h.made_by, h.made_at, h.released_by, h.released_at,
    h.release_reason
from steelyard.trading_holds as h
where
    h.tenant_id = steelyard.current_tenant() and h.released_at is null
    and (h.order_id is null or h.order_id in (select own.order_id from own))
    and (h.account_id is null or h.account_id in (select own.account_id from own))
order by h.made_at desc, h.hold_id;

-- name: list_desk_runs
-- A page of runs with how far their accounts are, the newest first.
select
    r.run_id, r.run_name, r.state, r.author, r.made_at, r.expires_at, trim_scale(r.order_value) as order_value, r.fault,
    c.accounts, c.waiting, c.made, c.exceptions
from (
    select n.*
    from steelyard.runs as n
    where
        n.tenant_id = steelyard.current_tenant()
        and (
            cast(:before_at as timestamptz) is null
            or (n.made_at, n.run_id) < (cast(:before_at as timestamptz), cast(:before_id as uuid))
        )
    order by n.made_at desc, n.run_id desc
    limit :most
) as r
cross join lateral (
    select
        count(*) as accounts,
        count(*) filter (where a.state = 'waiting') as waiting,
        count(*) filter (where a.state = 'made') as made,
        count(*) filter (where a.state = 'exception') as exceptions
    from steelyard.run_accounts as a
    where a.tenant_id = r.tenant_id and a.run_id = r.run_id
) as c
order by r.made_at desc, r.run_id desc;

-- name: list_desk_run_accounts
-- A page of the accounts of a run with their names and trades: exceptions first, then what somebody is to look at.
with found as (
    select
        a.account_id, n.account_name, a.place, a.state, a.proposal_id, a.problem, a.fault, a.tenant_id,
        count(*) over () as total
    from steelyard.run_accounts as a
    inner join steelyard.accounts as n on a.tenant_id = n.tenant_id and a.account_id = n.account_id
    where
        a.tenant_id = steelyard.current_tenant() and a.run_id = cast(:run_id as uuid)
        and case cast(:kind as text)
            when '' then true
            when 'look' then a.state = 'exception' or a.fault <> ''
            else a.state = :kind
        end
        and (
            cast(:words as text) = ''
            or position(lower(:words) in lower(a.account_id || ' ' || n.account_name || ' ' || a.fault)) > 0
        )
    order by
        a.state <> 'exception', a.fault = '', array_position(cast(:problems as text[]), a.problem), a.place
    limit :most offset :after
)

select
    f.account_id, f.account_name, f.place, f.state, f.proposal_id, f.problem, f.fault, f.total,
    trim_scale(p.order_value) as order_value, p.outcome, t.buys, t.sells
from found as f
left join steelyard.proposals as p on f.tenant_id = p.tenant_id and f.proposal_id = p.proposal_id
left join lateral (
    select count(*) filter (where o.side = 'buy') as buys, count(*) filter (where o.side = 'sell') as sells
    from steelyard.orders as o
    where o.tenant_id = f.tenant_id and o.proposal_id = f.proposal_id
) as t on f.proposal_id is not null
order by
    f.state <> 'exception', f.fault = '', array_position(cast(:problems as text[]), f.problem), f.place;

-- name: get_run_sides
-- How many buys and sells a run has, and of which value, in the tenant's base currency.
select o.side, count(*) as number, trim_scale(sum(o.order_value)) as order_value
from steelyard.run_accounts as a
inner join steelyard.orders as o on a.tenant_id = o.tenant_id and a.proposal_id = o.proposal_id
where a.tenant_id = steelyard.current_tenant() and a.run_id = cast(:run_id as uuid) and a.state = 'made'
group by o.side;

-- name: stream_run_documents
-- The documents of a run's proposals, in the order of its accounts.
select p.document
from steelyard.run_accounts as a
inner join steelyard.proposals as p on a.tenant_id = p.tenant_id and a.proposal_id = p.proposal_id
where a.tenant_id = steelyard.current_tenant() and a.run_id = cast(:run_id as uuid) and a.state = 'made'
order by a.place;

-- name: list_run_blocks
-- The blocks of a run, the largest first.
select
    b.order_id, b.asset_id, m.asset_name, b.side, b.quantity, b.filled_quantity, b.state,
    (select count(*) from steelyard.orders as o where o.tenant_id = b.tenant_id and o.block_id = b.order_id) as orders
from steelyard.orders as b
inner join steelyard.asset_master as m on b.asset_id = m.asset_id
where b.tenant_id = steelyard.current_tenant() and b.run_id = cast(:run_id as uuid) and b.account_id is null
order by b.order_value desc, b.order_id
limit :most;

-- name: count_covered
-- What stands in the way of accounts that a run would be over.
select
    count(*) as accounts,
    count(*) filter (where a.model_id is null) as without_model,
    count(*) filter (where k.account_id is null) as without_broker,
    count(*) filter (where a.kept_by <> 'ledger') as without_ledger,
    count(*) filter (
        where exists (
            select from steelyard.trading_holds as h
            where
                h.tenant_id = a.tenant_id and h.account_id = a.account_id and h.order_id is null
                and h.released_at is null
        )
    ) as held,
    count(*) filter (
        where exists (
            select from steelyard.orders as o
            where
                o.tenant_id = a.tenant_id and o.account_id = a.account_id
                and o.state in ('sending', 'sent', 'partially_filled', 'unknown')
        )
    ) as under_way
from steelyard.accounts as a
left join steelyard.broker_accounts as k on a.tenant_id = k.tenant_id and a.account_id = k.account_id
where a.tenant_id = steelyard.current_tenant() and a.account_id = any(cast(:account_ids as text[]));

-- name: count_followers
-- How many accounts follow each model.
select a.model_id, count(*) as number
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant() and a.model_id is not null
group by a.model_id;

-- name: list_followers
-- A page of the accounts that follow a model, by id.
select a.account_id, a.account_name, a.base_currency
from steelyard.accounts as a
where
    a.tenant_id = steelyard.current_tenant() and a.model_id = :model_id
    and (cast(:after as text) is null or a.account_id > :after)
order by a.account_id
limit :most;

-- name: get_names_of_assets
-- What some assets are called.
select m.asset_id, m.asset_name, m.asset_type
from steelyard.asset_master as m
where m.asset_id = any(cast(:asset_ids as text[]));

-- name: suggest_assets
-- Assets that somebody may mean, by id.
select m.asset_id, m.asset_name
from steelyard.asset_master as m
order by m.asset_id
limit :most;

-- name: list_desk_accounts
-- Accounts that somebody may choose from, by id.
select a.account_id, a.account_name
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant()
order by a.account_id
limit :most;

-- name: list_desk_households
-- Households that somebody may choose from, by id, with how many accounts each has.
select h.household_id, h.household_name, count(a.account_id) as accounts
from steelyard.households as h
inner join steelyard.accounts as a on h.tenant_id = a.tenant_id and h.household_id = a.household_id
where h.tenant_id = steelyard.current_tenant()
group by h.household_id, h.household_name
order by h.household_id
limit :most;

-- name: get_orders_watched
-- Orders of a proposal, a run or an account as they are: of an account those that may still change, and those that
-- changed since a moment.
select
    o.order_id, o.proposal_id, o.run_id, o.account_id, o.asset_id, o.side, trim_scale(o.quantity) as quantity,
    trim_scale(o.filled_quantity) as filled_quantity, o.state, o.version, o.reason, o.changed_at
from steelyard.orders as o
where
    o.tenant_id = steelyard.current_tenant()
    and (cast(:proposal_id as uuid) is null or o.proposal_id = cast(:proposal_id as uuid))
    and (cast(:run_id as uuid) is null or o.run_id = cast(:run_id as uuid))
    and (
        cast(:account_id as text) is null
        or o.account_id = cast(:account_id as text)
        and (o.state not in ('filled', 'rejected', 'cancelled') or o.changed_at >= :since)
    )
order by o.made_at desc, o.order_id
limit :most;

-- name: get_run_watched
-- How far a run is: its state, and how many of its accounts are in which.
select
    r.run_id, r.run_name, r.state, r.version, r.fault,
    count(a.account_id) as accounts,
    count(a.account_id) filter (where a.state = 'waiting') as waiting,
    count(a.account_id) filter (where a.state = 'made') as made,
    count(a.account_id) filter (where a.state = 'nothing') as nothing,
    count(a.account_id) filter (where a.state = 'exception') as exceptions
from steelyard.runs as r
left join steelyard.run_accounts as a on r.tenant_id = a.tenant_id and r.run_id = a.run_id
where r.tenant_id = steelyard.current_tenant() and r.run_id = :run_id
group by r.tenant_id, r.run_id;

-- name: is_proposal_seen
-- Whether there is a proposal that is seen.
select exists (
    select from steelyard.proposals as p
    where p.tenant_id = steelyard.current_tenant() and p.proposal_id = :proposal_id
);

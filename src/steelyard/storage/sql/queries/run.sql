-- name: find_run_accounts
-- The accounts of a scope that are seen, by id.
select a.account_id
from steelyard.accounts as a
where
    a.tenant_id = steelyard.current_tenant()
    and case cast(:kind as text)
        when 'accounts' then a.account_id = any(cast(:names as text[]))
        when 'household' then a.household_id = any(cast(:names as text[]))
        when 'model' then a.model_id = any(cast(:names as text[]))
        else true
    end
order by a.account_id;

-- name: insert_run
-- Begin a run; a worker is to look at it at once.
insert into steelyard.runs (tenant_id, run_name, author, document, made_at, expires_at, due_at)
select
    t.tenant_id, :run_name, :author, :document, cast(:made_at as timestamptz),
    cast(:made_at as timestamptz) + make_interval(mins => t.proposal_minutes), cast(:made_at as timestamptz)
from steelyard.tenants as t
where t.tenant_id = steelyard.current_tenant()
returning run_id;

-- name: insert_run_accounts
-- Put accounts into a run, in their order; each waits.
insert into steelyard.run_accounts (tenant_id, run_id, account_id, place)
select steelyard.current_tenant(), cast(:run_id as uuid), n.account_id, n.place
from unnest(cast(:account_ids as text[])) with ordinality as n (account_id, place);

-- name: get_run
-- A run.
select
    r.run_id, r.run_name, r.state, r.version, r.author, r.made_at, r.expires_at, r.content_hash,
    trim_scale(r.order_value) as order_value, r.executed_by, r.executed_at, r.fault, r.document
from steelyard.runs as r
where r.tenant_id = steelyard.current_tenant() and r.run_id = cast(:run_id as uuid);

-- name: hold_run
-- A run that nobody else moves until this transaction ends.
select
    r.run_id, r.run_name, r.state, r.version, r.author, r.made_at, r.expires_at, r.content_hash,
    trim_scale(r.order_value) as order_value, r.executed_by, r.executed_at, r.fault, r.document
from steelyard.runs as r
where r.tenant_id = steelyard.current_tenant() and r.run_id = cast(:run_id as uuid)
for update;

-- name: share_run
-- A run that nobody moves until this transaction ends, while others make it, too.
select
    r.run_id, r.run_name, r.state, r.version, r.author, r.made_at, r.expires_at, r.content_hash,
    trim_scale(r.order_value) as order_value, r.executed_by, r.executed_at, r.fault, r.document
from steelyard.runs as r
where r.tenant_id = steelyard.current_tenant() and r.run_id = cast(:run_id as uuid)
for share;

-- name: list_runs
-- A page of runs, the newest first.
select
    r.run_id, r.run_name, r.state, r.version, r.author, r.made_at, r.expires_at, r.content_hash,
    trim_scale(r.order_value) as order_value, r.executed_by, r.executed_at, r.fault, r.document
from steelyard.runs as r
where
    r.tenant_id = steelyard.current_tenant()
    and (
        cast(:before_at as timestamptz) is null
        or (r.made_at, r.run_id) < (cast(:before_at as timestamptz), cast(:before_id as uuid))
    )
order by r.made_at desc, r.run_id desc
limit :most;

-- name: get_run_progress
-- How many accounts of a run, and how many orders of its proposals, are in each state.
select 'account' as noun, a.state, count(*) as number
from steelyard.run_accounts as a
where a.tenant_id = steelyard.current_tenant() and a.run_id = cast(:run_id as uuid)
group by a.state
union all
select 'order', o.state, count(*)
from steelyard.proposals as p
inner join steelyard.orders as o on p.tenant_id = o.tenant_id and p.proposal_id = o.proposal_id
where p.tenant_id = steelyard.current_tenant() and p.run_id = cast(:run_id as uuid)
group by o.state;

-- name: list_run_accounts
-- Accounts of a run: exceptions first, the worst kind first, then what somebody is to look at, then by place.
select
    a.account_id, a.place, a.state, a.proposal_id, a.problem, a.fault, trim_scale(p.order_value) as order_value,
    p.outcome
from steelyard.run_accounts as a
left join steelyard.proposals as p on a.tenant_id = p.tenant_id and a.proposal_id = p.proposal_id
where a.tenant_id = steelyard.current_tenant() and a.run_id = cast(:run_id as uuid)
order by
    a.state <> 'exception', a.fault = '', array_position(cast(:problems as text[]), a.problem), a.place
limit :most offset :after;

-- name: list_made_accounts
-- The accounts of a run that have a proposal in it, in their order.
select a.account_id
from steelyard.run_accounts as a
where a.tenant_id = steelyard.current_tenant() and a.run_id = cast(:run_id as uuid) and a.state = 'made'
order by a.place;

-- name: move_run
-- Move a run on, if nobody did meanwhile; what is null stays as it is.
update steelyard.runs
set
    state = :state,
    version = version + 1,
    content_hash = coalesce(cast(:content_hash as bytea), content_hash),
    order_value = coalesce(cast(:order_value as numeric), order_value),
    executed_by = coalesce(cast(:executed_by as text), executed_by),
    executed_at = coalesce(cast(:executed_at as timestamptz), executed_at),
    due_at = cast(:due_at as timestamptz),
    fault = :fault
where
    tenant_id = steelyard.current_tenant() and run_id = cast(:run_id as uuid) and version = cast(:version as integer)
returning version;

-- name: take_waiting_accounts
-- Accounts of a run that wait and that nobody works on; until this transaction ends nobody else takes them.
select a.account_id
from steelyard.run_accounts as a
where a.tenant_id = steelyard.current_tenant() and a.run_id = cast(:run_id as uuid) and a.state = 'waiting'
order by a.place
limit :most
for update skip locked;

-- name: count_waiting_accounts
-- How many accounts of a run wait.
select count(*)
from steelyard.run_accounts as a
where a.tenant_id = steelyard.current_tenant() and a.run_id = cast(:run_id as uuid) and a.state = 'waiting';

-- name: set_run_market
-- Keep the prices of a run, unless another worker did.
update steelyard.runs set market = :market
where tenant_id = steelyard.current_tenant() and run_id = cast(:run_id as uuid) and market = '';

-- name: get_run_market
-- The prices of a run.
select market from steelyard.runs
where tenant_id = steelyard.current_tenant() and run_id = cast(:run_id as uuid);

-- name: save_run_accounts
-- Write down what became of accounts of a run.
update steelyard.run_accounts as a
set state = m.state, proposal_id = m.proposal_id, problem = m.problem, fault = m.fault
from jsonb_to_recordset(cast(:made as jsonb)) as m (
    account_id text, state text, proposal_id uuid, problem text, fault text
)
where
    a.tenant_id = steelyard.current_tenant() and a.run_id = cast(:run_id as uuid) and a.account_id = m.account_id;

-- name: get_run_hashes
-- Hash and order value of each proposal of a run, in the order of its accounts.
select p.content_hash, trim_scale(p.order_value) as order_value
from steelyard.run_accounts as a
inner join steelyard.proposals as p on a.tenant_id = p.tenant_id and a.proposal_id = p.proposal_id
where a.tenant_id = steelyard.current_tenant() and a.run_id = cast(:run_id as uuid) and a.state = 'made'
order by a.place;

-- name: hold_run_accounts
-- Let nobody else execute anything of the accounts of a run until this transaction ends.
select a.account_id
from steelyard.accounts as a
where
    a.tenant_id = steelyard.current_tenant()
    and a.account_id in (
        select r.account_id from steelyard.run_accounts as r
        where r.tenant_id = steelyard.current_tenant() and r.run_id = cast(:run_id as uuid) and r.state = 'made'
    )
order by a.account_id
for no key update;

-- name: get_proposals_of_run
-- Proposals of a run with their documents, in the order of its accounts.
select
    p.proposal_id, p.account_id, p.run_id, p.state, p.version, p.author, p.content_hash, p.made_at, p.expires_at,
    trim_scale(p.order_value) as order_value, p.outcome, p.executed_by, p.executed_at, p.document
from steelyard.run_accounts as a
inner join steelyard.proposals as p on a.tenant_id = p.tenant_id and a.proposal_id = p.proposal_id
where a.tenant_id = steelyard.current_tenant() and a.run_id = cast(:run_id as uuid) and a.state = 'made'
order by a.place
limit :most offset :after;

-- name: move_run_proposals
-- Move proposals of a run on.
update steelyard.proposals
set
    state = :to_state, version = version + 1,
    executed_by = coalesce(cast(:executed_by as text), executed_by),
    executed_at = coalesce(cast(:executed_at as timestamptz), executed_at)
where
    tenant_id = steelyard.current_tenant() and run_id = cast(:run_id as uuid)
    and state = any(cast(:from_states as text[]))
    and (cast(:account_ids as text[]) is null or account_id = any(cast(:account_ids as text[])))
returning proposal_id;

-- name: move_run_orders
-- Move orders of a run's proposals on.
update steelyard.orders as o
set version = o.version + 1, state = :to_state, reason = :reason, changed_at = cast(:now as timestamptz)
from steelyard.proposals as p
where
    p.tenant_id = steelyard.current_tenant() and p.run_id = cast(:run_id as uuid)
    and (cast(:account_ids as text[]) is null or p.account_id = any(cast(:account_ids as text[])))
    and o.tenant_id = p.tenant_id and o.proposal_id = p.proposal_id and o.state = any(cast(:from_states as text[]))
returning o.order_id;

-- name: find_tenants_with_runs
-- Tenants of which a run is due for a worker.
select * from steelyard.find_tenants_with_runs(cast(:now as timestamptz));

-- name: find_due_runs
-- Runs that are due for a worker, or ran out before they were executed; those that wait longest first.
select
    r.run_id, r.run_name, r.state, r.version, r.author, r.made_at, r.expires_at, r.content_hash,
    trim_scale(r.order_value) as order_value, r.executed_by, r.executed_at, r.fault, r.document
from steelyard.runs as r
where
    r.tenant_id = steelyard.current_tenant()
    and (
        r.due_at <= cast(:now as timestamptz)
        or r.state in ('making', 'made', 'approved') and r.expires_at <= cast(:now as timestamptz)
    )
order by coalesce(r.due_at, r.expires_at), r.run_id;

-- name: set_run_due
-- Say when a worker is to look at a run next.
update steelyard.runs set due_at = cast(:due_at as timestamptz)
where tenant_id = steelyard.current_tenant() and run_id = cast(:run_id as uuid);

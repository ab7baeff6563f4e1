-- name: get_trading_terms
-- What of accounts and their tenant an allocation takes beside positions, targets and prices; its orders under way.
select
    a.account_id,
    a.kept_by,
    a.household_id,
    a.model_id,
    m.version as model_version,
    p.version as profile_version,
    p.exclusions,
    t.base_currency as tenant_currency,
    steelyard.conversion_rate(a.base_currency, t.base_currency, cast(:as_of as date)) as tenant_rate,
    t.price_tolerance,
    t.proposal_minutes,
    l.link_id,
    coalesce(u.client_order_ids, '{}') as orders_under_way
from steelyard.accounts as a
inner join steelyard.tenants as t on a.tenant_id = t.tenant_id
inner join steelyard.model_portfolios as m on a.tenant_id = m.tenant_id and a.model_id = m.model_id
left join steelyard.investor_profiles as p on a.tenant_id = p.tenant_id and a.account_id = p.account_id
left join steelyard.broker_accounts as b on a.tenant_id = b.tenant_id and a.account_id = b.account_id
left join steelyard.broker_links as l
    on b.tenant_id = l.tenant_id and b.link_id = l.link_id and l.ended_at is null
left join (
    select o.account_id, array_agg(o.client_order_id order by o.client_order_id) as client_order_ids
    from steelyard.orders as o
    where
        o.tenant_id = steelyard.current_tenant() and o.account_id = any(cast(:account_ids as text[]))
        and o.released_at is not null and o.state in ('approved', 'sending', 'sent', 'partially_filled', 'unknown')
    group by o.account_id
) as u on a.account_id = u.account_id
where a.tenant_id = steelyard.current_tenant() and a.account_id = any(cast(:account_ids as text[]));

-- name: hold_account
-- Let nobody else execute anything of an account until this transaction ends.
select a.account_id
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant() and a.account_id = :account_id
for no key update;

-- name: get_excluded_assets
-- Which of some assets an investor never buys, and by what.
select
    m.asset_id,
    case
        when m.asset_id = any(cast(:assets as text[])) then 'the asset'
        when m.issuer = any(cast(:issuers as text[])) then 'issuer ' || m.issuer
        when m.sector = any(cast(:sectors as text[])) then 'sector ' || m.sector
        when m.issuing_country = any(cast(:countries as text[])) then 'country ' || m.issuing_country
        else 'asset type ' || m.asset_type
    end as excluded_by
from steelyard.asset_master as m
where
    m.asset_id = any(cast(:asset_ids as text[]))
    and (
        m.asset_id = any(cast(:assets as text[]))
        or m.issuer = any(cast(:issuers as text[]))
        or m.sector = any(cast(:sectors as text[]))
        or m.issuing_country = any(cast(:countries as text[]))
        or m.asset_type = any(cast(:asset_types as text[]))
    )
order by m.asset_id;

-- name: insert_proposal
-- Store what was reviewed.
insert into steelyard.proposals (
    tenant_id, proposal_id, account_id, run_id, author, document, content_hash, made_at, expires_at, order_value,
    outcome
)
values (
    steelyard.current_tenant(), cast(:proposal_id as uuid), :account_id, cast(:run_id as uuid), :author, :document,
    cast(:content_hash as bytea), cast(:made_at as timestamptz), cast(:expires_at as timestamptz),
    cast(:order_value as numeric), :outcome
);

-- name: insert_proposal_orders
-- Make the orders of proposals, as drafts.
insert into steelyard.orders (
    tenant_id, proposal_id, run_id, account_id, asset_id, side, quantity, order_type, limit_price, currency,
    reference_price, order_value, phase, lots, client_order_id, made_at, changed_at
)
select
    steelyard.current_tenant(), o.proposal_id, o.run_id, o.account_id, o.asset_id, o.side, o.quantity, o.order_type,
    o.limit_price, o.currency, o.reference_price, o.order_value, o.phase, o.lots, o.client_order_id, o.made_at,
    o.made_at as changed_at
from jsonb_to_recordset(cast(:orders as jsonb)) as o (
    proposal_id uuid, run_id uuid, account_id text, asset_id text, side text, quantity numeric, order_type text,
    limit_price numeric, currency text, reference_price numeric, order_value numeric, phase integer, lots jsonb,
    client_order_id text, made_at timestamptz
)
returning order_id;

-- name: review_orders
-- Let drafts be reviewed.
update steelyard.orders
set state = 'reviewed', version = version + 1
where tenant_id = steelyard.current_tenant() and order_id = any(cast(:order_ids as uuid[])) and state = 'draft';

-- name: move_proposal_orders
-- Move the orders of a proposal that are in one of some states to another.
update steelyard.orders
set
    state = :to_state, version = version + 1, reason = :reason, due_at = null,
    changed_at = cast(:now as timestamptz)
where
    tenant_id = steelyard.current_tenant() and proposal_id = cast(:proposal_id as uuid)
    and state = any(cast(:from_states as text[]));

-- name: release_proposal_orders
-- Give the approved orders of a proposal to the workers.
update steelyard.orders
set
    link_id = cast(:link_id as uuid), released_at = cast(:now as timestamptz), due_at = cast(:now as timestamptz),
    version = version + 1, changed_at = cast(:now as timestamptz)
where
    tenant_id = steelyard.current_tenant() and proposal_id = cast(:proposal_id as uuid) and state = 'approved';

-- name: get_proposal
-- A proposal with its document.
select
    p.proposal_id, p.account_id, p.run_id, p.state, p.version, p.author, p.content_hash, p.made_at, p.expires_at,
    trim_scale(p.order_value) as order_value, p.outcome, p.executed_by, p.executed_at, p.document
from steelyard.proposals as p
where p.tenant_id = steelyard.current_tenant() and p.proposal_id = cast(:proposal_id as uuid);

-- name: hold_proposal
-- The same; until this transaction ends nobody else moves it.
select
    p.proposal_id, p.account_id, p.run_id, p.state, p.version, p.author, p.content_hash, p.made_at, p.expires_at,
    trim_scale(p.order_value) as order_value, p.outcome, p.executed_by, p.executed_at, p.document
from steelyard.proposals as p
where p.tenant_id = steelyard.current_tenant() and p.proposal_id = cast(:proposal_id as uuid)
for update;

-- name: get_proposals
-- A page of proposals, the newest first, without their documents.
select
    p.proposal_id, p.account_id, p.run_id, p.state, p.version, p.author, p.content_hash, p.made_at, p.expires_at,
    trim_scale(p.order_value) as order_value, p.outcome, p.executed_by, p.executed_at
from steelyard.proposals as p
where
    p.tenant_id = steelyard.current_tenant()
    and (cast(:account_id as text) is null or p.account_id = cast(:account_id as text))
    and (cast(:state as text) is null or p.state = cast(:state as text))
    and (
        cast(:before_at as timestamptz) is null
        or (p.made_at, p.proposal_id) < (cast(:before_at as timestamptz), cast(:before_id as uuid))
    )
order by p.made_at desc, p.proposal_id desc
limit :most;

-- name: get_expired_proposals
-- Proposals that ran out before they were executed, of which no run takes care.
select p.proposal_id
from steelyard.proposals as p
where
    p.tenant_id = steelyard.current_tenant() and p.state in ('reviewed', 'approved') and p.run_id is null
    and p.expires_at <= cast(:now as timestamptz)
order by p.expires_at
limit :most
for update skip locked;

-- name: move_proposal
-- Move a proposal on, if nobody did meanwhile.
update steelyard.proposals
set
    state = :state, version = version + 1, executed_by = cast(:executed_by as text),
    executed_at = cast(:executed_at as timestamptz)
where
    tenant_id = steelyard.current_tenant() and proposal_id = cast(:proposal_id as uuid)
    and version = cast(:version as integer)
returning version;

-- name: get_order_states
-- How far the orders of a proposal are.
select
    o.order_id, o.client_order_id, o.state, trim_scale(o.filled_quantity) as filled_quantity, o.reason
from steelyard.orders as o
where o.tenant_id = steelyard.current_tenant() and o.proposal_id = cast(:proposal_id as uuid)
order by o.client_order_id;

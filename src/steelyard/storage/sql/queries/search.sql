-- name: search_assets
-- Assets of the published figures that somebody sees, whose id, name or ISIN holds a text; what is nearest to it first.
-- Each with an account that has it, where they do not see every account.
with seen as (
    select
        r.asset_id,
        min(r.asset_name) as asset_name,
        min(r.asset_type) as asset_type,
        min(case r.scope_kind when 'account' then r.scope_id end) as account_id
    from steelyard.asset_360_current as c
    inner join steelyard.asset_360_rows as r on c.tenant_id = r.tenant_id and c.version = r.version
    where
        c.tenant_id = steelyard.current_tenant()
        and r.scope_kind = case when :sees_all then 'tenant' else 'account' end
        and (
            strpos(lower(r.asset_id), lower(:wanted)) > 0
            or strpos(lower(r.asset_name), lower(:wanted)) > 0
            or r.isin = upper(:wanted)
        )
    group by r.asset_id
)

select s.asset_id, s.asset_name, s.asset_type, s.account_id
from seen as s
order by
    lower(s.asset_id) <> lower(:wanted),
    not starts_with(lower(s.asset_id), lower(:wanted)),
    not starts_with(lower(s.asset_name), lower(:wanted)),
    strpos(' ' || lower(s.asset_name), ' ' || lower(:wanted)) = 0,
    s.asset_id
limit :most;

-- name: search_scopes
-- Households and accounts that somebody sees, whose id or name holds a text; what is nearest to it first.
with seen as (
    select 'household' as scope_kind, h.household_id as scope_id, h.household_name as scope_name, h.base_currency
    from steelyard.households as h
    where h.tenant_id = steelyard.current_tenant()
    union all
    select 'account', a.account_id, a.account_name, a.base_currency
    from steelyard.accounts as a
    where a.tenant_id = steelyard.current_tenant()
),

found as (
    select
        s.scope_kind,
        s.scope_id,
        s.scope_name,
        s.base_currency,
        row_number() over (
            partition by s.scope_kind
            order by
                lower(s.scope_id) <> lower(:wanted),
                not starts_with(lower(s.scope_id), lower(:wanted)),
                not starts_with(lower(s.scope_name), lower(:wanted)),
                s.scope_name,
                s.scope_id
        ) as place
    from seen as s
    where strpos(lower(s.scope_id), lower(:wanted)) > 0 or strpos(lower(s.scope_name), lower(:wanted)) > 0
)

select f.scope_kind, f.scope_id, f.scope_name, f.base_currency
from found as f
where f.place <= :most
order by f.scope_kind desc, f.place;

-- name: search_models
-- Model portfolios whose id or name holds a text.
select m.model_id, m.model_name
from steelyard.model_portfolios as m
where
    m.tenant_id = steelyard.current_tenant()
    and (strpos(lower(m.model_id), lower(:wanted)) > 0 or strpos(lower(m.model_name), lower(:wanted)) > 0)
order by not starts_with(lower(m.model_id), lower(:wanted)), m.model_name, m.model_id
limit :most;

-- name: search_numbered
-- Orders, proposals and runs whose number lies between two: those that begin alike.
(
    select
        'order' as kind, o.order_id as number, o.side || ' ' || trim_scale(o.quantity) || ' ' || o.asset_id as said,
        coalesce(o.account_id, '') as account_id
    from steelyard.orders as o
    where
        o.tenant_id = steelyard.current_tenant()
        and o.order_id between cast(:first as uuid) and cast(:last as uuid)
    order by o.order_id
    limit :most
)
union all
(
    select 'proposal', p.proposal_id, p.state, p.account_id
    from steelyard.proposals as p
    where
        p.tenant_id = steelyard.current_tenant()
        and p.proposal_id between cast(:first as uuid) and cast(:last as uuid)
    order by p.proposal_id
    limit :most
)
union all
(
    select 'run', r.run_id, r.run_name, ''
    from steelyard.runs as r
    where r.tenant_id = steelyard.current_tenant() and r.run_id between cast(:first as uuid) and cast(:last as uuid)
    order by r.run_id
    limit :most
)
order by kind, number;

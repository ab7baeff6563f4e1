-- name: get_dashboard_state
-- What a dashboard is made from: a version, and the models that are followed, as one mark that changes with them.
select
    v.as_of,
    v.recorded_at,
    (
        select
            concat_ws('/', coalesce(sum(p.version), 0), coalesce(sum(hashtext(a.account_id || ' ' || a.model_id)), 0))
        from steelyard.accounts as a
        inner join steelyard.model_portfolios as p on a.tenant_id = p.tenant_id and a.model_id = p.model_id
        where a.tenant_id = steelyard.current_tenant()
    ) as models
from steelyard.asset_360_versions as v
where v.tenant_id = steelyard.current_tenant() and v.version = :version;

-- name: get_drifts
-- How far accounts that follow a model stood from it in a version: the share that would have to change hands, and how
-- many of their assets were outside a band. Both are null where what is held has no known value. Money that the model
-- does not name counts for the share, and is in no band.
with followed as (
    select a.account_id, a.model_id
    from steelyard.accounts as a
    where
        a.tenant_id = steelyard.current_tenant()
        and a.model_id is not null
        and (cast(:account_ids as text[]) is null or a.account_id = any(cast(:account_ids as text[])))
        and (cast(:household_id as text) is null or a.household_id = cast(:household_id as text))
),

held as (
    select
        r.scope_id as account_id,
        r.asset_id,
        lower(r.asset_type) = 'cash' as is_cash,
        r.market_value,
        sum(r.market_value) over (partition by r.scope_id) as whole,
        bool_or(r.market_value is null and not 'no_position' = any(r.quality_flags))
            over (partition by r.scope_id) as is_partly_unknown
    from steelyard.asset_360_rows as r
    where
        r.tenant_id = steelyard.current_tenant()
        and r.version = :version
        and r.scope_kind = 'account'
        and r.scope_id in (select f.account_id from followed as f)
),

wanted as (
    select f.account_id, w.asset_id, w.target_weight
    from followed as f
    inner join steelyard.target_weights as w
        on w.tenant_id = steelyard.current_tenant() and f.model_id = w.model_id
),

beside as (
    select
        account_id,
        coalesce(h.is_cash, false) as is_cash,
        coalesce(w.target_weight, 0) as target_weight,
        coalesce(h.market_value / nullif(h.whole, 0), 0) - coalesce(w.target_weight, 0) as drift,
        h.is_partly_unknown,
        h.whole
    from held as h
    full outer join wanted as w using (account_id, asset_id)
)

select
    b.account_id,
    case when not bool_or(b.is_partly_unknown) and max(b.whole) > 0 then round(sum(abs(b.drift)) / 2, 12) end as drift,
    case
        when not bool_or(b.is_partly_unknown) and max(b.whole) > 0
            then count(*) filter (
                where
                abs(b.drift) > least(cast(:absolute as numeric), cast(:relative as numeric) * b.target_weight)
                and not (b.is_cash and b.target_weight = 0)
            )
    end as outside
from beside as b
group by b.account_id
order by b.account_id;

-- name: get_check_lines
-- What checks of half a year said against assets of a scope, by rule, those that are violated first.
select
    c.asset_id,
    m.asset_name,
    coalesce(c.rule, '') as rule,
    upper(c.status) = 'VIOLATION' as is_violated,
    count(*) as checks,
    max(c.check_date) as last_check
from steelyard.compliance_records as c
inner join steelyard.asset_master as m on c.asset_id = m.asset_id
where
    c.tenant_id = steelyard.current_tenant()
    and upper(c.status) in ('VIOLATION', 'WARNING')
    and c.check_date > cast(:as_of as date) - interval '6 months'
    and c.check_date <= cast(:as_of as date)
    and (
        :scope_kind = 'tenant'
        or :scope_kind = 'account' and c.account_id = :scope_id
        or :scope_kind = 'household'
        and c.account_id in (
            select a.account_id
            from steelyard.accounts as a
            where a.tenant_id = steelyard.current_tenant() and a.household_id = :scope_id
        )
    )
group by c.asset_id, m.asset_name, c.rule, upper(c.status)
order by is_violated desc, last_check desc, c.asset_id, rule
limit :most;

-- name: get_account_lines
-- A page of accounts with what is published of each, after a place in their order: numbers by size, then names.
with lines as (
    select
        a.account_id,
        a.account_name,
        a.base_currency,
        a.household_id,
        h.household_name,
        a.model_id,
        m.model_name,
        a.kept_by,
        l.link_name,
        l.broker,
        cast(d.document -> 'overview' ->> 'total_value' as numeric) as total_value,
        cast(d.document -> 'overview' ->> 'unvalued_assets' as integer) as unvalued_assets,
        cast(d.document -> 'overview' ->> 'weighted_return' as numeric) as one_year_return,
        jsonb_array_length(d.document -> 'compliance') as violated_assets,
        (
            select sum(cast(e ->> 'value' as numeric))
            from jsonb_array_elements(d.document -> 'exposure' -> 'asset_type') as e
            where lower(e ->> 'name') = 'cash'
        ) as cash
    from steelyard.accounts as a
    left join steelyard.households as h on a.tenant_id = h.tenant_id and a.household_id = h.household_id
    left join steelyard.model_portfolios as m on a.tenant_id = m.tenant_id and a.model_id = m.model_id
    left join steelyard.broker_accounts as b on a.tenant_id = b.tenant_id and a.account_id = b.account_id
    left join steelyard.broker_links as l
        on b.tenant_id = l.tenant_id and b.link_id = l.link_id and l.ended_at is null
    left join steelyard.asset_360_current as c on a.tenant_id = c.tenant_id
    left join steelyard.asset_360_documents as d
        on
            a.tenant_id = d.tenant_id
            and c.version = d.version
            and d.scope_kind = 'account'
            and a.account_id = d.scope_id
    where
        a.tenant_id = steelyard.current_tenant()
        and (cast(:account_ids as text[]) is null or a.account_id = any(cast(:account_ids as text[])))
        and (cast(:household_id as text) is null or a.household_id = cast(:household_id as text))
        and (cast(:model_id as text) is null or a.model_id = cast(:model_id as text))
        and (
            :search = ''
            or strpos(lower(a.account_id), lower(:search)) > 0
            or strpos(lower(a.account_name), lower(:search)) > 0
        )
),

placed as (
    select
        l.*,
        coalesce(
            case :sort
                when 'value' then -l.total_value
                when 'return' then -l.one_year_return
                when 'cash' then -l.cash
            end,
            case when :sort in ('value', 'return', 'cash') then 1e40 else 0 end
        ) as size,
        case :sort
            when 'name' then lower(l.account_name)
            when 'household' then coalesce(lower(l.household_name), '~')
            when 'model' then coalesce(lower(l.model_name), '~')
            else ''
        end as word
    from lines as l
)

select p.*
from placed as p
where
    cast(:after_account as text) is null
    or (p.size, p.word, p.account_id) > (cast(:after_size as numeric), :after_word, cast(:after_account as text))
order by p.size, p.word, p.account_id
limit :most;

-- name: count_accounts
-- How many accounts are seen that the same filters let through.
select count(*)
from steelyard.accounts as a
where
    a.tenant_id = steelyard.current_tenant()
    and (cast(:account_ids as text[]) is null or a.account_id = any(cast(:account_ids as text[])))
    and (cast(:household_id as text) is null or a.household_id = cast(:household_id as text))
    and (cast(:model_id as text) is null or a.model_id = cast(:model_id as text))
    and (
        :search = ''
        or strpos(lower(a.account_id), lower(:search)) > 0
        or strpos(lower(a.account_name), lower(:search)) > 0
    );

-- name: get_listed_ids
-- The accounts that the same filters let through.
select a.account_id
from steelyard.accounts as a
where
    a.tenant_id = steelyard.current_tenant()
    and (cast(:account_ids as text[]) is null or a.account_id = any(cast(:account_ids as text[])))
    and (cast(:household_id as text) is null or a.household_id = cast(:household_id as text))
    and (cast(:model_id as text) is null or a.model_id = cast(:model_id as text))
    and (
        :search = ''
        or strpos(lower(a.account_id), lower(:search)) > 0
        or strpos(lower(a.account_name), lower(:search)) > 0
    )
order by a.account_id;

-- name: get_household_lines
-- The first households that are seen, with how many of their accounts are, and what is published of each.
select
    h.household_id,
    h.household_name,
    h.base_currency,
    (
        select count(*)
        from steelyard.accounts as a
        where a.tenant_id = h.tenant_id and a.household_id = h.household_id
    ) as accounts,
    cast(d.document -> 'overview' ->> 'total_value' as numeric) as total_value,
    cast(d.document -> 'overview' ->> 'unvalued_assets' as integer) as unvalued_assets,
    cast(d.document -> 'overview' ->> 'weighted_return' as numeric) as one_year_return,
    jsonb_array_length(d.document -> 'compliance') as violated_assets
from steelyard.households as h
left join steelyard.asset_360_current as c on h.tenant_id = c.tenant_id
left join steelyard.asset_360_documents as d
    on
        h.tenant_id = d.tenant_id
        and c.version = d.version
        and d.scope_kind = 'household'
        and h.household_id = d.scope_id
where
    h.tenant_id = steelyard.current_tenant()
    and (
        :search = ''
        or strpos(lower(h.household_id), lower(:search)) > 0
        or strpos(lower(h.household_name), lower(:search)) > 0
    )
order by total_value desc nulls last, h.household_id
limit :most;

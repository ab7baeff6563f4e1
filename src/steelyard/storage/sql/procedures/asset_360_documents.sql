-- The answers of the eight readers, per scope, ready to read. Money is text so that no reader makes it a
-- float; rounding to what people see is left to domain/money.
-- Each answer is materialized: the planner has no statistics of a version just written, and would make the
-- answer of all scopes again for each of them.

create or replace function steelyard.scope_documents(p_tenant integer, p_version bigint, p_as_of date)
returns table (scope_kind text, scope_id text, document jsonb)
language sql stable parallel safe
as $$
    with assets as materialized (
        select
            r.scope_kind,
            r.scope_id,
            r.asset_id,
            r.asset_name,
            r.asset_type,
            coalesce(r.sector, 'Unknown') as sector,
            coalesce(r.issuing_country, 'Unknown') as country,
            r.risk_category,
            r.performance_category,
            r.market_value,
            r.total_return,
            r.avg_daily_return,
            r.avg_volatility,
            r.value_at_risk,
            r.beta,
            r.sharpe_ratio,
            r.active_violations,
            r.last_compliance_check,
            r.quality_flags
        from steelyard.asset_360_rows as r
        where r.tenant_id = p_tenant and r.version = p_version
    ),

    overviews as materialized (
        select
            a.scope_kind,
            a.scope_id,
            jsonb_build_object(
                'total_assets', count(*),
                'total_value', coalesce(sum(a.market_value), 0)::text,
                'unvalued_assets',
                count(*) filter (where a.market_value is null and not 'no_position' = any(a.quality_flags)),
                'weighted_return',
                sum(a.market_value::double precision * a.total_return)
                / nullif(sum(a.market_value::double precision) filter (where a.total_return is not null), 0),
                'mean_return', avg(a.total_return)
            ) as answer,
            coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'asset_id', a.asset_id,
                        'asset_name', a.asset_name,
                        'active_violations', a.active_violations,
                        'last_compliance_check', a.last_compliance_check
                    ) order by a.active_violations desc, a.asset_name, a.asset_id
                ) filter (where a.active_violations > 0),
                '[]'
            ) as compliance
        from assets as a
        group by a.scope_kind, a.scope_id
    ),

    riskiest as materialized (
        select
            t.scope_kind,
            t.scope_id,
            jsonb_agg(
                jsonb_build_object(
                    'asset_id', t.asset_id,
                    'asset_name', t.asset_name,
                    'value_at_risk', t.value_at_risk,
                    'beta', t.beta,
                    'sharpe_ratio', t.sharpe_ratio
                ) order by t.place
            ) as answer
        from (
            select
                a.*,
                row_number() over (
                    partition by a.scope_kind, a.scope_id order by a.value_at_risk desc nulls last, a.asset_id
                ) as place
            from assets as a
        ) as t
        where t.place <= 10
        group by t.scope_kind, t.scope_id
    ),

    performers as materialized (
        select
            t.scope_kind,
            t.scope_id,
            jsonb_agg(
                jsonb_build_object(
                    'asset_id', t.asset_id,
                    'asset_name', t.asset_name,
                    'avg_daily_return', t.avg_daily_return,
                    'avg_volatility', t.avg_volatility,
                    'total_return', t.total_return,
                    'performance_category', t.performance_category
                ) order by t.place
            ) as answer
        from (
            select
                a.*,
                row_number() over (
                    partition by a.scope_kind, a.scope_id order by a.total_return desc, a.asset_id
                ) as place
            from assets as a
            where a.total_return is not null
        ) as t
        where t.place <= 5
        group by t.scope_kind, t.scope_id
    ),

    -- first the few kinds of assets there are, then each kind under its four names
    kinds as (
        select
            a.scope_kind,
            a.scope_id,
            a.risk_category,
            a.asset_type,
            a.sector,
            a.country,
            count(*) as n,
            coalesce(sum(a.market_value), 0) as value
        from assets as a
        group by a.scope_kind, a.scope_id, a.risk_category, a.asset_type, a.sector, a.country
    ),

    exposures as materialized (
        select e.scope_kind, e.scope_id, jsonb_object_agg(e.dimension, e.answer) as answer
        from (
            select
                g.scope_kind,
                g.scope_id,
                g.dimension,
                jsonb_agg(
                    jsonb_build_object('name', g.name, 'count', g.n, 'value', g.value::text)
                    order by g.value desc, g.n desc, g.name
                ) as answer
            from (
                select k.scope_kind, k.scope_id, d.dimension, d.name, sum(k.n)::bigint as n, sum(k.value) as value
                from kinds as k
                cross join lateral (
                    values
                    ('risk_category', k.risk_category),
                    ('asset_type', k.asset_type),
                    ('sector', k.sector),
                    ('country', k.country)
                ) as d (dimension, name)
                group by k.scope_kind, k.scope_id, d.dimension, d.name
            ) as g
            group by g.scope_kind, g.scope_id, g.dimension
        ) as e
        group by e.scope_kind, e.scope_id
    ),

    flags as materialized (
        select q.scope_kind, q.scope_id, jsonb_object_agg(q.flag, q.n) as answer
        from (
            select a.scope_kind, a.scope_id, f.flag, count(*) as n
            from assets as a
            cross join lateral unnest(a.quality_flags) as f (flag)
            group by a.scope_kind, a.scope_id, f.flag
        ) as q
        group by q.scope_kind, q.scope_id
    ),

    scopes as (
        select s.scope_kind, s.scope_id, min(s.base_currency) as base_currency
        from steelyard.scope_accounts(p_tenant) as s
        group by s.scope_kind, s.scope_id
    ),

    volumes as materialized (
        select
            s.scope_kind,
            s.scope_id,
            jsonb_agg(
                jsonb_build_object(
                    'month', to_char(m.month, 'YYYY-MM'),
                    'volume', case when coalesce(v.is_converted, true) then coalesce(v.volume, 0) end::text
                ) order by m.month
            ) as answer
        from scopes as s
        cross join (
            select (date_trunc('month', p_as_of::timestamp) - back.n * interval '1 month')::date as month
            from generate_series(0, 11) as back (n)
        ) as m
        left join steelyard.scope_monthly_volume(p_tenant, p_as_of) as v
            on s.scope_kind = v.scope_kind and s.scope_id = v.scope_id and m.month = v.month
        group by s.scope_kind, s.scope_id
    )

    select
        s.scope_kind,
        s.scope_id,
        jsonb_build_object(
            'as_of', p_as_of,
            'version', p_version,
            'scope_kind', s.scope_kind,
            'scope_id', s.scope_id,
            'base_currency', s.base_currency,
            'overview', coalesce(o.answer, '{"total_assets": 0, "total_value": "0", "unvalued_assets": 0}'),
            'risk', coalesce(k.answer, '[]'),
            'performers', coalesce(p.answer, '[]'),
            'compliance', coalesce(o.compliance, '[]'),
            'volume', v.answer,
            'exposure', coalesce(e.answer, '{}'),
            'risk_free', coalesce(
                (select jsonb_object_agg(f.currency, f.series) from (
                    select distinct on (r.currency) r.currency, r.series
                    from steelyard.risk_free_rates as r
                    where r.rate_date <= p_as_of
                    order by r.currency asc, r.rate_date desc
                ) as f),
                '{}'
            ),
            'quality', coalesce(f.answer, '{}')
        )
    from scopes as s
    inner join volumes as v on s.scope_kind = v.scope_kind and s.scope_id = v.scope_id
    left join overviews as o on s.scope_kind = o.scope_kind and s.scope_id = o.scope_id
    left join riskiest as k on s.scope_kind = k.scope_kind and s.scope_id = k.scope_id
    left join performers as p on s.scope_kind = p.scope_kind and s.scope_id = p.scope_id
    left join exposures as e on s.scope_kind = e.scope_kind and s.scope_id = e.scope_id
    left join flags as f on s.scope_kind = f.scope_kind and s.scope_id = f.scope_id
$$;
comment on function steelyard.scope_documents(integer, bigint, date) is 'One document per scope: overview, risk, performers, compliance, volume, exposures and quality.';

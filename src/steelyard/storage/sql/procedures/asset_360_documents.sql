-- The answers of the eight readers, per scope, ready to read. Money is text so that no reader makes it a
-- float; rounding to what people see is left to domain/money.

create or replace function steelyard.scope_documents(p_tenant integer, p_version bigint, p_as_of date)
returns table (scope_kind text, scope_id text, document jsonb)
language sql stable
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
            r.quality_flags,
            row_number() over (
                partition by r.scope_kind, r.scope_id order by r.value_at_risk desc nulls last, r.asset_id
            ) as risk_rank,
            row_number() over (
                partition by r.scope_kind, r.scope_id order by r.total_return desc nulls last, r.asset_id
            ) as performance_rank
        from steelyard.asset_360_rows as r
        where r.tenant_id = p_tenant and r.version = p_version
    ),

    overviews as (
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
                        'value_at_risk', a.value_at_risk,
                        'beta', a.beta,
                        'sharpe_ratio', a.sharpe_ratio
                    ) order by a.risk_rank
                ) filter (where a.risk_rank <= 10),
                '[]'
            ) as riskiest,
            coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'asset_id', a.asset_id,
                        'asset_name', a.asset_name,
                        'avg_daily_return', a.avg_daily_return,
                        'avg_volatility', a.avg_volatility,
                        'total_return', a.total_return,
                        'performance_category', a.performance_category
                    ) order by a.performance_rank
                ) filter (where a.performance_rank <= 5 and a.total_return is not null),
                '[]'
            ) as performers,
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

    exposures as (
        select
            g.scope_kind,
            g.scope_id,
            g.dimension,
            jsonb_agg(
                jsonb_build_object('name', g.name, 'count', g.n, 'value', g.value::text)
                order by g.value desc, g.n desc, g.name
            ) as answer
        from (
            select
                a.scope_kind,
                a.scope_id,
                d.dimension,
                d.name,
                count(*) as n,
                coalesce(sum(a.market_value), 0) as value
            from assets as a
            cross join lateral (
                values
                ('risk_category', a.risk_category),
                ('asset_type', a.asset_type),
                ('sector', a.sector),
                ('country', a.country)
            ) as d (dimension, name)
            group by a.scope_kind, a.scope_id, d.dimension, d.name
        ) as g
        group by g.scope_kind, g.scope_id, g.dimension
    ),

    flags as (
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

    volumes as (
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
            'risk', coalesce(o.riskiest, '[]'),
            'performers', coalesce(o.performers, '[]'),
            'compliance', coalesce(o.compliance, '[]'),
            'volume', v.answer,
            'exposure', coalesce(
                (
                    select jsonb_object_agg(e.dimension, e.answer)
                    from exposures as e
                    where e.scope_kind = s.scope_kind and e.scope_id = s.scope_id
                ),
                '{}'
            ),
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
    left join flags as f on s.scope_kind = f.scope_kind and s.scope_id = f.scope_id
$$;
comment on function steelyard.scope_documents(integer, bigint, date) is 'One document per scope: overview, risk, performers, compliance, volume, exposures and quality.';

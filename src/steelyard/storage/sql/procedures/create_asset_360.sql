-- create_asset_360(as_of): makes and publishes one version of asset 360 for the session's tenant.
--
-- Run it in a REPEATABLE READ transaction, so that every figure is of one moment; it publishes when that
-- transaction commits, and leaves the last good version when it doesn't. Readers never wait: the new rows
-- stand under a new version, and the pointer asset_360_current is flipped last.
-- A second refresh waits for the first; in REPEATABLE READ it then ends with 40001, to be run again.

create or replace procedure steelyard.create_asset_360(
    in p_as_of date,
    in p_universe boolean default false,
    in p_keep_versions integer default 10,
    inout p_version bigint default null,
    inout p_published boolean default null
)
language plpgsql
as $$
declare
    v_tenant constant integer := steelyard.current_tenant();
    v_last_price date;
    v_first_price date;
    v_current steelyard.asset_360_versions;
    v_hash text;
    v_rows bigint;
    v_undated text;
begin
    perform set_config('client_min_messages', 'warning', true);
    -- Sorts and hashes here are of millions of rows. What they are joined with is small, but the planner cannot
    -- know that of a query within, and would sort both sides for a merge.
    perform set_config('work_mem', '128MB', true);
    perform set_config('enable_mergejoin', 'off', true);
    perform pg_advisory_xact_lock(hashtext('steelyard.asset_360'), v_tenant);
    perform from steelyard.asset_360_current as c where c.tenant_id = v_tenant for update;

    if p_as_of is null or not isfinite(p_as_of) then
        raise exception using errcode = 'SY001', message = 'as_of is not a date';
    end if;
    -- mostly as_of is the last price date, and the newest pages say so; only otherwise is every asset asked
    select max(m.price_date) into v_last_price
    from steelyard.market_data as m
    where m.price_date >= p_as_of;
    v_last_price := coalesce(v_last_price, steelyard.last_price_date());
    if v_last_price is null then
        raise exception using errcode = 'SY002', message = 'market_data holds no price';
    end if;
    if not exists (select from steelyard.market_data as m where m.price_date <= p_as_of) then
        v_first_price := steelyard.first_price_date();
        raise exception using
            errcode = 'SY003',
            message = format('as_of %s is before the first price, of %s', p_as_of, v_first_price),
            detail = v_first_price::text;
    end if;
    if p_as_of < v_last_price then
        select min(p.portfolio) into v_undated
        from steelyard.portfolio_allocation as p
        inner join steelyard.accounts as a on p.tenant_id = a.tenant_id and p.portfolio = a.account_id
        where p.tenant_id = v_tenant and p.as_of is null and a.kept_by = 'snapshots';
        if v_undated is not null then
            raise exception using
                errcode = 'SY004',
                message = format('portfolio %s has no dates, so it says nothing of %s', v_undated, p_as_of),
                detail = v_undated;
        end if;
    end if;

    -- Each part is a table of its own: CREATE TABLE AS may run in parallel, and ANALYZE tells the planner how
    -- many rows meet in the join at the end.
    drop table if exists
        pg_temp.asset_360_performance,
        pg_temp.asset_360_risk,
        pg_temp.asset_360_wanted,
        pg_temp.asset_360_prices,
        pg_temp.asset_360_positions,
        pg_temp.asset_360_transactions,
        pg_temp.asset_360_compliance,
        pg_temp.asset_360_next,
        pg_temp.asset_360_answers;
    create temporary table asset_360_performance on commit drop as
    select * from steelyard.asset_performance(p_as_of);
    create temporary table asset_360_risk on commit drop as
    select * from steelyard.derived_risk(p_as_of);
    create temporary table asset_360_positions on commit drop as
    select * from steelyard.scope_positions(v_tenant, p_as_of);
    create temporary table asset_360_transactions on commit drop as
    select * from steelyard.scope_transactions(v_tenant, p_as_of);
    create temporary table asset_360_compliance on commit drop as
    select * from steelyard.scope_compliance(v_tenant, p_as_of);
    create temporary table asset_360_wanted on commit drop as
    select w.scope_kind, w.scope_id, s.base_currency, w.asset_id
    from (
        select p.scope_kind, p.scope_id, p.asset_id from asset_360_positions as p
        union
        select t.scope_kind, t.scope_id, t.asset_id from asset_360_transactions as t
        union
        select c.scope_kind, c.scope_id, c.asset_id from asset_360_compliance as c
        union
        select g.scope_kind, g.scope_id, g.asset_id from steelyard.scope_targets(v_tenant) as g
        union
        select 'tenant', '', a.asset_id from steelyard.asset_master as a where p_universe
    ) as w
    inner join (select distinct x.scope_kind, x.scope_id, x.base_currency from steelyard.scope_accounts(v_tenant) as x) as s
        on w.scope_kind = s.scope_kind and w.scope_id = s.scope_id;
    -- one asset after the other by the key of our own table; a firm's may have no such index, and is read whole
    if 'market_data' = any(steelyard.attached_tables()) then
        create temporary table asset_360_prices on commit drop as
        select * from steelyard.latest_prices(p_as_of);
    else
        create temporary table asset_360_prices on commit drop as
        select w.asset_id, p.closing_price, p.price_date
        from (select distinct x.asset_id from asset_360_wanted as x) as w
        cross join lateral (
            select m.closing_price, m.price_date
            from steelyard.market_data as m
            where m.asset_id = w.asset_id and m.price_date <= p_as_of
            order by m.price_date desc
            limit 1
        ) as p;
    end if;
    -- money is worth itself, where nobody quotes it
    insert into asset_360_prices (asset_id, closing_price, price_date)
    select distinct w.asset_id, 1, p_as_of
    from asset_360_wanted as w
    inner join steelyard.asset_master as a on w.asset_id = a.asset_id
    where
        lower(a.asset_type) = 'cash'
        and not exists (select from asset_360_prices as p where p.asset_id = w.asset_id);
    analyze asset_360_performance;
    analyze asset_360_risk;
    analyze asset_360_wanted;
    analyze asset_360_prices;
    analyze asset_360_positions;
    analyze asset_360_transactions;
    analyze asset_360_compliance;

    create temporary table asset_360_next on commit drop as
    with findings as (
        select f.asset_id, array_agg(distinct f.kind order by f.kind) as kinds
        from steelyard.data_quality_findings as f
        where
            f.table_name = 'market_data'
            and f.severity in ('quarantined', 'flagged')
            and f.finding_date > (p_as_of - interval '1 year')::date
            and f.finding_date <= p_as_of
        group by f.asset_id
    ),

    -- what is the same in every scope, once per asset
    assets as materialized (
        select
            a.*,
            coalesce(a.benchmark_asset_id, b.asset_id) as measured_against,
            p.closing_price,
            p.price_date,
            f.avg_daily_return,
            f.max_daily_return,
            f.min_daily_return,
            f.total_return,
            f.origin as performance_origin,
            case when l.asset_id is null then d.volatility else l.volatility end as avg_volatility,
            case when l.asset_id is null then d.value_at_risk else l.value_at_risk end as value_at_risk,
            case when l.asset_id is null then d.expected_shortfall else l.expected_shortfall end as expected_shortfall,
            case when l.asset_id is null then d.beta else l.beta end as beta,
            case when l.asset_id is null then d.sharpe_ratio else l.sharpe_ratio end as sharpe_ratio,
            case when l.asset_id is not null then 'loaded' when d.asset_id is not null then 'derived' end
                as risk_origin,
            array_remove(
                array[
                    case when p.closing_price is null then 'no_price' end,
                    case when p.price_date < p_as_of - 7 then 'stale_price' end,
                    case when f.asset_id is null then 'no_history' end,
                    case when f.first_date > (p_as_of - interval '1 year')::date + 10 then 'short_history' end,
                    case when l.asset_id is null and d.asset_id is null then 'short_risk_window' end,
                    case when coalesce(a.benchmark_asset_id, b.asset_id) is null then 'no_benchmark' end,
                    case
                        when not exists (select from steelyard.risk_free_rates as r where r.currency = a.currency)
                            then 'no_risk_free'
                    end
                ],
                null
            ) as flags,
            coalesce(q.kinds, '{}') as finding_kinds
        from (select distinct w.asset_id from asset_360_wanted as w) as w
        inner join steelyard.asset_master as a on w.asset_id = a.asset_id
        left join steelyard.benchmarks as b on a.currency = b.currency
        left join asset_360_prices as p on a.asset_id = p.asset_id
        left join asset_360_performance as f on a.asset_id = f.asset_id
        left join asset_360_risk as d on a.asset_id = d.asset_id
        left join steelyard.loaded_risk(p_as_of) as l on a.asset_id = l.asset_id
        left join findings as q on a.asset_id = q.asset_id
    ),

    categories as (
        select
            a.asset_id,
            coalesce(v.category, 'UNKNOWN') as risk_category,
            coalesce(t.category, 'UNKNOWN') as performance_category
        from assets as a
        -- through text, for a float's shortest decimal compares with a bound as the float itself does
        left join steelyard.category_ranges(v_tenant, 'risk') as v on v.range @> a.value_at_risk::text::numeric
        left join steelyard.category_ranges(v_tenant, 'performance') as t on t.range @> a.total_return::text::numeric
    ),

    rates as materialized (
        select k.currency, k.base_currency, steelyard.conversion_rate(k.currency, k.base_currency, p_as_of) as rate
        from (
            select distinct a.currency, s.base_currency
            from assets as a
            cross join (select distinct x.base_currency from steelyard.scope_accounts(v_tenant) as x) as s
        ) as k
    ),

    -- materialized, so that the wide rows of assets are joined only at the end
    figures as materialized (
        select
            w.scope_kind,
            w.scope_id,
            w.asset_id,
            w.base_currency,
            h.quantity,
            case
                when h.is_known
                    then
                        round(
                            coalesce(h.quantity * a.closing_price * r.rate, case when h.quantity is null then 0 end)
                            + coalesce(h.weighed_value, 0),
                            8
                        )
            end as market_value,
            coalesce(t.total_transactions, 0) as total_transactions,
            case when coalesce(t.is_converted, true) then round(coalesce(t.total_purchases, 0), 8) end
                as total_purchases,
            case when coalesce(t.is_converted, true) then round(coalesce(t.total_sales, 0), 8) end as total_sales,
            case when t.is_converted then round(t.avg_transaction_cost, 8) end as avg_transaction_cost,
            coalesce(c.active_violations, 0) as active_violations,
            c.last_compliance_check,
            a.flags
            || array_remove(
                array[
                    case when h.asset_id is null then 'no_position' end,
                    case when not h.is_known then 'no_quantity' end,
                    case when r.rate is null or not t.is_converted then 'no_fx_rate' end,
                    case when u.asset_id is not null then 'unposted' end
                ],
                null
            )
            || a.finding_kinds as quality_flags
        from asset_360_wanted as w
        inner join assets as a on w.asset_id = a.asset_id
        inner join rates as r on a.currency = r.currency and w.base_currency = r.base_currency
        left join asset_360_positions as h
            on w.scope_kind = h.scope_kind and w.scope_id = h.scope_id and w.asset_id = h.asset_id
        left join asset_360_transactions as t
            on w.scope_kind = t.scope_kind and w.scope_id = t.scope_id and w.asset_id = t.asset_id
        left join asset_360_compliance as c
            on w.scope_kind = c.scope_kind and w.scope_id = c.scope_id and w.asset_id = c.asset_id
        left join steelyard.scope_unposted(v_tenant, p_as_of) as u
            on w.scope_kind = u.scope_kind and w.scope_id = u.scope_id and w.asset_id = u.asset_id
    )

    select
        g.scope_kind,
        g.scope_id,
        g.asset_id,
        a.asset_name,
        a.asset_type,
        a.isin,
        a.currency,
        a.exchange,
        a.issuer,
        a.issue_date,
        a.maturity_date,
        a.par_value,
        a.rating,
        a.sector,
        a.issuing_country,
        a.status,
        g.base_currency,
        g.quantity,
        a.closing_price as current_price,
        a.price_date,
        g.market_value,
        a.avg_daily_return,
        a.max_daily_return,
        a.min_daily_return,
        a.total_return,
        a.performance_origin,
        a.avg_volatility,
        a.value_at_risk,
        a.value_at_risk * g.market_value::double precision as value_at_risk_amount,
        a.expected_shortfall,
        a.expected_shortfall * g.market_value::double precision as expected_shortfall_amount,
        a.beta,
        a.sharpe_ratio,
        a.risk_origin,
        a.measured_against as benchmark_asset_id,
        g.total_transactions,
        g.total_purchases,
        g.total_sales,
        g.avg_transaction_cost,
        g.active_violations,
        g.last_compliance_check,
        k.risk_category,
        k.performance_category,
        coalesce(z.category, 'UNKNOWN') as position_size,
        g.quality_flags
    from figures as g
    inner join assets as a on g.asset_id = a.asset_id
    inner join categories as k on g.asset_id = k.asset_id
    left join steelyard.category_ranges(v_tenant, 'position_size') as z on z.range @> g.market_value;

    -- in the binary form of each row, which no setting of the session changes
    select
        count(*),
        encode(
            sha256(
                coalesce(
                    string_agg(sha256(record_send(n)), ''::bytea order by n.scope_kind, n.scope_id, n.asset_id), ''
                )
            ),
            'hex'
        )
    into v_rows, v_hash
    from asset_360_next as n;

    select v.* into v_current
    from steelyard.asset_360_current as c
    inner join steelyard.asset_360_versions as v on c.tenant_id = v.tenant_id and c.version = v.version
    where c.tenant_id = v_tenant;
    -- Answers may change where no row does: a transaction moves to another month, an account is new and empty.
    if
        v_current.as_of = p_as_of and v_current.universe = p_universe and v_current.content_hash = v_hash
        and not exists (
            select
            from steelyard.scope_documents(v_tenant, v_current.version, p_as_of) as n
            full join (
                select d.scope_kind, d.scope_id, d.document
                from steelyard.asset_360_documents as d
                where d.tenant_id = v_tenant and d.version = v_current.version
            ) as o on n.scope_kind = o.scope_kind and n.scope_id = o.scope_id
            where n.document is distinct from o.document
        )
    then
        p_version := v_current.version;
        p_published := false;
        return;
    end if;

    select coalesce(max(v.version), 0) + 1 into p_version
    from steelyard.asset_360_versions as v
    where v.tenant_id = v_tenant;

    insert into steelyard.asset_360_versions (
        tenant_id, version, as_of, universe, row_count, content_hash, watermark
    )
    select
        v_tenant,
        p_version,
        p_as_of,
        p_universe,
        v_rows,
        v_hash,
        jsonb_build_object(
            'last_load_run', (select max(l.run_id) from steelyard.load_runs as l where l.status = 'loaded'),
            'last_price_date', v_last_price
        );

    insert into steelyard.asset_360_rows (
        tenant_id, version, scope_kind, scope_id, asset_id, asset_name, asset_type, isin, currency, exchange,
        issuer, issue_date, maturity_date, par_value, rating, sector, issuing_country, status, base_currency,
        quantity, current_price, price_date, market_value, avg_daily_return, max_daily_return, min_daily_return,
        total_return, performance_origin, avg_volatility, value_at_risk, value_at_risk_amount,
        expected_shortfall, expected_shortfall_amount, beta, sharpe_ratio, risk_origin, benchmark_asset_id,
        total_transactions, total_purchases, total_sales, avg_transaction_cost, active_violations,
        last_compliance_check, risk_category, performance_category, position_size, quality_flags
    )
    select
        v_tenant, p_version, n.scope_kind, n.scope_id, n.asset_id, n.asset_name, n.asset_type, n.isin,
        n.currency, n.exchange, n.issuer, n.issue_date, n.maturity_date, n.par_value, n.rating, n.sector,
        n.issuing_country, n.status, n.base_currency, n.quantity, n.current_price, n.price_date, n.market_value,
        n.avg_daily_return, n.max_daily_return, n.min_daily_return, n.total_return, n.performance_origin,
        n.avg_volatility, n.value_at_risk, n.value_at_risk_amount, n.expected_shortfall,
        n.expected_shortfall_amount, n.beta, n.sharpe_ratio, n.risk_origin, n.benchmark_asset_id,
        n.total_transactions, n.total_purchases, n.total_sales, n.avg_transaction_cost, n.active_violations,
        n.last_compliance_check, n.risk_category, n.performance_category, n.position_size, n.quality_flags
    from asset_360_next as n
    order by n.scope_kind, n.scope_id, n.asset_id;

    create temporary table asset_360_answers on commit drop as
    select * from steelyard.scope_documents(v_tenant, p_version, p_as_of);
    insert into steelyard.asset_360_documents (tenant_id, version, scope_kind, scope_id, document)
    select v_tenant, p_version, d.scope_kind, d.scope_id, d.document
    from asset_360_answers as d;

    insert into steelyard.asset_360_current as c (tenant_id, version)
    values (v_tenant, p_version)
    on conflict (tenant_id) do update set version = excluded.version;

    delete from steelyard.asset_360_documents as d
    where d.tenant_id = v_tenant and d.version <= p_version - greatest(p_keep_versions, 1);
    delete from steelyard.asset_360_rows as r
    where r.tenant_id = v_tenant and r.version <= p_version - greatest(p_keep_versions, 1);
    p_published := true;
end
$$;
comment on procedure steelyard.create_asset_360(date, boolean, integer, bigint, boolean) is 'Makes and publishes one version of asset 360; p_published is false when nothing had changed.';

-- The pointer is a subquery, not a join: the version is then found once and leads through the key, even while the
-- planner's statistics know an older version only. A join would read every kept version until the next ANALYZE.
create or replace view steelyard.asset_360_scoped with (security_invoker = true) as
select r.*
from steelyard.asset_360_rows as r
where
    r.tenant_id = steelyard.current_tenant()
    and r.version = (
        select c.version
        from steelyard.asset_360_current as c
        where c.tenant_id = steelyard.current_tenant()
    );
comment on view steelyard.asset_360_scoped is 'Asset 360 now: a row per scope (tenant, household, account) and asset.';

create or replace view steelyard.asset_360 with (security_invoker = true) as
select s.*
from steelyard.asset_360_scoped as s
where s.scope_kind = 'tenant';
comment on view steelyard.asset_360 is 'Asset 360 now: one row per asset, over all accounts of the tenant.';

-- name: get_last_check
-- The day of the last check of some accounts, or of all that are seen.
select max(r.check_date) as day
from steelyard.compliance_records as r
where
    r.tenant_id = steelyard.current_tenant()
    and (cast(:account_ids as text[]) is null or r.account_id = any(cast(:account_ids as text[])));

-- name: get_breaches
-- Checks of an account by a rule, one after the other, that some assets did not pass, as one row; those that lasted
-- until the latest day first. A rule of ours writes its records under its id, so that its versions are one rule. The
-- tenant as a whole is '' within, for nulls could not be joined by a hash.
with said as not materialized (
    select
        coalesce(r.account_id, '') as account_id,
        r.asset_id,
        r.check_date,
        upper(r.status) as status,
        coalesce(r.rule, '') as said,
        r.record_id like 'steelyard:%' as is_ours,
        case
            when r.record_id like 'steelyard:%' then split_part(r.rule, ', version ', 1) else coalesce(r.rule, '')
        end as rule_name
    from steelyard.compliance_records as r
    where
        r.tenant_id = steelyard.current_tenant()
        and r.check_date between cast(:since as date) and cast(:until as date)
        and (cast(:account_ids as text[]) is null or r.account_id = any(cast(:account_ids as text[])))
),

wrong as (
    select
        s.account_id,
        s.asset_id,
        s.is_ours,
        s.rule_name,
        s.check_date,
        bool_or(s.status = 'VIOLATION') as is_violation,
        min(s.said) as said
    from said as s
    where s.status in ('VIOLATION', 'WARNING')
    group by s.account_id, s.asset_id, s.is_ours, s.rule_name, s.check_date
),

-- most rules are kept by most accounts: the checks of the others are sorted, and no more
checks as (
    select
        d.account_id,
        d.is_ours,
        d.rule_name,
        d.check_date,
        row_number() over (partition by d.account_id, d.is_ours, d.rule_name order by d.check_date) as place,
        count(*) over (partition by d.account_id, d.is_ours, d.rule_name) as places
    from (
        select distinct s.account_id, s.is_ours, s.rule_name, s.check_date
        from said as s
        inner join (select distinct w.account_id, w.is_ours, w.rule_name from wrong as w) as f
            on s.account_id = f.account_id and s.is_ours = f.is_ours and s.rule_name = f.rule_name
    ) as d
),

placed as (
    select
        w.*,
        c.place = c.places as is_last,
        c.place - row_number() over (
            partition by w.account_id, w.asset_id, w.is_ours, w.rule_name order by w.check_date
        ) as run
    from wrong as w
    inner join checks as c
        on
            w.account_id = c.account_id
            and w.is_ours = c.is_ours
            and w.rule_name = c.rule_name
            and w.check_date = c.check_date
),

runs as (
    select
        p.account_id,
        p.asset_id,
        p.is_ours,
        p.rule_name,
        bool_or(p.is_violation) as is_violation,
        min(p.check_date) as first_day,
        max(p.check_date) as last_day,
        count(*) as checks,
        bool_or(p.is_last) as is_open,
        (array_agg(p.said order by p.check_date desc))[1] as said
    from placed as p
    group by p.account_id, p.asset_id, p.is_ours, p.rule_name, p.run
),

breaches as (
    select
        r.account_id,
        r.is_ours,
        r.rule_name,
        r.is_violation,
        r.first_day,
        r.last_day,
        r.is_open,
        array_agg(r.asset_id order by r.asset_id) as asset_ids,
        max(r.checks) as checks,
        (array_agg(r.said order by r.asset_id))[1] as said,
        (r.last_day - date '2000-01-01') as last_place,
        (r.first_day - date '2000-01-01') as first_place
    from runs as r
    group by r.account_id, r.is_ours, r.rule_name, r.is_violation, r.first_day, r.last_day, r.is_open
)

select
    nullif(b.account_id, '') as account_id, b.asset_ids, b.is_ours, b.rule_name, b.is_violation, b.first_day,
    b.last_day, b.checks, b.is_open, b.said
from breaches as b
where
    (cast(:rule_name as text) is null or b.rule_name = :rule_name)
    and (cast(:is_violation as boolean) is null or b.is_violation = :is_violation)
    and (cast(:is_open as boolean) is null or b.is_open = :is_open)
    and (
        cast(:last_day as date) is null
        or (-b.last_place, -b.first_place, b.account_id, b.rule_name, b.is_ours, b.is_violation)
        > (
            -(cast(:last_day as date) - date '2000-01-01'),
            -(cast(:first_day as date) - date '2000-01-01'),
            cast(:last_account as text),
            cast(:last_rule as text),
            cast(:last_is_ours as boolean),
            cast(:last_is_violation as boolean)
        )
    )
order by b.last_day desc, b.first_day desc, b.account_id, b.rule_name, b.is_ours, b.is_violation
limit :most;

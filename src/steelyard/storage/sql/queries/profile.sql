-- name: get_profile
-- What the investor of an account wants and bears.
select
    p.account_id, p.version, p.risk_tolerance, p.horizon_years, p.goals, p.preferences, p.exclusions, p.changed_by,
    p.changed_at
from steelyard.investor_profiles as p
where p.tenant_id = steelyard.current_tenant() and p.account_id = :account_id;

-- name: add_profile
-- Write the first profile of an account, unless there is one.
insert into steelyard.investor_profiles (
    tenant_id, account_id, risk_tolerance, horizon_years, goals, preferences, exclusions, changed_by, changed_at
)
values (
    steelyard.current_tenant(), :account_id, :risk_tolerance, :horizon_years, cast(:goals as text[]),
    cast(:preferences as jsonb), cast(:exclusions as jsonb), steelyard.current_actor(), cast(:now as timestamptz)
)
on conflict (tenant_id, account_id) do nothing
returning version;

-- name: change_profile
-- Write another version of a profile, unless somebody did so before.
update steelyard.investor_profiles
set
    version = version + 1,
    risk_tolerance = :risk_tolerance,
    horizon_years = :horizon_years,
    goals = cast(:goals as text[]),
    preferences = cast(:preferences as jsonb),
    exclusions = cast(:exclusions as jsonb),
    changed_by = steelyard.current_actor(),
    changed_at = cast(:now as timestamptz)
where tenant_id = steelyard.current_tenant() and account_id = :account_id and version = :expected
returning version;

-- name: get_unknown_traits
-- Which of some names no asset has: a name that excludes nothing is a mistake.
select n.kind, n.name
from jsonb_to_recordset(cast(:named as jsonb)) as n (kind text, name text)
where not case n.kind
    when 'assets' then exists (select from steelyard.asset_master as m where m.asset_id = n.name)
    when 'issuers' then exists (select from steelyard.asset_master as m where m.issuer = n.name)
    when 'sectors' then exists (select from steelyard.asset_master as m where m.sector = n.name)
    when 'countries' then exists (select from steelyard.asset_master as m where m.issuing_country = n.name)
    else exists (select from steelyard.asset_master as m where m.asset_type = n.name)
end
order by n.kind, n.name;

-- name: get_traits
-- What assets have of a kind: what a name may be.
select distinct t.name
from (
    select
        case :kind
            when 'assets' then m.asset_id
            when 'issuers' then m.issuer
            when 'sectors' then m.sector
            when 'countries' then m.issuing_country
            else m.asset_type
        end as name
    from steelyard.asset_master as m
) as t
where t.name is not null
order by t.name;

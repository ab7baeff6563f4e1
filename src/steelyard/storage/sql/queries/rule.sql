-- name: lock_rules
-- Wait for whoever else writes rules of the tenant; ends with the transaction.
select pg_advisory_xact_lock(hashtextextended('steelyard.rules', steelyard.current_tenant()));

-- name: get_rules
-- The rules that were not ended, in their newest version, by id.
select
    r.rule_id, r.version, r.kind, r.scope::text as scope, trim_scale(r.bound) as bound, r.settings::text as settings,
    r.outcome, r.valid_from, r.valid_until, r.source_document, r.made_by, r.made_at, r.ended_at
from steelyard.compliance_rules as r
where r.tenant_id = steelyard.current_tenant() and r.ended_at is null
order by r.rule_id;

-- name: get_rule_versions
-- Every version of a rule, the newest first.
select
    r.rule_id, r.version, r.kind, r.scope::text as scope, trim_scale(r.bound) as bound, r.settings::text as settings,
    r.outcome, r.valid_from, r.valid_until, r.source_document, r.made_by, r.made_at, r.ended_at
from steelyard.compliance_rules as r
where r.tenant_id = steelyard.current_tenant() and r.rule_id = :rule_id
order by r.version desc;

-- name: get_rules_in_force
-- The rules that hold on a day, by id: of each that was not ended the newest version that begins by then. A version
-- that begins later leaves the one before it in force until then.
select
    n.rule_id, n.version, n.kind, n.scope::text as scope, trim_scale(n.bound) as bound, n.settings::text as settings,
    n.outcome, n.valid_from, n.valid_until, n.source_document, n.made_by, n.made_at, n.ended_at
from (
    select distinct on (r.rule_id) r.*
    from steelyard.compliance_rules as r
    where r.tenant_id = steelyard.current_tenant() and r.valid_from <= cast(:day as date)
    order by r.rule_id, r.version desc
) as n
where
    (n.valid_until is null or n.valid_until >= cast(:day as date))
    and exists (
        select from steelyard.compliance_rules as o
        where o.tenant_id = steelyard.current_tenant() and o.rule_id = n.rule_id and o.ended_at is null
    )
order by n.rule_id;

-- name: end_rule_version
-- End the version of a rule that stands; the rules it decided on stay.
update steelyard.compliance_rules set ended_at = transaction_timestamp()
where tenant_id = steelyard.current_tenant() and rule_id = :rule_id and ended_at is null;

-- name: add_rule_version
-- Write a version of a rule.
insert into steelyard.compliance_rules
(
    tenant_id, rule_id, version, kind, scope, bound, settings, outcome, valid_from, valid_until, source_document,
    made_by
)
values (
    steelyard.current_tenant(), :rule_id, :version, :kind, cast(:scope as jsonb), cast(:bound as numeric),
    cast(:settings as jsonb), :outcome, cast(:valid_from as date), cast(:valid_until as date), :source_document,
    steelyard.current_actor()
);

-- name: get_ended_rules
-- The rules that are asked no more, each in its last version, by id.
select distinct on (r.rule_id)
    r.rule_id, r.version, r.kind, r.scope::text as scope, trim_scale(r.bound) as bound, r.settings::text as settings,
    r.outcome, r.valid_from, r.valid_until, r.source_document, r.made_by, r.made_at, r.ended_at
from steelyard.compliance_rules as r
where
    r.tenant_id = steelyard.current_tenant()
    and not exists (
        select from steelyard.compliance_rules as o
        where o.tenant_id = r.tenant_id and o.rule_id = r.rule_id and o.ended_at is null
    )
order by r.rule_id, r.version desc;

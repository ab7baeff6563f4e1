-- name: insert_approval
-- Write down who approved what, and by what; nothing where they did already.
insert into steelyard.approvals (
    tenant_id, proposal_id, run_id, author, approver, content_hash, factor, evidence, approved_at
)
values (
    steelyard.current_tenant(), cast(:proposal_id as uuid), cast(:run_id as uuid), :author, :approver,
    cast(:content_hash as bytea), :factor, cast(:evidence as jsonb), cast(:approved_at as timestamptz)
)
on conflict do nothing
returning approval_id;

-- name: get_approvals
-- Who approved a proposal or a run, the first first.
select a.approval_id, a.author, a.approver, a.content_hash, a.factor, a.evidence, a.approved_at
from steelyard.approvals as a
where
    a.tenant_id = steelyard.current_tenant()
    and a.proposal_id is not distinct from cast(:proposal_id as uuid)
    and a.run_id is not distinct from cast(:run_id as uuid)
order by a.approved_at, a.approval_id;

-- name: get_approval_terms
-- Up to which order value whoever acts approves alone, and a code approves.
select coalesce(u.approval_limit, t.approval_limit) as approval_limit, t.code_limit, t.base_currency
from steelyard.tenants as t
left join steelyard.users as u on t.tenant_id = u.tenant_id and u.user_id = steelyard.current_user_id()
where t.tenant_id = steelyard.current_tenant();

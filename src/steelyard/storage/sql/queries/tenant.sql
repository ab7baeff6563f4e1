-- name: get_tenants
-- Every tenant of the store, for the operator.
select
    tenant_id, tenant_name, base_currency, requires_mfa, approval_limit, code_limit, price_tolerance, proposal_minutes
from steelyard.get_tenants();

-- name: get_own_tenant
-- The tenant of the session.
select
    tenant_id, tenant_name, base_currency, requires_mfa, approval_limit, code_limit, price_tolerance, proposal_minutes
from steelyard.tenants
where tenant_id = steelyard.current_tenant();

-- name: create_tenant
-- Make a tenant with the thresholds of the first one, as the operator.
select steelyard.create_tenant(:tenant_name, :base_currency);

-- name: set_requires_mfa
-- Say whether everybody of the tenant needs a second factor.
update steelyard.tenants set requires_mfa = :requires_mfa
where tenant_id = steelyard.current_tenant();

-- name: set_tenant_limit
-- Say up to which order value one person approves alone.
update steelyard.tenants set approval_limit = cast(:approval_limit as numeric)
where tenant_id = steelyard.current_tenant();

-- name: set_code_limit
-- Say up to which order value a code of an app approves.
update steelyard.tenants set code_limit = cast(:code_limit as numeric)
where tenant_id = steelyard.current_tenant();

-- name: set_price_tolerance
-- Say how far a live price may move between review and execution.
update steelyard.tenants set price_tolerance = cast(:price_tolerance as numeric)
where tenant_id = steelyard.current_tenant();

-- name: set_proposal_minutes
-- Say how long a proposal can be approved and executed.
update steelyard.tenants set proposal_minutes = cast(:proposal_minutes as integer)
where tenant_id = steelyard.current_tenant();

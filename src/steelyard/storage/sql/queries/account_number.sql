-- name: get_account_number
-- The number of an account at its bank or broker, sealed.
select a.external_number_sealed
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant() and a.account_id = :account_id;

-- name: set_account_number
-- Keep the number of an account at its bank or broker, sealed; null takes it away.
update steelyard.accounts
set external_number_sealed = :sealed
where tenant_id = steelyard.current_tenant() and account_id = :account_id
returning account_id;

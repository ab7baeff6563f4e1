-- name: adopt_app_role
-- Work as the role that only reads and writes rows, where it exists and the login is a member of it.
select set_config('role', rolname, false)
from pg_catalog.pg_roles
where rolname = 'steelyard_app' and pg_has_role(oid, 'member');

-- name: begin_transaction
-- Nothing but the BEGIN that goes before it.
select 1;

-- name: adopt_app_role
-- Work as the role that only reads and writes rows, where it exists and the login is a member of it.
select set_config('role', rolname, false)
from pg_catalog.pg_roles
where rolname = 'steelyard_app' and pg_has_role(oid, 'member');

-- name: is_above_policies
-- Whether row-level security that stands in this database would not hold the role at work back.
select
    (select r.rolsuper or r.rolbypassrls from pg_catalog.pg_roles as r where r.rolname = current_user)
    or exists (
        select from pg_catalog.pg_roles as m
        where m.rolname = 'steelyard_migrator' and pg_has_role(m.oid, 'usage')
    )
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname = 'steelyard' and c.relname = 'accounts' and c.relforcerowsecurity;

-- name: begin_transaction
-- Nothing but the BEGIN that goes before it.
select 1;

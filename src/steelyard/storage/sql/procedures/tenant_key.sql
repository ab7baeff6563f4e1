-- Keys over all tenants, for who looks after the installation: numbers and names, never a key.

create or replace function steelyard.find_key_holders()
returns table (tenant_id integer, wrapped_by text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$ select k.tenant_id, k.wrapped_by from steelyard.tenant_keys as k where k.destroyed_at is null $$;
comment on function steelyard.find_key_holders is 'The tenants that have keys, and the names of the master keys that encrypt them.';
revoke all on function steelyard.find_key_holders() from public;
grant execute on function steelyard.find_key_holders() to steelyard_app;

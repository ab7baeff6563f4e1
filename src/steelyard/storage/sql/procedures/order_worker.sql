-- What workers look for before they act for anybody: the tenants of which something is due. It says no more than
-- their numbers, and runs with the rights of its owner, whom no policy holds back.

create or replace function steelyard.find_due_tenants(p_now timestamptz) returns setof integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select o.tenant_id
    from steelyard.orders as o
    where o.due_at <= p_now and (o.lease_owner is null or o.lease_until <= p_now)
    union
    select l.tenant_id
    from steelyard.broker_links as l
    where l.ended_at is null and l.fills_due_at <= p_now
    union
    select p.tenant_id
    from steelyard.proposals as p
    where p.run_id is null and p.state in ('reviewed', 'approved') and p.expires_at <= p_now
$$;
comment on function steelyard.find_due_tenants is 'Tenants with an order or fills that are due for a worker, or a proposal that ran out.';

revoke all on function steelyard.find_due_tenants from public;
grant execute on function steelyard.find_due_tenants to steelyard_app;

-- What workers look for before they act for anybody: the tenants of which a run is due. It says no more than their
-- numbers, and runs with the rights of its owner, whom no policy holds back.

create or replace function steelyard.find_tenants_with_runs(p_now timestamptz) returns setof integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select distinct r.tenant_id
    from steelyard.runs as r
    where
        r.due_at <= p_now
        or r.state in ('making', 'made', 'approved') and r.expires_at <= p_now
$$;
comment on function steelyard.find_tenants_with_runs is 'Tenants with a run that is due for a worker, or ran out.';

revoke all on function steelyard.find_tenants_with_runs from public;
grant execute on function steelyard.find_tenants_with_runs to steelyard_app;

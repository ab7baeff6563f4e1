-- Which published documents somebody sees: many questions of many people in one, each answered under the policies of
-- whoever asks it. It begins to work for each in turn, as storage/acting.py does, and ends working for nobody.

create or replace function steelyard.find_documents_seen(p_asked jsonb)
returns table (place integer, version bigint, content_hash text)
language plpgsql volatile
as $$
declare
    v_asked record;
begin
    for v_asked in
        select a.*
        from jsonb_to_recordset(p_asked) as a (
            place integer, tenant text, actor text, user_id text, request text, scope_kind text, scope_id text,
            version bigint, as_of date
        )
    loop
        perform
            set_config('app.tenant', v_asked.tenant, true),
            set_config('app.actor', v_asked.actor, true),
            set_config('app.user', v_asked.user_id, true),
            set_config('app.request', v_asked.request, true);
        return query
        select v_asked.place, d.version, v.content_hash
        from steelyard.asset_360_documents as d
        inner join steelyard.asset_360_versions as v on d.tenant_id = v.tenant_id and d.version = v.version
        where
            d.tenant_id = steelyard.current_tenant()
            and d.scope_kind = v_asked.scope_kind
            and d.scope_id = v_asked.scope_id
            and d.version = case
                when v_asked.version is not null then v_asked.version
                when v_asked.as_of is not null
                    then (
                        select max(x.version)
                        from steelyard.asset_360_versions as x
                        where x.tenant_id = steelyard.current_tenant() and x.as_of = v_asked.as_of
                    )
                else (
                    select c.version from steelyard.asset_360_current as c
                    where c.tenant_id = steelyard.current_tenant()
                )
            end;
    end loop;
    perform
        set_config('app.tenant', '', true),
        set_config('app.actor', '', true),
        set_config('app.user', '', true),
        set_config('app.request', '', true);
end
$$;
comment on function steelyard.find_documents_seen is 'The version and content of the document that answers each question, for whoever asks it; what they do not see, or is not there, is left out.';

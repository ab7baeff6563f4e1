-- For whom a transaction works: settings that end with it, set by storage/acting.py when it begins.
--   app.tenant   the tenant; unset or empty = nobody, who sees nothing
--   app.actor    operator, user:ID, token:ID or system:WHAT, as audit_events.actor says it
--   app.user     the user whose grants count; empty = the operator, who sees every account of the tenant
--   app.request  the request that asked

create or replace function steelyard.current_tenant() returns integer
language sql stable parallel safe
as $$ select nullif(current_setting('app.tenant', true), '')::integer $$;
comment on function steelyard.current_tenant() is 'The tenant this transaction works for; null = none, which sees nothing.';

create or replace function steelyard.current_actor() returns text
language sql stable parallel safe
as $$ select nullif(current_setting('app.actor', true), '') $$;
comment on function steelyard.current_actor() is 'Who this transaction works for, as the audit names it.';

create or replace function steelyard.current_user_id() returns uuid
language sql stable parallel safe
as $$ select nullif(current_setting('app.user', true), '')::uuid $$;
comment on function steelyard.current_user_id() is 'The user whose grants count; null = the operator or the system.';

-- The audit's chain ──────────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.record_event(
    p_action text, p_object_type text, p_object_id text, p_facts jsonb
) returns bigint
language plpgsql volatile
as $$
declare
    v_event steelyard.audit_events;
begin
    v_event.tenant_id := steelyard.current_tenant();
    v_event.actor := steelyard.current_actor();
    v_event.recorded_at := steelyard.begun_at();
    v_event.action := p_action;
    v_event.object_type := p_object_type;
    v_event.object_id := p_object_id;
    v_event.facts := coalesce(p_facts, '{}');
    v_event.request_id := coalesce(current_setting('app.request', true), '');
    insert into steelyard.audit_heads as h (tenant_id, sequence, hash)
    values (v_event.tenant_id, 0, decode(repeat('00', 32), 'hex'))
    on conflict (tenant_id) do update set sequence = h.sequence -- holds the row until the transaction ends
    returning h.sequence + 1, h.hash into v_event.sequence, v_event.previous_hash;
    v_event.hash := steelyard.hash_of_event(v_event);
    insert into steelyard.audit_events select v_event.*;
    update steelyard.audit_heads
    set sequence = v_event.sequence, hash = v_event.hash
    where tenant_id = v_event.tenant_id;
    return v_event.sequence;
end
$$;
comment on function steelyard.record_event is 'Add an event to the tenant''s chain; who else adds one waits until this transaction ends.';

create or replace function steelyard.hash_of_event(p_event steelyard.audit_events) returns bytea
language sql stable
as $$
    select sha256(
        (p_event).previous_hash
        || convert_to(
            jsonb_build_array(
                (p_event).tenant_id, (p_event).sequence,
                to_char((p_event).recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                (p_event).actor, (p_event).action, (p_event).object_type, (p_event).object_id, (p_event).facts,
                (p_event).request_id
            )::text,
            'UTF8'
        )
    )
$$;
comment on function steelyard.hash_of_event is 'SHA-256 of an event and the hash of the one before.';

-- The audit: events in a chain per tenant, that is only ever added to.
--
-- docs/reference/audit.md gives the bytes of an event; domain/audit.py makes the same without this file. The app adds
-- events through record_event and has no other right on the chain; the triggers are of the kind that no setting of a
-- session turns off. Errors of the audit: SA001 something is to be changed, SA002 facts that are not plain.

-- The bytes of an event ──────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.utc_text(p_at timestamptz) returns text
language sql stable
as $$
    -- what has no place among the years from 1 on stays what it is, and is no moment to a verifier
    select
        case
            when isfinite(p_at) and p_at >= '0001-01-01 00:00:00+00'
                then to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            else p_at::text
        end
$$;
comment on function steelyard.utc_text is 'A moment in UTC to the microsecond, as the chain writes it.';

create or replace function steelyard.canonical_facts(p_facts jsonb) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if
        jsonb_typeof(p_facts) <> 'object'
        or exists (
            select from jsonb_each(p_facts) as f
            where
                f.key !~ '^[a-z][a-z0-9_]*$'
                or jsonb_typeof(f.value) in ('object', 'array')
                or jsonb_typeof(f.value) = 'number' and f.value::text !~ '^(0|-?[1-9][0-9]{0,14})$'
        )
    then
        raise exception using
            errcode = 'SA002',
            message = 'facts of an event are names of small letters, with text, a whole number of at most 15 digits, true, false or null';
    end if;
    return (
        select '{' || coalesce(string_agg(to_json(f.key)::text || ':' || f.value::text, ',' order by f.key collate "C"), '') || '}'
        from jsonb_each(p_facts) as f
    );
end
$$;
comment on function steelyard.canonical_facts is 'Facts as RFC 8785 writes them; refuses what is not plain.';

create or replace function steelyard.hash_of_event(p_event steelyard.audit_events) returns bytea
language sql stable
as $$
    select sha256(
        convert_to(
            format(
                '["%s",%s,%s,%s,%s,%s,%s,%s,%s,%s]',
                encode((p_event).previous_hash, 'hex'), (p_event).tenant_id, (p_event).sequence,
                to_json(steelyard.utc_text((p_event).recorded_at)), to_json((p_event).actor),
                to_json((p_event).action), to_json((p_event).object_type), to_json((p_event).object_id),
                steelyard.canonical_facts((p_event).facts), to_json((p_event).request_id)
            ),
            'UTF8'
        )
    )
$$;
comment on function steelyard.hash_of_event is 'SHA-256 of an event, that of the one before included.';

-- Adding to the chain ────────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.record_event(
    p_action text, p_object_type text, p_object_id text, p_facts jsonb
) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_event steelyard.audit_pending;
begin
    v_event.tenant_id := steelyard.current_tenant();
    v_event.recorded_at := steelyard.begun_at();
    v_event.actor := steelyard.current_actor();
    v_event.action := p_action;
    v_event.object_type := p_object_type;
    v_event.object_id := p_object_id;
    v_event.facts := coalesce(p_facts, '{}');
    v_event.request_id := coalesce(current_setting('app.request', true), '');
    if current_setting('transaction_isolation') = 'read committed' then
        perform steelyard.chain_pending_events();
        return steelyard.chain_event(v_event);
    end if;
    -- it sees the chain as it was when it began; to wait for the end of it, it would have to begin again
    perform steelyard.canonical_facts(v_event.facts);
    insert into steelyard.audit_pending
        (tenant_id, recorded_at, actor, action, object_type, object_id, facts, request_id)
    values (
        v_event.tenant_id, v_event.recorded_at, v_event.actor, v_event.action, v_event.object_type,
        v_event.object_id, v_event.facts, v_event.request_id
    );
    return null;
end
$$;
comment on function steelyard.record_event is 'Add an event to the tenant''s chain; who else adds one waits until this transaction ends. One that sees a single moment of the store leaves it to the next, and gets null.';

create or replace function steelyard.chain_pending_events() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_event steelyard.audit_pending;
    v_count bigint := 0;
begin
    insert into steelyard.audit_heads as h (tenant_id, sequence, hash)
    values (steelyard.current_tenant(), 0, decode(repeat('00', 32), 'hex'))
    on conflict (tenant_id) do update set sequence = h.sequence; -- holds the row until the transaction ends
    for v_event in
        with taken as (
            delete from steelyard.audit_pending as p
            where p.tenant_id = steelyard.current_tenant()
            returning p.*
        )

        select t.* from taken as t order by t.pending_id
    loop
        perform steelyard.chain_event(v_event);
        v_count := v_count + 1;
    end loop;
    return v_count;
end
$$;
comment on function steelyard.chain_pending_events() is 'Hold the tenant''s chain, and add to it what waits; returns how many events did.';

create or replace function steelyard.chain_event(p_event steelyard.audit_pending) returns bigint
language plpgsql volatile
as $$
declare
    v_event steelyard.audit_events;
begin
    select h.sequence + 1, h.hash into strict v_event.sequence, v_event.previous_hash
    from steelyard.audit_heads as h
    where h.tenant_id = p_event.tenant_id;
    v_event.tenant_id := p_event.tenant_id;
    v_event.recorded_at := p_event.recorded_at;
    v_event.actor := p_event.actor;
    v_event.action := p_event.action;
    v_event.object_type := p_event.object_type;
    v_event.object_id := p_event.object_id;
    v_event.facts := p_event.facts;
    v_event.request_id := p_event.request_id;
    v_event.hash := steelyard.hash_of_event(v_event);
    insert into steelyard.audit_events select v_event.*;
    update steelyard.audit_heads as h
    set sequence = v_event.sequence, hash = v_event.hash
    where h.tenant_id = v_event.tenant_id;
    return v_event.sequence;
end
$$;
comment on function steelyard.chain_event is 'Add an event to a chain that is held.';

-- Reading ─────────────────────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.chain_heads()
returns table (tenant_id integer, sequence bigint, hash bytea, pending bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select t.tenant_id, coalesce(h.sequence, 0), coalesce(h.hash, decode(repeat('00', 32), 'hex')), p.pending
    from steelyard.tenants as t
    left join steelyard.audit_heads as h on t.tenant_id = h.tenant_id
    cross join lateral (
        select count(*) as pending from steelyard.audit_pending as e where e.tenant_id = t.tenant_id
    ) as p
    where steelyard.current_user_id() is null
    order by t.tenant_id
$$;
comment on function steelyard.chain_heads() is 'The end of every tenant''s chain, and how many events wait for it: numbers and hashes, for who keeps heads of them all; nothing where a user asks.';

-- Only adding ────────────────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.refuse_audit_change() returns trigger
language plpgsql volatile
as $$
begin
    raise exception using errcode = 'SA001', message = format('%s is append-only', tg_table_name);
end
$$;
comment on function steelyard.refuse_audit_change() is 'No event is ever changed or deleted, and no chain gets shorter.';

create or replace trigger audit_events_are_append_only before update or delete or truncate on steelyard.audit_events
for each statement execute function steelyard.refuse_audit_change();
create or replace trigger audit_heads_stay before delete or truncate on steelyard.audit_heads
for each statement execute function steelyard.refuse_audit_change();
create or replace trigger audit_heads_move_on before update on steelyard.audit_heads
for each row when (
    new.tenant_id <> old.tenant_id
    or new.sequence <> old.sequence + 1 and (new.sequence, new.hash) <> (old.sequence, old.hash)
)
execute function steelyard.refuse_audit_change();
alter table steelyard.audit_events enable always trigger audit_events_are_append_only;
alter table steelyard.audit_heads enable always trigger audit_heads_stay, enable always trigger audit_heads_move_on;

revoke all on function
steelyard.record_event, steelyard.chain_pending_events, steelyard.chain_event, steelyard.chain_heads
from public;
grant execute on function steelyard.record_event, steelyard.chain_pending_events to steelyard_app, steelyard_refresh;
grant execute on function steelyard.chain_heads to steelyard_app, steelyard_auditor;

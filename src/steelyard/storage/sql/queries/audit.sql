-- name: record_event
-- Add an event to the tenant's chain, in the transaction of what it tells; null = the next to add one does it.
select steelyard.record_event(:action, :object_type, :object_id, cast(:facts as jsonb));

-- name: chain_pending_events
-- Add the events that wait to the tenant's chain.
select steelyard.chain_pending_events();

-- name: get_audit_head
-- The end of the tenant's chain.
select h.tenant_id, h.sequence, h.hash
from steelyard.audit_heads as h
where h.tenant_id = steelyard.current_tenant();

-- name: get_audit_heads
-- The end of every tenant's chain, and how many events wait for it.
select tenant_id, sequence, hash, pending from steelyard.chain_heads();

-- name: get_audit_events
-- Events of the tenant in their order: after a number, of a period, of an actor, an action or an object.
select
    e.tenant_id, e.sequence, steelyard.utc_text(e.recorded_at) as recorded_at, e.actor, e.action, e.object_type,
    e.object_id, e.facts, e.request_id, e.previous_hash, e.hash
from steelyard.audit_events as e
where
    e.tenant_id = steelyard.current_tenant()
    and e.sequence > :after
    and (cast(:since as timestamptz) is null or e.recorded_at >= :since)
    and (cast(:until as timestamptz) is null or e.recorded_at < :until)
    and (cast(:actor as text) is null or e.actor = :actor)
    and (cast(:action as text) is null or e.action = :action)
    and (cast(:object_type as text) is null or e.object_type = :object_type)
    and (cast(:object_id as text) is null or e.object_id = :object_id)
order by e.sequence;

-- name: get_last_audit_events
-- The same, the newest first, and only some.
select
    e.tenant_id, e.sequence, steelyard.utc_text(e.recorded_at) as recorded_at, e.actor, e.action, e.object_type,
    e.object_id, e.facts, e.request_id, e.previous_hash, e.hash
from steelyard.audit_events as e
where
    e.tenant_id = steelyard.current_tenant()
    and (cast(:before as bigint) is null or e.sequence < :before)
    and (cast(:since as timestamptz) is null or e.recorded_at >= :since)
    and (cast(:until as timestamptz) is null or e.recorded_at < :until)
    and (cast(:actor as text) is null or e.actor = :actor)
    and (cast(:action as text) is null or e.action = :action)
    and (cast(:object_type as text) is null or e.object_type = :object_type)
    and (cast(:object_id as text) is null or e.object_id = :object_id)
order by e.sequence desc
limit :most;

-- name: record_event
-- Add an event to the tenant's chain, in the transaction of what it tells.
select steelyard.record_event(:action, :object_type, :object_id, cast(:facts as jsonb));

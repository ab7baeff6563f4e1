-- name: find_order_keys
-- Orders whose keys are in a range, the first two.
select order_id from steelyard.orders
where tenant_id = steelyard.current_tenant() and order_id between cast(:low as uuid) and cast(:high as uuid)
order by order_id
limit 2;

-- name: find_proposal_keys
-- Proposals whose keys are in a range, the first two.
select proposal_id from steelyard.proposals
where tenant_id = steelyard.current_tenant() and proposal_id between cast(:low as uuid) and cast(:high as uuid)
order by proposal_id
limit 2;

-- name: find_run_keys
-- Runs whose keys are in a range, the first two.
select run_id from steelyard.runs
where tenant_id = steelyard.current_tenant() and run_id between cast(:low as uuid) and cast(:high as uuid)
order by run_id
limit 2;

-- name: find_hold_keys
-- Holds whose keys are in a range, the first two.
select hold_id from steelyard.trading_holds
where tenant_id = steelyard.current_tenant() and hold_id between cast(:low as uuid) and cast(:high as uuid)
order by hold_id
limit 2;

-- name: find_break_keys
-- Breaks whose keys are in a range, the first two.
select break_id from steelyard.reconciliation_breaks
where tenant_id = steelyard.current_tenant() and break_id between cast(:low as uuid) and cast(:high as uuid)
order by break_id
limit 2;

-- name: find_import_keys
-- Imports whose keys are in a range, the first two.
select import_id from steelyard.imports
where tenant_id = steelyard.current_tenant() and import_id between cast(:low as uuid) and cast(:high as uuid)
order by import_id
limit 2;

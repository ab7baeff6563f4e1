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

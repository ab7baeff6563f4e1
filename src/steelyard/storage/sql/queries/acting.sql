-- name: begin_acting
-- Say for whom this transaction works; the settings end with it.
select
    set_config('app.tenant', :tenant, true),
    set_config('app.actor', :actor, true),
    set_config('app.user', :user, true),
    set_config('app.request', :request, true);

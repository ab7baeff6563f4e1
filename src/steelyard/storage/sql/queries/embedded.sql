-- name: keep_passwords
-- Hold the passwords of the login roles in this session, so that they never stand in a statement that is logged.
select set_config('steelyard.migrator_password', $1, false), set_config('steelyard.app_password', $2, false);

-- name: create_roles
-- Create the roles that are absent and give the login roles their passwords.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['steelyard_migrator', 'steelyard_app', 'steelyard_auditor', 'steelyard_refresh'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
            execute format('create role %I nologin', wanted);
        end if;
    end loop;
    if not pg_has_role('steelyard_app', 'steelyard_refresh', 'member') then
        alter role steelyard_app noinherit;
        grant steelyard_refresh to steelyard_app;
    end if;
    execute format('alter role steelyard_migrator login password %L', current_setting('steelyard.migrator_password'));
    execute format('alter role steelyard_app login password %L', current_setting('steelyard.app_password'));
end
$$;

-- name: find_database
-- True when the database of the embedded server exists.
select exists (select from pg_catalog.pg_database where datname = 'steelyard');

-- name: create_database
-- The database, owned by the role that owns the schema.
create database steelyard owner steelyard_migrator;

-- name: restrict_database
-- Only the roles of the house connect.
revoke all on database steelyard from public;

-- name: admit_roles
-- Let them in; temporary tables serve loading.
grant connect, temporary on database steelyard to steelyard_app, steelyard_auditor, steelyard_refresh;

-- name: get_activity
-- Which server answers, since when, and how many others talk to it.
select
    split_part(current_setting('server_version'), ' ', 1) as version,
    extract(epoch from clock_timestamp() - pg_postmaster_start_time())::bigint as uptime_seconds,
    (
        select count(*)
        from pg_catalog.pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()
    ) as connections;

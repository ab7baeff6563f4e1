-- name: lock_migrations
-- Let one process at a time migrate; the others wait here, and then find nothing to do.
select pg_advisory_xact_lock(hashtext('steelyard.migration'));

-- name: limit_lock_waits
-- A migration that meets a long transaction gives up, instead of making every reader queue behind it.
select set_config('lock_timeout', '10s', true);

-- name: defer_body_checks
-- Let a function be made before the ones it calls, so that the order of the files does not matter.
select set_config('check_function_bodies', 'off', true);

-- name: find_schema
-- True when the schema is there.
select exists (select from pg_catalog.pg_namespace where nspname = 'steelyard');

-- name: create_schema
-- The schema, which must stand before the table of revisions does.
create schema steelyard;

-- name: find_revision_table
-- True when the table of revisions is there.
select exists (
    select
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
    where n.nspname = 'steelyard' and c.relname = 'alembic_version'
);

-- name: get_revision
-- The revision of the tables.
select version_num from steelyard.alembic_version;

-- name: show_revision
-- Let the role that works on the rows see whether the tables fit the code.
grant select on steelyard.alembic_version to steelyard_app, steelyard_auditor;

-- name: get_repeatable_files
-- The procedures as they were installed.
select path, sha256 from steelyard.repeatable_files;

-- name: record_repeatable_file
-- A procedure was installed.
insert into steelyard.repeatable_files (path, sha256) values (:path, :sha256)
on conflict (path) do update set sha256 = excluded.sha256, applied_at = statement_timestamp();

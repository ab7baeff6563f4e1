-- Files that wait to be imported, and are forgotten.

create or replace function steelyard.drop_old_uploads() returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from steelyard.import_uploads as u
    where u.uploaded_at < steelyard.begun_at() - interval '1 hour'
$$;
comment on function steelyard.drop_old_uploads() is 'Forget every upload that is older than an hour, whoever''s it is.';

revoke all on function steelyard.drop_old_uploads() from public;
grant execute on function steelyard.drop_old_uploads() to steelyard_app;

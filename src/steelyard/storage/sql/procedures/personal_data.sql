-- What is held of a person: read and erased by the register in identity/personal_data.py, which names the tables.

create or replace function steelyard.names_any(p_columns text[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%I::text = any($1)', c.name), ' or ') from unnest(p_columns) as c (name)
$$;
comment on function steelyard.names_any is 'A condition: one of these columns holds one of the names in parameter 1.';

create or replace function steelyard.rows_of_person(p_table text, p_columns text[], p_found_by text[], p_names text[])
returns setof jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return query execute (
        select format(
            'select to_jsonb(x) from (select %s from steelyard.%I where tenant_id = steelyard.current_tenant() and (%s)) as x',
            string_agg(format('%I', c.name), ', '), p_table, steelyard.names_any(p_found_by)
        )
        from unnest(p_columns) as c (name)
    ) using p_names;
end
$$;
comment on function steelyard.rows_of_person is 'The rows of a table that name somebody, by one of their names in one of the columns p_found_by; of each p_columns.';

create or replace function steelyard.delete_rows_of_person(p_table text, p_found_by text[], p_names text[])
returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
begin
    execute format(
        'delete from steelyard.%I where tenant_id = steelyard.current_tenant() and (%s)',
        p_table, steelyard.names_any(p_found_by)
    ) using p_names;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
comment on function steelyard.delete_rows_of_person is 'Delete the rows of a table that are somebody''s; returns how many there were.';

create or replace function steelyard.clear_columns_of_person(
    p_table text, p_columns text[], p_found_by text[], p_names text[]
) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
begin
    execute (
        select format(
            'update steelyard.%I set %s where tenant_id = steelyard.current_tenant() and (%s)',
            p_table, string_agg(format('%I = null', c.name), ', '), steelyard.names_any(p_found_by)
        )
        from unnest(p_columns) as c (name)
    ) using p_names;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
comment on function steelyard.clear_columns_of_person is 'Empty columns of the rows that are somebody''s; returns how many there were.';

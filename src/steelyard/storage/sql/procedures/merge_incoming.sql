-- How a load takes rows over: they wait in the temporary table `incoming`, shaped like their table, and one
-- statement adds those that are not stored yet, corrects those whose values differ and leaves equal ones
-- alone. Columns that `incoming` lacks keep what is stored; new rows get the default.

create or replace function steelyard.stage_incoming(p_table text, p_columns text[])
returns void
language plpgsql volatile
as $$
begin
    execute format(
        'create temporary table incoming on commit drop as select %s from steelyard.%I with no data',
        (select string_agg(quote_ident(c.name), ', ' order by c.place)
         from unnest(p_columns) with ordinality as c (name, place)),
        p_table
    );
end
$$;
comment on function steelyard.stage_incoming is 'Make the temporary table `incoming` with columns of a table of ours.';

create or replace function steelyard.merge_incoming(p_table text, out added bigint, out corrected bigint)
language plpgsql volatile
as $$
declare
    key_columns text [];
    same_key text;
    value_columns text [];
begin
    -- The unique index is the table's key: each table that files bring has exactly one.
    select
        array_agg(quote_ident(a.attname)) filter (where a.attnum = any(i.indkey)),
        string_agg(
            format(case when a.attnotnull then 'n.%1$I = s.%1$I' else 'n.%1$I is not distinct from s.%1$I' end, a.attname),
            ' and '
        ) filter (where a.attnum = any(i.indkey)),
        array_agg(quote_ident(a.attname)) filter (where a.attnum <> all(i.indkey))
    into key_columns, same_key, value_columns
    from pg_catalog.pg_index as i
    inner join pg_catalog.pg_attribute as a on i.indrelid = a.attrelid and a.attnum > 0
    where
        i.indrelid = format('steelyard.%I', p_table)::regclass
        and i.indisunique
        and exists (
            select from pg_catalog.pg_attribute as b
            where b.attrelid = 'pg_temp.incoming'::regclass and b.attname = a.attname and b.attnum > 0
        );

    analyze pg_temp.incoming;
    execute format(
        $merge$
            with changed as (
                select n.*, s.%2$s is null as is_new
                from pg_temp.incoming as n
                left join steelyard.%1$I as s on %3$s
                where s.%2$s is null or (%4$s) is distinct from (%5$s)
            ), written as (
                insert into steelyard.%1$I (%6$s)
                select %6$s from changed
                on conflict (%7$s) do update set (%8$s) = row(%9$s)
            )
            select count(*) filter (where is_new), count(*) filter (where not is_new) from changed
        $merge$,
        p_table,
        key_columns[1],
        same_key,
        (select string_agg('s.' || v, ', ') from unnest(value_columns) as v),
        (select string_agg('n.' || v, ', ') from unnest(value_columns) as v),
        array_to_string(key_columns || value_columns, ', '),
        array_to_string(key_columns, ', '),
        array_to_string(value_columns, ', '),
        (select string_agg('excluded.' || v, ', ') from unnest(value_columns) as v)
    ) into added, corrected;
end
$$;
comment on function steelyard.merge_incoming is 'Take the rows of `incoming` over into a table of ours; answer how many were added and corrected.';

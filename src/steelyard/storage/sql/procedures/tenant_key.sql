-- Keys over all tenants, and the columns that they encrypt. What encrypts and decrypts is identity/vault.py.

create or replace function steelyard.find_keys()
returns table (
    tenant_id integer,
    key_id integer,
    wrapped_by text,
    created_at timestamptz,
    retired_at timestamptz,
    destroyed_at timestamptz
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select k.tenant_id, k.key_id, k.wrapped_by, k.created_at, k.retired_at, k.destroyed_at
    from steelyard.tenant_keys as k
    where steelyard.current_user_id() is null
$$;
comment on function steelyard.find_keys is 'Every tenant''s keys, without the keys themselves; nothing where a user asks.';
revoke all on function steelyard.find_keys() from public;
grant execute on function steelyard.find_keys() to steelyard_app;

create or replace function steelyard.type_of_column(p_table text, p_column text) returns text
language sql stable
as $$
    select format_type(a.atttypid, a.atttypmod)
    from pg_catalog.pg_attribute as a
    where a.attrelid = format('steelyard.%I', p_table)::regclass and a.attname = p_column
$$;
comment on function steelyard.type_of_column is 'The type of a column of ours, as a cast names it.';

create or replace function steelyard.read_sealed(
    p_table text, p_column text, p_row_key text, p_key_id integer, p_after text, p_limit integer
) returns table (row_id text, sealed bytea)
language plpgsql stable
as $$
begin
    return query execute format(
        $read$
            select s.%1$I::text, s.%2$I
            from steelyard.%3$I as s
            where
                s.tenant_id = (select steelyard.current_tenant())
                and substring(s.%2$I from 2 for 4) = int4send($1)
                and ($2 is null or s.%1$I > $2::%4$s)
            order by s.%1$I
            limit $3
        $read$,
        p_row_key, p_column, p_table, steelyard.type_of_column(p_table, p_row_key)
    ) using p_key_id, p_after, p_limit;
end
$$;
comment on function steelyard.read_sealed is 'The next rows after one whose column was sealed with a key; the key''s number stands in bytes 2 to 5.';

create or replace function steelyard.replace_sealed(
    p_table text, p_column text, p_row_key text, p_row_ids text[], p_was bytea[], p_sealed bytea[]
) returns bigint
language plpgsql volatile
as $$
declare
    v_replaced bigint;
begin
    execute format(
        $replace$
            update steelyard.%3$I as s
            set %2$I = n.sealed
            from unnest($1, $2, $3) as n (row_id, was, sealed)
            where
                s.tenant_id = (select steelyard.current_tenant())
                and s.%1$I = n.row_id::%4$s
                and s.%2$I = n.was
        $replace$,
        p_row_key, p_column, p_table, steelyard.type_of_column(p_table, p_row_key)
    ) using p_row_ids, p_was, p_sealed;
    get diagnostics v_replaced = row_count;
    return v_replaced;
end
$$;
comment on function steelyard.replace_sealed is 'Replace what a column holds where it still holds what was read; answers in how many rows it did.';

create or replace function steelyard.get_sealed(p_table text, p_column text, p_row_key text, p_row_id text)
returns bytea
language plpgsql stable
as $$
declare
    v_sealed bytea;
begin
    execute format(
        'select s.%2$I from steelyard.%3$I as s where s.tenant_id = (select steelyard.current_tenant()) and s.%1$I = $1::%4$s',
        p_row_key, p_column, p_table, steelyard.type_of_column(p_table, p_row_key)
    ) into v_sealed using p_row_id;
    return v_sealed;
end
$$;
comment on function steelyard.get_sealed is 'What a column of a row holds now; null where there is no such row.';

-- Attaching: tables that a firm already has take the place of ours, read through views.
--
-- A table of ours, empty, is set aside under the name X_own, and a view X with the same columns reads theirs.
-- The functions of asset 360 name their tables in text, so they find the view. Foreign keys of ours that point at
-- a table set aside are dropped and remembered. Nothing here changes anything outside the schema steelyard.
-- The table `attachment` stands only while something is attached; detaching takes it away.

create or replace function steelyard.attached_tables() returns text[]
language sql stable
as $$
    select coalesce(array_agg(c.relname::text order by c.relname), '{}')
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_class as o on c.relnamespace = o.relnamespace and o.relname = c.relname || '_own'
    where c.relnamespace = 'steelyard'::regnamespace and c.relkind = 'v'
$$;
comment on function steelyard.attached_tables() is 'The tables of ours whose place a view on a firm''s table has taken; empty when nothing is attached.';

create or replace function steelyard.attached_column(
    p_source regclass, p_column jsonb, p_type oid, p_modifier integer, p_is_needed boolean
) returns text
language plpgsql stable
as $$
declare
    v_type constant text := format_type(p_type, p_modifier);
    v_found oid;
    v_made text;
    v_words text;
begin
    if p_column ->> 'column' is null then
        return format('%L::%s', p_column ->> 'default', v_type);
    end if;
    select a.atttypid into strict v_found
    from pg_catalog.pg_attribute as a
    where a.attrelid = p_source and a.attname = p_column ->> 'column' and a.attnum > 0 and not a.attisdropped;
    v_made := format('s.%I', p_column ->> 'column');
    if p_column ? 'format' then
        v_made := format('to_date(%s::text, %L)', v_made, p_column ->> 'format');
    elsif p_column ? 'words' then
        select string_agg(format('when %L then %L', w.key, w.value), ' ') into v_words
        from jsonb_each_text(p_column -> 'words') as w;
        v_made := case
            when v_words is null then format('upper(%s::text)', v_made)
            else format('case %1$s::text %2$s else upper(%1$s::text) end', v_made, v_words)
        end;
    elsif v_found = 'bpchar'::regtype then
        v_made := format('rtrim(%s)', v_made);
    elsif v_found <> p_type then
        v_made := format('%s::%s', v_made, v_type);
    end if;
    if p_type = 'text'::regtype and (not p_is_needed or p_column ? 'default') then
        v_made := format('nullif(%s, '''')', v_made);
    end if;
    -- NaN is how a float says that there is no figure; numeric has it too
    if p_type in ('float8'::regtype, 'numeric'::regtype) and not p_is_needed then
        v_made := format('nullif(%s, ''NaN'')', v_made);
    end if;
    if p_column ? 'value' then
        v_made := format('(%s / nullif(s.%I, 0))::%s', v_made, p_column ->> 'value', v_type);
    elsif p_column ->> 'unit' = 'percent' then
        v_made := format('(%s / 100)', v_made);
    end if;
    v_made := case p_column ->> 'sign'
        when 'absolute' then format('abs(%s)', v_made)
        when 'negated' then format('(0 - %s)', v_made)
        else v_made
    end;
    if p_column ? 'default' then
        v_made := format('coalesce(%s, %L)', v_made, p_column ->> 'default');
    end if;
    return v_made;
end
$$;
comment on function steelyard.attached_column is 'The expression that reads one of their columns as one of ours; a column that needs no change stays bare, so that their indexes serve.';

create or replace function steelyard.set_table_aside(p_table text) returns jsonb
language plpgsql volatile
as $$
declare
    v_table constant regclass := format('steelyard.%I', p_table);
    v_key record;
    v_keys jsonb := jsonb_build_array();
begin
    for v_key in
        select k.conrelid::regclass::text as owner, k.conname as name, pg_get_constraintdef(k.oid) as definition
        from pg_catalog.pg_constraint as k
        where k.confrelid = v_table and k.contype = 'f'
        order by 1, 2
    loop
        v_keys := v_keys || to_jsonb(v_key);
        execute format('alter table %s drop constraint %I', v_key.owner, v_key.name);
    end loop;
    execute format('alter table steelyard.%I rename to %I', p_table, p_table || '_own');
    return v_keys;
end
$$;
comment on function steelyard.set_table_aside is 'Give a table of ours another name; answer the foreign keys that pointed at it and are dropped.';

create or replace function steelyard.read_mapped(p_source regclass, p_columns jsonb) returns text
language sql stable
as $$
    -- A select of a select cannot be written to, so nothing of ours ever writes to theirs; the planner sees through.
    -- It names the columns that are mapped: no right is needed on the others, and their owner may change them.
    select format('(select %s from %s) as s', string_agg(distinct quote_ident(n.name), ', '), p_source)
    from jsonb_each(p_columns) as c
    cross join unnest(array[c.value ->> 'column', c.value ->> 'value']) as n (name)
    where n.name is not null
$$;
comment on function steelyard.read_mapped is 'What stands after FROM to read the mapped columns of a table of theirs.';

create or replace function steelyard.is_there(p_source regclass, p_name name, p_type oid) returns text
language sql stable
as $$
    -- infinity is no amount, and NaN counts as more than it
    select
        case
            when p_type = 'numeric'::regtype and a.atttypid in ('float4'::regtype, 'float8'::regtype, 'numeric'::regtype)
                then format('s.%1$I > ''-Infinity'' and s.%1$I < ''Infinity''', p_name)
            else format('s.%I is not null', p_name)
        end
    from pg_catalog.pg_attribute as a
    where a.attrelid = p_source and a.attname = p_name
$$;
comment on function steelyard.is_there is 'The condition that a column of theirs holds what one of ours must have.';

create or replace function steelyard.view_their_table(p_table text, p_source regclass, p_columns jsonb) returns void
language plpgsql volatile
as $$
declare
    v_columns text;
    v_rows text;
    v_currency text := '';
    v_seen constant text := steelyard.rows_seen(p_table); -- null for what every tenant shares
begin
    -- Where a transaction says no currency, its own is that of the asset.
    if p_table = 'transactions' and not exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = p_source and a.attname = p_columns -> 'currency' ->> 'column' and a.attnotnull
    ) then
        v_currency := format(
            ' left join steelyard.asset_master as a on a.asset_id = %s',
            steelyard.attached_column(p_source, p_columns -> 'asset_id', 'text'::regtype, -1, true)
        );
    end if;
    select
        string_agg(
            case
                when c.attname = 'tenant_id' then '1'
                when c.attname = 'origin' then '''loaded''::text'
                when v_currency <> '' and c.attname = 'currency'
                    then
                        format(
                            'coalesce(%s, a.currency)',
                            case
                                when p_columns ? 'currency'
                                    then steelyard.attached_column(p_source, p_columns -> 'currency', c.atttypid, c.atttypmod, false)
                                else 'null'
                            end
                        )
                when p_columns ? c.attname
                    then steelyard.attached_column(p_source, p_columns -> c.attname, c.atttypid, c.atttypmod, c.attnotnull)
                else
                    coalesce(
                        case when c.attnotnull then pg_get_expr(d.adbin, d.adrelid) end,
                        format('null::%s', format_type(c.atttypid, c.atttypmod))
                    )
            end
            || format(' as %I', c.attname),
            ', ' order by c.attnum
        ),
        string_agg(
            steelyard.is_there(p_source, (p_columns -> c.attname ->> 'column')::name, c.atttypid)
            || case
                when c.attname = 'closing_price' then format(' and s.%I > 0', p_columns -> c.attname ->> 'column')
                else ''
            end,
            ' and ' order by c.attnum
        ) filter (
            where
            c.attnotnull
            and p_columns -> c.attname ? 'column'
            and not p_columns -> c.attname ? 'default'
            and c.attname not in ('transaction_id', 'record_id') -- figures need no number of a row
            and not (v_currency <> '' and c.attname = 'currency')
        )
    into v_columns, v_rows
    from pg_catalog.pg_attribute as c
    left join pg_catalog.pg_attrdef as d on c.attrelid = d.adrelid and c.attnum = d.adnum
    where c.attrelid = format('steelyard.%I', p_table || '_own')::regclass and c.attnum > 0 and not c.attisdropped;
    -- The view reads theirs with the rights of its owner, so the policies of our own table stand in it.
    execute format(
        'create view steelyard.%I %s as select r.* from (select %s from %s%s where %s) as r where %s',
        p_table,
        case when v_seen is not null then 'with (security_barrier = true)' end,
        v_columns,
        steelyard.read_mapped(p_source, p_columns),
        v_currency,
        coalesce(v_rows, 'true'),
        coalesce('r.tenant_id = (select steelyard.current_tenant()) and (' || v_seen || ')', 'true')
    );
    execute format('revoke insert, update, delete on steelyard.%I from steelyard_app', p_table);
    execute format('grant select on steelyard.%I to steelyard_refresh', p_table);
end
$$;
comment on function steelyard.view_their_table is 'Make the view that reads a table of theirs in the place of one of ours; rows without key or value are left out.';

create or replace function steelyard.attach_tables(p_mapping jsonb) returns void
language plpgsql volatile
as $$
declare
    v_table record;
    v_keys jsonb := jsonb_build_array();
begin
    create table steelyard.attachment (
        mapping jsonb not null,
        foreign_keys jsonb not null
    );
    comment on table steelyard.attachment is 'What is attached, and the foreign keys of ours that wait for it to be detached.';
    create table steelyard.attachment_marks (
        asset_id text primary key,
        last_date date not null,
        previous_date date,
        row_count bigint not null,
        checksum numeric not null,
        first_price numeric(27, 12)
    );
    comment on table steelyard.attachment_marks is 'What their rows were when history was last derived from them; another checksum means derive again.';
    -- The mapping states what portfolios are worth.
    alter table steelyard.attachment enable row level security, force row level security;
    create policy tenant on steelyard.attachment to steelyard_app, steelyard_refresh, steelyard_auditor
    using ((select steelyard.current_tenant()) = 1 and (select steelyard.sees_every_account()));
    create policy owner on steelyard.attachment to steelyard_migrator using (true);
    grant select on steelyard.attachment to steelyard_refresh;
    grant select, insert, update, delete on steelyard.attachment_marks to steelyard_refresh;
    -- asset_master first: the view of transactions may need it
    for v_table in select t.key as name, t.value as spec from jsonb_each(p_mapping -> 'tables') as t order by t.key
    loop
        if v_table.name not in ('accounts', 'asset_360') then
            v_keys := v_keys || steelyard.set_table_aside(v_table.name);
            perform steelyard.view_their_table(
                v_table.name,
                format('%I.%I', v_table.spec ->> 'schema', v_table.spec ->> 'table')::regclass,
                v_table.spec -> 'columns'
            );
        end if;
    end loop;
    if p_mapping -> 'tables' ? 'accounts' then
        perform steelyard.view_their_accounts(p_mapping -> 'tables' -> 'accounts');
    end if;
    insert into steelyard.attachment (mapping, foreign_keys) values (p_mapping, v_keys);
end
$$;
comment on function steelyard.attach_tables is 'Put views on their tables in the place of ours, as a mapping says.';

create or replace function steelyard.view_their_accounts(p_spec jsonb) returns void
language plpgsql volatile
as $$
declare
    v_source constant regclass := format('%I.%I', p_spec ->> 'schema', p_spec ->> 'table');
    v_columns text;
begin
    select
        string_agg(
            case
                when p_spec -> 'columns' ? c.attname
                    then
                        steelyard.attached_column(
                            v_source, p_spec -> 'columns' -> c.attname, c.atttypid, c.atttypmod, false
                        )
                else format('null::%s', format_type(c.atttypid, c.atttypmod))
            end
            || format(' as %I', c.attname),
            ', ' order by c.attnum
        )
    into v_columns
    from pg_catalog.pg_attribute as c
    where c.attrelid = 'steelyard.accounts'::regclass and c.attnum > 0 and not c.attisdropped;
    execute format(
        'create view steelyard.their_accounts with (security_barrier = true) as select %s from %s where s.%I is not null'
        ' and (select steelyard.current_tenant()) = 1 and (select steelyard.sees_every_account())',
        v_columns, steelyard.read_mapped(v_source, p_spec -> 'columns'), p_spec -> 'columns' -> 'account_id' ->> 'column'
    );
    grant select on steelyard.their_accounts to steelyard_refresh;
end
$$;
comment on function steelyard.view_their_accounts is 'Make the view that reads their table of portfolios, from which our accounts are kept.';

create or replace function steelyard.sync_attached_accounts() returns bigint
language plpgsql volatile
as $$
declare
    v_mapping jsonb;
    v_currency text;
    v_made bigint;
begin
    if to_regclass('steelyard.attachment') is null then
        return 0;
    end if;
    select a.mapping into v_mapping from steelyard.attachment as a;
    select t.base_currency into v_currency from steelyard.tenants as t where t.tenant_id = 1;
    if v_mapping -> 'tables' ? 'accounts' then
        insert into steelyard.accounts as x (
            tenant_id, account_id, account_name, base_currency, stated_value, stated_value_date
        )
        select
            1, t.account_id, coalesce(t.account_name, t.account_id), coalesce(t.base_currency, v_currency),
            t.stated_value, t.stated_value_date
        from steelyard.their_accounts as t
        on conflict (tenant_id, account_id) do update set
            account_name = excluded.account_name,
            base_currency = excluded.base_currency,
            stated_value = excluded.stated_value,
            stated_value_date = excluded.stated_value_date;
    end if;
    insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency)
    select 1, n.account_id, n.account_id, v_currency
    from (
        select p.portfolio as account_id from steelyard.portfolio_allocation as p where p.tenant_id = 1
        union
        select t.account_id from steelyard.transactions as t where t.tenant_id = 1
        union
        select c.account_id from steelyard.compliance_records as c where c.tenant_id = 1
    ) as n
    where n.account_id is not null
    on conflict (tenant_id, account_id) do nothing;
    get diagnostics v_made = row_count;
    update steelyard.accounts as x
    set stated_value = v.value::numeric
    from jsonb_each_text(v_mapping -> 'stated_values') as v
    where x.tenant_id = 1 and x.account_id = v.key and x.stated_value is distinct from v.value::numeric;
    return v_made;
end
$$;
comment on function steelyard.sync_attached_accounts is 'Keep our accounts in step with their portfolios: a row per name, and the values they state. Answers how many were made from names.';

create or replace function steelyard.note_attached_changes() returns void
language plpgsql volatile
as $$
declare
    v_attached constant text[] := steelyard.attached_tables();
begin
    drop table if exists pg_temp.attached_now, pg_temp.attached_before;
    -- Returns of their own are what risk is measured on; without them, prices are.
    if 'performance_history' = any(v_attached) then
        create temporary table attached_now on commit drop as
        select
            h.asset_id, min(h.date) as first_date, max(h.date) as last_date, count(*) as row_count,
            sum(hashfloat8extended(h.daily_return, h.date - date '2000-01-01')) as checksum,
            count(*) filter (where h.date <= k.last_date) as rows_before,
            sum(hashfloat8extended(h.daily_return, h.date - date '2000-01-01'))
                filter (where h.date <= k.last_date) as checksum_before
        from steelyard.performance_history as h
        left join steelyard.attachment_marks as k on h.asset_id = k.asset_id
        where h.daily_return is not null
        group by h.asset_id;
    else
        create temporary table attached_now on commit drop as
        select
            m.asset_id, min(m.price_date) as first_date, max(m.price_date) as last_date, count(*) as row_count,
            sum(hash_numeric_extended(m.closing_price, m.price_date - date '2000-01-01')) as checksum,
            count(*) filter (where m.price_date <= k.last_date) as rows_before,
            sum(hash_numeric_extended(m.closing_price, m.price_date - date '2000-01-01'))
                filter (where m.price_date <= k.last_date) as checksum_before
        from steelyard.market_data as m
        left join steelyard.attachment_marks as k on m.asset_id = k.asset_id
        group by m.asset_id;
    end if;
    insert into steelyard.derivations_pending as p (asset_id, from_date)
    select
        coalesce(n.asset_id, k.asset_id),
        case
            when k.row_count = n.rows_before and k.checksum = n.checksum_before then k.last_date + 1
            else '-infinity'::date
        end
    from pg_temp.attached_now as n
    full join steelyard.attachment_marks as k on n.asset_id = k.asset_id
    where n.row_count is distinct from k.row_count or n.checksum is distinct from k.checksum
    on conflict (asset_id) do update set from_date = least(p.from_date, excluded.from_date);
    create temporary table attached_before on commit drop as
    select k.asset_id, k.last_date from steelyard.attachment_marks as k;
    delete from steelyard.attachment_marks;
    insert into steelyard.attachment_marks (asset_id, last_date, previous_date, row_count, checksum)
    select n.asset_id, n.last_date, b.last_date, n.row_count, n.checksum
    from pg_temp.attached_now as n
    left join pg_temp.attached_before as b on n.asset_id = b.asset_id;
    -- what total returns count from; needed where they are derived
    if not 'performance_history' = any(v_attached) then
        update steelyard.attachment_marks as k
        set first_price = m.closing_price
        from pg_temp.attached_now as n
        inner join steelyard.market_data as m on n.asset_id = m.asset_id and n.first_date = m.price_date
        where k.asset_id = n.asset_id;
    end if;
end
$$;
comment on function steelyard.note_attached_changes is 'Mark for derivation the assets whose rows of theirs are not what they were: from the first new day where only days were added, whole otherwise.';

create or replace function steelyard.detach_tables() returns void
language plpgsql volatile
as $$
declare
    v_table text;
    v_key record;
begin
    drop view if exists steelyard.their_accounts;
    -- What came of their rows goes; so does what points at assets that only they have.
    delete from steelyard.asset_360_current;
    delete from steelyard.asset_360_documents;
    delete from steelyard.asset_360_rows;
    delete from steelyard.asset_360_versions;
    perform steelyard.forget_ledger();
    delete from steelyard.target_weights;
    -- The ledger is of their transactions. Only the owner of the tables can clear it, and only here.
    alter table steelyard.journal disable trigger journal_is_append_only;
    alter table steelyard.postings disable trigger postings_are_append_only;
    truncate steelyard.postings, steelyard.journal, steelyard.balances, steelyard.unposted_transactions;
    alter table steelyard.journal enable always trigger journal_is_append_only;
    alter table steelyard.postings enable always trigger postings_are_append_only;
    delete from steelyard.accounts;
    delete from steelyard.benchmarks;
    delete from steelyard.derivations_pending;
    -- backwards, for the view of transactions may read that of asset_master
    for v_table in select t.name from unnest(steelyard.attached_tables()) as t (name) order by t.name desc loop
        execute format('drop view steelyard.%I', v_table);
    end loop;
    for v_table in
        select left(c.relname, -4)
        from pg_catalog.pg_class as c
        where c.relnamespace = 'steelyard'::regnamespace and c.relkind = 'r' and c.relname like '%\_own'
    loop
        execute format('alter table steelyard.%I rename to %I', v_table || '_own', v_table);
    end loop;
    delete from steelyard.performance_history;
    delete from steelyard.risk_metrics;
    for v_key in
        select k.owner, k.name, k.definition
        from steelyard.attachment as a
        cross join jsonb_to_recordset(a.foreign_keys) as k (owner text, name text, definition text)
    loop
        execute format('alter table %s add constraint %I %s', v_key.owner, v_key.name, v_key.definition);
    end loop;
    drop table steelyard.attachment, steelyard.attachment_marks;
end
$$;
comment on function steelyard.detach_tables is 'Take the views away and put our own tables back, empty, with their foreign keys; what was made of their rows is deleted.';

-- Looking at their tables ─────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.sample_of(p_schema text, p_table text) returns text
language sql stable
as $$
    -- blocks from all over a large table, for its first rows may be of one asset or one year
    select
        format('%I.%I', p_schema, p_table)
        || case
            when c.relkind = 'r' and c.reltuples > 40000
                then format(' tablesample system (%s) repeatable (7)', round((4000000 / c.reltuples)::numeric, 6))
            else ''
        end
    from pg_catalog.pg_class as c
    where c.oid = format('%I.%I', p_schema, p_table)::regclass
$$;
comment on function steelyard.sample_of is 'What stands after FROM to read a bounded sample of a table.';

create or replace function steelyard.profile_numbers(
    p_schema text,
    p_table text,
    p_column text,
    out row_count bigint,
    out median_size double precision,
    out low double precision,
    out high double precision,
    out negatives bigint
)
language plpgsql stable
as $$
begin
    execute format(
        $profile$
            select
                count(*),
                percentile_cont(0.5) within group (order by abs(x)) filter (where x <> 0 and x < 'Infinity'),
                min(x),
                max(x) filter (where x < 'Infinity'),
                count(*) filter (where x < 0)
            from (select %I::double precision as x from %s limit 50000) as s
            where x is not null
        $profile$,
        p_column,
        steelyard.sample_of(p_schema, p_table)
    ) into row_count, median_size, low, high, negatives;
end
$$;
comment on function steelyard.profile_numbers is 'What a bounded sample of a column of numbers holds: how many, their size in the middle, the least and the greatest.';

create or replace function steelyard.profile_words(p_schema text, p_table text, p_column text, out words text[])
language plpgsql stable
as $$
begin
    execute format(
        $profile$
            select coalesce(array_agg(w.word order by w.n desc, w.word), '{}')
            from (
                select x as word, count(*) as n
                from (select %I::text as x from %s limit 50000) as s
                where x is not null
                group by x
                order by n desc, x
                limit 12
            ) as w
        $profile$,
        p_column,
        steelyard.sample_of(p_schema, p_table)
    ) into words;
end
$$;
comment on function steelyard.profile_words is 'The twelve commonest words in a bounded sample of a column.';

create or replace function steelyard.profile_weights(p_schema text, p_table text, p_weight text, p_by text[])
returns double precision
language plpgsql stable
as $$
declare
    v_sum double precision;
begin
    execute format(
        $profile$
            select percentile_cont(0.5) within group (order by s.total)
            from (
                select sum(%1$I)::double precision as total
                from (select * from %2$I.%3$I limit 200000) as t
                where %1$I is not null
                group by %4$s
            ) as s
        $profile$,
        p_weight,
        p_schema,
        p_table,
        (select string_agg(quote_ident(b.name), ', ') from unnest(p_by) as b (name))
    ) into v_sum;
    return v_sum;
end
$$;
comment on function steelyard.profile_weights is 'What the weights of a portfolio on a day sum to, in the middle of a bounded sample.';

create or replace function steelyard.count_duplicates(
    p_view text, p_key_columns text[], out surplus_rows bigint, out example text
)
language plpgsql stable
set work_mem = '256MB'
as $$
declare
    v_key constant text := (select string_agg(quote_ident(k.name), ', ') from unnest(p_key_columns) as k (name));
begin
    -- Different hashes are of different keys, and sorting eight bytes a row is a third of the work of grouping keys.
    execute format(
        'select count(*) - count(distinct hash_record_extended(row(%s), 0)) from steelyard.%I', v_key, p_view
    ) into surplus_rows;
    if surplus_rows > 0 then
        execute format(
            $count$
                select coalesce(sum(d.n - 1), 0), min(d.example)
                from (
                    select count(*) as n, concat_ws(', ', %1$s) as example
                    from steelyard.%2$I
                    group by %1$s
                    having count(*) > 1
                ) as d
            $count$,
            v_key,
            p_view
        ) into surplus_rows, example;
    end if;
end
$$;
comment on function steelyard.count_duplicates is 'How many rows of a view of ours share their key with another, and one such key.';

create or replace function steelyard.survey_table(
    p_view text,
    p_schema text,
    p_table text,
    out left_out bigint,
    out unknown_rows bigint,
    out unknown_asset text
)
language plpgsql stable
as $$
declare
    v_view constant regclass := format('steelyard.%I', p_view);
    v_has_assets boolean;
    v_read text;
    v_there bigint;
begin
    -- counting a column is what makes every one of its values be converted
    select
        bool_or(c.attname = 'asset_id') and p_view <> 'asset_master',
        coalesce(string_agg(format(', count(v.%I)', c.attname), '') filter (
            where c.atttypid in ('numeric'::regtype, 'date'::regtype)
        ), '')
    into v_has_assets, v_read
    from pg_catalog.pg_attribute as c
    where c.attrelid = v_view and c.attnum > 0 and not c.attisdropped;
    execute format('select count(*) from %I.%I', p_schema, p_table) into left_out;
    execute format(
        case
            when v_has_assets
                then
                    'select count(*), count(v.asset_id) filter (where a.asset_id is null), '
                    'min(v.asset_id) filter (where a.asset_id is null)%s '
                    'from %s as v left join steelyard.asset_master as a on v.asset_id = a.asset_id'
            else 'select count(*), 0, null%s from %s as v'
        end,
        v_read,
        v_view
    ) into v_there, unknown_rows, unknown_asset;
    left_out := left_out - v_there;
end
$$;
comment on function steelyard.survey_table is 'Read the whole of a table of theirs through our view: how many rows are left out, how many are of no known asset, and one such; a value that cannot be converted is an error.';

-- Their own asset_360, beside ours ────────────────────────────────────────────────────────────────────────

create or replace function steelyard.read_their_rows(p_spec jsonb) returns setof jsonb
language plpgsql stable
as $$
begin
    return query execute format(
        'select jsonb_build_object(%s) from %I.%I as s',
        (
            select string_agg(format('%L, s.%I', c.key, c.value ->> 'column'), ', ')
            from jsonb_each(p_spec -> 'columns') as c
        ),
        p_spec ->> 'schema',
        p_spec ->> 'table'
    );
end
$$;
comment on function steelyard.read_their_rows is 'Rows of a table of theirs, with our names for its columns.';

create or replace function steelyard.historical_figures(p_as_of date)
returns table (asset_id text, figures jsonb)
language sql stable
as $$
    with performance as (
        select
            h.asset_id,
            avg(h.daily_return) as avg_daily_return,
            max(h.daily_return) as max_daily_return,
            min(h.daily_return) as min_daily_return,
            avg(h.total_return) as total_return,
            avg(h.total_return) filter (where h.date > (p_as_of - interval '1 year')::date) as total_return_within
        from steelyard.performance_history as h
        where h.date >= (p_as_of - interval '1 year')::date
        group by h.asset_id
    ),

    risk as (
        select
            r.asset_id,
            avg(r.volatility) as avg_volatility,
            avg(r.var_95) as value_at_risk,
            avg(r.beta) as beta,
            avg(r.sharpe_ratio) as sharpe_ratio
        from steelyard.risk_metrics as r
        where r.calculation_date >= (p_as_of - interval '3 months')::date
        group by r.asset_id
    ),

    booked as (
        select
            t.asset_id,
            count(*) as total_transactions,
            sum(t.total_amount) filter (where t.transaction_type = 'BUY') as total_purchases,
            sum(t.total_amount) filter (where t.transaction_type = 'SELL') as total_sales,
            avg(t.transaction_costs) as avg_transaction_cost
        from steelyard.transactions as t
        where t.tenant_id = 1 and t.transaction_date >= (p_as_of - interval '1 year')::date
        group by t.asset_id
    ),

    checked as (
        select
            c.asset_id,
            count(*) filter (where c.status = 'VIOLATION') as active_violations,
            max(c.check_date) as last_compliance_check
        from steelyard.compliance_records as c
        where c.tenant_id = 1 and c.check_date >= (p_as_of - interval '6 months')::date
        group by c.asset_id
    ),

    shares as (
        select p.asset_id, jsonb_agg(distinct l.closing_price * p.actual_weight) as market_values
        from steelyard.portfolio_allocation as p
        inner join steelyard.latest_prices('infinity') as l on p.asset_id = l.asset_id
        where p.tenant_id = 1 and p.actual_weight is not null
        group by p.asset_id
    )

    select
        a.asset_id,
        coalesce(to_jsonb(f), '{}')
        || coalesce(to_jsonb(r), '{}')
        || jsonb_build_object(
            'total_transactions', coalesce(t.total_transactions, 0),
            'total_purchases', coalesce(t.total_purchases, 0),
            'total_sales', coalesce(t.total_sales, 0),
            'avg_transaction_cost', t.avg_transaction_cost,
            'active_violations', coalesce(c.active_violations, 0),
            'last_compliance_check', c.last_compliance_check,
            'market_values', coalesce(s.market_values, '[]')
        )
    from steelyard.asset_master as a
    left join performance as f on a.asset_id = f.asset_id
    left join risk as r on a.asset_id = r.asset_id
    left join booked as t on a.asset_id = t.asset_id
    left join checked as c on a.asset_id = c.asset_id
    left join shares as s on a.asset_id = s.asset_id
$$;
comment on function steelyard.historical_figures(date) is 'Figures as the historical procedure makes them: windows with their first day, total returns averaged, a price times a share as value. What equals one of them has its cause.';

create or replace function steelyard.historical_amounts(p_risk jsonb, p_as_of date)
returns table (asset_id text, amounts jsonb)
language plpgsql stable
as $$
declare
    v_source constant regclass := format('%I.%I', p_risk ->> 'schema', p_risk ->> 'table');
    v_columns constant jsonb := p_risk -> 'columns';
begin
    return query execute format(
        $amounts$
            select x.asset_id, jsonb_build_array(avg(x.amount), avg(x.amount) filter (where x.day > $1))
            from (select %s as asset_id, %s as day, %s as amount from %s) as x
            where x.day >= $1
            group by x.asset_id
        $amounts$,
        steelyard.attached_column(v_source, v_columns -> 'asset_id', 'text'::regtype, -1, true),
        steelyard.attached_column(v_source, v_columns -> 'calculation_date', 'date'::regtype, -1, true),
        steelyard.attached_column(
            v_source, (v_columns -> 'var_95') - 'unit' - 'value' - 'sign', 'float8'::regtype, -1, false
        ),
        steelyard.read_mapped(v_source, v_columns)
    ) using (p_as_of - interval '3 months')::date;
end
$$;
comment on function steelyard.historical_amounts is 'Mean value at risk of each asset as the amounts of their table, with the first day of the window and without.';

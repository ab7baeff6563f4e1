-- name: get_attached_tables
-- The tables of ours whose place a view on a firm's table has taken.
select steelyard.attached_tables();

-- name: note_attached_changes
-- Mark the assets whose attached rows are not what they were.
select steelyard.note_attached_changes();

-- name: get_attached_derivations
-- As get_pending_derivations; what is known of attached rows stands in their marks.
with measured as (
    select a.asset_id, a.currency, coalesce(a.benchmark_asset_id, b.asset_id) as benchmark_asset_id
    from steelyard.asset_master as a
    left join steelyard.benchmarks as b on a.currency = b.currency
),

changed as (
    select p.asset_id, p.from_date
    from steelyard.derivations_pending as p
    union all
    select m.asset_id, p.from_date
    from steelyard.derivations_pending as p
    inner join measured as m on p.asset_id = m.benchmark_asset_id
    union all
    select k.asset_id, cast(:as_of as date)
    from steelyard.attachment_marks as k
    where
        k.last_date > cast(:as_of as date) - 90
        and not exists (
            select from steelyard.risk_metrics as r
            where r.asset_id = k.asset_id and r.calculation_date = cast(:as_of as date)
        )
)

select
    m.asset_id,
    m.currency,
    m.benchmark_asset_id,
    min(c.from_date) as from_date,
    least(min(c.from_date), k.last_date, k.previous_date) as previous_date
from changed as c
inner join measured as m on c.asset_id = m.asset_id
left join steelyard.attachment_marks as k on m.asset_id = k.asset_id
group by m.asset_id, m.currency, m.benchmark_asset_id, k.last_date, k.previous_date
order by min(c.from_date), m.asset_id;

-- name: get_attached_prices
-- As get_prices, reading the table twice for all assets instead of once an asset.
with asked as materialized (
    select a.asset_id, (a.place - 1)::integer as place
    from unnest($1::text[]) with ordinality as a (asset_id, place)
),

previous as materialized (
    select b.asset_id, max(b.price_date) as price_date
    from steelyard.market_data as b
    inner join asked as a on b.asset_id = a.asset_id
    where b.price_date <= $2
    group by b.asset_id
)

select
    a.place,
    m.price_date - date '2000-01-01',
    m.closing_price::double precision
from asked as a
inner join steelyard.market_data as m on a.asset_id = m.asset_id
left join previous as p on a.asset_id = p.asset_id
where m.price_date >= coalesce(p.price_date, '-infinity'::date);

-- name: get_attached_first_prices
-- The first price of each asset, as its mark has it.
select a.place - 1 as place, k.first_price::double precision as price
from unnest($1::text[]) with ordinality as a (asset_id, place)
inner join steelyard.attachment_marks as k on a.asset_id = k.asset_id
where k.first_price is not null;

-- name: sync_attached_accounts
-- Keep our accounts in step with attached portfolios.
select steelyard.sync_attached_accounts();

-- name: attach_tables
-- Put views on a firm's tables in the place of ours.
select steelyard.attach_tables(:mapping);

-- name: detach_tables
-- Take the views away and put our own tables back, empty.
select steelyard.detach_tables();

-- name: find_attachment
-- True while a firm's tables are attached.
select to_regclass('steelyard.attachment') is not null;

-- name: get_attachment
-- The mapping that is attached.
select a.mapping::text from steelyard.attachment as a;

-- name: get_role
-- The role at work.
select current_user::text;

-- name: get_loaded_tables
-- The tables of ours that hold rows, of those that can be attached and those that point at them.
select t.name
from (
    values
    ('asset_master', exists (select from steelyard.asset_master)),
    ('market_data', exists (select from steelyard.market_data)),
    ('performance_history', exists (select from steelyard.performance_history)),
    ('risk_metrics', exists (select from steelyard.risk_metrics)),
    ('portfolio_allocation', exists (select from steelyard.portfolio_allocation)),
    ('transactions', exists (select from steelyard.transactions)),
    ('compliance_records', exists (select from steelyard.compliance_records))
) as t (name, has_rows)
where t.has_rows;

-- name: get_catalogue
-- Every column of every table and view of others, and whether this role may read it.
select
    n.nspname as schema_name,
    c.relname as table_name,
    a.attname as column_name,
    coalesce(b.typname, t.typname) as type_name,
    coalesce(b.typcategory, t.typcategory)::text as type_category,
    a.attnotnull as is_needed,
    has_schema_privilege(n.oid, 'usage') and has_column_privilege(c.oid, a.attnum, 'select') as is_readable,
    greatest(c.reltuples, 0)::bigint as estimated_rows
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
inner join pg_catalog.pg_type as t on a.atttypid = t.oid
left join pg_catalog.pg_type as b on t.typbasetype = b.oid
where
    c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname not in ('steelyard', 'information_schema')
    and n.nspname not like 'pg\_%'
order by n.nspname, c.relname, a.attnum;

-- name: get_unique_keys
-- The sets of columns that a valid unique index without a condition keeps unique, per table.
select
    n.nspname as schema_name,
    c.relname as table_name,
    array_agg(a.attname::text order by a.attname) as columns
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on i.indrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attnum = any(i.indkey)
where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
group by n.nspname, c.relname, i.indexrelid;

-- name: profile_numbers
-- What a bounded sample of a column of numbers holds.
select row_count, median_size, low, high, negatives
from steelyard.profile_numbers(:schema_name, :table_name, :column_name);

-- name: profile_words
-- The words a bounded sample of a column holds, the commonest first.
select words
from steelyard.profile_words(:schema_name, :table_name, :column_name);

-- name: profile_weights
-- The sum of weights of a portfolio and day, in the middle of a bounded sample of them.
select steelyard.profile_weights(:schema_name, :table_name, :weight, cast(:by as text[]));

-- name: count_duplicates
-- How many rows share their key with another, and one such key.
select surplus_rows, example
from steelyard.count_duplicates(:view_name, cast(:key_columns as text[]));

-- name: get_outside_dependants
-- Views outside the schema that read what is in it, and would fall with it.
select distinct n.nspname || '.' || v.relname as name
from pg_catalog.pg_depend as d
inner join pg_catalog.pg_class as c on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid
inner join pg_catalog.pg_rewrite as r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
inner join pg_catalog.pg_class as v on r.ev_class = v.oid
inner join pg_catalog.pg_namespace as n on v.relnamespace = n.oid
where c.relnamespace = 'steelyard'::regnamespace and n.nspname <> 'steelyard'
order by name;

-- name: drop_schema
-- Take away everything of Steelyard's in this database.
drop schema steelyard cascade;

-- name: drop_role_steelyard_app
-- Take away the role of its sessions.
drop role if exists steelyard_app;

-- name: drop_role_steelyard_auditor
-- Take away the role of its auditors.
drop role if exists steelyard_auditor;

-- name: drop_role_steelyard_refresh
-- Take away the role of its refreshes.
drop role if exists steelyard_refresh;

-- name: drop_role_steelyard_migrator
-- Take away the role of its owner.
drop role if exists steelyard_migrator;

-- name: survey_table
-- Read the whole of an attached table, and tell which rows count nowhere.
select left_out, unknown_rows, unknown_asset
from steelyard.survey_table(:view_name, :schema_name, :table_name);

-- name: read_their_rows
-- The rows of an asset_360 of theirs.
select steelyard.read_their_rows(cast(:spec as jsonb))::text;

-- name: get_historical_figures
-- What the historical procedure makes of each asset, window edges and all.
select h.asset_id, h.figures::text
from steelyard.historical_figures(:as_of) as h;

-- name: get_historical_amounts
-- The mean of value at risk as the amounts that their table of risk holds.
select h.asset_id, h.amounts::text
from steelyard.historical_amounts(cast(:risk as jsonb), :as_of) as h;

-- name: get_compared_version
-- The version that is compared.
select v.version, v.as_of, t.base_currency
from steelyard.asset_360_current as c
inner join steelyard.asset_360_versions as v on c.tenant_id = v.tenant_id and c.version = v.version
inner join steelyard.tenants as t on c.tenant_id = t.tenant_id
where c.tenant_id = 1;

-- name: get_compared_rows
-- Our rows of the whole tenant, as JSON.
select to_jsonb(a)::text
from steelyard.asset_360_rows as a
where a.tenant_id = 1 and a.version = :version and a.scope_kind = 'tenant';

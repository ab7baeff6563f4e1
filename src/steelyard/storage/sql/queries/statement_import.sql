-- name: get_import_accounts
-- The accounts that there are, and what each may do.
select
    a.account_id, a.account_name, a.base_currency, a.kept_by, a.may_overdraw, a.may_short
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant()
order by a.account_id;

-- name: get_imported_rows
-- Of some transactions, which row each came from, of imports that stand.
select r.transaction_id, r.content_hash, coalesce(f.file_name, '') as file_name, r.line_number
from steelyard.import_rows as r
inner join steelyard.imports as i on r.tenant_id = i.tenant_id and r.import_id = i.import_id
left join steelyard.import_files as f
    on r.tenant_id = f.tenant_id and r.import_id = f.import_id and r.file_number = f.file_number
where
    r.tenant_id = steelyard.current_tenant()
    and r.transaction_id = any(cast(:transaction_ids as text[]))
    and i.undone_at is null;

-- name: get_opening_days
-- The first day on which something of accounts is booked, that stands.
select n.account_id, min(n.transaction_date) as first_day
from (
    select t.account_id, t.transaction_date
    from steelyard.transactions as t
    where t.tenant_id = steelyard.current_tenant() and t.account_id = any(cast(:account_ids as text[]))
    union all
    select t.counter_account_id, t.transaction_date
    from steelyard.transactions as t
    where t.tenant_id = steelyard.current_tenant() and t.counter_account_id = any(cast(:account_ids as text[]))
) as n
group by n.account_id;

-- name: get_openings
-- The openings of accounts, by account and day.
select
    t.transaction_id, t.account_id, coalesce(t.asset_id, t.currency) as commodity, t.asset_id is null as is_cash,
    t.transaction_date as opened_on
from steelyard.transactions as t
where
    t.tenant_id = steelyard.current_tenant()
    and t.account_id = any(cast(:account_ids as text[]))
    and t.transaction_type = 'OPENING'
order by t.account_id, t.transaction_date, t.transaction_id;

-- name: get_files_there
-- Files by their hashes, of imports that stand, the newest first.
select encode(f.sha256, 'hex') as sha256, i.import_id, i.made_at
from steelyard.import_files as f
inner join steelyard.imports as i on f.tenant_id = i.tenant_id and f.import_id = i.import_id
where
    f.tenant_id = steelyard.current_tenant()
    and f.sha256 = any(cast(:file_hashes as bytea[]))
    and i.undone_at is null
order by i.made_at desc, f.file_number;

-- name: lift_guards
-- Let balances of accounts go below 0, within this transaction.
update steelyard.accounts
set may_overdraw = true, may_short = true
where
    tenant_id = steelyard.current_tenant()
    and account_id = any(cast(:account_ids as text[]))
    and not (may_overdraw and may_short);

-- name: restore_guards
-- Let balances of accounts go below 0 only where they might before.
update steelyard.accounts as a
set may_overdraw = n.may_overdraw, may_short = n.may_short
from unnest(
    cast(:account_ids as text[]), cast(:may_overdraw as boolean[]), cast(:may_short as boolean[])
) as n (account_id, may_overdraw, may_short)
where
    a.tenant_id = steelyard.current_tenant()
    and a.account_id = n.account_id
    and (a.may_overdraw, a.may_short) is distinct from (n.may_overdraw, n.may_short);

-- name: get_daily_movements
-- What moved of each asset and currency in accounts, day by day.
select p.account_id, p.commodity, p.is_cash, p.trade_date, trim_scale(sum(p.quantity)) as quantity
from steelyard.postings as p
where
    p.tenant_id = steelyard.current_tenant()
    and p.place = 'held'
    and p.account_id = any(cast(:account_ids as text[]))
group by p.account_id, p.commodity, p.is_cash, p.trade_date
having sum(p.quantity) <> 0
order by p.account_id, p.commodity, p.is_cash, p.trade_date;

-- name: insert_import
-- Begin an import.
insert into steelyard.imports (tenant_id, account_ids, made_by)
values (steelyard.current_tenant(), cast(:account_ids as text[]), steelyard.current_actor())
returning import_id;

-- name: insert_import_file
-- Keep what became of a file of an import.
insert into steelyard.import_files (
    tenant_id, import_id, file_number, file_name, sha256, reader, rows_read, rows_new, rows_there, rows_left_out,
    rows_skipped
)
values (
    steelyard.current_tenant(), :import_id, :file_number, :file_name, :sha256, :reader, :rows_read, :rows_new,
    :rows_there, :rows_left_out, :rows_skipped
);

-- name: insert_import_rows
-- Keep which rows the transactions of an import came from.
insert into steelyard.import_rows (
    tenant_id, transaction_id, import_id, file_number, line_number, content_hash
)
select steelyard.current_tenant(), n.transaction_id, :import_id, n.file_number, n.line_number, n.content_hash
from unnest(
    cast(:transaction_ids as text[]), cast(:file_numbers as integer[]), cast(:line_numbers as integer[]),
    cast(:content_hashes as text[])
) as n (transaction_id, file_number, line_number, content_hash);

-- name: get_booked_texts
-- Transactions as they stand, in few words.
select
    t.transaction_id, t.transaction_type, t.transaction_date, coalesce(t.asset_id, '') as asset_id,
    trim_scale(coalesce(t.quantity, 0)) as quantity, trim_scale(t.total_amount) as amount, t.currency
from steelyard.transactions as t
where t.tenant_id = steelyard.current_tenant() and t.transaction_id = any(cast(:transaction_ids as text[]));

-- name: get_import_balances
-- What accounts hold by the ledger.
select b.account_id, b.commodity, b.is_cash, trim_scale(b.quantity) as quantity
from steelyard.balances as b
where b.tenant_id = steelyard.current_tenant() and b.account_id = any(cast(:account_ids as text[]))
order by b.account_id, b.is_cash, b.commodity;

-- name: get_priced_days
-- The first and the last day of which assets have a close; cash needs none.
select
    a.asset_id,
    (select min(d.price_date) from steelyard.market_data as d where d.asset_id = a.asset_id) as first_day,
    (select max(d.price_date) from steelyard.market_data as d where d.asset_id = a.asset_id) as last_day
from steelyard.asset_master as a
where a.asset_id = any(cast(:asset_ids as text[])) and lower(a.asset_type) <> 'cash'
order by a.asset_id;

-- name: get_rated_days
-- The first and the last day of which currencies have a rate.
select
    c.currency,
    (select min(r.rate_date) from steelyard.fx_rates as r where r.currency = c.currency) as first_day,
    (select max(r.rate_date) from steelyard.fx_rates as r where r.currency = c.currency) as last_day
from unnest(cast(:currencies as text[])) as c (currency)
order by c.currency;

-- name: list_imports
-- Imports, the newest first, or one.
select
    i.import_id, i.made_by, i.made_at, i.undone_by, i.undone_at, i.account_ids,
    (
        select count(*) from steelyard.import_rows as r
        where r.tenant_id = i.tenant_id and r.import_id = i.import_id
    ) as transactions
from steelyard.imports as i
where
    i.tenant_id = steelyard.current_tenant()
    and (cast(:import_id as uuid) is null or i.import_id = :import_id)
order by i.made_at desc, i.import_id
limit :most;

-- name: get_import_files
-- The files of imports, in their order.
select
    f.import_id, f.file_name, encode(f.sha256, 'hex') as sha256, f.reader, f.rows_read, f.rows_new, f.rows_there,
    f.rows_left_out, f.rows_skipped
from steelyard.import_files as f
where f.tenant_id = steelyard.current_tenant() and f.import_id = any(cast(:import_ids as uuid[]))
order by f.import_id, f.file_number;

-- name: get_import_rows
-- The transactions of an import, by file and line; what is no row of a file comes first.
select r.transaction_id, coalesce(f.file_name, '') as file_name, r.line_number
from steelyard.import_rows as r
left join steelyard.import_files as f
    on r.tenant_id = f.tenant_id and r.import_id = f.import_id and r.file_number = f.file_number
where r.tenant_id = steelyard.current_tenant() and r.import_id = :import_id
order by r.file_number, r.line_number, r.transaction_id;

-- name: mark_import_undone
-- Say that an import was taken back, once.
update steelyard.imports
set undone_by = steelyard.current_actor(), undone_at = transaction_timestamp()
where tenant_id = steelyard.current_tenant() and import_id = :import_id and undone_at is null
returning import_id;

-- name: get_transactions_built_on
-- Transactions about an asset or a currency of an account that were booked after those of an import, the newest first.
select distinct t.transaction_id, t.transaction_date, t.transaction_type, j.entry_id
from steelyard.transactions as t
inner join steelyard.journal as j
    on
        t.tenant_id = j.tenant_id and t.transaction_id = j.external_id and j.reverses is null
where
    t.tenant_id = steelyard.current_tenant()
    and :account_id in (t.account_id, t.counter_account_id)
    and :commodity in (t.asset_id, t.counter_asset_id, t.currency, t.counter_currency)
    and j.recorded_at > (
        select i.made_at from steelyard.imports as i
        where i.tenant_id = t.tenant_id and i.import_id = :import_id
    )
    and t.transaction_id not in (
        select r.transaction_id from steelyard.import_rows as r
        where r.tenant_id = t.tenant_id and r.import_id = :import_id
    )
order by j.entry_id desc
limit :most;

-- name: drop_old_uploads
-- Forget every upload that is older than an hour.
select steelyard.drop_old_uploads();

-- name: lock_uploads
-- Let uploads of one person come one after the other.
select pg_advisory_xact_lock(
    hashtextextended('steelyard.uploads ' || steelyard.current_actor(), steelyard.current_tenant())
);

-- name: insert_upload
-- Keep a file of whoever asks.
insert into steelyard.import_uploads (tenant_id, upload_id, user_id, file_name, key_sealed, content)
values (
    steelyard.current_tenant(), :upload_id, steelyard.current_user_id(), :file_name, cast(:key_sealed as bytea),
    cast(:content as bytea)
)
returning uploaded_at;

-- name: list_uploads
-- The files of whoever asks that are not older than an hour, the oldest first; their sizes as they are kept.
select u.upload_id, u.file_name, length(u.content) as size, u.uploaded_at
from steelyard.import_uploads as u
where
    u.tenant_id = steelyard.current_tenant()
    and u.user_id is not distinct from steelyard.current_user_id()
    and u.uploaded_at >= steelyard.begun_at() - interval '1 hour'
order by u.uploaded_at, u.upload_id;

-- name: get_upload
-- A file of whoever asks, encrypted.
select u.file_name, u.key_sealed, u.content
from steelyard.import_uploads as u
where
    u.tenant_id = steelyard.current_tenant()
    and u.user_id is not distinct from steelyard.current_user_id()
    and u.upload_id = :upload_id
    and u.uploaded_at >= steelyard.begun_at() - interval '1 hour';

-- name: delete_uploads
-- Forget files of whoever asks.
delete from steelyard.import_uploads as u
where
    u.tenant_id = steelyard.current_tenant()
    and u.user_id is not distinct from steelyard.current_user_id()
    and u.upload_id = any(cast(:upload_ids as uuid[]))
returning u.upload_id;

-- What comes in with statements: imports, the rows they came from, what people said names mean, files that wait.
-- squawk-ignore-file adding-foreign-key-constraint, constraint-missing-not-valid
-- squawk-ignore-file require-concurrent-index-creation

create table steelyard.imports (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    import_id uuid not null default gen_random_uuid(),
    account_ids text[] not null,
    made_by text not null,
    made_at timestamptz not null default transaction_timestamp(),
    undone_by text,
    undone_at timestamptz,
    primary key (tenant_id, import_id),
    check ((undone_by is null) = (undone_at is null))
);
create index imports_by_age on steelyard.imports (tenant_id, made_at);
comment on table steelyard.imports is 'Imports of statements: what came in together, and is taken back together.';
comment on column steelyard.imports.tenant_id is 'The tenant.';
comment on column steelyard.imports.import_id is 'Key, made by the server.';
comment on column steelyard.imports.account_ids is 'Accounts it booked in.';
comment on column steelyard.imports.made_by is 'Who imported, as in audit_events.actor.';
comment on column steelyard.imports.made_at is 'When, UTC.';
comment on column steelyard.imports.undone_by is 'Who took it back, as in audit_events.actor; null = it stands.';
comment on column steelyard.imports.undone_at is 'When it was taken back, UTC.';

create table steelyard.import_files (
    tenant_id integer not null,
    import_id uuid not null,
    file_number integer not null check (file_number > 0),
    file_name text not null check (length(file_name) between 1 and 255),
    sha256 bytea not null check (length(sha256) = 32),
    reader text not null,
    rows_read integer not null check (rows_read >= 0),
    rows_new integer not null check (rows_new >= 0),
    rows_there integer not null check (rows_there >= 0),
    rows_left_out integer not null check (rows_left_out >= 0),
    rows_skipped integer not null check (rows_skipped >= 0),
    primary key (tenant_id, import_id, file_number),
    foreign key (tenant_id, import_id) references steelyard.imports (tenant_id, import_id)
);
comment on table steelyard.import_files is 'The files of an import, and what became of their rows; none of an import is refused.';
comment on column steelyard.import_files.tenant_id is 'The tenant.';
comment on column steelyard.import_files.import_id is 'The import.';
comment on column steelyard.import_files.file_number is 'Which of its files, from 1.';
comment on column steelyard.import_files.file_name is 'What it was called.';
comment on column steelyard.import_files.sha256 is 'SHA-256 of its bytes.';
comment on column steelyard.import_files.reader is 'What read it, as --as names it.';
comment on column steelyard.import_files.rows_read is 'Bookings it states.';
comment on column steelyard.import_files.rows_new is 'Of them, what this import booked.';
comment on column steelyard.import_files.rows_there is 'Of them, what was there already.';
comment on column steelyard.import_files.rows_left_out is 'Rows that a person left out.';
comment on column steelyard.import_files.rows_skipped is 'Rows that move nothing, and balances it states.';

create table steelyard.import_rows (
    tenant_id integer not null,
    transaction_id text not null,
    import_id uuid not null,
    file_number integer not null check (file_number >= 0),
    line_number integer not null check (line_number >= 0),
    content_hash text not null check (content_hash ~ '^[0-9a-f]{32}$'),
    primary key (tenant_id, transaction_id, import_id),
    foreign key (tenant_id, import_id) references steelyard.imports (tenant_id, import_id)
);
create index import_rows_of_import on steelyard.import_rows (tenant_id, import_id);
comment on table steelyard.import_rows is 'Which row of which file a transaction came from.';
comment on column steelyard.import_rows.tenant_id is 'The tenant.';
comment on column steelyard.import_rows.transaction_id is 'The transaction; it may be gone by now.';
comment on column steelyard.import_rows.import_id is 'The import that booked it.';
comment on column steelyard.import_rows.file_number is 'The file; 0 = none, it is an opening.';
comment on column steelyard.import_rows.line_number is 'The line, or the number of the item; 0 = none.';
comment on column steelyard.import_rows.content_hash is 'Of what the row says, to tell the same row from another of its id: the first half of a SHA-256, hex.';

create table steelyard.asset_names (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    hint_key text not null check (length(hint_key) between 1 and 500),
    asset_id text not null references steelyard.asset_master (asset_id),
    answered_by text not null,
    answered_at timestamptz not null default transaction_timestamp(),
    primary key (tenant_id, hint_key)
);
comment on table steelyard.asset_names is 'Which asset people said a statement means.';
comment on column steelyard.asset_names.tenant_id is 'The tenant.';
comment on column steelyard.asset_names.hint_key is 'What statements say of the asset, the same for every reader: isin:…/currency, cusip:…, symbol:…/venue/currency (of a coin coin:…), name:….';
comment on column steelyard.asset_names.asset_id is 'The asset.';
comment on column steelyard.asset_names.answered_by is 'Who said so, as in audit_events.actor.';
comment on column steelyard.asset_names.answered_at is 'When, UTC.';

create table steelyard.account_names (
    tenant_id integer not null,
    reader text not null,
    name_hash bytea not null check (length(name_hash) = 32),
    account_id text not null,
    answered_by text not null,
    answered_at timestamptz not null default transaction_timestamp(),
    primary key (tenant_id, reader, name_hash),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id)
);
comment on table steelyard.account_names is 'Which account people said a statement means. What it calls the account may be a person''s number, and is not kept.';
comment on column steelyard.account_names.tenant_id is 'The tenant.';
comment on column steelyard.account_names.reader is 'The kind of statement, as --as names it.';
comment on column steelyard.account_names.name_hash is 'Keyed hash of what the statement calls the account.';
comment on column steelyard.account_names.account_id is 'The account.';
comment on column steelyard.account_names.answered_by is 'Who said so, as in audit_events.actor.';
comment on column steelyard.account_names.answered_at is 'When, UTC.';

create table steelyard.import_uploads (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    upload_id uuid not null default gen_random_uuid(),
    user_id uuid,
    file_name text not null check (length(file_name) between 1 and 255),
    key_sealed bytea not null,
    content bytea not null check (length(content) between 1 and 16777232),
    uploaded_at timestamptz not null default transaction_timestamp(),
    primary key (tenant_id, upload_id),
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id)
);
create index import_uploads_of_user on steelyard.import_uploads (tenant_id, user_id);
comment on table steelyard.import_uploads is 'Files that people gave to the page of imports, for an hour.';
comment on column steelyard.import_uploads.tenant_id is 'The tenant.';
comment on column steelyard.import_uploads.upload_id is 'Key, made by the server.';
comment on column steelyard.import_uploads.user_id is 'Whose it is; null = the operator''s.';
comment on column steelyard.import_uploads.file_name is 'What it was called.';
comment on column steelyard.import_uploads.key_sealed is 'The key of this file alone, encrypted.';
comment on column steelyard.import_uploads.content is 'Its bytes, at most 16 MiB, encrypted with that key; 16 bytes more.';
comment on column steelyard.import_uploads.uploaded_at is 'When, UTC.';

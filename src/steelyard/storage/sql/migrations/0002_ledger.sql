-- The ledger: what transactions say in full, the journal they are booked in, and its postings and balances.
-- The columns added are empty, so their constraints find nothing to scan for; category_thresholds has a few rows.
-- squawk-ignore-file adding-foreign-key-constraint, constraint-missing-not-valid
-- squawk-ignore-file ban-drop-not-null, changing-column-type, require-concurrent-index-creation

alter table steelyard.asset_master add column price_basis text not null default 'raw'
check (price_basis in ('raw', 'split_adjusted'));
comment on column steelyard.asset_master.price_basis is 'raw = prices as they were traded; split_adjusted = past prices are restated for later splits.';

alter table steelyard.accounts
add column lot_method text not null default 'fifo'
check (lot_method in ('fifo', 'lifo', 'hifo', 'minimum_tax', 'specific', 'average')),
add column may_overdraw boolean not null default true,
add column may_short boolean not null default true,
add column kept_by text not null default 'snapshots' check (kept_by in ('snapshots', 'ledger'));
comment on column steelyard.accounts.lot_method is 'Which lots a sale takes first: fifo, lifo, hifo, minimum_tax, specific or average.';
comment on column steelyard.accounts.may_overdraw is 'Whether its cash may go below 0 in the ledger.';
comment on column steelyard.accounts.may_short is 'Whether its units may go below 0 in the ledger.';
comment on column steelyard.accounts.kept_by is 'What says what it holds: snapshots = the newest of portfolio_allocation; ledger = its balances.';

alter table steelyard.transactions
alter column asset_id drop not null,
alter column total_amount set default 0,
add column settlement_date date,
add column tax_amount numeric(23, 8) check (tax_amount >= 0 and tax_amount < 'Infinity'),
add column counter_account_id text,
add column counter_asset_id text references steelyard.asset_master (asset_id),
add column counter_quantity numeric(27, 12) check (counter_quantity >= 0 and counter_quantity < 'Infinity'),
add column counter_currency text check (counter_currency ~ '^[A-Z]{3}$'),
add column counter_amount numeric(23, 8) check (counter_amount >= 0 and counter_amount < 'Infinity'),
add column acquired_date date,
add column basis_fraction numeric(18, 12) check (basis_fraction between 0 and 1),
add column lot_id text,
add foreign key (tenant_id, counter_account_id) references steelyard.accounts (tenant_id, account_id);
create index transactions_of_actions on steelyard.transactions (tenant_id, asset_id)
where account_id is null or transaction_type in ('SPLIT', 'SPIN_OFF', 'MERGER', 'SYMBOL_CHANGE');
comment on column steelyard.transactions.asset_id is 'The asset it is about; null for cash alone.';
comment on column steelyard.transactions.transaction_type is 'BUY, SELL, DIVIDEND, DEPOSIT and so on, see transaction_kinds; the type gives the direction.';
comment on column steelyard.transactions.settlement_date is 'When cash and units move; null = the trade date.';
comment on column steelyard.transactions.tax_amount is 'What of transaction_costs is tax, in currency, positive.';
comment on column steelyard.transactions.counter_account_id is 'The account a transfer goes to.';
comment on column steelyard.transactions.counter_asset_id is 'The asset a corporate action turns it into.';
comment on column steelyard.transactions.counter_quantity is 'Units there are after a corporate action for every quantity before.';
comment on column steelyard.transactions.counter_currency is 'The currency an FX buys.';
comment on column steelyard.transactions.counter_amount is 'How much of it, positive.';
comment on column steelyard.transactions.acquired_date is 'Of an opening lot, the day it was bought.';
comment on column steelyard.transactions.basis_fraction is 'Share of the basis that goes to counter_asset_id, fraction 0 to 1.';
comment on column steelyard.transactions.lot_id is 'The lot a sale names: the id of the transaction that bought it.';

-- A number with precision has no infinity: the lowest category has no bound.
alter table steelyard.category_thresholds alter column bound drop not null;
update steelyard.category_thresholds set bound = null
where bound = '-Infinity';
alter table steelyard.category_thresholds alter column bound type numeric(27, 12);
comment on column steelyard.category_thresholds.bound is 'Lower bound: a fraction for risk and performance, base currency for position_size; null = everything below the others.';

create table steelyard.transaction_kinds (
    kind text primary key,
    units integer not null check (units between -1 and 1),
    units_from text not null,
    cash integer not null check (cash between -1 and 1),
    cash_from text not null,
    cash_to text not null default 'held',
    is_action boolean not null,
    is_for_every_holder boolean not null,
    needs_asset boolean not null,
    needs_units boolean not null
);
comment on table steelyard.transaction_kinds is 'The kinds of transactions, and what each moves from where; domain/posting.py says the same.';
comment on column steelyard.transaction_kinds.kind is 'The word in transactions.transaction_type.';
comment on column steelyard.transaction_kinds.units is '1 = units come in, -1 = they go out, 0 = none, or not by this rule.';
comment on column steelyard.transaction_kinds.units_from is 'The place on the other side of the units.';
comment on column steelyard.transaction_kinds.cash is '1 = the amount comes in, -1 = it goes out, 0 = none, or not by this rule; costs always go out.';
comment on column steelyard.transaction_kinds.cash_from is 'The place on the other side of the cash.';
comment on column steelyard.transaction_kinds.cash_to is 'The place the cash goes to, or comes out of: held, or where it buys at once.';
comment on column steelyard.transaction_kinds.is_action is 'Whether it is a corporate action: what it moves follows from what was held at the open of its day.';
comment on column steelyard.transaction_kinds.is_for_every_holder is 'Whether it may name no account and is then for every account that held the asset at the open.';
comment on column steelyard.transaction_kinds.needs_asset is 'Whether it must name an asset, and one that is not cash.';
comment on column steelyard.transaction_kinds.needs_units is 'Whether it needs a quantity above 0 where it names an asset.';
insert into steelyard.transaction_kinds (
    kind, units, units_from, cash, cash_from, is_action, is_for_every_holder, needs_asset, needs_units
)
values
('BUY', 1, 'market', -1, 'market', false, false, true, true),
('SELL', -1, 'market', 1, 'market', false, false, true, true),
('SHORT', -1, 'market', 1, 'market', false, false, true, true),
('COVER', 1, 'market', -1, 'market', false, false, true, true),
('DIVIDEND', 0, 'market', 1, 'income', false, true, true, false),
('INTEREST', 0, 'market', 1, 'income', false, false, false, false),
('INTEREST_PAID', 0, 'market', -1, 'income', false, false, false, false),
('FEE', 0, 'market', -1, 'fees', false, false, false, false),
('FEE_REFUND', 0, 'market', 1, 'fees', false, false, false, false),
('TAX', 0, 'market', -1, 'taxes', false, false, false, false),
('TAX_REFUND', 0, 'market', 1, 'taxes', false, false, false, false),
('DEPOSIT', 0, 'market', 1, 'outside', false, false, false, false),
('WITHDRAWAL', 0, 'market', -1, 'outside', false, false, false, false),
('OPENING', 1, 'outside', 0, 'outside', false, false, false, true),
('RECEIVE', 1, 'outside', 0, 'outside', false, false, true, true),
('DELIVER', -1, 'outside', 0, 'outside', false, false, true, true),
('TRANSFER', 0, 'market', 0, 'outside', false, false, false, true),
('FX', 0, 'market', -1, 'market', false, false, false, false),
('SPLIT', 0, 'issuer', 0, 'issuer', true, true, true, false),
('SPIN_OFF', 0, 'issuer', 0, 'issuer', true, true, true, false),
('MERGER', 0, 'issuer', 0, 'issuer', true, true, true, false),
('SYMBOL_CHANGE', 0, 'issuer', 0, 'issuer', true, true, true, false),
('RETURN_OF_CAPITAL', 0, 'market', 1, 'issuer', false, true, true, false),
('REDEMPTION', -1, 'market', 1, 'market', false, true, true, true);
insert into steelyard.transaction_kinds (
    kind, units, units_from, cash, cash_from, cash_to, is_action, is_for_every_holder, needs_asset, needs_units
)
values ('DIVIDEND_REINVESTED', 1, 'market', 1, 'income', 'market', false, false, true, true);

create table steelyard.journal (
    entry_id bigint primary key generated always as identity,
    tenant_id integer not null,
    source text not null default 'transactions',
    external_id text not null,
    account_id text not null,
    revision integer not null default 1 check (revision > 0),
    reverses bigint,
    kind text not null,
    trade_date date not null,
    settlement_date date,
    recorded_at timestamptz not null default transaction_timestamp(),
    made_in xid8 not null default pg_current_xact_id(),
    asset_id text,
    quantity numeric(27, 12) not null,
    price numeric(27, 12),
    currency text not null,
    amount numeric(23, 8) not null,
    costs numeric(23, 8),
    tax numeric(23, 8),
    counter_account_id text,
    counter_asset_id text,
    counter_quantity numeric(27, 12),
    counter_currency text,
    counter_amount numeric(23, 8),
    acquired_date date,
    basis_fraction numeric(18, 12),
    lot_id text,
    held numeric(27, 12)
);
create function steelyard.is_made_now(made_in xid8, recorded_at timestamptz) returns boolean
language sql stable
as $$
    -- both, for a restored database counts its transactions anew
    select made_in = pg_current_xact_id() and recorded_at = transaction_timestamp()
$$;
comment on function steelyard.is_made_now is 'Whether an entry of the journal was made by the database transaction at work.';
create unique index journal_once on steelyard.journal (tenant_id, external_id, account_id, revision, source);
create unique index journal_reversed_once on steelyard.journal (reverses) where reverses is not null;
create index journal_by_day on steelyard.journal (tenant_id, trade_date, entry_id);
create index journal_by_asset on steelyard.journal (asset_id);
create index journal_of_holders on steelyard.journal (tenant_id, external_id) where held is not null;
comment on table steelyard.journal is 'Every transaction as it was booked, append-only; a correction reverses the entry and makes a new one.';
comment on column steelyard.journal.entry_id is 'Key, in the order of booking.';
comment on column steelyard.journal.tenant_id is 'The tenant.';
comment on column steelyard.journal.source is 'Where the transaction stands: transactions.';
comment on column steelyard.journal.external_id is 'Its id there: transaction_id.';
comment on column steelyard.journal.account_id is 'The account; a transaction for every holder has an entry for each.';
comment on column steelyard.journal.revision is 'Counts up from 1 with each entry of the same transaction and account, reversals included.';
comment on column steelyard.journal.reverses is 'The entry that this one takes back; null = it books.';
comment on column steelyard.journal.kind is 'What it does, a word of transaction_kinds.';
comment on column steelyard.journal.trade_date is 'The exchange''s day; of a corporate action the ex-date.';
comment on column steelyard.journal.settlement_date is 'When cash and units move; null = the trade date.';
comment on column steelyard.journal.recorded_at is 'When we knew: the start of the database transaction that booked it, UTC.';
comment on column steelyard.journal.made_in is 'That database transaction; only it may add postings to the entry.';
comment on column steelyard.journal.asset_id is 'The asset it is about; null for cash alone.';
comment on column steelyard.journal.quantity is 'Units; of what a short position pays for every holder, negative.';
comment on column steelyard.journal.price is 'Price of one unit, in currency, where stated.';
comment on column steelyard.journal.currency is 'ISO 4217 code of the amounts, never a fraction of a currency such as pence.';
comment on column steelyard.journal.amount is 'Amount without costs, in currency; of what a short position pays for every holder, negative.';
comment on column steelyard.journal.costs is 'Fees and taxes, in currency; null = none.';
comment on column steelyard.journal.tax is 'What of the costs is tax; null = none.';
comment on column steelyard.journal.counter_account_id is 'Where a transfer goes.';
comment on column steelyard.journal.counter_asset_id is 'What the asset turns into.';
comment on column steelyard.journal.counter_quantity is 'Units there are afterwards for every quantity.';
comment on column steelyard.journal.counter_currency is 'The currency an FX buys.';
comment on column steelyard.journal.counter_amount is 'How much of it.';
comment on column steelyard.journal.acquired_date is 'Of an opening lot, the day it was bought.';
comment on column steelyard.journal.basis_fraction is 'Share of the basis that goes to counter_asset_id, fraction.';
comment on column steelyard.journal.lot_id is 'The lot a sale names; null = by the account''s method.';
comment on column steelyard.journal.held is 'Units held at the open of its day, negative = short, where what it moves follows from them.';

create table steelyard.postings (
    entry_id bigint not null, -- what has a fixed length stands first: millions of rows are a tenth shorter
    tenant_id integer not null,
    line integer not null,
    trade_date date not null,
    is_cash boolean not null,
    account_id text not null,
    place text not null check (place in ('held', 'market', 'outside', 'income', 'fees', 'taxes', 'issuer')),
    commodity text not null,
    quantity numeric(27, 12) not null check (quantity <> 0 and quantity < 'Infinity')
);
create index postings_by_entry on steelyard.postings using brin (entry_id, trade_date) with (pages_per_range = 32);
comment on table steelyard.postings is 'What each entry moves, append-only; per entry the quantities of each asset and currency sum to 0.';
comment on column steelyard.postings.tenant_id is 'The tenant.';
comment on column steelyard.postings.entry_id is 'The entry of the journal.';
comment on column steelyard.postings.line is 'Place among the lines of the entry.';
comment on column steelyard.postings.account_id is 'The account.';
comment on column steelyard.postings.place is 'Where the quantity is added: held = in the account; the others are where it came from, or went.';
comment on column steelyard.postings.commodity is 'An asset; where is_cash, a currency.';
comment on column steelyard.postings.is_cash is 'Whether it is money.';
comment on column steelyard.postings.quantity is 'Added to the place; negative = taken from it.';
comment on column steelyard.postings.trade_date is 'The day of the entry.';

create table steelyard.balances (
    tenant_id integer not null,
    account_id text not null,
    commodity text not null,
    is_cash boolean not null,
    quantity numeric(27, 12) not null,
    is_guarded boolean not null,
    asset_id text generated always as (case when not is_cash then commodity end) stored
    references steelyard.asset_master (asset_id),
    primary key (tenant_id, account_id, commodity, is_cash),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id),
    constraint balances_not_overdrawn check (not is_guarded or quantity >= 0)
);
comment on table steelyard.balances is 'What each account holds by the ledger: the sum of its postings, kept by them; nobody writes it directly.';
comment on column steelyard.balances.tenant_id is 'The tenant.';
comment on column steelyard.balances.account_id is 'The account.';
comment on column steelyard.balances.commodity is 'An asset; where is_cash, a currency.';
comment on column steelyard.balances.is_cash is 'Whether it is money.';
comment on column steelyard.balances.quantity is 'Units or money held; negative = short or overdrawn.';
comment on column steelyard.balances.is_guarded is 'Whether it may not go below 0: accounts.may_overdraw for money, may_short for units.';
comment on column steelyard.balances.asset_id is 'The commodity where it is an asset: no asset or account that the ledger names can be deleted.';

create table steelyard.unposted_transactions (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    transaction_id text not null,
    fault text not null,
    primary key (tenant_id, transaction_id)
);
comment on table steelyard.unposted_transactions is 'Transactions that are not in the ledger, and why; found anew each time transactions are posted.';
comment on column steelyard.unposted_transactions.tenant_id is 'The tenant.';
comment on column steelyard.unposted_transactions.transaction_id is 'The transaction.';
comment on column steelyard.unposted_transactions.fault is 'Why, one word of docs/reference/data-quality.md.';

create table steelyard.market_changes (
    made_in xid8 primary key default pg_current_xact_id()
);
comment on table steelyard.market_changes is 'Each database transaction that changed prices, rates, assets or benchmarks: as long as no row is added, what was read of them is still so.';
comment on column steelyard.market_changes.made_in is 'The database transaction.';

create function steelyard.note_market_change() returns trigger
language plpgsql volatile
as $$
begin
    insert into steelyard.market_changes default values on conflict do nothing;
    return null;
end
$$;
comment on function steelyard.note_market_change() is 'Note that this database transaction changes the market.';
create trigger asset_master_is_market after insert or update or delete or truncate on steelyard.asset_master
for each statement execute function steelyard.note_market_change();
create trigger market_data_is_market after insert or update or delete or truncate on steelyard.market_data
for each statement execute function steelyard.note_market_change();
create trigger fx_rates_is_market after insert or update or delete or truncate on steelyard.fx_rates
for each statement execute function steelyard.note_market_change();
create trigger benchmarks_is_market after insert or update or delete or truncate on steelyard.benchmarks
for each statement execute function steelyard.note_market_change();
create trigger risk_free_rates_is_market after insert or update or delete or truncate on steelyard.risk_free_rates
for each statement execute function steelyard.note_market_change();

revoke update, delete on steelyard.journal, steelyard.postings from steelyard_app;
revoke insert, update, delete on steelyard.balances from steelyard_app;
revoke insert, update, delete on steelyard.transaction_kinds from steelyard_app;

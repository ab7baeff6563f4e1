-- The store, whole, as a fresh database gets it.
-- Shared reference data (assets, prices, their history and risk, FX, benchmarks, rates) has no tenant;
-- what belongs to a tenant carries tenant_id first in its keys and foreign keys.
-- Money is numeric(23,8), prices and quantities numeric(27,12), weights numeric(18,12), returns float8.

do $$
declare
    wanted text;
begin
    foreach wanted in array array['steelyard_migrator', 'steelyard_app', 'steelyard_auditor', 'steelyard_refresh'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
            execute format('create role %I nologin', wanted);
        end if;
    end loop;
    -- The app becomes steelyard_refresh for a refresh, and has nothing of it before.
    if not pg_has_role('steelyard_app', 'steelyard_refresh', 'member') then
        alter role steelyard_app noinherit;
        grant steelyard_refresh to steelyard_app;
    end if;
    -- Whoever owns the schema is held by policies that let steelyard_migrator alone through.
    if not pg_has_role('steelyard_migrator', 'usage') then
        execute format('grant steelyard_migrator to %I', current_user);
    end if;
    -- Where the same login serves readers, it works as steelyard_app then.
    if current_user <> 'steelyard_migrator' and not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
        begin
            execute format('grant steelyard_app to %I', current_user);
        exception when insufficient_privilege then
            raise notice '% cannot be made a member of steelyard_app', current_user;
        end;
    end if;
    if not has_database_privilege('steelyard_refresh', current_database(), 'temporary') then
        execute format('grant temporary on database %I to steelyard_refresh', current_database());
    end if;
end
$$;

create schema if not exists steelyard;
grant usage on schema steelyard to steelyard_app, steelyard_auditor, steelyard_refresh;
alter default privileges in schema steelyard grant select, insert, update, delete on tables to steelyard_app;
alter default privileges in schema steelyard grant usage on sequences to steelyard_app;
alter default privileges in schema steelyard grant select on tables to steelyard_auditor;

create table steelyard.repeatable_files (
    path text primary key,
    sha256 text not null,
    applied_at timestamptz not null default statement_timestamp()
);
comment on table steelyard.repeatable_files is 'Procedures and views as installed: a file runs again when its hash differs.';
comment on column steelyard.repeatable_files.path is 'File name under storage/sql/procedures.';
comment on column steelyard.repeatable_files.sha256 is 'Hexadecimal SHA-256 of the file as it was run.';
comment on column steelyard.repeatable_files.applied_at is 'When it was run, UTC.';

-- ── Shared reference data ───────────────────────────────────────────────────────────────────────────────

create table steelyard.minor_currencies (
    currency text primary key check (currency ~ '^[A-Z]{3}$'),
    major_currency text not null check (major_currency ~ '^[A-Z]{3}$'),
    units_per_major integer not null check (units_per_major > 1)
);
comment on table steelyard.minor_currencies is 'Quotation units that are a fraction of a currency, such as pence.';
comment on column steelyard.minor_currencies.currency is 'Code used by exchanges for the unit: GBX.';
comment on column steelyard.minor_currencies.major_currency is 'ISO 4217 code of the currency: GBP.';
comment on column steelyard.minor_currencies.units_per_major is 'Units in one of the currency: 100.';
insert into steelyard.minor_currencies (currency, major_currency, units_per_major)
values ('GBX', 'GBP', 100), ('ZAC', 'ZAR', 100), ('ILA', 'ILS', 100);

create table steelyard.fx_rates (
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    rate_date date not null,
    units_per_eur numeric(27, 12) not null check (units_per_eur > 0 and units_per_eur < 'Infinity'),
    source text not null default 'file',
    primary key (currency, rate_date)
);
comment on table steelyard.fx_rates is 'Exchange rates against the euro, the pivot of every conversion.';
comment on column steelyard.fx_rates.currency is 'ISO 4217 code.';
comment on column steelyard.fx_rates.rate_date is 'Day of the rate.';
comment on column steelyard.fx_rates.units_per_eur is 'Units of the currency for 1 EUR; above 0.';
comment on column steelyard.fx_rates.source is 'Who published it: ecb, or file.';

create table steelyard.asset_master (
    asset_id text primary key check (length(asset_id) between 1 and 64),
    asset_name text not null,
    asset_type text not null,
    isin text check (isin ~ '^[A-Z]{2}[A-Z0-9]{9}[0-9]$'),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    exchange text,
    issuer text,
    issue_date date,
    maturity_date date,
    par_value numeric(23, 8) check (par_value >= 0 and par_value < 'Infinity'),
    rating text,
    sector text,
    issuing_country text,
    status text not null default 'ACTIVE',
    benchmark_asset_id text references steelyard.asset_master (asset_id),
    price_basis text not null default 'raw' check (price_basis in ('raw', 'split_adjusted'))
);
comment on table steelyard.asset_master is 'One row per asset: what it is.';
comment on column steelyard.asset_master.asset_id is 'The key the firm gives the asset.';
comment on column steelyard.asset_master.asset_name is 'Name shown to people.';
comment on column steelyard.asset_master.asset_type is 'Equity, ETF, Bond, Cash, Index and so on, as the firm writes it.';
comment on column steelyard.asset_master.isin is 'ISO 6166 number with a right check digit; null when there is none.';
comment on column steelyard.asset_master.currency is 'Currency its prices are quoted in: ISO 4217, or a unit of minor_currencies.';
comment on column steelyard.asset_master.exchange is 'ISO 10383 MIC of the venue the prices come from.';
comment on column steelyard.asset_master.issuer is 'Who issued it.';
comment on column steelyard.asset_master.issue_date is 'Day of issue.';
comment on column steelyard.asset_master.maturity_date is 'Day of redemption; null for perpetual assets.';
comment on column steelyard.asset_master.par_value is 'Nominal value of one unit, in currency.';
comment on column steelyard.asset_master.rating is 'Credit rating as the firm writes it.';
comment on column steelyard.asset_master.sector is 'Sector as the firm classifies it.';
comment on column steelyard.asset_master.issuing_country is 'Country of the issuer.';
comment on column steelyard.asset_master.status is 'ACTIVE, DELISTED and so on, as the firm writes it.';
comment on column steelyard.asset_master.benchmark_asset_id is 'The asset its beta is measured against; null means its currency''s benchmark.';
comment on column steelyard.asset_master.price_basis is 'raw = prices as they were traded; split_adjusted = past prices are restated for later splits.';

create table steelyard.market_data (
    asset_id text not null references steelyard.asset_master (asset_id),
    price_date date not null,
    closing_price numeric(27, 12) not null check (closing_price > 0 and closing_price < 'Infinity'),
    source text not null default 'file',
    price_time timestamptz,
    primary key (asset_id, price_date)
);
create index market_data_by_date on steelyard.market_data using brin (price_date);
comment on table steelyard.market_data is 'Accepted closing prices, one per asset and day; prices in doubt are in data_quality_findings.';
comment on column steelyard.market_data.asset_id is 'The asset.';
comment on column steelyard.market_data.price_date is 'Exchange day of the close.';
comment on column steelyard.market_data.closing_price is 'Price of one unit in the asset''s currency (pence where that is GBX); above 0.';
comment on column steelyard.market_data.source is 'Where the price came from: file, or the name of a price source.';
comment on column steelyard.market_data.price_time is 'When the price was made, UTC, where the source says so.';

create table steelyard.performance_history (
    asset_id text not null references steelyard.asset_master (asset_id),
    date date not null,
    daily_return double precision check (daily_return >= -1 and daily_return < 'Infinity'),
    total_return double precision check (total_return >= -1 and total_return < 'Infinity'),
    origin text not null default 'loaded' check (origin in ('loaded', 'derived')),
    primary key (asset_id, date)
);
create index performance_history_by_date on steelyard.performance_history using brin (date);
comment on table steelyard.performance_history is 'Daily returns per asset, the firm''s own or derived from market_data.';
comment on column steelyard.performance_history.asset_id is 'The asset.';
comment on column steelyard.performance_history.date is 'Day the return ends on.';
comment on column steelyard.performance_history.daily_return is 'Return since the previous price in the asset''s currency; fraction, +0.01 = +1 %.';
comment on column steelyard.performance_history.total_return is 'Compounded return since the asset''s first price; fraction.';
comment on column steelyard.performance_history.origin is 'loaded = the firm''s figure; derived = computed from market_data.';

create table steelyard.risk_metrics (
    asset_id text not null references steelyard.asset_master (asset_id),
    calculation_date date not null,
    volatility double precision check (volatility >= 0 and volatility < 'Infinity'),
    var_95 double precision check (var_95 between '-1e300' and '1e300'),
    beta double precision check (beta between '-1e300' and '1e300'),
    sharpe_ratio double precision check (sharpe_ratio between '-1e300' and '1e300'),
    expected_shortfall_95 double precision check (expected_shortfall_95 between '-1e300' and '1e300'),
    var_95_parametric double precision check (var_95_parametric between '-1e300' and '1e300'),
    expected_shortfall_95_parametric double precision
        check (expected_shortfall_95_parametric between '-1e300' and '1e300'),
    max_drawdown double precision check (max_drawdown between 0 and 1),
    observations integer check (observations >= 0),
    origin text not null default 'loaded' check (origin in ('loaded', 'derived')),
    primary key (asset_id, calculation_date)
);
comment on table steelyard.risk_metrics is 'Risk per asset over the three months before calculation_date, the firm''s own or derived.';
comment on column steelyard.risk_metrics.asset_id is 'The asset.';
comment on column steelyard.risk_metrics.calculation_date is 'Last day of the window; derived rows stand at month ends and at an as_of.';
comment on column steelyard.risk_metrics.volatility is 'Annual volatility, fraction: sample deviation of daily returns times the root of 252.';
comment on column steelyard.risk_metrics.var_95 is 'One-day historical value at risk at 95 %, fraction of value, positive = loss.';
comment on column steelyard.risk_metrics.beta is 'Slope of the asset''s daily returns on its benchmark''s.';
comment on column steelyard.risk_metrics.sharpe_ratio is 'Annualised mean over deviation of daily returns above the risk-free rate.';
comment on column steelyard.risk_metrics.expected_shortfall_95 is 'Mean loss beyond the value at risk, fraction, positive = loss.';
comment on column steelyard.risk_metrics.var_95_parametric is 'Value at risk of the normal distribution with the same mean and deviation.';
comment on column steelyard.risk_metrics.expected_shortfall_95_parametric is 'Expected shortfall of that normal distribution.';
comment on column steelyard.risk_metrics.max_drawdown is 'Deepest fall from a peak within the window, positive fraction of the peak.';
comment on column steelyard.risk_metrics.observations is 'Daily returns in the window.';
comment on column steelyard.risk_metrics.origin is 'loaded = the firm''s figure; derived = computed from market_data.';

create table steelyard.derivations_pending (
    asset_id text primary key references steelyard.asset_master (asset_id),
    from_date date not null default '-infinity'
);
comment on table steelyard.derivations_pending is 'Assets whose prices changed since their history was derived; a refresh empties it.';
comment on column steelyard.derivations_pending.asset_id is 'The asset.';
comment on column steelyard.derivations_pending.from_date is 'The first day that changed; -infinity = everything.';

create table steelyard.benchmarks (
    currency text primary key check (currency ~ '^[A-Z]{3}$'),
    asset_id text not null references steelyard.asset_master (asset_id)
);
comment on table steelyard.benchmarks is 'The asset that stands for the market of a currency.';
comment on column steelyard.benchmarks.currency is 'Currency of the assets measured against it.';
comment on column steelyard.benchmarks.asset_id is 'The index or fund whose prices are the benchmark.';

create table steelyard.risk_free_rates (
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    rate_date date not null,
    annual_rate double precision not null check (annual_rate > -1 and annual_rate < 'Infinity'),
    series text not null,
    primary key (currency, rate_date)
);
comment on table steelyard.risk_free_rates is 'Risk-free rate per currency; without one the Sharpe ratio is above 0 and says so.';
comment on column steelyard.risk_free_rates.currency is 'ISO 4217 code.';
comment on column steelyard.risk_free_rates.rate_date is 'First day the rate holds; it holds until the next row.';
comment on column steelyard.risk_free_rates.annual_rate is 'Simple annual rate, fraction; a day earns annual_rate / 252.';
comment on column steelyard.risk_free_rates.series is 'Name of the published series.';

-- ── What belongs to a tenant ────────────────────────────────────────────────────────────────────────────

create table steelyard.tenants (
    tenant_id integer primary key generated by default as identity,
    tenant_name text not null unique,
    base_currency text not null default 'USD' check (base_currency ~ '^[A-Z]{3}$'),
    requires_mfa boolean not null default false,
    approval_limit numeric(23, 8) check (approval_limit >= 0 and approval_limit < 'Infinity'),
    code_limit numeric(23, 8) check (code_limit >= 0 and code_limit < 'Infinity'),
    price_tolerance numeric(18, 12) not null default 0.005 check (price_tolerance >= 0 and price_tolerance < 1),
    proposal_minutes integer not null default 30 check (proposal_minutes between 1 and 1440)
);
comment on table steelyard.tenants is 'A firm or family whose data nobody else sees.';
comment on column steelyard.tenants.tenant_id is 'Key; 1 is the default tenant.';
comment on column steelyard.tenants.tenant_name is 'Name shown to people.';
comment on column steelyard.tenants.base_currency is 'Currency of the tenant''s totals, ISO 4217.';
comment on column steelyard.tenants.requires_mfa is 'Whether everybody needs a second factor; some roles always do.';
comment on column steelyard.tenants.approval_limit is 'Largest order value one person may approve, in base_currency; null = none may alone.';
comment on column steelyard.tenants.code_limit is 'Largest order value that a code of an authenticator app approves, which binds to nothing, in base_currency; null = none.';
comment on column steelyard.tenants.price_tolerance is 'How far a live price may move between review and execution, fraction; stored prices may not at all.';
comment on column steelyard.tenants.proposal_minutes is 'How long a proposal can be approved and executed, in minutes.';
insert into steelyard.tenants (tenant_name) values ('default');

create table steelyard.households (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    household_id text not null,
    household_name text not null,
    base_currency text not null check (base_currency ~ '^[A-Z]{3}$'),
    primary key (tenant_id, household_id)
);
comment on table steelyard.households is 'Accounts that share one target.';
comment on column steelyard.households.tenant_id is 'The tenant.';
comment on column steelyard.households.household_id is 'The key the firm gives the household.';
comment on column steelyard.households.household_name is 'Name shown to people.';
comment on column steelyard.households.base_currency is 'Currency of the household''s totals, ISO 4217.';

create table steelyard.model_portfolios (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    model_id text not null,
    model_name text not null,
    version integer not null default 1 check (version > 0),
    risk_level integer check (risk_level between 1 and 5),
    min_horizon_years integer check (min_horizon_years between 0 and 100),
    primary key (tenant_id, model_id)
);
comment on table steelyard.model_portfolios is 'Named sets of target weights.';
comment on column steelyard.model_portfolios.tenant_id is 'The tenant.';
comment on column steelyard.model_portfolios.model_id is 'The key the firm gives the model.';
comment on column steelyard.model_portfolios.model_name is 'Name shown to people.';
comment on column steelyard.model_portfolios.version is 'Counts up with each change of its name, bounds or weights.';
comment on column steelyard.model_portfolios.risk_level is '1 = least to 5 = most risk; null = nobody said, and it is offered to no profile.';
comment on column steelyard.model_portfolios.min_horizon_years is 'Years an investor should have; null = none.';

create table steelyard.target_weights (
    tenant_id integer not null,
    model_id text not null,
    asset_id text not null references steelyard.asset_master (asset_id),
    target_weight numeric(18, 12) not null check (target_weight between 0 and 1),
    primary key (tenant_id, model_id, asset_id),
    foreign key (tenant_id, model_id) references steelyard.model_portfolios (tenant_id, model_id)
);
comment on table steelyard.target_weights is 'What a model portfolio holds.';
comment on column steelyard.target_weights.tenant_id is 'The tenant.';
comment on column steelyard.target_weights.model_id is 'The model portfolio.';
comment on column steelyard.target_weights.asset_id is 'The asset.';
comment on column steelyard.target_weights.target_weight is 'Share of value, fraction 0 to 1; a model''s weights sum to exactly 1.';

create table steelyard.accounts (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    account_id text not null,
    account_name text not null,
    household_id text,
    base_currency text not null check (base_currency ~ '^[A-Z]{3}$'),
    model_id text,
    stated_value numeric(23, 8) check (stated_value >= 0 and stated_value < 'Infinity'),
    stated_value_date date,
    lot_method text not null default 'fifo'
    check (lot_method in ('fifo', 'lifo', 'hifo', 'minimum_tax', 'specific', 'average')),
    may_overdraw boolean not null default true,
    may_short boolean not null default true,
    kept_by text not null default 'snapshots' check (kept_by in ('snapshots', 'ledger')),
    external_number_sealed bytea,
    primary key (tenant_id, account_id),
    foreign key (tenant_id, household_id) references steelyard.households (tenant_id, household_id),
    foreign key (tenant_id, model_id) references steelyard.model_portfolios (tenant_id, model_id)
);
-- Who is granted a household is asked for its accounts with every statement.
create index accounts_of_household on steelyard.accounts (tenant_id, household_id);
comment on table steelyard.accounts is 'Where positions are held; the portfolio of portfolio_allocation.';
comment on column steelyard.accounts.tenant_id is 'The tenant.';
comment on column steelyard.accounts.account_id is 'The key the firm gives the account or portfolio.';
comment on column steelyard.accounts.account_name is 'Name shown to people.';
comment on column steelyard.accounts.household_id is 'The household it belongs to, if any.';
comment on column steelyard.accounts.base_currency is 'Currency of the account''s totals, ISO 4217.';
comment on column steelyard.accounts.model_id is 'The model portfolio it follows, if any.';
comment on column steelyard.accounts.stated_value is 'Value in base_currency by the firm''s own word, for portfolios kept as weights.';
comment on column steelyard.accounts.stated_value_date is 'Day of the stated value.';
comment on column steelyard.accounts.lot_method is 'Which lots a sale takes first: fifo, lifo, hifo, minimum_tax, specific or average.';
comment on column steelyard.accounts.may_overdraw is 'Whether its cash may go below 0 in the ledger.';
comment on column steelyard.accounts.may_short is 'Whether its units may go below 0 in the ledger.';
comment on column steelyard.accounts.kept_by is 'What says what it holds: snapshots = the newest of portfolio_allocation; ledger = its balances.';
comment on column steelyard.accounts.external_number_sealed is 'The account''s number at its bank or broker, encrypted.';

create table steelyard.portfolio_allocation (
    tenant_id integer not null,
    portfolio text not null,
    asset_id text not null references steelyard.asset_master (asset_id),
    as_of date,
    quantity numeric(27, 12) check (quantity < 'Infinity'),
    target_weight numeric(18, 12) check (target_weight between 0 and 1),
    actual_weight numeric(18, 12) check (actual_weight between -10 and 10),
    unique nulls not distinct (tenant_id, portfolio, asset_id, as_of),
    foreign key (tenant_id, portfolio) references steelyard.accounts (tenant_id, account_id)
);
comment on table steelyard.portfolio_allocation is 'Snapshots of what each portfolio holds; a later snapshot replaces an earlier one whole.';
comment on column steelyard.portfolio_allocation.tenant_id is 'The tenant.';
comment on column steelyard.portfolio_allocation.portfolio is 'The account.';
comment on column steelyard.portfolio_allocation.asset_id is 'The asset.';
comment on column steelyard.portfolio_allocation.as_of is 'Day of the snapshot; null = current, unfit for any past day.';
comment on column steelyard.portfolio_allocation.quantity is 'Units held, negative = short; null where the firm keeps only weights.';
comment on column steelyard.portfolio_allocation.target_weight is 'Wanted share of the portfolio''s value, fraction 0 to 1.';
comment on column steelyard.portfolio_allocation.actual_weight is 'Share by the firm''s own word, fraction; used for value only where quantity is null.';

create table steelyard.transactions (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    transaction_id text not null,
    account_id text,
    asset_id text references steelyard.asset_master (asset_id),
    transaction_date date not null,
    transaction_type text not null,
    quantity numeric(27, 12),
    price numeric(27, 12),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    total_amount numeric(23, 8) not null default 0 check (total_amount >= 0 and total_amount < 'Infinity'),
    transaction_costs numeric(23, 8) check (transaction_costs >= 0 and transaction_costs < 'Infinity'),
    settlement_date date,
    tax_amount numeric(23, 8) check (tax_amount >= 0 and tax_amount < 'Infinity'),
    counter_account_id text,
    counter_asset_id text references steelyard.asset_master (asset_id),
    counter_quantity numeric(27, 12) check (counter_quantity >= 0 and counter_quantity < 'Infinity'),
    counter_currency text check (counter_currency ~ '^[A-Z]{3}$'),
    counter_amount numeric(23, 8) check (counter_amount >= 0 and counter_amount < 'Infinity'),
    acquired_date date,
    basis_fraction numeric(18, 12) check (basis_fraction between 0 and 1),
    lot_id text,
    primary key (tenant_id, transaction_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id),
    foreign key (tenant_id, counter_account_id) references steelyard.accounts (tenant_id, account_id)
);
create index transactions_by_date on steelyard.transactions using brin (transaction_date);
create index transactions_of_actions on steelyard.transactions (tenant_id, asset_id)
where account_id is null or transaction_type in ('SPLIT', 'SPIN_OFF', 'MERGER', 'SYMBOL_CHANGE');
create index transactions_of_account on steelyard.transactions (tenant_id, account_id, transaction_date);
comment on table steelyard.transactions is 'Booked transactions.';
comment on column steelyard.transactions.tenant_id is 'The tenant.';
comment on column steelyard.transactions.transaction_id is 'The firm''s id; made from the row''s content where the firm has none.';
comment on column steelyard.transactions.account_id is 'The account; null where the firm does not say.';
comment on column steelyard.transactions.asset_id is 'The asset it is about; null for cash alone.';
comment on column steelyard.transactions.transaction_date is 'Trade date.';
comment on column steelyard.transactions.transaction_type is 'BUY, SELL, DIVIDEND, DEPOSIT and so on, see transaction_kinds; the type gives the direction.';
comment on column steelyard.transactions.quantity is 'Units, positive.';
comment on column steelyard.transactions.price is 'Price of one unit, in currency.';
comment on column steelyard.transactions.currency is 'Currency of the amounts.';
comment on column steelyard.transactions.total_amount is 'Amount without costs, in currency, positive.';
comment on column steelyard.transactions.transaction_costs is 'Fees and taxes of the transaction, in currency, positive.';
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

create table steelyard.compliance_records (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    record_id text not null,
    account_id text,
    asset_id text not null references steelyard.asset_master (asset_id),
    check_date date not null,
    status text not null,
    rule text,
    primary key (tenant_id, record_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id)
);
create index compliance_records_by_date on steelyard.compliance_records using brin (check_date);
comment on table steelyard.compliance_records is 'Results of compliance checks.';
comment on column steelyard.compliance_records.tenant_id is 'The tenant.';
comment on column steelyard.compliance_records.record_id is 'The firm''s id; made from the row''s content where the firm has none.';
comment on column steelyard.compliance_records.account_id is 'The account checked; null = the tenant as a whole.';
comment on column steelyard.compliance_records.asset_id is 'The asset.';
comment on column steelyard.compliance_records.check_date is 'Day of the check.';
comment on column steelyard.compliance_records.status is 'VIOLATION counts as an active violation; PASS, WARNING and others do not.';
comment on column steelyard.compliance_records.rule is 'The rule checked, in the firm''s words.';

create table steelyard.category_thresholds (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    kind text not null check (kind in ('risk', 'performance', 'position_size')),
    category text not null,
    bound numeric(27, 12),
    bound_included boolean not null,
    primary key (tenant_id, kind, category)
);
comment on table steelyard.category_thresholds is 'Lower bounds of the categories; a value takes the highest bound it reaches, null is UNKNOWN.';
comment on column steelyard.category_thresholds.tenant_id is 'The tenant.';
comment on column steelyard.category_thresholds.kind is 'risk (of value at risk), performance (of total return), position_size (of market value).';
comment on column steelyard.category_thresholds.category is 'The category''s name.';
comment on column steelyard.category_thresholds.bound is 'Lower bound: a fraction for risk and performance, base currency for position_size; null = everything below the others.';
comment on column steelyard.category_thresholds.bound_included is 'Whether the bound itself belongs to the category.';
insert into steelyard.category_thresholds (tenant_id, kind, category, bound, bound_included)
values
(1, 'risk', 'HIGH', 0.03, true),
(1, 'risk', 'MEDIUM', 0.02, true),
(1, 'risk', 'LOW', null, true),
(1, 'performance', 'OUTPERFORMING', 0.15, false),
(1, 'performance', 'NEUTRAL', 0.04, true),
(1, 'performance', 'UNDERPERFORMING', null, true),
(1, 'position_size', 'LARGE', 1000000, false),
(1, 'position_size', 'MEDIUM', 100000, false),
(1, 'position_size', 'SMALL', null, true);

-- ── The ledger ───────────────────────────────────────────────────────────────────────────────────────────

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

-- ── Who may ─────────────────────────────────────────────────────────────────────────────────────────────

create table steelyard.users (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    user_id uuid not null unique default gen_random_uuid(),
    role text not null check (role in ('owner', 'advisor', 'viewer', 'compliance', 'admin', 'service')),
    status text not null default 'invited' check (status in ('invited', 'active', 'disabled', 'erased')),
    login_index bytea unique check (length(login_index) = 32),
    login_sealed bytea,
    name_sealed bytea,
    password_hash text,
    totp_seed_sealed bytea,
    totp_new_seed_sealed bytea,
    totp_last_step bigint,
    epoch integer not null default 1,
    approval_limit numeric(23, 8) check (approval_limit >= 0 and approval_limit < 'Infinity'),
    created_at timestamptz not null default transaction_timestamp(),
    last_sign_in_at timestamptz,
    primary key (tenant_id, user_id)
);
comment on table steelyard.users is 'Who may sign in, or hold API tokens.';
comment on column steelyard.users.tenant_id is 'The tenant.';
comment on column steelyard.users.user_id is 'Key, made by the server.';
comment on column steelyard.users.role is 'What the user may do; docs/reference/permissions.md has the table.';
comment on column steelyard.users.status is 'invited = has no way in yet; active; disabled; erased = only the key is left.';
comment on column steelyard.users.login_index is 'Keyed hash of the login name, to find the user by; null when erased.';
comment on column steelyard.users.login_sealed is 'The login name, encrypted.';
comment on column steelyard.users.name_sealed is 'The person''s name, encrypted.';
comment on column steelyard.users.password_hash is 'Argon2id, with its parameters; null = the user has no password.';
comment on column steelyard.users.totp_seed_sealed is 'Seed of the authenticator app, encrypted; null = none is enrolled.';
comment on column steelyard.users.totp_new_seed_sealed is 'Seed that is being enrolled, encrypted; counts once a code confirms it.';
comment on column steelyard.users.totp_last_step is 'The 30-second step of the last code accepted: no code up to it counts again.';
comment on column steelyard.users.epoch is 'Goes up when password, factors, role or status change: sessions and tokens of an older one are dead.';
comment on column steelyard.users.approval_limit is 'Largest order value the user may approve alone, in the tenant''s currency; null = the tenant''s.';
comment on column steelyard.users.created_at is 'When the user was made, UTC.';
comment on column steelyard.users.last_sign_in_at is 'When the user last signed in, UTC.';

create table steelyard.user_identities (
    tenant_id integer not null,
    user_id uuid not null,
    issuer text not null,
    subject text not null,
    linked_at timestamptz not null default transaction_timestamp(),
    primary key (issuer, subject),
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id)
);
comment on table steelyard.user_identities is 'Who a user is at an OpenID provider.';
comment on column steelyard.user_identities.tenant_id is 'The tenant.';
comment on column steelyard.user_identities.user_id is 'The user.';
comment on column steelyard.user_identities.issuer is 'The provider''s issuer address.';
comment on column steelyard.user_identities.subject is 'The provider''s key of the person; an e-mail address is none.';
comment on column steelyard.user_identities.linked_at is 'When it was linked, UTC.';

create table steelyard.passkeys (
    tenant_id integer not null,
    user_id uuid not null,
    credential_id bytea primary key,
    public_key bytea not null,
    sign_count bigint not null check (sign_count >= 0),
    is_backed_up boolean not null,
    label text not null,
    created_at timestamptz not null default transaction_timestamp(),
    last_used_at timestamptz,
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id)
);
comment on table steelyard.passkeys is 'Passkeys of users.';
comment on column steelyard.passkeys.tenant_id is 'The tenant.';
comment on column steelyard.passkeys.user_id is 'The user.';
comment on column steelyard.passkeys.credential_id is 'Key the authenticator made.';
comment on column steelyard.passkeys.public_key is 'COSE public key.';
comment on column steelyard.passkeys.sign_count is 'Signatures the authenticator counted; 0 = it does not count.';
comment on column steelyard.passkeys.is_backed_up is 'Whether it is on several devices.';
comment on column steelyard.passkeys.label is 'What the user calls it.';
comment on column steelyard.passkeys.created_at is 'When it was registered, UTC.';
comment on column steelyard.passkeys.last_used_at is 'When it last signed, UTC.';

create table steelyard.recovery_codes (
    tenant_id integer not null,
    user_id uuid not null,
    code_hash bytea not null check (length(code_hash) = 32),
    used_at timestamptz,
    primary key (tenant_id, user_id, code_hash),
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id)
);
comment on table steelyard.recovery_codes is 'Codes that stand in once each for a lost factor.';
comment on column steelyard.recovery_codes.tenant_id is 'The tenant.';
comment on column steelyard.recovery_codes.user_id is 'The user.';
comment on column steelyard.recovery_codes.code_hash is 'SHA-256 of the code.';
comment on column steelyard.recovery_codes.used_at is 'When it was used, UTC; null = it still counts.';

create table steelyard.one_time_links (
    link_hash bytea primary key check (length(link_hash) = 32),
    tenant_id integer not null references steelyard.tenants (tenant_id),
    user_id uuid,
    purpose text not null check (purpose in ('setup', 'invitation', 'recovery')),
    made_by text not null,
    made_at timestamptz not null default transaction_timestamp(),
    expires_at timestamptz not null,
    used_at timestamptz,
    unique (tenant_id, link_hash),
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id)
);
comment on table steelyard.one_time_links is 'Links that let a person in once: the first one of an installation, who is invited, who lost a factor.';
comment on column steelyard.one_time_links.link_hash is 'SHA-256 of the secret in the link.';
comment on column steelyard.one_time_links.tenant_id is 'The tenant.';
comment on column steelyard.one_time_links.user_id is 'Whom it is for; null = whoever sets the installation up.';
comment on column steelyard.one_time_links.purpose is 'setup, invitation or recovery.';
comment on column steelyard.one_time_links.made_by is 'Who made it, as in audit_events.actor.';
comment on column steelyard.one_time_links.made_at is 'When, UTC.';
comment on column steelyard.one_time_links.expires_at is 'When it ends, UTC.';
comment on column steelyard.one_time_links.used_at is 'When it was used, UTC; it counts once.';

create table steelyard.recovery_requests (
    tenant_id integer not null,
    request_id uuid not null default gen_random_uuid(),
    user_id uuid not null,
    asked_by text not null,
    asked_at timestamptz not null default transaction_timestamp(),
    expires_at timestamptz not null,
    approved_by text,
    approved_at timestamptz,
    primary key (tenant_id, request_id),
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id),
    check (approved_by <> asked_by),
    check ((approved_by is null) = (approved_at is null))
);
comment on table steelyard.recovery_requests is 'Resets of a user''s factors that one admin asks for and another approves.';
comment on column steelyard.recovery_requests.tenant_id is 'The tenant.';
comment on column steelyard.recovery_requests.request_id is 'Key, made by the server.';
comment on column steelyard.recovery_requests.user_id is 'Who lost the factors.';
comment on column steelyard.recovery_requests.asked_by is 'Who asks, as in audit_events.actor.';
comment on column steelyard.recovery_requests.asked_at is 'When, UTC.';
comment on column steelyard.recovery_requests.expires_at is 'Until when it can be approved, UTC.';
comment on column steelyard.recovery_requests.approved_by is 'Who approved: another person; null = nobody yet.';
comment on column steelyard.recovery_requests.approved_at is 'When, UTC.';

create table steelyard.sessions (
    session_hash bytea primary key check (length(session_hash) = 32),
    tenant_id integer not null,
    user_id uuid not null,
    session_id uuid not null default gen_random_uuid(),
    epoch integer not null,
    factors text[] not null,
    auth_time timestamptz not null,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    revoked_at timestamptz,
    address text not null default '',
    user_agent text not null default '',
    unique (tenant_id, session_id),
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id)
);
create index sessions_of_user on steelyard.sessions (tenant_id, user_id);
comment on table steelyard.sessions is 'Who is signed in.';
comment on column steelyard.sessions.session_hash is 'SHA-256 of the id that only the browser has; changes at sign-in, step-up and role change.';
comment on column steelyard.sessions.tenant_id is 'The tenant.';
comment on column steelyard.sessions.user_id is 'The user.';
comment on column steelyard.sessions.session_id is 'What lists and audits call it; opens nothing.';
comment on column steelyard.sessions.epoch is 'The user''s epoch when the session began; it is dead when that moves on.';
comment on column steelyard.sessions.factors is 'What was shown: password, totp, passkey, recovery_code, oidc (words of RFC 8176 where there are any).';
comment on column steelyard.sessions.auth_time is 'When a factor was last shown, UTC; a step-up renews it.';
comment on column steelyard.sessions.created_at is 'When the person signed in, UTC; the absolute limit counts from here.';
comment on column steelyard.sessions.last_seen_at is 'The last request, UTC; the idle limit counts from here.';
comment on column steelyard.sessions.revoked_at is 'When it was ended, UTC.';
comment on column steelyard.sessions.address is 'Where it was begun from, for the user''s list.';
comment on column steelyard.sessions.user_agent is 'What it was begun with, shortened, for the user''s list.';

create table steelyard.challenges (
    challenge_hash bytea primary key check (length(challenge_hash) = 32),
    tenant_id integer,
    session_id uuid,
    user_id uuid,
    epoch integer,
    factors text[] not null default '{}',
    link_hash bytea,
    purpose text not null,
    tries integer not null default 0,
    expires_at timestamptz not null,
    foreign key (tenant_id, session_id) references steelyard.sessions (tenant_id, session_id),
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id),
    foreign key (tenant_id, link_hash) references steelyard.one_time_links (tenant_id, link_hash),
    check (tenant_id is not null or num_nonnulls(session_id, user_id, link_hash) = 0)
);
comment on table steelyard.challenges is 'What may be answered once: sign-ins under way or half done, and passkey challenges. Answering deletes the row.';
comment on column steelyard.challenges.challenge_hash is 'SHA-256 of the challenge or of the secret in a cookie, or the fingerprint of a sign-in at a provider.';
comment on column steelyard.challenges.tenant_id is 'The tenant; null = nobody is signed in yet.';
comment on column steelyard.challenges.session_id is 'The session that must answer; null = nobody is signed in yet.';
comment on column steelyard.challenges.user_id is 'Who must answer; null = whoever can.';
comment on column steelyard.challenges.epoch is 'The user''s epoch when it was asked; what was half done is dead when that moves on.';
comment on column steelyard.challenges.factors is 'What was shown before, of a sign-in that waits for a second factor.';
comment on column steelyard.challenges.link_hash is 'The one-time link that is accepted by answering; null = none.';
comment on column steelyard.challenges.purpose is 'What an answer is good for: sign_in, second_factor, passkey, step_up, register, enrol, identity, accept, approve.';
comment on column steelyard.challenges.tries is 'How many answers were given, right or wrong.';
comment on column steelyard.challenges.expires_at is 'When it ends, UTC.';

create table steelyard.api_tokens (
    tenant_id integer not null,
    token_id uuid not null default gen_random_uuid(),
    user_id uuid not null,
    token_hash bytea not null unique check (length(token_hash) = 32),
    token_name text not null,
    scopes text[] not null,
    epoch integer not null,
    created_at timestamptz not null default transaction_timestamp(),
    expires_at timestamptz not null,
    last_used_at timestamptz,
    revoked_at timestamptz,
    primary key (tenant_id, token_id),
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id)
);
comment on table steelyard.api_tokens is 'Keys of programs; each acts as its user within its scopes, and never executes.';
comment on column steelyard.api_tokens.tenant_id is 'The tenant.';
comment on column steelyard.api_tokens.token_id is 'Key, made by the server; opens nothing.';
comment on column steelyard.api_tokens.user_id is 'Whom it acts as.';
comment on column steelyard.api_tokens.token_hash is 'SHA-256 of the token.';
comment on column steelyard.api_tokens.token_name is 'What the user calls it.';
comment on column steelyard.api_tokens.scopes is 'What it may do of what its user may: verb:object_type.';
comment on column steelyard.api_tokens.epoch is 'The user''s epoch when it was made; it is dead when that moves on.';
comment on column steelyard.api_tokens.created_at is 'When, UTC.';
comment on column steelyard.api_tokens.expires_at is 'When it ends, UTC.';
comment on column steelyard.api_tokens.last_used_at is 'When it was last used, UTC, to the minute.';
comment on column steelyard.api_tokens.revoked_at is 'When it was ended, UTC.';

create table steelyard.account_grants (
    grant_id uuid primary key default gen_random_uuid(),
    tenant_id integer not null,
    user_id uuid not null,
    account_id text,
    household_id text,
    rights text[] not null check (rights <@ array['READ', 'PROPOSE', 'APPROVE', 'EXECUTE'] and 'READ' = any(rights)),
    granted_by text not null,
    granted_at timestamptz not null default transaction_timestamp(),
    unique nulls not distinct (tenant_id, user_id, account_id, household_id),
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id),
    foreign key (tenant_id, household_id) references steelyard.households (tenant_id, household_id),
    check (num_nonnulls(account_id, household_id) = 1)
);
comment on table steelyard.account_grants is 'What a user may do with an account, or with every account of a household.';
comment on column steelyard.account_grants.grant_id is 'Key, made by the server.';
comment on column steelyard.account_grants.tenant_id is 'The tenant.';
comment on column steelyard.account_grants.user_id is 'Who may.';
comment on column steelyard.account_grants.account_id is 'The account; null = it is of a household.';
comment on column steelyard.account_grants.household_id is 'The household; null = it is of an account.';
comment on column steelyard.account_grants.rights is 'READ, and any of PROPOSE, APPROVE, EXECUTE.';
comment on column steelyard.account_grants.granted_by is 'Who granted it, as in audit_events.actor.';
comment on column steelyard.account_grants.granted_at is 'When, UTC.';

create table steelyard.sign_in_tries (
    bucket bytea primary key check (length(bucket) = 32),
    tries integer not null check (tries > 0),
    since timestamptz not null
);
comment on table steelyard.sign_in_tries is 'Tries that failed or are under way, by account and by address; keyed hashes, so they name neither.';
comment on column steelyard.sign_in_tries.bucket is 'Keyed hash of what is counted.';
comment on column steelyard.sign_in_tries.tries is 'How many.';
comment on column steelyard.sign_in_tries.since is 'When the first was, UTC.';

create table steelyard.notices (
    tenant_id integer not null,
    notice_id uuid not null default gen_random_uuid(),
    user_id uuid not null,
    kind text not null,
    made_at timestamptz not null default transaction_timestamp(),
    read_at timestamptz,
    primary key (tenant_id, notice_id),
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id)
);
comment on table steelyard.notices is 'What a user must be told: a password, factor, role or token of theirs changed.';
comment on column steelyard.notices.tenant_id is 'The tenant.';
comment on column steelyard.notices.notice_id is 'Key, made by the server.';
comment on column steelyard.notices.user_id is 'Who is told.';
comment on column steelyard.notices.kind is 'The action, as in audit_events.action.';
comment on column steelyard.notices.made_at is 'When, UTC.';
comment on column steelyard.notices.read_at is 'When the user saw it, UTC.';

-- ── What was done, and the keys ─────────────────────────────────────────────────────────────────────────

create function steelyard.begun_at() returns timestamptz
language sql stable
as $$ select transaction_timestamp() $$;
comment on function steelyard.begun_at() is 'When this transaction began, UTC: the one clock of the audit.';

create table steelyard.audit_heads (
    tenant_id integer primary key references steelyard.tenants (tenant_id),
    sequence bigint not null,
    hash bytea not null check (length(hash) = 32)
);
comment on table steelyard.audit_heads is 'The end of each tenant''s chain of audit_events; whoever writes an event holds the row.';
comment on column steelyard.audit_heads.tenant_id is 'The tenant.';
comment on column steelyard.audit_heads.sequence is 'The last event''s number.';
comment on column steelyard.audit_heads.hash is 'The last event''s hash.';

create table steelyard.audit_events (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    sequence bigint not null check (sequence > 0),
    recorded_at timestamptz not null,
    actor text not null,
    action text not null,
    object_type text not null,
    object_id text not null,
    facts jsonb not null,
    request_id text not null,
    previous_hash bytea not null check (length(previous_hash) = 32),
    hash bytea not null check (length(hash) = 32),
    primary key (tenant_id, sequence)
);
create index audit_events_of_object on steelyard.audit_events (tenant_id, object_type, object_id);
comment on table steelyard.audit_events is 'What was done, by whom: a chain, each event with the hash of the one before.';
comment on column steelyard.audit_events.tenant_id is 'The tenant.';
comment on column steelyard.audit_events.sequence is '1, 2, 3 … without a gap.';
comment on column steelyard.audit_events.recorded_at is 'When the transaction that did it began, UTC.';
comment on column steelyard.audit_events.actor is 'operator, user:ID, token:ID or system:WHAT.';
comment on column steelyard.audit_events.action is 'What was done: noun.verb, as docs/reference/audit.md lists.';
comment on column steelyard.audit_events.object_type is 'What it was done to.';
comment on column steelyard.audit_events.object_id is 'Which one.';
comment on column steelyard.audit_events.facts is 'What else matters; never a secret, never a person''s data.';
comment on column steelyard.audit_events.request_id is 'The request that asked for it; empty for the terminal.';
comment on column steelyard.audit_events.previous_hash is 'Hash of the event before; 32 zero bytes for the first.';
comment on column steelyard.audit_events.hash is 'SHA-256 over previous_hash and the columns before it; docs/reference/audit.md gives the bytes.';

create table steelyard.audit_pending (
    pending_id bigint primary key generated always as identity,
    tenant_id integer not null references steelyard.tenants (tenant_id),
    recorded_at timestamptz not null,
    actor text not null,
    action text not null,
    object_type text not null,
    object_id text not null,
    facts jsonb not null,
    request_id text not null
);
comment on table steelyard.audit_pending is 'Events of transactions that see one moment of the store, and so not the end of the chain; whoever adds an event next adds them first.';
comment on column steelyard.audit_pending.pending_id is 'Key, in their order.';
comment on column steelyard.audit_pending.tenant_id is 'The tenant; this and the rest as in audit_events.';
comment on column steelyard.audit_pending.recorded_at is 'When the transaction that did it began, UTC.';
comment on column steelyard.audit_pending.actor is 'Who did it.';
comment on column steelyard.audit_pending.action is 'What was done.';
comment on column steelyard.audit_pending.object_type is 'What it was done to.';
comment on column steelyard.audit_pending.object_id is 'Which one.';
comment on column steelyard.audit_pending.facts is 'What else matters.';
comment on column steelyard.audit_pending.request_id is 'The request that asked for it.';

create table steelyard.tenant_keys (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    key_id integer not null check (key_id > 0),
    wrapped_key bytea,
    wrapped_by text not null,
    created_at timestamptz not null default transaction_timestamp(),
    retired_at timestamptz,
    destroyed_at timestamptz,
    primary key (tenant_id, key_id),
    check ((wrapped_key is null) = (destroyed_at is not null))
);
comment on table steelyard.tenant_keys is 'Data keys that fields are encrypted with, themselves encrypted by a key from outside the database.';
comment on column steelyard.tenant_keys.tenant_id is 'The tenant.';
comment on column steelyard.tenant_keys.key_id is '1, 2, 3 …; the highest that is not retired encrypts.';
comment on column steelyard.tenant_keys.wrapped_key is 'The data key, encrypted; null = destroyed, and what it encrypted is erased.';
comment on column steelyard.tenant_keys.wrapped_by is 'Name of the key that encrypted it.';
comment on column steelyard.tenant_keys.created_at is 'When, UTC.';
comment on column steelyard.tenant_keys.retired_at is 'Since when it only decrypts, UTC.';
comment on column steelyard.tenant_keys.destroyed_at is 'When it was destroyed, UTC.';

create table steelyard.legal_holds (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    hold_id uuid not null default gen_random_uuid(),
    user_id uuid,
    reason text not null,
    placed_by text not null,
    placed_at timestamptz not null default transaction_timestamp(),
    released_by text,
    released_at timestamptz,
    primary key (tenant_id, hold_id),
    foreign key (tenant_id, user_id) references steelyard.users (tenant_id, user_id)
);
comment on table steelyard.legal_holds is 'What must not be erased while a hold stands.';
comment on column steelyard.legal_holds.tenant_id is 'The tenant.';
comment on column steelyard.legal_holds.hold_id is 'Key, made by the server.';
comment on column steelyard.legal_holds.user_id is 'Whose data; null = everything of the tenant.';
comment on column steelyard.legal_holds.reason is 'Why; no personal data.';
comment on column steelyard.legal_holds.placed_by is 'Who placed it, as in audit_events.actor.';
comment on column steelyard.legal_holds.placed_at is 'When, UTC.';
comment on column steelyard.legal_holds.released_by is 'Who released it.';
comment on column steelyard.legal_holds.released_at is 'When, UTC; null = it stands.';

revoke insert, update, delete on steelyard.audit_events, steelyard.audit_heads, steelyard.audit_pending
from steelyard_app;

-- ── Loading ─────────────────────────────────────────────────────────────────────────────────────────────

create table steelyard.load_runs (
    run_id bigint primary key generated always as identity,
    tenant_id integer not null references steelyard.tenants (tenant_id),
    source text not null,
    status text not null check (status in ('loaded', 'unchanged', 'refused')),
    summary jsonb not null,
    recorded_at timestamptz not null default statement_timestamp(),
    constraint load_runs_of_tenant unique (tenant_id, run_id)
);
comment on table steelyard.load_runs is 'Each run of a load, refused ones included.';
comment on column steelyard.load_runs.run_id is 'Key, in the order of the runs.';
comment on column steelyard.load_runs.tenant_id is 'The tenant.';
comment on column steelyard.load_runs.source is 'The folder that was read.';
comment on column steelyard.load_runs.status is 'loaded, unchanged (nothing new in the files) or refused (nothing was stored).';
comment on column steelyard.load_runs.summary is 'Rows per table: read, added, corrected, unchanged, quarantined.';
comment on column steelyard.load_runs.recorded_at is 'When it ended, UTC.';

create table steelyard.data_quality_findings (
    finding_id bigint primary key generated always as identity,
    tenant_id integer references steelyard.tenants (tenant_id),
    run_id bigint not null references steelyard.load_runs (run_id),
    table_name text not null,
    file_name text not null,
    row_number bigint,
    asset_id text,
    finding_date date,
    kind text not null,
    severity text not null check (severity in ('refused', 'quarantined', 'flagged')),
    reason text not null,
    row_data jsonb,
    constraint data_quality_findings_run_of_tenant
    foreign key (tenant_id, run_id) references steelyard.load_runs (tenant_id, run_id)
);
-- The row's hash, because a row may be longer than an index entry.
create unique index data_quality_findings_once on steelyard.data_quality_findings
(tenant_id, table_name, asset_id, finding_date, kind, severity, md5(row_data::text)) nulls not distinct;
comment on table steelyard.data_quality_findings is 'What was wrong or suspicious in the input, row by row.';
comment on column steelyard.data_quality_findings.finding_id is 'Key.';
comment on column steelyard.data_quality_findings.tenant_id is 'The tenant; null = about shared reference data.';
comment on column steelyard.data_quality_findings.run_id is 'The load that found it first.';
comment on column steelyard.data_quality_findings.table_name is 'The table the row was meant for.';
comment on column steelyard.data_quality_findings.file_name is 'The file it stood in.';
comment on column steelyard.data_quality_findings.row_number is 'Line in a CSV file (the header is line 1), row in a Parquet file (the first is 1).';
comment on column steelyard.data_quality_findings.asset_id is 'The asset, where known.';
comment on column steelyard.data_quality_findings.finding_date is 'The row''s own date, where it has one.';
comment on column steelyard.data_quality_findings.kind is 'What is wrong, one word of docs/reference/data-quality.md.';
comment on column steelyard.data_quality_findings.severity is 'refused = the run stopped; quarantined = the row is kept here and not used; flagged = used, and marked.';
comment on column steelyard.data_quality_findings.reason is 'A sentence for people.';
comment on column steelyard.data_quality_findings.row_data is 'The row as it was read.';

-- ── Asset 360: versions, their rows and documents, and the pointer to the current one ───────────────────

create table steelyard.asset_360_versions (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    version bigint not null,
    as_of date not null,
    universe boolean not null,
    row_count bigint not null,
    content_hash text not null,
    watermark jsonb not null,
    recorded_at timestamptz not null default statement_timestamp(),
    primary key (tenant_id, version)
);
comment on table steelyard.asset_360_versions is 'Every version ever published; the trail outlives the rows that retention deletes.';
comment on column steelyard.asset_360_versions.tenant_id is 'The tenant.';
comment on column steelyard.asset_360_versions.version is 'Counts up from 1 per tenant.';
comment on column steelyard.asset_360_versions.as_of is 'The day the figures are of.';
comment on column steelyard.asset_360_versions.universe is 'Whether the tenant scope holds every asset, or only those held, traded, targeted or checked.';
comment on column steelyard.asset_360_versions.row_count is 'Rows over all scopes.';
comment on column steelyard.asset_360_versions.content_hash is 'Hexadecimal SHA-256 over the rows in key order.';
comment on column steelyard.asset_360_versions.watermark is 'What the input was: last load run, last price date.';
comment on column steelyard.asset_360_versions.recorded_at is 'When it was published, UTC.';

create table steelyard.asset_360_current (
    tenant_id integer primary key references steelyard.tenants (tenant_id),
    version bigint not null,
    foreign key (tenant_id, version) references steelyard.asset_360_versions (tenant_id, version)
);
comment on table steelyard.asset_360_current is 'The pointer: which version readers see. Flipped in the transaction that makes the version.';
comment on column steelyard.asset_360_current.tenant_id is 'The tenant.';
comment on column steelyard.asset_360_current.version is 'The version readers see.';

create table steelyard.asset_360_rows (
    tenant_id integer not null,
    version bigint not null,
    scope_kind text not null check (scope_kind in ('tenant', 'household', 'account')),
    scope_id text not null,
    asset_id text not null,
    asset_name text not null,
    asset_type text not null,
    isin text,
    currency text not null,
    exchange text,
    issuer text,
    issue_date date,
    maturity_date date,
    par_value numeric(23, 8),
    rating text,
    sector text,
    issuing_country text,
    status text not null,
    base_currency text not null,
    quantity numeric(27, 12),
    current_price numeric(27, 12),
    price_date date,
    market_value numeric(23, 8),
    avg_daily_return double precision,
    max_daily_return double precision,
    min_daily_return double precision,
    total_return double precision,
    performance_origin text,
    avg_volatility double precision,
    value_at_risk double precision,
    value_at_risk_amount double precision,
    expected_shortfall double precision,
    expected_shortfall_amount double precision,
    beta double precision,
    sharpe_ratio double precision,
    risk_origin text,
    benchmark_asset_id text,
    total_transactions bigint not null,
    total_purchases numeric(23, 8),
    total_sales numeric(23, 8),
    avg_transaction_cost numeric(23, 8),
    active_violations bigint not null,
    last_compliance_check date,
    risk_category text not null,
    performance_category text not null,
    position_size text not null,
    quality_flags text[] not null,
    primary key (tenant_id, version, scope_kind, scope_id, asset_id)
);
comment on table steelyard.asset_360_rows is 'Asset 360 of every kept version: one row per scope and asset. Read it through the view asset_360.';
comment on column steelyard.asset_360_rows.tenant_id is 'The tenant.';
comment on column steelyard.asset_360_rows.version is 'The version.';
comment on column steelyard.asset_360_rows.scope_kind is 'tenant, household or account.';
comment on column steelyard.asset_360_rows.scope_id is 'The household''s or account''s id; empty for the tenant.';
comment on column steelyard.asset_360_rows.asset_id is 'The asset; the next columns are its asset_master row at that time.';
comment on column steelyard.asset_360_rows.base_currency is 'Currency of the scope''s money columns.';
comment on column steelyard.asset_360_rows.quantity is 'Units held over the scope''s accounts; null where only weights are kept.';
comment on column steelyard.asset_360_rows.current_price is 'Latest price on or before as_of, in the asset''s currency.';
comment on column steelyard.asset_360_rows.price_date is 'Day of that price.';
comment on column steelyard.asset_360_rows.market_value is 'Quantity times price in base_currency; null = unknown, and a flag says why.';
comment on column steelyard.asset_360_rows.avg_daily_return is 'Mean daily return over the year, fraction.';
comment on column steelyard.asset_360_rows.max_daily_return is 'Best day of the year, fraction.';
comment on column steelyard.asset_360_rows.min_daily_return is 'Worst day of the year, fraction.';
comment on column steelyard.asset_360_rows.total_return is 'Daily returns compounded over the year, fraction.';
comment on column steelyard.asset_360_rows.performance_origin is 'loaded, derived or mixed.';
comment on column steelyard.asset_360_rows.avg_volatility is 'Annual volatility over three months, fraction.';
comment on column steelyard.asset_360_rows.value_at_risk is 'One-day 95 % value at risk, fraction of value, positive = loss.';
comment on column steelyard.asset_360_rows.value_at_risk_amount is 'value_at_risk times market_value, in base_currency; an estimate, so not exact money.';
comment on column steelyard.asset_360_rows.expected_shortfall is 'One-day 95 % expected shortfall, fraction of value, positive = loss.';
comment on column steelyard.asset_360_rows.expected_shortfall_amount is 'expected_shortfall times market_value, in base_currency; an estimate, so not exact money.';
comment on column steelyard.asset_360_rows.beta is 'Against benchmark_asset_id, over three months.';
comment on column steelyard.asset_360_rows.sharpe_ratio is 'Annualised, over three months.';
comment on column steelyard.asset_360_rows.risk_origin is 'loaded = mean of the firm''s rows in the window; derived = computed over it.';
comment on column steelyard.asset_360_rows.benchmark_asset_id is 'The asset''s own benchmark, else its currency''s, else null.';
comment on column steelyard.asset_360_rows.total_transactions is 'Transactions in the year, of every type.';
comment on column steelyard.asset_360_rows.total_purchases is 'Sum of BUY amounts in the year, in base_currency at the day''s rate.';
comment on column steelyard.asset_360_rows.total_sales is 'Sum of SELL amounts in the year, in base_currency at the day''s rate.';
comment on column steelyard.asset_360_rows.avg_transaction_cost is 'Mean cost of the transactions that state one, in base_currency.';
comment on column steelyard.asset_360_rows.active_violations is 'Checks with status VIOLATION in six months.';
comment on column steelyard.asset_360_rows.last_compliance_check is 'Last check in six months.';
comment on column steelyard.asset_360_rows.risk_category is 'By value_at_risk, see category_thresholds; UNKNOWN for null.';
comment on column steelyard.asset_360_rows.performance_category is 'By total_return; UNKNOWN for null.';
comment on column steelyard.asset_360_rows.position_size is 'By market_value; UNKNOWN for null.';
comment on column steelyard.asset_360_rows.quality_flags is 'What limits the figures, words of docs/reference/data-quality.md; empty = nothing known.';

create table steelyard.asset_360_documents (
    tenant_id integer not null,
    version bigint not null,
    scope_kind text not null,
    scope_id text not null,
    document jsonb not null,
    primary key (tenant_id, version, scope_kind, scope_id)
);
comment on table steelyard.asset_360_documents is 'All dashboard answers of a scope, ready to read.';
comment on column steelyard.asset_360_documents.tenant_id is 'The tenant.';
comment on column steelyard.asset_360_documents.version is 'The version.';
comment on column steelyard.asset_360_documents.scope_kind is 'tenant, household or account.';
comment on column steelyard.asset_360_documents.scope_id is 'The household''s or account''s id; empty for the tenant.';
comment on column steelyard.asset_360_documents.document is 'The figures behind the eight readers; money as text, fractions as numbers.';

-- ── What is traded ───────────────────────────────────────────────────────────────────────────────────────
-- From a proposal to its orders, their fills and the ledger; docs/explanation/orders.md tells it.

create table steelyard.traded_volumes (
    asset_id text not null references steelyard.asset_master (asset_id),
    price_date date not null,
    volume numeric(27, 12) not null check (volume >= 0 and volume < 'Infinity'),
    source text not null,
    primary key (asset_id, price_date)
);
comment on table steelyard.traded_volumes is 'Units traded of an asset in a session, for what an order may take of it.';
comment on column steelyard.traded_volumes.asset_id is 'The asset.';
comment on column steelyard.traded_volumes.price_date is 'Exchange day.';
comment on column steelyard.traded_volumes.volume is 'Units traded.';
comment on column steelyard.traded_volumes.source is 'The price source, or file.';

create table steelyard.price_backfills (
    source text not null,
    asset_id text not null references steelyard.asset_master (asset_id),
    first_date date not null,
    last_date date not null,
    done_through date,
    fault text not null default '',
    updated_at timestamptz not null,
    primary key (source, asset_id),
    check (first_date <= last_date)
);
comment on table steelyard.price_backfills is 'How far the history of an asset was brought in from a source, so that it goes on where it stopped.';
comment on column steelyard.price_backfills.source is 'The price source.';
comment on column steelyard.price_backfills.asset_id is 'The asset.';
comment on column steelyard.price_backfills.first_date is 'First day asked for.';
comment on column steelyard.price_backfills.last_date is 'Last day asked for.';
comment on column steelyard.price_backfills.done_through is 'Last day that was brought in, without a gap since first_date: it goes on at the next; null = none yet.';
comment on column steelyard.price_backfills.fault is 'Why it stopped; empty = it did not.';
comment on column steelyard.price_backfills.updated_at is 'When it last went on, UTC.';

create table steelyard.investor_profiles (
    tenant_id integer not null,
    account_id text not null,
    version integer not null default 1 check (version > 0),
    risk_tolerance integer not null check (risk_tolerance between 1 and 5),
    horizon_years integer not null check (horizon_years between 0 and 100),
    goals text[] not null default '{}',
    preferences jsonb not null default '{}',
    exclusions jsonb not null default '{}',
    changed_by text not null,
    changed_at timestamptz not null default transaction_timestamp(),
    primary key (tenant_id, account_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id)
);
comment on table steelyard.investor_profiles is 'What the investor of an account wants and bears; it bounds the models offered.';
comment on column steelyard.investor_profiles.tenant_id is 'The tenant.';
comment on column steelyard.investor_profiles.account_id is 'The account.';
comment on column steelyard.investor_profiles.version is 'Counts up with each change.';
comment on column steelyard.investor_profiles.risk_tolerance is '1 = least to 5 = most; a model above it is not offered.';
comment on column steelyard.investor_profiles.horizon_years is 'Years until the money is needed; a model that needs more is not offered.';
comment on column steelyard.investor_profiles.goals is 'What it is for, in the investor''s words.';
comment on column steelyard.investor_profiles.preferences is 'What is preferred, by kind: {"sectors": […], "countries": […]}.';
comment on column steelyard.investor_profiles.exclusions is 'What is never bought, by kind: {"assets": […], "issuers": […], "sectors": […], "countries": […], "asset_types": […]}.';
comment on column steelyard.investor_profiles.changed_by is 'Who wrote it, as in audit_events.actor.';
comment on column steelyard.investor_profiles.changed_at is 'When, UTC.';

create table steelyard.broker_links (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    link_id uuid not null default gen_random_uuid(),
    broker text not null check (broker in ('paper', 'alpaca', 'file')),
    link_name text not null,
    environment text not null default 'paper' check (environment in ('paper', 'live')),
    address text,
    credentials_sealed bytea,
    settings jsonb not null default '{}',
    made_by text not null,
    made_at timestamptz not null default transaction_timestamp(),
    ended_at timestamptz,
    activities_page text not null default '',
    fills_page text not null default '',
    fills_due_at timestamptz not null default transaction_timestamp(),
    synced_at timestamptz,
    primary key (tenant_id, link_id),
    unique (tenant_id, link_name)
);
comment on table steelyard.broker_links is 'Ways to a broker: where orders go and fills come from.';
comment on column steelyard.broker_links.tenant_id is 'The tenant.';
comment on column steelyard.broker_links.link_id is 'Key, made by the server.';
comment on column steelyard.broker_links.broker is 'paper, alpaca or file.';
comment on column steelyard.broker_links.link_name is 'What people call it.';
comment on column steelyard.broker_links.environment is 'paper = nothing real is traded; live = it is.';
comment on column steelyard.broker_links.address is 'Where the broker is asked, or the folder of a file broker; null = its own.';
comment on column steelyard.broker_links.credentials_sealed is 'Keys or tokens, encrypted.';
comment on column steelyard.broker_links.settings is 'What else the broker needs, no secret: slippage of paper, layout of files.';
comment on column steelyard.broker_links.made_by is 'Who linked it, as in audit_events.actor.';
comment on column steelyard.broker_links.made_at is 'When, UTC.';
comment on column steelyard.broker_links.ended_at is 'When it was ended, UTC; nothing is sent there any more.';
comment on column steelyard.broker_links.activities_page is 'How far its activities were read, in the broker''s words.';
comment on column steelyard.broker_links.fills_page is 'How far its fills were read, in the broker''s words.';
comment on column steelyard.broker_links.fills_due_at is 'When a worker is to read its fills next, UTC.';
comment on column steelyard.broker_links.synced_at is 'When positions, cash and activities were last read, UTC.';

create table steelyard.broker_accounts (
    tenant_id integer not null,
    account_id text not null,
    link_id uuid not null,
    primary key (tenant_id, account_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id),
    foreign key (tenant_id, link_id) references steelyard.broker_links (tenant_id, link_id)
);
comment on table steelyard.broker_accounts is 'Where the orders of an account go; an account that is not here cannot be executed. Its number there is accounts.external_number_sealed.';
comment on column steelyard.broker_accounts.tenant_id is 'The tenant.';
comment on column steelyard.broker_accounts.account_id is 'The account.';
comment on column steelyard.broker_accounts.link_id is 'The way to its broker; accounts with one link share an account there.';

create table steelyard.order_limits (
    limit_id uuid not null default gen_random_uuid(),
    tenant_id integer not null references steelyard.tenants (tenant_id),
    account_id text,
    max_order_value numeric(23, 8) check (max_order_value >= 0 and max_order_value < 'Infinity'),
    max_day_value numeric(23, 8) check (max_day_value >= 0 and max_day_value < 'Infinity'),
    price_collar numeric(18, 12) check (price_collar > 0 and price_collar < 1),
    max_participation numeric(18, 12) check (max_participation > 0 and max_participation <= 1),
    changed_by text not null,
    changed_at timestamptz not null default transaction_timestamp(),
    primary key (tenant_id, limit_id),
    unique nulls not distinct (tenant_id, account_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id)
);
comment on table steelyard.order_limits is 'What no order may exceed, of the tenant and of single accounts; the narrower of the two holds.';
comment on column steelyard.order_limits.limit_id is 'Key, made by the server.';
comment on column steelyard.order_limits.tenant_id is 'The tenant.';
comment on column steelyard.order_limits.account_id is 'The account; null = each account of the tenant.';
comment on column steelyard.order_limits.max_order_value is 'Largest value of one order, in the tenant''s base currency; null = none.';
comment on column steelyard.order_limits.max_day_value is 'Largest value of the orders of an account in a day (UTC), bought and sold added up, in the tenant''s base currency; null = none.';
comment on column steelyard.order_limits.price_collar is 'How far a price may be from the last valid one, fraction of it; null = the default of docs/reference/rules.md.';
comment on column steelyard.order_limits.max_participation is 'Largest share of an asset''s usual volume that one order may be, fraction; null = none.';
comment on column steelyard.order_limits.changed_by is 'Who wrote it, as in audit_events.actor.';
comment on column steelyard.order_limits.changed_at is 'When, UTC.';

create table steelyard.compliance_rules (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    rule_id text not null check (rule_id ~ '^[A-Za-z0-9._-]{1,64}$'),
    version integer not null check (version > 0),
    kind text not null,
    scope jsonb not null default '{}',
    bound numeric(27, 12),
    settings jsonb not null default '{}',
    outcome text not null check (outcome in ('block', 'warn', 'hold')),
    valid_from date not null,
    valid_until date,
    source_document text not null,
    made_by text not null,
    made_at timestamptz not null default transaction_timestamp(),
    ended_at timestamptz,
    primary key (tenant_id, rule_id, version)
);
create unique index compliance_rules_current on steelyard.compliance_rules (tenant_id, rule_id) where ended_at is null;
comment on table steelyard.compliance_rules is 'What accounts may hold and trade; a change is a new version, and the old one stays.';
comment on column steelyard.compliance_rules.tenant_id is 'The tenant.';
comment on column steelyard.compliance_rules.rule_id is 'The key the firm gives the rule.';
comment on column steelyard.compliance_rules.version is 'Counts up with each change.';
comment on column steelyard.compliance_rules.kind is 'What is measured, a word of docs/reference/rules.md.';
comment on column steelyard.compliance_rules.scope is 'Which accounts: {"accounts": […], "households": […], "models": […]}; empty = all.';
comment on column steelyard.compliance_rules.bound is 'The limit, a fraction unless the kind says otherwise; null where the kind has none.';
comment on column steelyard.compliance_rules.settings is 'What else the kind needs: which assets, issuers, sectors, days.';
comment on column steelyard.compliance_rules.outcome is 'What a violation does: block, warn or hold.';
comment on column steelyard.compliance_rules.valid_from is 'First day it holds.';
comment on column steelyard.compliance_rules.valid_until is 'Last day it holds; null = for good.';
comment on column steelyard.compliance_rules.source_document is 'Where it is written: the mandate, the law.';
comment on column steelyard.compliance_rules.made_by is 'Who wrote this version, as in audit_events.actor.';
comment on column steelyard.compliance_rules.made_at is 'When, UTC.';
comment on column steelyard.compliance_rules.ended_at is 'When another version took its place, or it was ended, UTC.';

create table steelyard.runs (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    run_id uuid not null default gen_random_uuid(),
    run_name text not null,
    state text not null default 'making'
    check (state in ('making', 'made', 'approved', 'executed', 'withdrawn', 'failed')),
    version integer not null default 1,
    author text not null,
    document text not null,
    made_at timestamptz not null,
    expires_at timestamptz not null,
    content_hash bytea check (length(content_hash) = 32),
    order_value numeric(23, 8),
    executed_by text,
    executed_at timestamptz,
    market text not null default '',
    due_at timestamptz,
    fault text not null default '',
    primary key (tenant_id, run_id)
);
create index runs_due on steelyard.runs (due_at) where due_at is not null;
comment on table steelyard.runs is 'Proposals over many accounts, made and approved together.';
comment on column steelyard.runs.tenant_id is 'The tenant.';
comment on column steelyard.runs.run_id is 'Key, made by the server.';
comment on column steelyard.runs.run_name is 'What people call it.';
comment on column steelyard.runs.state is 'making, made, approved, executed, withdrawn or failed.';
comment on column steelyard.runs.version is 'Counts up with each change, for optimistic locking.';
comment on column steelyard.runs.author is 'Who began it, as in audit_events.actor.';
comment on column steelyard.runs.document is 'What was asked for, canonical JSON: accounts, policy, price source.';
comment on column steelyard.runs.made_at is 'When it was begun, UTC.';
comment on column steelyard.runs.expires_at is 'Until when it can be approved and executed, UTC.';
comment on column steelyard.runs.content_hash is 'SHA-256 over the hashes of its proposals in the order of its accounts; null = it is still being made.';
comment on column steelyard.runs.order_value is 'Value of its orders, in the tenant''s base currency; null = it is still being made.';
comment on column steelyard.runs.executed_by is 'Who executed it, as in audit_events.actor; null = nobody yet.';
comment on column steelyard.runs.executed_at is 'When, UTC.';
comment on column steelyard.runs.market is 'Prices read once for all its accounts, canonical JSON; empty = they are not read yet.';
comment on column steelyard.runs.due_at is 'When a worker is to look at it next, UTC: to make it, or to share out what its blocks were filled; null = nobody has to.';
comment on column steelyard.runs.fault is 'Why it failed; empty = it did not.';

create table steelyard.proposals (
    tenant_id integer not null,
    proposal_id uuid not null default gen_random_uuid(),
    account_id text not null,
    run_id uuid,
    state text not null default 'reviewed' check (state in ('reviewed', 'approved', 'executed', 'withdrawn')),
    version integer not null default 1,
    author text not null,
    document text not null,
    content_hash bytea not null check (length(content_hash) = 32),
    made_at timestamptz not null,
    expires_at timestamptz not null,
    order_value numeric(23, 8) not null check (order_value >= 0 and order_value < 'Infinity'),
    outcome text not null check (outcome in ('pass', 'warn', 'hold', 'block')),
    executed_by text,
    executed_at timestamptz,
    primary key (tenant_id, proposal_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id),
    foreign key (tenant_id, run_id) references steelyard.runs (tenant_id, run_id)
);
create index proposals_of_account on steelyard.proposals (tenant_id, account_id, made_at);
create index proposals_of_run on steelyard.proposals (tenant_id, run_id) where run_id is not null;
create index proposals_running_out on steelyard.proposals (expires_at)
where run_id is null and state in ('reviewed', 'approved');
comment on table steelyard.proposals is 'What was reviewed: all inputs and all trades, never changed; only its state moves on.';
comment on column steelyard.proposals.tenant_id is 'The tenant.';
comment on column steelyard.proposals.proposal_id is 'Key, made by the server.';
comment on column steelyard.proposals.account_id is 'The account.';
comment on column steelyard.proposals.run_id is 'The run it is part of; null = it stands alone.';
comment on column steelyard.proposals.state is 'reviewed, approved, executed or withdrawn.';
comment on column steelyard.proposals.version is 'Counts up with each change of state, for optimistic locking.';
comment on column steelyard.proposals.author is 'Who proposed it, as in audit_events.actor.';
comment on column steelyard.proposals.document is 'Canonical JSON (RFC 8785, decimals as text): inputs, trades, prices with their times, compliance.';
comment on column steelyard.proposals.content_hash is 'SHA-256 of the document: what is approved.';
comment on column steelyard.proposals.made_at is 'When it was stored, UTC.';
comment on column steelyard.proposals.expires_at is 'Until when it can be approved and executed, UTC.';
comment on column steelyard.proposals.order_value is 'Value of its orders, bought and sold added up, in the tenant''s base currency.';
comment on column steelyard.proposals.outcome is 'What compliance says: pass, warn, hold (until an override) or block.';
comment on column steelyard.proposals.executed_by is 'Who executed it, as in audit_events.actor; null = nobody yet.';
comment on column steelyard.proposals.executed_at is 'When, UTC.';

create table steelyard.run_accounts (
    tenant_id integer not null,
    run_id uuid not null,
    account_id text not null,
    place integer not null,
    state text not null default 'waiting' check (state in ('waiting', 'made', 'nothing', 'exception')),
    proposal_id uuid,
    problem text not null default '',
    fault text not null default '',
    primary key (tenant_id, run_id, account_id),
    foreign key (tenant_id, run_id) references steelyard.runs (tenant_id, run_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id),
    foreign key (tenant_id, proposal_id) references steelyard.proposals (tenant_id, proposal_id)
);
comment on table steelyard.run_accounts is 'The accounts of a run and how far each is.';
comment on column steelyard.run_accounts.tenant_id is 'The tenant.';
comment on column steelyard.run_accounts.run_id is 'The run.';
comment on column steelyard.run_accounts.account_id is 'The account.';
comment on column steelyard.run_accounts.place is 'Its place in the order of the run, from 1.';
comment on column steelyard.run_accounts.state is 'waiting, made, nothing (to do) or exception.';
comment on column steelyard.run_accounts.proposal_id is 'Its proposal; null = there is none.';
comment on column steelyard.run_accounts.problem is 'What kind of exception it is, a word of docs/reference/runs.md; empty = none.';
comment on column steelyard.run_accounts.fault is 'Why there is no proposal, or what somebody is to look at; empty = nothing.';

create table steelyard.rule_overrides (
    tenant_id integer not null,
    proposal_id uuid not null,
    rule_id text not null,
    rule_version integer not null,
    reason text not null check (length(reason) between 1 and 2000),
    made_by text not null,
    made_at timestamptz not null default transaction_timestamp(),
    primary key (tenant_id, proposal_id, rule_id),
    foreign key (tenant_id, proposal_id) references steelyard.proposals (tenant_id, proposal_id),
    foreign key (tenant_id, rule_id, rule_version)
    references steelyard.compliance_rules (tenant_id, rule_id, version)
);
comment on table steelyard.rule_overrides is 'Who let a proposal pass a rule that held it, and why.';
comment on column steelyard.rule_overrides.tenant_id is 'The tenant.';
comment on column steelyard.rule_overrides.proposal_id is 'The proposal.';
comment on column steelyard.rule_overrides.rule_id is 'The rule.';
comment on column steelyard.rule_overrides.rule_version is 'Its version.';
comment on column steelyard.rule_overrides.reason is 'Why, in their words.';
comment on column steelyard.rule_overrides.made_by is 'Who, as in audit_events.actor.';
comment on column steelyard.rule_overrides.made_at is 'When, UTC.';

create table steelyard.approvals (
    tenant_id integer not null,
    approval_id uuid not null default gen_random_uuid(),
    proposal_id uuid,
    run_id uuid,
    author text not null,
    approver text not null,
    content_hash bytea not null check (length(content_hash) = 32),
    factor text not null check (factor in ('passkey', 'totp', 'recovery_code', 'terminal')),
    evidence jsonb not null default '{}',
    approved_at timestamptz not null,
    primary key (tenant_id, approval_id),
    unique nulls not distinct (tenant_id, proposal_id, run_id, approver, content_hash),
    foreign key (tenant_id, proposal_id) references steelyard.proposals (tenant_id, proposal_id),
    foreign key (tenant_id, run_id) references steelyard.runs (tenant_id, run_id),
    check (num_nonnulls(proposal_id, run_id) = 1)
);
comment on table steelyard.approvals is 'Who approved what, by which factor; append-only.';
comment on column steelyard.approvals.tenant_id is 'The tenant.';
comment on column steelyard.approvals.approval_id is 'Key, made by the server.';
comment on column steelyard.approvals.proposal_id is 'The proposal; null = it is of a run.';
comment on column steelyard.approvals.run_id is 'The run; null = it is of a proposal.';
comment on column steelyard.approvals.author is 'Who proposed it, as in audit_events.actor.';
comment on column steelyard.approvals.approver is 'Who approved it, as in audit_events.actor; above the limit one of them is not the author.';
comment on column steelyard.approvals.content_hash is 'SHA-256 of what was approved.';
comment on column steelyard.approvals.factor is 'How they proved who they are: a passkey binds to the hash, a code binds to nothing.';
comment on column steelyard.approvals.evidence is 'Of a passkey its id, the nonce, the client data and the signature, so that it can be checked again.';
comment on column steelyard.approvals.approved_at is 'When, UTC.';

create table steelyard.order_transitions (
    from_state text not null,
    to_state text not null,
    why text not null,
    primary key (from_state, to_state)
);
comment on table steelyard.order_transitions is 'The moves an order may make; a trigger refuses every other, and domain/order.py says the same.';
comment on column steelyard.order_transitions.from_state is 'Before.';
comment on column steelyard.order_transitions.to_state is 'After.';
comment on column steelyard.order_transitions.why is 'When it does.';
insert into steelyard.order_transitions (from_state, to_state, why)
values
('draft', 'reviewed', 'its proposal is stored'),
('draft', 'cancelled', 'it is given up'),
('reviewed', 'approved', 'its proposal is approved'),
('reviewed', 'cancelled', 'its proposal is withdrawn or ran out'),
('approved', 'sending', 'the intent is written down, before the broker is called'),
('approved', 'partially_filled', 'it has a part of what its block was filled'),
('approved', 'filled', 'its block was filled'),
('approved', 'cancelled', 'it is withdrawn before anything was sent'),
('approved', 'rejected', 'a limit, a hold or the price collar refuses it'),
('sending', 'sent', 'the broker has it'),
('sending', 'partially_filled', 'the broker has it, and filled some'),
('sending', 'filled', 'the broker has it, and filled all'),
('sending', 'rejected', 'the broker refused it'),
('sending', 'cancelled', 'the broker certainly never had it, or cancelled it'),
('sending', 'unknown', 'nobody can say whether the broker has it'),
('sent', 'partially_filled', 'a part was filled'),
('sent', 'filled', 'all was filled'),
('sent', 'rejected', 'the broker refused it later'),
('sent', 'cancelled', 'the broker cancelled it, or it ran out'),
('sent', 'unknown', 'the broker does not know it any more'),
('partially_filled', 'filled', 'the rest was filled'),
('partially_filled', 'sent', 'all its fills were busted'),
('partially_filled', 'cancelled', 'the rest was cancelled, or ran out'),
('partially_filled', 'unknown', 'the broker does not know it any more'),
('filled', 'partially_filled', 'a fill was busted'),
('filled', 'sent', 'all its fills were busted'),
('unknown', 'sending', 'the broker certainly never had it, and it is sent again'),
('unknown', 'sent', 'it was found at the broker'),
('unknown', 'partially_filled', 'it was found at the broker, partly filled'),
('unknown', 'filled', 'it was found at the broker, filled'),
('unknown', 'rejected', 'the broker says that it refused it'),
('unknown', 'cancelled', 'a person decided that the broker never had it, or it was found cancelled'),
('cancelled', 'partially_filled', 'a fill came late'),
('cancelled', 'filled', 'the last fill came late'),
('rejected', 'partially_filled', 'a fill came all the same'),
('rejected', 'filled', 'fills came all the same');

create table steelyard.orders (
    tenant_id integer not null,
    order_id uuid not null default gen_random_uuid(),
    proposal_id uuid,
    run_id uuid,
    block_id uuid,
    account_id text,
    link_id uuid,
    asset_id text not null references steelyard.asset_master (asset_id),
    side text not null check (side in ('buy', 'sell')),
    quantity numeric(27, 12) not null check (quantity > 0 and quantity < 'Infinity'),
    order_type text not null check (order_type in ('market', 'limit')),
    limit_price numeric(27, 12) check (limit_price > 0 and limit_price < 'Infinity'),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    reference_price numeric(27, 12) not null check (reference_price > 0 and reference_price < 'Infinity'),
    order_value numeric(23, 8) not null check (order_value >= 0 and order_value < 'Infinity'),
    phase integer not null default 1 check (phase between 1 and 2),
    lots jsonb not null default '[]',
    state text not null default 'draft'
    check (
        state in (
            'draft', 'reviewed', 'approved', 'sending', 'sent', 'partially_filled', 'filled', 'rejected',
            'cancelled', 'unknown'
        )
    ),
    version integer not null default 1,
    reason text not null default '',
    client_order_id text not null check (client_order_id ~ '^[A-Za-z0-9-]{1,48}$'),
    broker_order_id text,
    filled_quantity numeric(27, 12) not null default 0 check (filled_quantity >= 0 and filled_quantity < 'Infinity'),
    released_at timestamptz,
    sent_at timestamptz,
    due_at timestamptz,
    settle_until timestamptz,
    attempts integer not null default 0,
    cancel_asked_at timestamptz,
    raised_at timestamptz,
    lease_owner text,
    lease_until timestamptz,
    replaces uuid,
    made_at timestamptz not null default transaction_timestamp(),
    changed_at timestamptz not null default transaction_timestamp(),
    primary key (tenant_id, order_id),
    unique (tenant_id, client_order_id),
    foreign key (tenant_id, proposal_id) references steelyard.proposals (tenant_id, proposal_id),
    foreign key (tenant_id, run_id) references steelyard.runs (tenant_id, run_id),
    foreign key (tenant_id, block_id) references steelyard.orders (tenant_id, order_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id),
    foreign key (tenant_id, link_id) references steelyard.broker_links (tenant_id, link_id),
    foreign key (tenant_id, replaces) references steelyard.orders (tenant_id, order_id),
    check ((order_type = 'limit') = (limit_price is not null)),
    check (account_id is not null or block_id is null and run_id is not null)
) with (fillfactor = 50); -- an order moves half a dozen times: its rows stay on their page, and indexes as they are
create index orders_due on steelyard.orders (due_at) where due_at is not null;
create index orders_raised on steelyard.orders (tenant_id) where raised_at is not null; -- a state would move them all
create index orders_of_account on steelyard.orders (tenant_id, account_id, made_at);
create index orders_of_proposal on steelyard.orders (tenant_id, proposal_id);
create index orders_of_run on steelyard.orders (tenant_id, run_id) where run_id is not null;
create index orders_of_block on steelyard.orders (tenant_id, block_id) where block_id is not null;
create unique index orders_of_broker on steelyard.orders (tenant_id, link_id, broker_order_id)
where broker_order_id is not null;
comment on table steelyard.orders is 'Orders: each is an intent first, and says itself what is to be done about it next.';
comment on column steelyard.orders.tenant_id is 'The tenant.';
comment on column steelyard.orders.order_id is 'Key, made by the server.';
comment on column steelyard.orders.proposal_id is 'The proposal it is of; null = a block, or one typed by hand.';
comment on column steelyard.orders.run_id is 'The run it is of; null = none.';
comment on column steelyard.orders.block_id is 'The block that is sent in its place; null = it is sent itself.';
comment on column steelyard.orders.account_id is 'The account; null = a block, whose fills are apportioned to the orders that name it.';
comment on column steelyard.orders.link_id is 'The way to the broker; set at the latest when it is released.';
comment on column steelyard.orders.asset_id is 'The asset.';
comment on column steelyard.orders.side is 'buy or sell.';
comment on column steelyard.orders.quantity is 'Units, positive.';
comment on column steelyard.orders.order_type is 'market or limit.';
comment on column steelyard.orders.limit_price is 'Worst price of one unit, in currency; null = market.';
comment on column steelyard.orders.currency is 'ISO 4217 code of its prices, never a fraction of a currency such as pence.';
comment on column steelyard.orders.reference_price is 'The price it was worked out at, in currency.';
comment on column steelyard.orders.order_value is 'quantity at reference_price, in the tenant''s base currency.';
comment on column steelyard.orders.phase is '1 = as soon as it is released; 2 = a buy that waits for what the sells of its proposal bring in.';
comment on column steelyard.orders.lots is 'Lots a sale takes: [{"lot_id": …, "quantity": …}]; empty = by the account''s method.';
comment on column steelyard.orders.state is 'Where it is: docs/reference/orders.md.';
comment on column steelyard.orders.version is 'Counts up with each change; who writes names the one they read.';
comment on column steelyard.orders.reason is 'Why it is in its state, for people; empty = nothing to say.';
comment on column steelyard.orders.client_order_id is 'What we call it at the broker, made before anything is sent; never used for another order.';
comment on column steelyard.orders.broker_order_id is 'What the broker calls it; null = not known.';
comment on column steelyard.orders.filled_quantity is 'Units filled, busts taken off.';
comment on column steelyard.orders.released_at is 'When it was executed, that is, given to the workers, UTC; null = not yet.';
comment on column steelyard.orders.sent_at is 'When the broker was first called, UTC.';
comment on column steelyard.orders.due_at is 'When a worker is to look at it next, UTC; null = nobody has to.';
comment on column steelyard.orders.settle_until is 'Until when an answer may still be under way: no look-up before counts as "never had it", UTC.';
comment on column steelyard.orders.attempts is 'How often the broker was called to place it.';
comment on column steelyard.orders.cancel_asked_at is 'When somebody asked to cancel it, UTC.';
comment on column steelyard.orders.raised_at is 'When a person was asked to decide about it, UTC; null = nobody has to.';
comment on column steelyard.orders.lease_owner is 'The worker that has it in hand.';
comment on column steelyard.orders.lease_until is 'Until when that worker is waited for, UTC.';
comment on column steelyard.orders.replaces is 'The order it takes the place of.';
comment on column steelyard.orders.made_at is 'When it was made, UTC.';
comment on column steelyard.orders.changed_at is 'When it last changed, UTC.';

create table steelyard.order_events (
    tenant_id integer not null,
    order_id uuid not null,
    version integer not null,
    account_id text,
    from_state text,
    to_state text not null,
    reason text not null,
    actor text not null,
    at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, order_id, version),
    foreign key (tenant_id, order_id) references steelyard.orders (tenant_id, order_id)
);
create index order_events_of_sending on steelyard.order_events (tenant_id, account_id, at) where to_state = 'sending';
comment on table steelyard.order_events is 'Every state an order was in; a trigger writes it, append-only.';
comment on column steelyard.order_events.tenant_id is 'The tenant.';
comment on column steelyard.order_events.order_id is 'The order.';
comment on column steelyard.order_events.version is 'Its version then.';
comment on column steelyard.order_events.account_id is 'Its account.';
comment on column steelyard.order_events.from_state is 'Before; null = it was made.';
comment on column steelyard.order_events.to_state is 'After.';
comment on column steelyard.order_events.reason is 'Why.';
comment on column steelyard.order_events.actor is 'Who, as in audit_events.actor.';
comment on column steelyard.order_events.at is 'When, UTC.';

create table steelyard.fills (
    tenant_id integer not null,
    link_id uuid not null,
    execution_id text not null,
    order_id uuid,
    account_id text,
    asset_id text references steelyard.asset_master (asset_id),
    broker_order_id text not null default '',
    symbol text not null default '',
    side text not null check (side in ('buy', 'sell')),
    quantity numeric(27, 12) not null check (quantity > 0 and quantity < 'Infinity'),
    price numeric(27, 12) not null check (price >= 0 and price < 'Infinity'),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    fees numeric(23, 8) not null default 0 check (fees >= 0 and fees < 'Infinity'),
    executed_at timestamptz not null,
    received_at timestamptz not null default transaction_timestamp(),
    busted_at timestamptz,
    transaction_id text,
    block_execution_id text,
    amount numeric(23, 8) check (amount >= 0 and amount < 'Infinity'),
    suspended_because text not null default '',
    primary key (tenant_id, link_id, execution_id),
    foreign key (tenant_id, link_id) references steelyard.broker_links (tenant_id, link_id),
    foreign key (tenant_id, order_id) references steelyard.orders (tenant_id, order_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id)
);
create index fills_of_order on steelyard.fills (tenant_id, order_id);
create index fills_unsettled on steelyard.fills (tenant_id, account_id)
where (busted_at is null) = (transaction_id is null);
create index fills_suspended on steelyard.fills (tenant_id, link_id) where suspended_because <> '';
create index fills_by_time on steelyard.fills (tenant_id, executed_at, execution_id);
comment on table steelyard.fills is 'What brokers executed, each once by its execution id; with what it books in one transaction.';
comment on column steelyard.fills.tenant_id is 'The tenant.';
comment on column steelyard.fills.link_id is 'The way to the broker that says so.';
comment on column steelyard.fills.execution_id is 'The broker''s key of the execution.';
comment on column steelyard.fills.order_id is 'The order; null = in suspense, nobody knows which.';
comment on column steelyard.fills.account_id is 'The account it is booked in; null = of a block, or in suspense.';
comment on column steelyard.fills.asset_id is 'The asset; null = in suspense, its symbol is not known.';
comment on column steelyard.fills.broker_order_id is 'What the broker calls the order.';
comment on column steelyard.fills.symbol is 'What the broker calls the asset.';
comment on column steelyard.fills.side is 'buy or sell.';
comment on column steelyard.fills.quantity is 'Units, positive.';
comment on column steelyard.fills.price is 'Price of one unit, in currency.';
comment on column steelyard.fills.currency is 'ISO 4217 code.';
comment on column steelyard.fills.fees is 'Fees, in currency.';
comment on column steelyard.fills.executed_at is 'When it was executed, UTC.';
comment on column steelyard.fills.received_at is 'When we knew, UTC.';
comment on column steelyard.fills.busted_at is 'When the broker took it back, UTC; a bust may come before its fill.';
comment on column steelyard.fills.transaction_id is 'The transaction that books it; null = nothing is booked: suspense, a block, or busted.';
comment on column steelyard.fills.block_execution_id is 'Of an apportioned part, the execution of the block; null = it is the broker''s own.';
comment on column steelyard.fills.amount is 'Of an apportioned part, its money, so that the parts add up to what the block cost; null = quantity at price.';
comment on column steelyard.fills.suspended_because is 'Why it is in suspense; empty = it is not.';

create table steelyard.trading_holds (
    hold_id uuid not null default gen_random_uuid(),
    tenant_id integer not null references steelyard.tenants (tenant_id),
    account_id text,
    order_id uuid,
    kind text not null check (kind in ('kill_switch', 'break', 'overfill', 'compliance', 'manual')),
    reason text not null check (length(reason) between 1 and 2000),
    made_by text not null,
    made_at timestamptz not null default transaction_timestamp(),
    released_by text,
    released_at timestamptz,
    release_reason text not null default '',
    primary key (tenant_id, hold_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id),
    foreign key (tenant_id, order_id) references steelyard.orders (tenant_id, order_id),
    check ((released_by is null) = (released_at is null))
);
create index trading_holds_open on steelyard.trading_holds (tenant_id, account_id) where released_at is null;
comment on table steelyard.trading_holds is 'What must not be sent now: an order, an account, or anything of a tenant. What was sent is still followed.';
comment on column steelyard.trading_holds.hold_id is 'Key, made by the server.';
comment on column steelyard.trading_holds.tenant_id is 'The tenant.';
comment on column steelyard.trading_holds.account_id is 'The account; null = every account.';
comment on column steelyard.trading_holds.order_id is 'The order; null = every order.';
comment on column steelyard.trading_holds.kind is 'kill_switch, break, overfill, compliance or manual.';
comment on column steelyard.trading_holds.reason is 'Why.';
comment on column steelyard.trading_holds.made_by is 'Who, as in audit_events.actor.';
comment on column steelyard.trading_holds.made_at is 'When, UTC.';
comment on column steelyard.trading_holds.released_by is 'Who let it go, as in audit_events.actor; null = it holds.';
comment on column steelyard.trading_holds.released_at is 'When, UTC.';
comment on column steelyard.trading_holds.release_reason is 'Why it was let go.';

create table steelyard.trading_stops (
    stop_id uuid primary key default gen_random_uuid(),
    reason text not null check (length(reason) between 1 and 2000),
    author text not null,
    made_at timestamptz not null default transaction_timestamp(),
    releaser text,
    released_at timestamptz,
    check ((releaser is null) = (released_at is null))
);
comment on table steelyard.trading_stops is 'The kill switch of the whole installation: as long as a row is not released, nothing is sent for any tenant.';
comment on column steelyard.trading_stops.stop_id is 'Key, made by the server.';
comment on column steelyard.trading_stops.reason is 'Why.';
comment on column steelyard.trading_stops.author is 'Who, as in audit_events.actor.';
comment on column steelyard.trading_stops.made_at is 'When, UTC.';
comment on column steelyard.trading_stops.releaser is 'Who let it go, as in audit_events.actor; null = it holds.';
comment on column steelyard.trading_stops.released_at is 'When, UTC.';

create table steelyard.reconciliation_breaks (
    tenant_id integer not null,
    break_id uuid not null default gen_random_uuid(),
    link_id uuid not null,
    account_id text not null,
    commodity text not null,
    is_cash boolean not null,
    ledger_quantity numeric(27, 12) not null,
    broker_quantity numeric(27, 12) not null,
    hold_id uuid,
    found_at timestamptz not null,
    seen_at timestamptz not null,
    resolved_at timestamptz,
    resolved_by text,
    explanation text not null default '',
    primary key (tenant_id, break_id),
    foreign key (tenant_id, link_id) references steelyard.broker_links (tenant_id, link_id),
    foreign key (tenant_id, account_id) references steelyard.accounts (tenant_id, account_id),
    foreign key (tenant_id, hold_id) references steelyard.trading_holds (tenant_id, hold_id)
);
create unique index breaks_open on steelyard.reconciliation_breaks (tenant_id, account_id, commodity, is_cash)
where resolved_at is null;
comment on table steelyard.reconciliation_breaks is 'Where a broker and the ledger say different things.';
comment on column steelyard.reconciliation_breaks.tenant_id is 'The tenant.';
comment on column steelyard.reconciliation_breaks.break_id is 'Key, made by the server.';
comment on column steelyard.reconciliation_breaks.link_id is 'The way to the broker that says so.';
comment on column steelyard.reconciliation_breaks.account_id is 'The account.';
comment on column steelyard.reconciliation_breaks.commodity is 'An asset; where is_cash, a currency.';
comment on column steelyard.reconciliation_breaks.is_cash is 'Whether it is money.';
comment on column steelyard.reconciliation_breaks.ledger_quantity is 'What the ledger says, units or money.';
comment on column steelyard.reconciliation_breaks.broker_quantity is 'What the broker says.';
comment on column steelyard.reconciliation_breaks.hold_id is 'The hold it put on the account.';
comment on column steelyard.reconciliation_breaks.found_at is 'When it was first seen, UTC.';
comment on column steelyard.reconciliation_breaks.seen_at is 'When it was last seen, UTC.';
comment on column steelyard.reconciliation_breaks.resolved_at is 'When it was gone, or explained, UTC.';
comment on column steelyard.reconciliation_breaks.resolved_by is 'Who explained it, as in audit_events.actor, or system:reconcile where it was gone.';
comment on column steelyard.reconciliation_breaks.explanation is 'What it was, in their words.';

create table steelyard.idempotency_keys (
    tenant_id integer not null references steelyard.tenants (tenant_id),
    principal text not null,
    key text not null check (length(key) between 1 and 200),
    route text not null,
    body_hash bytea not null check (length(body_hash) = 32),
    status integer not null,
    answer text not null,
    made_at timestamptz not null default transaction_timestamp(),
    primary key (tenant_id, principal, key)
);
create index idempotency_keys_by_age on steelyard.idempotency_keys (tenant_id, principal, made_at);
comment on table steelyard.idempotency_keys is 'Answers of requests that move money, written in the transaction of their effect: the same key again gets the same answer.';
comment on column steelyard.idempotency_keys.tenant_id is 'The tenant.';
comment on column steelyard.idempotency_keys.principal is 'Who asked, as in audit_events.actor.';
comment on column steelyard.idempotency_keys.key is 'The key they made.';
comment on column steelyard.idempotency_keys.route is 'Method and path.';
comment on column steelyard.idempotency_keys.body_hash is 'SHA-256 of the canonical body.';
comment on column steelyard.idempotency_keys.status is 'HTTP status of the answer.';
comment on column steelyard.idempotency_keys.answer is 'The answer, JSON.';
comment on column steelyard.idempotency_keys.made_at is 'When, UTC.';

-- ── What comes in with statements ───────────────────────────────────────────────────────────────────────
-- From files to the ledger and back; docs/how-to/bring-your-history.md tells it.

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

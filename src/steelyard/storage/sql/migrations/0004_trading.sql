-- What is traded: profiles, broker links, limits, rules, runs, proposals, approvals, orders, fills, holds, breaks.
-- squawk-ignore-file adding-foreign-key-constraint, constraint-missing-not-valid
-- squawk-ignore-file require-concurrent-index-creation, disallowed-unique-constraint

alter table steelyard.tenants
add column code_limit numeric(23, 8) check (code_limit >= 0 and code_limit < 'Infinity'),
add column price_tolerance numeric(18, 12) not null default 0.005 check (price_tolerance >= 0 and price_tolerance < 1),
add column proposal_minutes integer not null default 30 check (proposal_minutes between 1 and 1440);
comment on column steelyard.tenants.code_limit is 'Largest order value that a code of an authenticator app approves, which binds to nothing, in base_currency; null = none.';
comment on column steelyard.tenants.price_tolerance is 'How far a live price may move between review and execution, fraction; stored prices may not at all.';
comment on column steelyard.tenants.proposal_minutes is 'How long a proposal can be approved and executed, in minutes.';

alter table steelyard.model_portfolios
add column version integer not null default 1 check (version > 0),
add column risk_level integer check (risk_level between 1 and 5),
add column min_horizon_years integer check (min_horizon_years between 0 and 100);
comment on column steelyard.model_portfolios.version is 'Counts up with each change of its name, bounds or weights.';
comment on column steelyard.model_portfolios.risk_level is '1 = least to 5 = most risk; null = nobody said, and it is offered to no profile.';
comment on column steelyard.model_portfolios.min_horizon_years is 'Years an investor should have; null = none.';

create index transactions_of_account on steelyard.transactions (tenant_id, account_id, transaction_date);

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

-- Who may: users, sessions, tokens, grants; what was done and the keys of what is encrypted.
-- squawk-ignore-file adding-foreign-key-constraint, constraint-missing-not-valid
-- squawk-ignore-file require-concurrent-index-creation, disallowed-unique-constraint

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
grant usage on schema steelyard to steelyard_refresh;

alter table steelyard.tenants
add column requires_mfa boolean not null default false,
add column approval_limit numeric(23, 8) check (approval_limit >= 0 and approval_limit < 'Infinity');
comment on column steelyard.tenants.requires_mfa is 'Whether everybody needs a second factor; some roles always do.';
comment on column steelyard.tenants.approval_limit is 'Largest order value one person may approve, in base_currency; null = none may alone.';

alter table steelyard.accounts add column external_number_sealed bytea;
create index accounts_of_household on steelyard.accounts (tenant_id, household_id);
comment on column steelyard.accounts.external_number_sealed is 'The account''s number at its bank or broker, encrypted.';
alter table steelyard.load_runs add constraint load_runs_of_tenant unique (tenant_id, run_id);
alter table steelyard.data_quality_findings add constraint data_quality_findings_run_of_tenant
foreign key (tenant_id, run_id) references steelyard.load_runs (tenant_id, run_id);

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

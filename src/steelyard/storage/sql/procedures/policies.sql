-- Who sees which row, whatever a statement asks for: row-level security on every table of a tenant, the owner's
-- own sessions included. docs/explanation/who-sees-what.md tells it; tests/integration/test_row_security.py reads
-- the catalogue and fails on a table that is not here.
--
-- What a policy asks is asked once a statement, not once a row: hence each `select` around a function. The functions
-- that read tables themselves run with the rights of their owner, whom no policy holds back, and answer only for the
-- user at work.

create or replace function steelyard.role_of_user() returns text
language sql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
    select u.role
    from steelyard.users as u
    where
        u.tenant_id = steelyard.current_tenant()
        and u.user_id = steelyard.current_user_id()
        and u.status = 'active'
$$;
comment on function steelyard.role_of_user() is 'The role of the user this transaction works for; null = no user, or one who may not sign in.';

create or replace function steelyard.works_as(variadic p_roles text[]) returns boolean
language sql stable parallel safe
as $$
    select steelyard.current_user_id() is null or coalesce(steelyard.role_of_user() = any(p_roles), false)
$$;
comment on function steelyard.works_as is 'Whether this transaction works for the operator, the system, or a user with one of these roles.';

create or replace function steelyard.sees_every_account() returns boolean
language sql stable parallel safe
as $$
    -- a refresh computes for the whole tenant, whoever asked for it
    select current_user = 'steelyard_refresh' or steelyard.works_as('owner', 'compliance')
$$;
comment on function steelyard.sees_every_account() is 'Whether this transaction sees every account of its tenant, or those granted to its user.';

create or replace function steelyard.visible_accounts() returns table (account_id text)
language sql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
    select g.account_id
    from steelyard.account_grants as g
    where
        g.tenant_id = steelyard.current_tenant()
        and g.user_id = steelyard.current_user_id()
        and g.account_id is not null
        and steelyard.role_of_user() in ('advisor', 'viewer', 'service')
    union
    select a.account_id
    from steelyard.account_grants as g
    inner join steelyard.accounts as a on g.tenant_id = a.tenant_id and g.household_id = a.household_id
    where
        g.tenant_id = steelyard.current_tenant()
        and g.user_id = steelyard.current_user_id()
        and steelyard.role_of_user() in ('advisor', 'viewer', 'service')
$$;
comment on function steelyard.visible_accounts() is 'The accounts granted to the user at work, one by one or with their household.';

create or replace function steelyard.visible_households()
returns table (household_id text, is_whole boolean)
language sql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
    select h.household_id, bool_and(v.account_id is not null)
    from steelyard.households as h
    inner join steelyard.accounts as a on h.tenant_id = a.tenant_id and h.household_id = a.household_id
    left join steelyard.visible_accounts() as v on a.account_id = v.account_id
    where h.tenant_id = steelyard.current_tenant()
    group by h.household_id
    having bool_or(v.account_id is not null)
$$;
comment on function steelyard.visible_households() is 'The households of accounts that the user at work sees, and whether these are all of the household.';

create or replace function steelyard.sees_transaction(p_transaction_id text) returns boolean
language sql stable parallel safe
as $$
    select exists (
        select from steelyard.transactions as t
        where t.tenant_id = steelyard.current_tenant() and t.transaction_id = p_transaction_id
    )
$$;
comment on function steelyard.sees_transaction is 'Whether the transaction of an id is one that this transaction of the database sees.';

revoke all on function
steelyard.role_of_user(),
steelyard.visible_accounts(),
steelyard.visible_households()
from public;
grant execute on function
steelyard.role_of_user(),
steelyard.visible_accounts(),
steelyard.visible_households()
to steelyard_app, steelyard_auditor, steelyard_refresh;

-- The policies ────────────────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.rows_seen(p_table text) returns text
language sql immutable
as $$
    select case p_table
        when 'portfolio_allocation' then format(v.one_account, 'portfolio')
        when 'accounts' then format(v.one_account, 'account_id')
        when 'compliance_records' then format(v.one_account, 'account_id')
        when 'postings' then format(v.one_account, 'account_id')
        when 'balances' then format(v.one_account, 'account_id')
        when 'investor_profiles' then format(v.one_account, 'account_id')
        when 'account_names' then format(v.one_account, 'account_id')
        when 'broker_accounts' then format(v.one_account, 'account_id')
        when 'proposals' then format(v.one_account, 'account_id')
        when 'run_accounts' then format(v.one_account, 'account_id')
        when 'orders' then format(v.one_account, 'account_id') -- a block is of no one account
        when 'order_events' then format(v.one_account, 'account_id')
        when 'fills' then format(v.one_account, 'account_id')
        when 'reconciliation_breaks' then format(v.one_account, 'account_id')
        when 'journal' then format(v.one_account || v.or_account, 'account_id', 'counter_account_id')
        when 'transactions'
            then
                format(v.one_account || v.or_account, 'account_id', 'counter_account_id')
                -- what a corporate action is, is no secret of an account
                || ' or account_id is null and exists (select from steelyard.visible_accounts()) and transaction_type'
                || ' in (select k.kind from steelyard.transaction_kinds as k where k.is_for_every_holder)'
        when 'unposted_transactions' then v.every_account || ' or steelyard.sees_transaction(transaction_id)'
        when 'households'
            then
                v.every_account
                || ' or household_id in (select v.household_id from steelyard.visible_households() as v)'
        when 'asset_360_rows' then v.scope
        when 'asset_360_documents' then v.scope
        when 'load_runs' then v.every_account -- they name the accounts that a load changed
        when 'data_quality_findings' then v.every_account -- they quote rows, of whatever account
        when 'account_grants'
            then
                '(select steelyard.works_as(''owner'', ''compliance'', ''admin''))'
                ' or user_id = (select steelyard.current_user_id())'
        when 'audit_events' then v.event
        when 'audit_pending' then v.event
        when 'order_limits' then 'account_id is null or ' || format(v.one_account, 'account_id')
        when 'trading_holds' -- what holds an order back tells of it
            then
                'account_id is null and order_id is null or ' || format(v.one_account, 'account_id')
                || ' or exists (select from steelyard.orders as o where o.tenant_id = trading_holds.tenant_id'
                || ' and o.order_id = trading_holds.order_id)'
        when 'rule_overrides'
            then
                v.every_account
                || ' or exists (select from steelyard.proposals as p where p.tenant_id = rule_overrides.tenant_id'
                || ' and p.proposal_id = rule_overrides.proposal_id)'
        when 'approvals'
            then
                v.every_account
                || ' or exists (select from steelyard.proposals as p where p.tenant_id = approvals.tenant_id'
                || ' and p.proposal_id = approvals.proposal_id)'
                || ' or exists (select from steelyard.runs as r where r.tenant_id = approvals.tenant_id'
                || ' and r.run_id = approvals.run_id)'
        when 'runs' then v.every_account || ' or author = (select steelyard.current_actor())'
        when 'imports' then v.every_account || ' or made_by = (select steelyard.current_actor())'
        when 'import_files' then v.every_account || format(v.of_import, p_table, p_table)
        when 'import_rows' then v.every_account || format(v.of_import, p_table, p_table)
        when 'import_uploads' -- the operator sees what there is of somebody, for an export of their data
            then 'user_id = (select steelyard.current_user_id()) or (select steelyard.current_user_id()) is null'
        when 'idempotency_keys' -- the operator sees what there is of somebody, for an export of their data
            then 'principal = (select steelyard.current_actor()) or (select steelyard.current_user_id()) is null'
        else
            case
                when p_table in (
                    'tenants', 'model_portfolios', 'target_weights', 'category_thresholds', 'asset_360_versions',
                    'asset_360_current', 'users', 'user_identities', 'passkeys', 'recovery_codes',
                    'one_time_links', 'recovery_requests', 'sessions', 'challenges', 'api_tokens', 'notices',
                    'audit_heads', 'tenant_keys', 'legal_holds', 'broker_links', 'compliance_rules', 'asset_names'
                )
                    then 'true'
            end
    end
    from (
        select
            '(select steelyard.works_as(''owner'', ''compliance'', ''admin''))'
            ' or actor = (select steelyard.current_actor())' as event,
            '(select steelyard.sees_every_account())' as every_account,
            ' or exists (select from steelyard.imports as i where i.tenant_id = %I.tenant_id'
            ' and i.import_id = %I.import_id)' as of_import,
            '(select steelyard.sees_every_account())'
            ' or %I in (select v.account_id from steelyard.visible_accounts() as v)' as one_account,
            ' or %I in (select v.account_id from steelyard.visible_accounts() as v)' as or_account,
            '(select steelyard.sees_every_account())'
            ' or scope_kind = ''account'' and scope_id in (select v.account_id from steelyard.visible_accounts() as v)'
            ' or scope_kind = ''household'' and scope_id in'
            ' (select v.household_id from steelyard.visible_households() as v where v.is_whole)' as scope
    ) as v
$$;
comment on function steelyard.rows_seen is 'Which rows of its tenant a table shows, as a condition on its columns; null for a table that nobody decided on.';

create or replace function steelyard.rows_written(p_table text) returns text
language sql immutable
as $$
    select case
        when p_table in ('journal', 'transactions') -- a transfer touches two accounts, and needs both
            then
                '(select steelyard.sees_every_account())'
                ' or account_id in (select v.account_id from steelyard.visible_accounts() as v)'
                ' and (counter_account_id is null'
                ' or counter_account_id in (select v.account_id from steelyard.visible_accounts() as v))'
        when p_table = 'account_grants' then '(select steelyard.works_as(''owner'', ''admin''))'
        when p_table in ('audit_events', 'audit_pending') then 'actor = (select steelyard.current_actor())'
        when p_table = 'idempotency_keys' then 'principal = (select steelyard.current_actor())'
        when p_table = 'approvals'
            then 'approver = (select steelyard.current_actor()) and (' || steelyard.rows_seen(p_table) || ')'
        else steelyard.rows_seen(p_table)
    end
$$;
comment on function steelyard.rows_written is 'Which rows of its tenant a table takes, as a condition on its columns.';

create or replace function steelyard.protect_tables() returns void
language plpgsql volatile
as $$
declare
    v_table record;
    v_of_tenant text;
begin
    for v_table in
        select
            c.oid::regclass as place,
            regexp_replace(c.relname, '_own$', '') as name, -- so called while a view on a firm's table is in its place
            a.attnotnull as is_of_a_tenant
        from pg_catalog.pg_class as c
        inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attname = 'tenant_id'
        where c.relnamespace = 'steelyard'::regnamespace and c.relkind = 'r'
        order by c.relname
    loop
        if steelyard.rows_seen(v_table.name) is null then
            raise exception 'nobody decided who sees which rows of %: see rows_seen', v_table.name;
        end if;
        -- a row of no tenant is shared
        v_of_tenant := case when v_table.is_of_a_tenant then '' else 'tenant_id is null or ' end
        || 'tenant_id = (select steelyard.current_tenant()) and (%s)';
        execute format('alter table %s enable row level security, force row level security', v_table.place);
        execute format('drop policy if exists tenant on %s', v_table.place);
        execute format('drop policy if exists owner on %s', v_table.place);
        execute format(
            'create policy tenant on %s to steelyard_app, steelyard_refresh, steelyard_auditor '
            'using (%s) with check (%s)',
            v_table.place,
            format(v_of_tenant, steelyard.rows_seen(v_table.name)),
            format(v_of_tenant, steelyard.rows_written(v_table.name))
        );
        execute format(
            'create policy owner on %s to steelyard_migrator using (true) with check (true)', v_table.place
        );
    end loop;
end
$$;
comment on function steelyard.protect_tables() is 'Put the policies on every table that has tenant_id, and hold its owner to them too.';

select steelyard.protect_tables();

-- What a role may beside that ────────────────────────────────────────────────────────────────────────────

-- A refresh reads what figures are made of; it writes figures, accounts of attached portfolios, and what it did.
grant select on
steelyard.asset_master, steelyard.market_data, steelyard.performance_history, steelyard.risk_metrics,
steelyard.derivations_pending, steelyard.benchmarks, steelyard.risk_free_rates, steelyard.fx_rates,
steelyard.minor_currencies, steelyard.market_changes, steelyard.tenants, steelyard.households, steelyard.accounts,
steelyard.model_portfolios, steelyard.target_weights, steelyard.portfolio_allocation, steelyard.transactions,
steelyard.compliance_records, steelyard.category_thresholds, steelyard.transaction_kinds, steelyard.journal,
steelyard.postings, steelyard.balances, steelyard.unposted_transactions, steelyard.load_runs,
steelyard.data_quality_findings, steelyard.asset_360_versions, steelyard.asset_360_current, steelyard.asset_360_rows,
steelyard.asset_360_documents, steelyard.audit_heads, steelyard.audit_events
to steelyard_refresh;
grant insert, update, delete on
steelyard.performance_history, steelyard.risk_metrics, steelyard.derivations_pending, steelyard.asset_360_versions,
steelyard.asset_360_current, steelyard.asset_360_rows, steelyard.asset_360_documents
to steelyard_refresh;
grant insert, update on steelyard.accounts to steelyard_refresh;

-- An auditor reads who a user is, and nothing that a user signs in with.
revoke select on
steelyard.users, steelyard.user_identities, steelyard.passkeys, steelyard.recovery_codes, steelyard.one_time_links,
steelyard.sessions, steelyard.challenges, steelyard.api_tokens, steelyard.sign_in_tries, steelyard.tenant_keys,
steelyard.import_uploads
from steelyard_auditor;
grant select (tenant_id, user_id, role, status, epoch, approval_limit, created_at, last_sign_in_at)
on steelyard.users to steelyard_auditor;

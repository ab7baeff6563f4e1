-- The ledger keeps itself: nothing in it is changed or deleted, every entry balances, balances follow postings.
--
-- One set check a statement serves a single row and five million alike. The triggers are of the kind that no
-- setting of a session turns off. Errors of the ledger: SL001 a balance would go below 0 that may not, SL002 an entry
-- does not sum to 0, SL003 an entry is not what it says or is another's, SL004 something is to be changed.

create or replace function steelyard.lock_ledger(p_tenant integer) returns void
language sql volatile
as $$
    select pg_advisory_xact_lock(hashtextextended('steelyard.ledger', p_tenant))
$$;
comment on function steelyard.lock_ledger is 'Wait until no other transaction writes in a tenant''s ledger, and hold others back until this one ends.';

create or replace function steelyard.refuse_change() returns trigger
language plpgsql volatile
as $$
begin
    raise exception using
        errcode = 'SL004',
        message = format('%s is append-only', tg_table_name),
        hint = 'A correction reverses an entry and books a new one: change the transaction, and post again.';
end
$$;
comment on function steelyard.refuse_change() is 'Nothing in the journal or its postings is ever changed or deleted.';

-- Entries ─────────────────────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.check_entries() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_entry bigint;
begin
    perform steelyard.lock_ledger(t.tenant_id)
    from (select distinct m.tenant_id from made as m order by m.tenant_id) as t;
    select m.entry_id into v_entry from made as m where not steelyard.is_made_now(m.made_in, m.recorded_at) limit 1;
    if found then
        raise exception using
            errcode = 'SL003', message = format('entry %s says that it was made at another time', v_entry);
    end if;
    select m.entry_id into v_entry
    from made as m
    left join steelyard.journal as j
        on
            m.reverses = j.entry_id
            and j.reverses is null
            and (m.tenant_id, m.source, m.external_id, m.account_id, m.revision)
            = (j.tenant_id, j.source, j.external_id, j.account_id, j.revision + 1)
    where m.reverses is not null and j.entry_id is null
    limit 1;
    if found then
        raise exception using
            errcode = 'SL003', message = format('entry %s does not reverse the entry before it', v_entry);
    end if;
    -- A balance of 0 refers to the account and the asset in place of each entry.
    insert into steelyard.balances (tenant_id, account_id, commodity, is_cash, quantity, is_guarded)
    select n.tenant_id, n.account_id, n.asset_id, false, 0, not coalesce(a.may_short, true)
    from (
        select m.tenant_id, m.account_id, m.asset_id from made as m
        union
        select m.tenant_id, m.account_id, m.counter_asset_id from made as m where m.counter_asset_id is not null
    ) as n
    left join steelyard.accounts as a on n.tenant_id = a.tenant_id and n.account_id = a.account_id
    where n.asset_id is not null
    order by n.tenant_id, n.account_id, n.asset_id
    on conflict do nothing;
    return null;
end
$$;
comment on function steelyard.check_entries() is 'Entries are made now, reversals reverse what they say, and accounts and assets exist.';

-- Postings ────────────────────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.check_postings() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set work_mem = '128MB'
set jit = off
set enable_nestloop = off -- the statistics of a table that was just filled say it is empty: one hash, and no loop
as $$
declare
    v_found record;
begin
    select s.entry_id, s.commodity, s.total, j.entry_id is not null as is_own
    into v_found
    from (
        select m.entry_id, m.tenant_id, m.trade_date, m.commodity, steelyard.compact_sum(m.quantity) as total
        from made as m
        group by m.entry_id, m.tenant_id, m.trade_date, m.commodity, m.is_cash
    ) as s
    left join (
        select e.entry_id, e.tenant_id, e.trade_date
        from steelyard.journal as e
        where
            e.entry_id between (select min(m.entry_id) from made as m) and (select max(m.entry_id) from made as m)
            and steelyard.is_made_now(e.made_in, e.recorded_at)
    ) as j on (s.entry_id, s.tenant_id, s.trade_date) = (j.entry_id, j.tenant_id, j.trade_date)
    where s.total <> 0 or j.entry_id is null
    limit 1;
    if found and v_found.is_own then
        raise exception using
            errcode = 'SL002',
            message = format('entry %s moves %s %s out of nowhere', v_found.entry_id, v_found.total, v_found.commodity);
    elsif found then
        raise exception using
            errcode = 'SL003',
            message = format('entry %s was made before, or not at all, or on another day', v_found.entry_id),
            hint = 'Postings are added by the database transaction that makes their entry.';
    end if;
    return null;
end
$$;
comment on function steelyard.check_postings() is 'Postings sum to 0 per entry and commodity, and are of entries made now.';

create or replace function steelyard.move_balances() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set work_mem = '128MB'
set jit = off
as $$
declare
    v_found record;
begin
    begin
        merge into steelyard.balances as b
        using (
            select
                m.tenant_id, m.account_id, m.commodity, m.is_cash, m.moved,
                not coalesce(case when m.is_cash then a.may_overdraw else a.may_short end, true) as is_guarded
            from (
                select x.tenant_id, x.account_id, x.commodity, x.is_cash, sum(x.quantity) as moved
                from made as x
                where x.place = 'held'
                group by x.tenant_id, x.account_id, x.commodity, x.is_cash
            ) as m
            left join steelyard.accounts as a on m.tenant_id = a.tenant_id and m.account_id = a.account_id
            where m.moved <> 0
        ) as n
            on (b.tenant_id, b.account_id, b.commodity, b.is_cash) = (n.tenant_id, n.account_id, n.commodity, n.is_cash)
        when matched then update set quantity = b.quantity + n.moved
        when not matched then
            insert (tenant_id, account_id, commodity, is_cash, quantity, is_guarded)
            values (n.tenant_id, n.account_id, n.commodity, n.is_cash, n.moved, n.is_guarded);
    exception when unique_violation then
        -- under REPEATABLE READ: another transaction made the balance since this one began to look
        raise exception using errcode = 'serialization_failure', message = 'a balance was made by a concurrent transaction';
    when check_violation then
        select n.account_id, n.commodity, coalesce(b.quantity, 0) as quantity, n.moved
        into v_found
        from (
            select m.tenant_id, m.account_id, m.commodity, m.is_cash, sum(m.quantity) as moved
            from made as m
            where m.place = 'held'
            group by m.tenant_id, m.account_id, m.commodity, m.is_cash
        ) as n
        inner join steelyard.accounts as a on n.tenant_id = a.tenant_id and n.account_id = a.account_id
        left join steelyard.balances as b
            on (n.tenant_id, n.account_id, n.commodity, n.is_cash) = (b.tenant_id, b.account_id, b.commodity, b.is_cash)
        where not case when n.is_cash then a.may_overdraw else a.may_short end and coalesce(b.quantity, 0) + n.moved < 0
        order by n.account_id, n.commodity
        limit 1;
        perform steelyard.refuse_overdraft(v_found.account_id, v_found.commodity, v_found.quantity, v_found.moved);
    end;
    return null;
end
$$;
comment on function steelyard.move_balances() is 'Balances follow postings; those that may not do not go below 0.';

create or replace function steelyard.refuse_overdraft(
    p_account text, p_commodity text, p_balance numeric, p_change numeric
) returns void
language plpgsql volatile
as $$
begin
    raise exception using
        errcode = 'SL001',
        message = format('account %s holds %s %s', p_account, p_balance, p_commodity),
        detail = jsonb_build_object(
            'account_id', p_account, 'commodity', p_commodity, 'balance', p_balance::text, 'change', p_change::text
        );
end
$$;
comment on function steelyard.refuse_overdraft is 'Say which balance would go below 0.';

create or replace function steelyard.guard_balances() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_below record;
begin
    perform steelyard.lock_ledger(new.tenant_id);
    select b.account_id, b.commodity, b.quantity into v_below
    from steelyard.balances as b
    where
        b.tenant_id = new.tenant_id and b.account_id = new.account_id and b.quantity < 0
        and not case when b.is_cash then new.may_overdraw else new.may_short end
    order by b.commodity
    limit 1;
    if found then
        perform steelyard.refuse_overdraft(v_below.account_id, v_below.commodity, v_below.quantity, 0);
    end if;
    update steelyard.balances as b
    set is_guarded = not case when b.is_cash then new.may_overdraw else new.may_short end
    where b.tenant_id = new.tenant_id and b.account_id = new.account_id;
    return null;
end
$$;
comment on function steelyard.guard_balances() is 'What an account may not do holds for the balances it has.';

create or replace function steelyard.tell_planner(p_entries bigint) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A ledger that was just filled is empty by its statistics, and whoever reads it at once loops over all of it for
    -- each entry. Small additions are left to autovacuum.
    if p_entries > 500 and p_entries > (
        select 0.1 * c.reltuples from pg_catalog.pg_class as c where c.oid = 'steelyard.journal'::regclass
    ) then
        analyze steelyard.journal;
        analyze steelyard.postings;
    end if;
end
$$;
comment on function steelyard.tell_planner is 'Bring the statistics of the ledger up to date where many entries were added to few.';

revoke all on function steelyard.tell_planner from public;
grant execute on function steelyard.tell_planner to steelyard_app, steelyard_migrator;

revoke all on function
steelyard.check_entries(), steelyard.check_postings(), steelyard.move_balances(), steelyard.guard_balances()
from public;

create or replace trigger journal_is_append_only before update or delete or truncate on steelyard.journal
for each statement execute function steelyard.refuse_change();
create or replace trigger postings_are_append_only before update or delete or truncate on steelyard.postings
for each statement execute function steelyard.refuse_change();
create or replace trigger journal_is_true after insert on steelyard.journal
referencing new table as made for each statement execute function steelyard.check_entries();
create or replace trigger postings_are_checked after insert on steelyard.postings
referencing new table as made for each statement execute function steelyard.check_postings();
create or replace trigger postings_move_balances after insert on steelyard.postings
referencing new table as made for each statement execute function steelyard.move_balances();
create or replace trigger accounts_guard_balances after update of may_overdraw, may_short on steelyard.accounts
for each row when (old.may_overdraw <> new.may_overdraw or old.may_short <> new.may_short)
execute function steelyard.guard_balances();
alter table steelyard.journal enable always trigger journal_is_append_only, enable always trigger journal_is_true;
alter table steelyard.postings enable always trigger postings_are_append_only,
enable always trigger postings_are_checked, enable always trigger postings_move_balances;

create or replace function steelyard.forget_ledger() returns void
language plpgsql volatile
as $$
begin
    -- only who owns the tables can take their guards away
    alter table steelyard.journal disable trigger journal_is_append_only;
    alter table steelyard.postings disable trigger postings_are_append_only;
    truncate steelyard.journal, steelyard.postings, steelyard.balances, steelyard.unposted_transactions;
    alter table steelyard.journal enable always trigger journal_is_append_only;
    alter table steelyard.postings enable always trigger postings_are_append_only;
end
$$;
comment on function steelyard.forget_ledger() is 'Empty the ledger when a firm''s tables are detached: it was made of their rows, and theirs are the record.';

-- Reading ─────────────────────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.entries_known(p_tenant integer, p_known_at timestamptz)
returns setof steelyard.journal
language sql stable parallel safe
as $$
    select j.*
    from steelyard.journal as j
    where
        j.tenant_id = p_tenant
        and j.reverses is null
        and j.recorded_at <= p_known_at
        and not exists (
            select from steelyard.journal as r
            where r.reverses = j.entry_id and r.recorded_at <= p_known_at
        )
$$;
comment on function steelyard.entries_known(integer, timestamptz) is 'The entries that stood at a moment: recorded by then, and not reversed by then; infinity = now.';

create or replace function steelyard.ledger_positions(p_tenant integer, p_as_of date)
returns table (account_id text, commodity text, is_cash boolean, asset_id text, quantity numeric)
language sql stable parallel safe
as $$
    with held as (
        select b.account_id, b.commodity, b.is_cash, b.quantity
        from steelyard.balances as b
        where b.tenant_id = p_tenant
        union all
        select p.account_id, p.commodity, p.is_cash, -p.quantity
        from steelyard.postings as p
        where p.tenant_id = p_tenant and p.place = 'held' and p.trade_date > p_as_of
    )

    select
        h.account_id,
        h.commodity,
        h.is_cash,
        case when h.is_cash then c.asset_id else h.commodity end,
        sum(h.quantity)
    from held as h
    left join steelyard.cash_assets() as c on h.is_cash and h.commodity = c.currency
    group by h.account_id, h.commodity, h.is_cash, c.asset_id
    having sum(h.quantity) <> 0
$$;
comment on function steelyard.ledger_positions(integer, date) is 'What each account held at the end of a day by the ledger: its balances less what was posted after it; asset_id of cash is null where no asset stands for its currency.';

-- Posting: transactions into the ledger. domain/posting.py says the same of one transaction; a test compares.
--
-- The ledger is brought to what the transactions say: what is new is booked, what differs is reversed and booked anew,
-- what is gone is reversed, and what cannot be booked is kept with its fault. Corporate actions, and payments for every
-- holder, follow from what was held at the open of their day, so they come after the others, day by day.

-- What an entry moves ─────────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.action_outcome(
    p_kind text, p_held numeric, p_quantity numeric, p_counter_quantity numeric, p_price numeric, p_amount numeric
)
returns table (became numeric, cash numeric)
language sql immutable parallel safe
as $$
    select
        case
            when p_amount > 0 or (p_kind <> 'MERGER' and coalesce(p_price, 0) <> 0) then trunc(u.units)
            else u.units
        end,
        case
            when p_kind = 'MERGER' then round(p_held * coalesce(p_price, 0) + u.amount, 8)
            when p_amount > 0 then u.amount
            when coalesce(p_price, 0) <> 0 then round((u.units - trunc(u.units)) * p_price, 8)
            else 0
        end
    from (
        select
            -- in whole numbers, for a quotient has only so many digits: half up to 12 decimals
            sign(p_held) * div(2 * abs(p_held) * p_counter_quantity * 1e12 + p_quantity, 2 * p_quantity) * 0.000000000001
                as units,
            case when p_held < 0 then -p_amount else p_amount end as amount
    ) as u
    where p_kind <> 'SYMBOL_CHANGE'
    union all
    select p_held, 0
    where p_kind = 'SYMBOL_CHANGE'
$$;
comment on function steelyard.action_outcome is 'The units a corporate action makes of what is held, and the cash it pays, as domain/posting.py says.';

create or replace function steelyard.lines_to_post(p_first_reversed bigint, p_last_reversed bigint)
returns table (
    entry_id bigint,
    line integer,
    account_id text,
    place text,
    commodity text,
    is_cash boolean,
    quantity numeric,
    trade_date date
)
language sql stable
as $$
    -- units, between the account and a place
    select
        r.entry_id, l.line, r.account_id, case l.line when 1 then 'held' else k.units_from end, r.asset_id, false,
        case l.line * k.units when 1 then r.quantity when -2 then r.quantity else -r.quantity end, r.trade_date
    from pg_temp.ledger_rows as r
    inner join steelyard.transaction_kinds as k on r.kind = k.kind and k.units <> 0
    cross join (values (1), (2)) as l (line)
    where r.is_new and r.asset_id is not null
    -- a transfer of units or of money, to another account
    union all
    select
        r.entry_id, l.line, case l.line when 1 then r.account_id else r.counter_account_id end, 'held',
        coalesce(r.asset_id, r.currency), r.asset_id is null,
        case l.line when 1 then -1 else 1 end * case when r.asset_id is null then r.amount else r.quantity end, r.trade_date
    from pg_temp.ledger_rows as r
    cross join (values (1), (2)) as l (line)
    where r.is_new and r.kind = 'TRANSFER'
    -- a corporate action
    union all
    select
        r.entry_id, l.line, r.account_id, l.place, l.commodity, l.line > 4, l.quantity, r.trade_date
    from pg_temp.ledger_rows as r
    cross join lateral steelyard.action_outcome(r.kind, r.held, r.quantity, r.counter_quantity, r.price, r.amount) as o
    cross join lateral (
        values
        (1, 'held', r.asset_id, case r.kind when 'SPLIT' then o.became - r.held when 'SPIN_OFF' then 0 else -r.held end),
        (2, 'issuer', r.asset_id, case r.kind when 'SPLIT' then r.held - o.became when 'SPIN_OFF' then 0 else r.held end),
        (3, 'held', r.counter_asset_id, case r.kind when 'SPLIT' then 0 else o.became end),
        (4, 'issuer', r.counter_asset_id, case r.kind when 'SPLIT' then 0 else -o.became end),
        (5, 'held', r.currency, o.cash - coalesce(r.costs, 0)),
        (6, 'issuer', r.currency, -o.cash)
    ) as l (line, place, commodity, quantity)
    where r.is_new and r.is_action
    -- money, from a place into the account, and the costs out of it
    union all
    select
        r.entry_id, l.line, r.account_id,
        case l.line when 5 then k.cash_to when 6 then k.cash_from when 7 then 'fees' else 'taxes' end, r.currency, true,
        case l.line
            when 7 then coalesce(r.costs, 0) - coalesce(r.tax, 0)
            when 8 then coalesce(r.tax, 0)
            else
                case
                    when k.cash = 0 and (r.kind <> 'OPENING' or r.asset_id is not null) then 0
                    when l.line = 5 and k.cash >= 0 or l.line = 6 and k.cash < 0 then r.amount
                    else -r.amount
                end
                - case when l.line = 5 then coalesce(r.costs, 0) else 0 end
        end,
        r.trade_date
    from pg_temp.ledger_rows as r
    inner join steelyard.transaction_kinds as k on r.kind = k.kind
    inner join (values (5), (6), (7), (8)) as l (line) on l.line < 7 or r.costs is not null
    where r.is_new and (l.line > 6 or not r.is_action)
    -- what an exchange buys
    union all
    select
        r.entry_id, l.line, r.account_id, case l.line when 9 then 'held' else 'market' end, r.counter_currency, true,
        case l.line when 9 then r.counter_amount else -r.counter_amount end, r.trade_date
    from pg_temp.ledger_rows as r
    cross join (values (9), (10)) as l (line)
    where r.is_new and r.kind = 'FX'
    -- what a reversal takes back
    union all
    select r.entry_id, p.line, p.account_id, p.place, p.commodity, p.is_cash, -p.quantity, p.trade_date
    from pg_temp.ledger_rows as r
    inner join steelyard.postings as p on r.reverses = p.entry_id
    where r.reverses is not null and p.entry_id between p_first_reversed and p_last_reversed
$$;
comment on function steelyard.lines_to_post is 'What the rows of ledger_rows move, as domain/posting.py says; lines of 0 are no postings.';

-- What the transactions say ───────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.transactions_to_read(p_tenant integer, p_only text[])
returns table (
    transaction_id text,
    account_id text,
    asset_id text,
    transaction_date date,
    transaction_type text,
    quantity numeric,
    price numeric,
    currency text,
    total_amount numeric,
    transaction_costs numeric,
    settlement_date date,
    tax_amount numeric,
    counter_account_id text,
    counter_asset_id text,
    counter_quantity numeric,
    counter_currency text,
    counter_amount numeric,
    acquired_date date,
    basis_fraction numeric,
    lot_id text
)
language sql stable
as $$
    select
        t.transaction_id,
        t.account_id, t.asset_id, t.transaction_date, t.transaction_type, t.quantity, t.price, t.currency, t.total_amount,
        t.transaction_costs, t.settlement_date, t.tax_amount, t.counter_account_id, t.counter_asset_id, t.counter_quantity,
        t.counter_currency, t.counter_amount, t.acquired_date, t.basis_fraction, t.lot_id
    from steelyard.transactions as t
    where
        'transactions' <> all(steelyard.attached_tables())
        and t.tenant_id = p_tenant
        and (p_only is null or t.transaction_id = any(p_only))
    union all
    -- A firm's table may have no number of a row, or one twice: equal rows are still as many bookings.
    select
        t.said || case when t.nth > 1 then '#' || t.nth else '' end,
        t.account_id, t.asset_id, t.transaction_date, t.transaction_type, t.quantity, t.price, t.currency, t.total_amount,
        t.transaction_costs, t.settlement_date, t.tax_amount, t.counter_account_id, t.counter_asset_id, t.counter_quantity,
        t.counter_currency, t.counter_amount, t.acquired_date, t.basis_fraction, t.lot_id
    from (
        select x.*, row_number() over (partition by x.said order by x.whole) as nth
        from (
            select y.*, y::text as whole, coalesce(y.transaction_id, md5(y::text)) as said
            from steelyard.transactions as y
        ) as x
    ) as t
    where 'transactions' = any(steelyard.attached_tables()) and t.tenant_id = p_tenant
$$;
comment on function steelyard.transactions_to_read is 'The transactions of a tenant, or some of them, each under an id of its own.';

create or replace function steelyard.read_transactions(p_tenant integer, p_today date, p_only text[]) returns void
language plpgsql volatile
set plan_cache_mode = 'force_custom_plan' -- all of them, or a few, are read in different ways
as $$
begin
    drop table if exists pg_temp.ledger_rows;
    create temporary table ledger_rows (
        entry_id bigint default nextval('steelyard.journal_entry_id_seq'), -- in the order they are put here
        external_id text,
        account_id text,
        kind text,
        trade_date date,
        settlement_date date,
        asset_id text,
        quantity numeric,
        price numeric,
        currency text,
        amount numeric,
        costs numeric,
        tax numeric,
        counter_account_id text,
        counter_asset_id text,
        counter_quantity numeric,
        counter_currency text,
        counter_amount numeric,
        acquired_date date,
        basis_fraction numeric,
        lot_id text,
        held numeric,
        is_action boolean,
        is_dependent boolean,
        fault text,
        is_new boolean, -- to be booked
        old_entry_id bigint, -- the entry that stands and is not what is said
        reverses bigint,
        revision integer
    ) on commit drop;
    insert into pg_temp.ledger_rows (
        external_id, account_id, kind, trade_date, settlement_date, asset_id, quantity, price, currency, amount, costs, tax,
        counter_account_id, counter_asset_id, counter_quantity, counter_currency, counter_amount, acquired_date,
        basis_fraction, lot_id, held, is_action, is_dependent, fault, is_new, old_entry_id
    )
    with read as (
        select
            t.transaction_id as external_id,
            t.account_id,
            t.transaction_type as kind,
            t.transaction_date as trade_date,
            t.settlement_date,
            case when not coalesce(a.is_cash, false) then t.asset_id end as asset_id,
            coalesce(t.quantity, 0) as quantity,
            coalesce(round(t.price / m.units_per_major, 12), t.price) as price,
            coalesce(m.major_currency, t.currency) as currency,
            coalesce(round(t.total_amount / m.units_per_major, 8), t.total_amount, 0) as amount,
            coalesce(round(t.transaction_costs / m.units_per_major, 8), t.transaction_costs, 0) as costs,
            coalesce(round(t.tax_amount / m.units_per_major, 8), t.tax_amount, 0) as tax,
            t.counter_account_id,
            t.counter_asset_id,
            coalesce(t.counter_quantity, 0) as counter_quantity,
            coalesce(n.major_currency, t.counter_currency) as counter_currency,
            coalesce(round(t.counter_amount / n.units_per_major, 8), t.counter_amount, 0) as counter_amount,
            t.acquired_date,
            t.basis_fraction,
            t.lot_id,
            k.kind as known_kind,
            coalesce(k.is_action, false) as is_action,
            coalesce(k.is_action, false) or t.account_id is null as is_dependent,
            t.account_id is null and not k.is_action as is_payment,
            k.is_for_every_holder,
            k.needs_asset,
            k.needs_units and (k.needs_asset or (t.asset_id is not null and not coalesce(a.is_cash, false))) as is_units,
            t.asset_id is not null and a.asset_id is null
            or t.counter_asset_id is not null and b.asset_id is null as is_unknown_asset,
            t.account_id is not null and x.account_id is null
            or t.counter_account_id is not null and y.account_id is null as is_unknown_account,
            a.is_cash and k.needs_asset or b.is_cash as is_cash_asset,
            a.is_cash and t.transaction_type <> 'FX'
            and a.currency <> coalesce(m.major_currency, t.currency) as is_other_currency
        from steelyard.transactions_to_read(p_tenant, p_only) as t
        left join steelyard.transaction_kinds as k on t.transaction_type = k.kind
        left join (
            select a.asset_id, lower(a.asset_type) = 'cash' as is_cash, coalesce(m.major_currency, a.currency) as currency
            from steelyard.asset_master as a
            left join steelyard.minor_currencies as m on a.currency = m.currency
        ) as a on t.asset_id = a.asset_id
        left join (
            select a.asset_id, lower(a.asset_type) = 'cash' as is_cash
            from steelyard.asset_master as a
        ) as b on t.counter_asset_id = b.asset_id
        left join steelyard.accounts as x on x.tenant_id = p_tenant and t.account_id = x.account_id
        left join steelyard.accounts as y on y.tenant_id = p_tenant and t.counter_account_id = y.account_id
        left join steelyard.minor_currencies as m on t.currency = m.currency
        left join steelyard.minor_currencies as n on t.counter_currency = n.currency
            ), judged as (
        select
            r.*,
            case
                when r.known_kind is null then 'unknown_kind'
                when r.account_id is null and not r.is_for_every_holder then 'no_account'
                when r.is_unknown_account then 'unknown_account'
                when r.is_unknown_asset then 'unknown_asset'
                when r.is_cash_asset then 'cash_asset'
                when r.needs_asset and r.asset_id is null then 'no_asset'
                when r.currency is null then 'no_currency'
                when r.is_other_currency then 'other_currency'
                when r.kind = 'TRANSFER' and coalesce(r.counter_account_id, r.account_id) = r.account_id
                    then 'no_counter_account'
                when r.kind in ('SPIN_OFF', 'MERGER', 'SYMBOL_CHANGE')
                    and coalesce(r.counter_asset_id, r.asset_id) = r.asset_id then 'no_counter_asset'
                when r.kind in ('SPLIT', 'SPIN_OFF', 'MERGER') and r.quantity <= 0 then 'no_quantity'
                when r.kind in ('SPLIT', 'SPIN_OFF', 'MERGER') and r.counter_quantity <= 0 then 'no_counter_quantity'
                when (r.kind = 'SPIN_OFF' or (r.kind = 'MERGER' and coalesce(r.price, 0) <> 0))
                    and r.basis_fraction is null then 'no_basis_fraction'
                when r.is_payment and coalesce(r.price, 0) = 0 then 'no_price'
                when r.tax < 0 or r.tax > r.costs then 'tax_above_costs'
                when r.is_units and not r.is_payment and r.quantity <= 0 then 'no_quantity'
                when not r.is_payment and (r.amount < 0 or (r.amount = 0 and not r.is_units and not r.is_action))
                    then 'no_amount'
                when r.kind = 'FX'
                    and (r.counter_amount <= 0 or coalesce(r.counter_currency, r.currency) = r.currency)
                    then 'no_counter_amount'
                when r.settlement_date < r.trade_date then 'settles_before_trade'
                when r.trade_date - p_today > 1 then 'not_yet'
            end as fault
        from read as r
    ), said as (
        select
            j.external_id,
            j.account_id,
            j.kind,
            j.trade_date,
            j.settlement_date,
            j.asset_id,
            j.quantity,
            j.price,
            j.currency,
            j.amount,
            nullif(j.costs, 0) as costs,
            nullif(j.tax, 0) as tax,
            j.counter_account_id,
            j.counter_asset_id,
            nullif(j.counter_quantity, 0) as counter_quantity,
            j.counter_currency,
            nullif(j.counter_amount, 0) as counter_amount,
            j.acquired_date,
            j.basis_fraction,
            j.lot_id,
            j.is_action,
            j.is_dependent,
            j.fault,
            case when j.fault is null and not j.is_dependent then j.account_id end as booked_for
        from judged as j
    ), booked as (
        select e.*
        from steelyard.entries_known(p_tenant, 'infinity') as e
        where e.source = 'transactions' and e.held is null and (p_only is null or e.external_id = any(p_only))
    )
    select
        s.external_id, s.account_id, s.kind, s.trade_date, s.settlement_date, s.asset_id, s.quantity, s.price, s.currency,
        s.amount, s.costs, s.tax, s.counter_account_id, s.counter_asset_id, s.counter_quantity, s.counter_currency,
        s.counter_amount, s.acquired_date, s.basis_fraction, s.lot_id, null, s.is_action, s.is_dependent, s.fault,
        s.booked_for is not null, b.entry_id
    from said as s
    full join booked as b on s.external_id = b.external_id and s.booked_for = b.account_id
    where
        s.external_id is null
        or b.entry_id is null
        or (
            s.kind, s.trade_date, s.settlement_date, s.asset_id, s.quantity, s.price, s.currency, s.amount, s.costs,
            s.tax, s.counter_account_id, s.counter_asset_id, s.counter_quantity, s.counter_currency, s.counter_amount,
            s.acquired_date, s.basis_fraction, s.lot_id
        ) is distinct from (
            b.kind, b.trade_date, b.settlement_date, b.asset_id, b.quantity, b.price, b.currency, b.amount, b.costs,
            b.tax, b.counter_account_id, b.counter_asset_id, b.counter_quantity, b.counter_currency, b.counter_amount,
            b.acquired_date, b.basis_fraction, b.lot_id
        )
    order by s.trade_date, s.external_id collate "C";
    analyze pg_temp.ledger_rows;
end
$$;
comment on function steelyard.read_transactions is 'Put what the ledger does not have yet into the temporary table ledger_rows: new and changed rows, those with a fault, corporate actions, and entries whose transaction is gone.';

create or replace function steelyard.with_connected(p_tenant integer, p_only text[]) returns text[]
language sql stable
as $$
    with recursive dependent as materialized (
        select t.transaction_id, t.asset_id, t.counter_asset_id
        from steelyard.transactions as t
        where
            t.tenant_id = p_tenant
            and (t.account_id is null or t.transaction_type in ('SPLIT', 'SPIN_OFF', 'MERGER', 'SYMBOL_CHANGE'))
    ),

    touched (asset_id) as (
        select t.asset_id from steelyard.transactions as t
        where t.tenant_id = p_tenant and t.transaction_id = any(p_only)
        union
        select t.counter_asset_id from steelyard.transactions as t
        where t.tenant_id = p_tenant and t.transaction_id = any(p_only)
        union
        select j.asset_id from steelyard.journal as j
        where j.tenant_id = p_tenant and j.external_id = any(p_only)
        union
        select j.counter_asset_id from steelyard.journal as j
        where j.tenant_id = p_tenant and j.external_id = any(p_only)
        union
        select n.asset_id
        from touched as c
        inner join dependent as d on c.asset_id in (d.asset_id, d.counter_asset_id)
        cross join lateral (values (d.asset_id), (d.counter_asset_id)) as n (asset_id)
    )

    select array_agg(n.transaction_id)
    from (
        select unnest(p_only) as transaction_id
        union
        select d.transaction_id from dependent as d inner join touched as c on c.asset_id in (d.asset_id, d.counter_asset_id)
    ) as n
    where p_only is not null
$$;
comment on function steelyard.with_connected is 'Transactions, and the corporate actions and payments for every holder whose outcome they may change.';

-- Corporate actions, and payments for every holder ────────────────────────────────────────────────────────

create or replace function steelyard.hold_back_repeated(p_tenant integer) returns void
language sql volatile
as $$
    update pg_temp.ledger_rows as r
    set fault = 'entered_twice'
    from (
        select
            a.external_id,
            row_number() over (partition by a.action, a.account_id order by a.is_new, a.external_id collate "C") > 1
            or (a.account_id is not null and bool_or(a.account_id is null) over (partition by a.action)) as is_repeated
        from (
            select
                x.external_id,
                x.account_id,
                (x.kind, x.asset_id, x.counter_asset_id, x.trade_date, round(x.counter_quantity / nullif(x.quantity, 0), 12))
                    as action,
                not exists (
                    select from steelyard.journal as j
                    where j.tenant_id = p_tenant and j.external_id = x.external_id and j.held is not null
                ) as is_new
            from pg_temp.ledger_rows as x
            where x.is_action and x.fault is null
        ) as a
    ) as t
    where r.external_id = t.external_id and t.is_repeated
$$;
comment on function steelyard.hold_back_repeated is 'Of the same corporate action under several ids one counts: the one for every holder, else the one that is booked, else the first.';

create or replace function steelyard.read_holdings(p_tenant integer) returns void
language plpgsql volatile
as $$
begin
    drop table if exists pg_temp.ledger_actions, pg_temp.ledger_held;
    create temporary table ledger_actions on commit drop as
    select
        a.*,
        case
            when not a.is_action then 2147483646 -- payments: at the open too, after the actions of the day
            else row_number() over (
                partition by a.trade_date, a.is_action, case when not a.has_every_holder then a.account_id end
                order by a.external_id collate "C"
            )
        end::integer as place
    from (
        select r.*, bool_or(r.account_id is null) over (partition by r.trade_date, r.is_action) as has_every_holder
        from pg_temp.ledger_rows as r
        where r.is_dependent and r.fault is null
    ) as a;
    create temporary table ledger_held on commit drop as
    with moved as (
        select j.account_id, j.counter_account_id, j.kind, j.asset_id, j.trade_date,
            case when j.reverses is null then j.quantity else -j.quantity end as quantity
        from steelyard.journal as j
        where j.tenant_id = p_tenant and j.held is null and j.asset_id in (select a.asset_id from pg_temp.ledger_actions as a)
        union all
        select j.account_id, j.counter_account_id, j.kind, j.asset_id, j.trade_date, -j.quantity
        from pg_temp.ledger_rows as r
        inner join steelyard.journal as j on r.old_entry_id = j.entry_id
        where j.asset_id in (select a.asset_id from pg_temp.ledger_actions as a)
        union all
        select r.account_id, r.counter_account_id, r.kind, r.asset_id, r.trade_date, r.quantity
        from pg_temp.ledger_rows as r
        where
            r.is_new and r.asset_id in (select a.asset_id from pg_temp.ledger_actions as a)
    )

    select n.account_id, n.asset_id, n.trade_date, 2147483647 as place, sum(n.quantity) as quantity
    from (
        select m.account_id, m.asset_id, m.trade_date, k.units * m.quantity as quantity
        from moved as m
        inner join steelyard.transaction_kinds as k on m.kind = k.kind
        where k.units <> 0
        union all
        select m.account_id, m.asset_id, m.trade_date, -m.quantity from moved as m where m.kind = 'TRANSFER'
        union all
        select m.counter_account_id, m.asset_id, m.trade_date, m.quantity from moved as m where m.kind = 'TRANSFER'
    ) as n
    group by n.account_id, n.asset_id, n.trade_date;
    create index ledger_held_by_asset on pg_temp.ledger_held (asset_id, account_id, trade_date, place);
    create index ledger_actions_by_day on pg_temp.ledger_actions (trade_date, place);
    analyze pg_temp.ledger_held;
    analyze pg_temp.ledger_actions;
end
$$;
comment on function steelyard.read_holdings is 'Put corporate actions and payments in their order, and what their assets'' holders bought and sold beside them.';

create or replace function steelyard.follow_holdings() returns void
language plpgsql volatile
as $$
declare
    v_step record;
begin
    drop table if exists pg_temp.ledger_outcomes;
    create temporary table ledger_outcomes (like pg_temp.ledger_rows) on commit drop;
    for v_step in
        select distinct a.trade_date, a.place from pg_temp.ledger_actions as a order by a.trade_date, a.place
    loop
        with outcome as (
            insert into pg_temp.ledger_outcomes (
                external_id, account_id, kind, trade_date, settlement_date, asset_id, quantity, price, currency, amount, costs, tax,
                counter_account_id, counter_asset_id, counter_quantity, counter_currency, counter_amount, acquired_date,
                basis_fraction, lot_id, held, is_action, is_dependent
            )
            select
                a.external_id, coalesce(a.account_id, h.account_id), a.kind, a.trade_date, a.settlement_date, a.asset_id,
                case when a.is_action then a.quantity else h.held end, a.price, a.currency,
                case when a.is_action then a.amount else round(h.held * a.price, 8) end,
                a.costs, a.tax, a.counter_account_id, a.counter_asset_id, a.counter_quantity, a.counter_currency,
                a.counter_amount, a.acquired_date, a.basis_fraction, a.lot_id, coalesce(h.held, 0), a.is_action, false
            from pg_temp.ledger_actions as a
            left join lateral (
                select x.account_id, sum(x.quantity) as held
                from pg_temp.ledger_held as x
                where
                    x.asset_id = a.asset_id
                    and (a.account_id is null or x.account_id = a.account_id)
                    and (x.trade_date, x.place) < (a.trade_date, a.place)
                group by x.account_id
                having sum(x.quantity) <> 0
            ) as h on true
            where
                a.trade_date = v_step.trade_date and a.place = v_step.place
                and (a.account_id is not null or h.account_id is not null)
            returning *
        )

        insert into pg_temp.ledger_held (account_id, asset_id, trade_date, place, quantity)
        select n.account_id, n.asset_id, v_step.trade_date, v_step.place, n.quantity
        from (
            select o.account_id, o.asset_id, a.became - o.held as quantity
            from outcome as o
            cross join lateral steelyard.action_outcome(
                o.kind, o.held, o.quantity, o.counter_quantity, o.price, o.amount
            ) as a
            where o.kind = 'SPLIT'
            union all
            select o.account_id, o.counter_asset_id, a.became
            from outcome as o
            cross join lateral steelyard.action_outcome(
                o.kind, o.held, o.quantity, o.counter_quantity, o.price, o.amount
            ) as a
            where o.kind in ('SPIN_OFF', 'MERGER', 'SYMBOL_CHANGE')
            union all
            select o.account_id, o.asset_id, -o.held
            from outcome as o
            where o.kind in ('MERGER', 'SYMBOL_CHANGE', 'REDEMPTION')
        ) as n
        where n.quantity <> 0;
    end loop;
end
$$;
comment on function steelyard.follow_holdings() is 'Book corporate actions and payments for every holder day by day, each on what is held then.';

create or replace function steelyard.compare_outcomes(p_tenant integer, p_only text[]) returns void
language sql volatile
as $$
    insert into pg_temp.ledger_rows (
        external_id, account_id, kind, trade_date, settlement_date, asset_id, quantity, price, currency, amount, costs, tax,
        counter_account_id, counter_asset_id, counter_quantity, counter_currency, counter_amount, acquired_date,
        basis_fraction, lot_id, held, is_action, is_dependent, fault, is_new, old_entry_id
    )
    select
        o.external_id, o.account_id, o.kind, o.trade_date, o.settlement_date, o.asset_id, o.quantity, o.price, o.currency,
        o.amount, o.costs, o.tax, o.counter_account_id, o.counter_asset_id, o.counter_quantity, o.counter_currency,
        o.counter_amount, o.acquired_date, o.basis_fraction, o.lot_id, o.held, o.is_action, o.is_dependent, o.fault,
        o.external_id is not null, b.entry_id
    from pg_temp.ledger_outcomes as o
    full join (
        select e.*
        from steelyard.entries_known(p_tenant, 'infinity') as e
        where e.source = 'transactions' and e.held is not null and (p_only is null or e.external_id = any(p_only))
    ) as b on o.external_id = b.external_id and o.account_id = b.account_id
    where
        o.external_id is null
        or b.entry_id is null
        or (
            o.kind, o.trade_date, o.settlement_date, o.asset_id, o.quantity, o.price, o.currency, o.amount, o.costs,
            o.tax, o.counter_asset_id, o.counter_quantity, o.basis_fraction, o.held
        ) is distinct from (
            b.kind, b.trade_date, b.settlement_date, b.asset_id, b.quantity, b.price, b.currency, b.amount, b.costs,
            b.tax, b.counter_asset_id, b.counter_quantity, b.basis_fraction, b.held
        )
    order by o.trade_date, not o.is_action, o.external_id collate "C", o.account_id collate "C"
$$;
comment on function steelyard.compare_outcomes is 'Add to ledger_rows the outcomes that the ledger does not have, and the entries that are none any more.';

-- Booking ─────────────────────────────────────────────────────────────────────────────────────────────────

create or replace function steelyard.book_rows(p_tenant integer, out booked bigint, out reversed bigint)
language plpgsql volatile
set plan_cache_mode = 'force_custom_plan' -- to take one entry back, or all
as $$
declare
    v_first bigint;
    v_last bigint;
begin
    select min(r.old_entry_id), max(r.old_entry_id) into v_first, v_last from pg_temp.ledger_rows as r;
    insert into pg_temp.ledger_rows (
        external_id, account_id, kind, trade_date, settlement_date, asset_id, quantity, price, currency, amount, costs, tax,
        counter_account_id, counter_asset_id, counter_quantity, counter_currency, counter_amount, acquired_date,
        basis_fraction, lot_id, held, reverses, revision
    )
    select
        j.external_id, j.account_id, j.kind, j.trade_date, j.settlement_date, j.asset_id, j.quantity, j.price, j.currency,
        j.amount, j.costs, j.tax, j.counter_account_id, j.counter_asset_id, j.counter_quantity, j.counter_currency,
        j.counter_amount, j.acquired_date, j.basis_fraction, j.lot_id, j.held, j.entry_id, j.revision + 1
    from pg_temp.ledger_rows as r
    inner join steelyard.journal as j on r.old_entry_id = j.entry_id
    order by j.trade_date, j.entry_id;
    get diagnostics reversed = row_count;
    if reversed > 100 then -- what was known of the column was that it is empty, and each would be looked for by itself
        analyze pg_temp.ledger_rows (reverses, is_new);
    end if;
    insert into steelyard.journal (
        entry_id, tenant_id, external_id, account_id, revision, reverses, kind, trade_date, settlement_date, asset_id,
        quantity, price, currency, amount, costs, tax, counter_account_id, counter_asset_id, counter_quantity,
        counter_currency, counter_amount, acquired_date, basis_fraction, lot_id, held
    ) overriding system value
    select
        r.entry_id, p_tenant, r.external_id, r.account_id, coalesce(r.revision, 1 + v.revision, 1), r.reverses, r.kind,
        r.trade_date, r.settlement_date, r.asset_id, r.quantity, r.price, r.currency, r.amount, r.costs, r.tax,
        r.counter_account_id, r.counter_asset_id, r.counter_quantity, r.counter_currency, r.counter_amount,
        r.acquired_date, r.basis_fraction, r.lot_id, r.held
    from pg_temp.ledger_rows as r
    left join (
        -- what was booked before, and what is reversed now
        select x.external_id, x.account_id, max(x.revision) as revision
        from (
            select j.external_id, j.account_id, j.revision
            from steelyard.journal as j
            where j.tenant_id = p_tenant and j.reverses is not null
            union all
            select z.external_id, z.account_id, z.revision
            from pg_temp.ledger_rows as z
            where z.reverses is not null
        ) as x
        group by x.external_id, x.account_id
    ) as v on r.is_new and r.external_id = v.external_id and r.account_id = v.account_id
    where r.is_new or r.reverses is not null;
    get diagnostics booked = row_count;
    booked := booked - reversed;
    insert into steelyard.postings (tenant_id, entry_id, line, account_id, place, commodity, is_cash, quantity, trade_date)
    select p_tenant, l.entry_id, l.line, l.account_id, l.place, l.commodity, l.is_cash, l.quantity, l.trade_date
    from steelyard.lines_to_post(v_first, v_last) as l
    where l.quantity <> 0;
    perform steelyard.tell_planner(booked + reversed);
end
$$;
comment on function steelyard.book_rows is 'Reverse and book what stands in ledger_rows.';

create or replace function steelyard.post_transactions(
    p_tenant integer,
    p_today date,
    p_only text[] default null,
    out booked bigint,
    out reversed bigint,
    out unposted bigint
)
language plpgsql volatile
set work_mem = '128MB'
set jit = off
as $$
declare
    v_only text[];
begin
    perform steelyard.lock_ledger(p_tenant);
    if cardinality(p_only) <= 100 and steelyard.are_plain_trades(p_tenant, p_today, p_only) then
        select p.booked, p.reversed, 0 into booked, reversed, unposted
        from steelyard.post_trades(p_tenant, p_only) as p;
        delete from steelyard.unposted_transactions as u
        where u.tenant_id = p_tenant and u.transaction_id = any(p_only);
        return;
    end if;
    v_only := case when p_only is not null then steelyard.with_connected(p_tenant, p_only) end;
    perform steelyard.sync_attached_accounts();
    perform steelyard.read_transactions(p_tenant, p_today, v_only);
    perform steelyard.hold_back_repeated(p_tenant);
    perform steelyard.read_holdings(p_tenant);
    perform steelyard.follow_holdings();
    perform steelyard.compare_outcomes(p_tenant, v_only);
    select b.booked, b.reversed into booked, reversed from steelyard.book_rows(p_tenant) as b;
    delete from steelyard.unposted_transactions as u
    where
        u.tenant_id = p_tenant
        and (v_only is null or u.transaction_id = any(v_only))
        and not exists (
            select from pg_temp.ledger_rows as r
            where r.external_id = u.transaction_id and r.fault is not null
        );
    insert into steelyard.unposted_transactions as u (tenant_id, transaction_id, fault)
    select p_tenant, r.external_id, r.fault
    from pg_temp.ledger_rows as r
    where r.fault is not null
    on conflict (tenant_id, transaction_id) do update set fault = excluded.fault where u.fault <> excluded.fault;
    select count(*) into unposted from pg_temp.ledger_rows as r where r.fault is not null;
end
$$;
comment on function steelyard.post_transactions is 'Bring a tenant''s ledger to what its transactions say, or some of them and what follows from these; answer how many entries were booked and reversed, and how many transactions have a fault.';

-- Posting a few plain trades: what `post_transactions` does to any transactions, done at once to purchases and sales
-- that nothing depends on, as fills are. tests/properties/test_stored_ledger.py compares both with Python.

create or replace function steelyard.are_plain_trades(p_tenant integer, p_today date, p_ids text[]) returns boolean
language sql stable
as $$
    select
        to_regclass('steelyard.attachment') is null
        and not exists (
            select
            from steelyard.transactions as t
            left join steelyard.accounts as c on t.tenant_id = c.tenant_id and t.account_id = c.account_id
            left join steelyard.asset_master as a on t.asset_id = a.asset_id
            where
                t.tenant_id = p_tenant
                and t.transaction_id = any(p_ids)
                and (
                    t.transaction_type in ('BUY', 'SELL')
                    and c.account_id is not null
                    and lower(a.asset_type) <> 'cash'
                    and t.quantity > 0
                    and coalesce(t.tax_amount, 0) between 0 and coalesce(t.transaction_costs, 0)
                    and t.transaction_date - p_today <= 1
                    and coalesce(t.settlement_date, t.transaction_date) >= t.transaction_date
                    and num_nonnulls(t.counter_account_id, t.counter_asset_id, t.counter_currency, t.basis_fraction) = 0
                    and coalesce(t.counter_quantity, 0) = 0
                    and coalesce(t.counter_amount, 0) = 0
                    and not exists (select from steelyard.minor_currencies as m where m.currency = t.currency)
                ) is not true
        )
        and not exists (
            select
            from steelyard.journal as j
            where
                j.tenant_id = p_tenant
                and j.external_id = any(p_ids)
                and (j.kind not in ('BUY', 'SELL') or j.held is not null or j.source <> 'transactions')
        )
        and not exists (
            -- corporate actions, and payments for every holder, whose outcome they may change
            select
            from steelyard.transactions as d
            where
                d.tenant_id = p_tenant
                and (d.account_id is null or d.transaction_type in ('SPLIT', 'SPIN_OFF', 'MERGER', 'SYMBOL_CHANGE'))
                and (
                    select
                        array_agg(t.asset_id)
                    from (
                        select t.asset_id from steelyard.transactions as t
                        where t.tenant_id = p_tenant and t.transaction_id = any(p_ids)
                        union
                        select j.asset_id from steelyard.journal as j
                        where j.tenant_id = p_tenant and j.external_id = any(p_ids)
                    ) as t
                ) && array[d.asset_id, d.counter_asset_id]
        )
$$;
comment on function steelyard.are_plain_trades is 'Whether transactions of some ids, as they are and as they are booked, are purchases and sales that nothing else follows from.';

create or replace function steelyard.post_trades(
    p_tenant integer, p_ids text[], out booked bigint, out reversed bigint
)
language plpgsql volatile
as $$
declare
    v_old bigint[];
    v_made bigint[];
begin
    select coalesce(array_agg(j.entry_id order by j.trade_date, j.entry_id), '{}') into v_old
    from steelyard.journal as j
    left join steelyard.transactions as t
        on
            j.tenant_id = t.tenant_id
            and j.external_id = t.transaction_id
            and (
                j.account_id, j.kind, j.trade_date, j.settlement_date, j.asset_id, j.quantity, j.price, j.currency,
                j.amount, j.costs, j.tax, j.acquired_date, j.lot_id
            ) is not distinct from (
                t.account_id, t.transaction_type, t.transaction_date, t.settlement_date, t.asset_id, t.quantity,
                t.price, t.currency, t.total_amount, nullif(t.transaction_costs, 0), nullif(t.tax_amount, 0),
                t.acquired_date, t.lot_id
            )
    where
        j.tenant_id = p_tenant
        and j.external_id = any(p_ids)
        and j.reverses is null
        and t.transaction_id is null
        and not exists (select from steelyard.journal as r where r.reverses = j.entry_id);
    reversed := cardinality(v_old);
    if reversed > 0 then
        with made as (
            insert into steelyard.journal (
                tenant_id, external_id, account_id, revision, reverses, kind, trade_date, settlement_date, asset_id,
                quantity, price, currency, amount, costs, tax, acquired_date, lot_id
            )
            select
                j.tenant_id, j.external_id, j.account_id, j.revision + 1, j.entry_id, j.kind, j.trade_date,
                j.settlement_date, j.asset_id, j.quantity, j.price, j.currency, j.amount, j.costs, j.tax,
                j.acquired_date, j.lot_id
            from unnest(v_old) with ordinality as o (entry_id, place)
            inner join steelyard.journal as j on o.entry_id = j.entry_id
            order by o.place
            returning entry_id
        )

        select array_agg(m.entry_id) into v_made from made as m;
    end if;
    with made as (
        insert into steelyard.journal (
            tenant_id, external_id, account_id, revision, kind, trade_date, settlement_date, asset_id, quantity, price,
            currency, amount, costs, tax, acquired_date, lot_id
        )
        select
            t.tenant_id, t.transaction_id, t.account_id, 1 + coalesce(b.revision, 0), t.transaction_type,
            t.transaction_date, t.settlement_date, t.asset_id, t.quantity, t.price, t.currency, t.total_amount,
            nullif(t.transaction_costs, 0), nullif(t.tax_amount, 0), t.acquired_date, t.lot_id
        from steelyard.transactions as t
        left join lateral (
            -- what was booked of it last: a reversal, or what it says
            select j.revision, j.reverses
            from steelyard.journal as j
            where j.tenant_id = p_tenant and j.external_id = t.transaction_id and j.account_id = t.account_id
            order by j.revision desc
            limit 1
        ) as b on true
        where
            t.tenant_id = p_tenant
            and t.transaction_id = any(p_ids)
            and (b.revision is null or b.reverses is not null)
        order by t.transaction_date, t.transaction_id collate "C"
        returning entry_id
    )

    select v_made || array_agg(m.entry_id), count(*) into v_made, booked from made as m;
    insert into steelyard.postings (tenant_id, entry_id, line, account_id, place, commodity, is_cash, quantity, trade_date)
    select p_tenant, l.entry_id, l.line, l.account_id, l.place, l.commodity, l.is_cash, l.quantity, l.trade_date
    from steelyard.lines_of_trades(v_made, v_old) as l
    where l.quantity <> 0;
end
$$;
comment on function steelyard.post_trades is 'Bring the ledger to what plain trades of some ids say; answer how many entries were booked and reversed.';

create or replace function steelyard.lines_of_trades(p_made bigint[], p_old bigint[])
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
    select
        j.entry_id, l.line, j.account_id, l.place, case when l.is_cash then j.currency else j.asset_id end, l.is_cash,
        l.quantity, j.trade_date
    from steelyard.journal as j
    inner join steelyard.transaction_kinds as k on j.kind = k.kind
    cross join lateral (
        values
        (1, 'held', false, k.units * j.quantity),
        (2, k.units_from, false, -k.units * j.quantity),
        (5, k.cash_to, true, k.cash * j.amount - coalesce(j.costs, 0)),
        (6, k.cash_from, true, -k.cash * j.amount),
        (7, 'fees', true, coalesce(j.costs, 0) - coalesce(j.tax, 0)),
        (8, 'taxes', true, coalesce(j.tax, 0))
    ) as l (line, place, is_cash, quantity)
    where j.entry_id = any(p_made) and j.reverses is null
    union all
    select r.entry_id, p.line, p.account_id, p.place, p.commodity, p.is_cash, -p.quantity, p.trade_date
    from steelyard.journal as r
    inner join steelyard.postings as p on r.reverses = p.entry_id
    where r.entry_id = any(p_made) and p.entry_id = any(p_old)
$$;
comment on function steelyard.lines_of_trades is 'What entries of plain trades move, as domain/posting.py says, and what their reversals take back; lines of 0 are no postings.';

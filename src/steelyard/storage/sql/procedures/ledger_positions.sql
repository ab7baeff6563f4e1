-- Positions out of the ledger, and which accounts are kept by it.
-- A balance is what all postings leave; as of a day it is that less what was posted for later days.

create or replace function steelyard.held_on(p_tenant integer, p_accounts text[], p_days date[])
returns table (account_id text, commodity text, is_cash boolean, quantity numeric)
language sql stable parallel safe
as $$
    with asked as materialized (
        select a.account_id, a.day
        from unnest(p_accounts, p_days) as a (account_id, day)
    ),

    later as (
        select p.account_id, p.commodity, p.is_cash, steelyard.compact_sum(p.quantity) as quantity
        from steelyard.postings as p
        inner join asked as a on p.account_id = a.account_id and p.trade_date > a.day
        where
            p.tenant_id = p_tenant
            and p.place = 'held'
            and p.trade_date > (select min(m.day) from asked as m)
        group by p.account_id, p.commodity, p.is_cash
    )

    select b.account_id, b.commodity, b.is_cash, b.quantity - coalesce(l.quantity, 0)
    from asked as a
    inner join steelyard.balances as b on b.tenant_id = p_tenant and a.account_id = b.account_id
    left join later as l on b.account_id = l.account_id and b.commodity = l.commodity and b.is_cash = l.is_cash
$$;
comment on function steelyard.held_on(integer, text[], date[]) is 'What accounts held by the ledger, each on a day of its own: assets, and money by currency; 0 where it was held at another time.';

create or replace function steelyard.cash_assets()
returns table (currency text, asset_id text)
language sql stable parallel safe
as $$
    select distinct on (a.currency) a.currency, a.asset_id
    from steelyard.asset_master as a
    where lower(a.asset_type) = 'cash'
    order by a.currency, a.asset_id <> a.currency, a.asset_id
$$;
comment on function steelyard.cash_assets() is 'The asset that stands for money of a currency: the one named like it, else the first by id.';

create or replace function steelyard.ledger_positions_at(p_tenant integer, p_as_of date)
returns table (account_id text, asset_id text, quantity numeric)
language sql stable parallel safe
as $$
    select h.account_id, coalesce(c.asset_id, h.commodity), h.quantity
    from (
        select array_agg(a.account_id) as ids, array_agg(p_as_of) as days
        from steelyard.accounts as a
        where a.tenant_id = p_tenant and a.kept_by = 'ledger'
    ) as kept
    cross join lateral steelyard.held_on(p_tenant, kept.ids, kept.days) as h
    left join steelyard.cash_assets() as c on h.is_cash and h.commodity = c.currency
    where h.quantity <> 0
$$;
comment on function steelyard.ledger_positions_at(integer, date) is 'What the accounts that the ledger keeps held on a day; money as the cash asset of its currency.';

create or replace function steelyard.make_cash_assets(p_tenant integer) returns text[]
language plpgsql volatile
as $$
declare
    v_made text [];
begin
    if 'asset_master' = any(steelyard.attached_tables()) then
        return '{}';
    end if;
    with made as (
        insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency)
        select
            case when t.asset_id is null then b.commodity else 'CASH:' || b.commodity end,
            b.commodity || ' cash',
            'Cash',
            b.commodity
        from (
            select distinct x.commodity
            from steelyard.balances as x
            inner join steelyard.accounts as a on x.tenant_id = a.tenant_id and x.account_id = a.account_id
            where x.tenant_id = p_tenant and x.is_cash and a.kept_by = 'ledger'
        ) as b
        left join steelyard.asset_master as t on b.commodity = t.asset_id
        where not exists (select from steelyard.cash_assets() as c where b.commodity = c.currency)
        returning asset_id
    )

    select coalesce(array_agg(m.asset_id order by m.asset_id), '{}') into v_made from made as m;
    return v_made;
end
$$;
comment on function steelyard.make_cash_assets(integer) is 'Make the cash asset of each currency that accounts kept by the ledger have and asset_master lacks, so that no money is left out; answer their ids. A firm''s own table is left alone.';

create or replace function steelyard.ledger_differences(p_tenant integer)
returns table (
    account_id text, asset_id text, as_of date, snapshot_quantity numeric, ledger_quantity numeric, reason text
)
language sql stable
as $$
    with newest as materialized (
        select p.account_id, p.asset_id, p.as_of, p.quantity
        from steelyard.positions_stated(p_tenant, 'infinity') as p
    ),

    -- an account without any snapshot is as it is now
    compared_on as (
        select a.account_id, coalesce(n.as_of, 'infinity') as as_of, n.account_id is not null as is_stated
        from steelyard.accounts as a
        left join (select distinct x.account_id, x.as_of from newest as x) as n on a.account_id = n.account_id
        where a.tenant_id = p_tenant
    ),

    cash as materialized (
        select c.currency, c.asset_id
        from steelyard.cash_assets() as c
    ),

    -- several cash assets of one currency are one balance
    snapshot as (
        select
            n.account_id,
            coalesce(c.asset_id, n.asset_id) as asset_id,
            sum(n.quantity) as quantity,
            bool_or(n.quantity is null) as is_weight
        from newest as n
        inner join steelyard.asset_master as a on n.asset_id = a.asset_id
        left join cash as c on lower(a.asset_type) = 'cash' and a.currency = c.currency
        group by 1, 2
    ),

    ledger as (
        select h.account_id, coalesce(c.asset_id, h.commodity) as asset_id, h.is_cash, h.quantity
        from (select array_agg(o.account_id) as ids, array_agg(o.as_of) as days from compared_on as o) as k
        cross join lateral steelyard.held_on(p_tenant, k.ids, k.days) as h
        left join cash as c on h.is_cash and h.commodity = c.currency
    ),

    -- an empty account stands for every one, an empty asset for money
    unposted as materialized (
        select distinct n.account_id, n.asset_id
        from steelyard.unposted_transactions as u
        inner join steelyard.transactions as t on u.tenant_id = t.tenant_id and u.transaction_id = t.transaction_id
        cross join lateral (
            values
            (coalesce(t.account_id, ''), t.asset_id),
            (coalesce(t.account_id, ''), ''),
            (t.counter_account_id, t.asset_id),
            (t.counter_account_id, '')
        ) as n (account_id, asset_id)
        where u.tenant_id = p_tenant and u.fault <> 'not_yet' and n.account_id is not null and n.asset_id is not null
    ),

    compared as (
        select
            account_id,
            asset_id,
            s.quantity as snapshot_quantity,
            l.quantity as ledger_quantity,
            s.asset_id is null as is_unstated,
            l.asset_id is null as is_unbooked,
            coalesce(s.is_weight, false) as is_weight,
            coalesce(l.is_cash, c.currency is not null) as is_cash,
            case when coalesce(l.is_cash, c.currency is not null) then '' else asset_id end as about,
            coalesce(
                l.is_cash
                and l.quantity <> 0
                and c.currency is null
                and (select 'asset_master' = any(steelyard.attached_tables())), -- asked once
                false
            ) as has_no_asset
        from snapshot as s
        full join ledger as l using (account_id, asset_id)
        left join cash as c using (asset_id)
    )

    select
        c.account_id,
        c.asset_id,
        nullif(o.as_of, 'infinity'),
        c.snapshot_quantity,
        coalesce(c.ledger_quantity, 0),
        case
            when c.has_no_asset then 'no_cash_asset'
            when c.is_weight then 'weights'
            when
                (c.account_id, c.about) in (select u.account_id, u.asset_id from unposted as u)
                or c.about in (select u.asset_id from unposted as u where u.account_id = '')
                then 'unposted'
            when c.is_unbooked then 'no_opening'
            when c.is_unstated then 'not_in_snapshot'
            else 'quantity'
        end
    from compared as c
    inner join compared_on as o on c.account_id = o.account_id
    where
        c.has_no_asset
        or c.is_weight
        or o.is_stated
        and case
            when c.is_cash then round(coalesce(c.snapshot_quantity, 0), 2) <> round(coalesce(c.ledger_quantity, 0), 2)
            else coalesce(c.snapshot_quantity, 0) <> coalesce(c.ledger_quantity, 0)
        end
    order by c.account_id, c.asset_id
$$;
comment on function steelyard.ledger_differences(integer) is 'Where the newest snapshot of an account says otherwise than the ledger of its day, units exactly and money to the cent, and why.';

create or replace function steelyard.adopt_accounts(p_tenant integer)
returns table (account_id text, kept_by text, is_changed boolean, is_differing boolean)
language sql volatile
as $$
    with judged as materialized (
        select
            a.account_id,
            a.kept_by as was_kept_by,
            case when b.account_id is not null and d.account_id is null then 'ledger' else 'snapshots' end as kept_by,
            d.account_id is not null as is_differing
        from steelyard.accounts as a
        left join (select distinct x.account_id from steelyard.balances as x where x.tenant_id = p_tenant) as b
            on a.account_id = b.account_id
        left join (select distinct y.account_id from steelyard.ledger_differences(p_tenant) as y) as d
            on a.account_id = d.account_id
        where a.tenant_id = p_tenant
    ),

    changed as (
        update steelyard.accounts as a
        set kept_by = j.kept_by
        from judged as j
        where a.tenant_id = p_tenant and a.account_id = j.account_id and j.kept_by <> j.was_kept_by
    )

    select j.account_id, j.kept_by, j.kept_by <> j.was_kept_by, j.is_differing
    from judged as j
    order by j.account_id
$$;
comment on function steelyard.adopt_accounts(integer) is 'Let the ledger keep every account that has entries and no newest snapshot that says otherwise, and snapshots the others; answer what keeps each.';

create or replace function steelyard.scope_unposted(p_tenant integer, p_as_of date)
returns table (scope_kind text, scope_id text, asset_id text)
language sql stable parallel safe
as $$
    select distinct s.scope_kind, s.scope_id, t.asset_id
    from steelyard.unposted_transactions as u
    inner join steelyard.transactions as t on u.tenant_id = t.tenant_id and u.transaction_id = t.transaction_id
    inner join steelyard.accounts as a
        on t.tenant_id = a.tenant_id and a.account_id = coalesce(t.account_id, a.account_id) and a.kept_by = 'ledger'
    inner join steelyard.scope_accounts(p_tenant) as s on a.account_id = s.account_id
    where
        u.tenant_id = p_tenant
        and u.fault not in ('not_yet', 'entered_twice')
        and t.transaction_date <= p_as_of
$$;
comment on function steelyard.scope_unposted(integer, date) is 'The assets of a scope whose positions, kept by the ledger, lack transactions that could not be booked.';

-- name: get_booked_transactions
-- The entries that stand of accounts, and of those that assets came from or went to, up to a day; columns are
-- named as the fields of a Transaction.
with recursive moved as (
    select j.account_id, j.counter_account_id
    from steelyard.entries_known(steelyard.current_tenant(), $3::timestamptz) as j
    where j.kind = 'TRANSFER' and j.asset_id is not null
),

linked as (
    select a.account_id
    from unnest($1::text[]) as a (account_id)
    union
    select case when m.account_id = l.account_id then m.counter_account_id else m.account_id end
    from linked as l
    inner join moved as m on l.account_id in (m.account_id, m.counter_account_id)
)

select
    j.external_id as transaction_id,
    j.kind,
    j.trade_date,
    j.account_id,
    j.currency,
    trim_scale(j.amount) as amount,
    trim_scale(coalesce(j.costs, 0)) as costs,
    trim_scale(coalesce(j.tax, 0)) as tax,
    coalesce(j.asset_id, '') as asset_id,
    trim_scale(j.quantity) as quantity,
    trim_scale(j.price) as price,
    j.settlement_date,
    coalesce(j.counter_account_id, '') as counter_account_id,
    coalesce(j.counter_asset_id, '') as counter_asset_id,
    trim_scale(coalesce(j.counter_quantity, 0)) as counter_quantity,
    coalesce(j.counter_currency, '') as counter_currency,
    trim_scale(coalesce(j.counter_amount, 0)) as counter_amount,
    j.acquired_date as acquired,
    trim_scale(j.basis_fraction) as basis_fraction,
    coalesce(j.lot_id, '') as lot_id
from steelyard.entries_known(steelyard.current_tenant(), $3::timestamptz) as j
inner join linked as l on j.account_id = l.account_id
where j.trade_date <= $2::date and j.entry_id > $4
order by j.trade_date, j.entry_id;

-- name: get_external_flows
-- What came into some accounts from outside them in a period, and what left them (negative); where fees or taxes
-- are left out of the return, they leave too.
select
    j.entry_id,
    j.external_id,
    j.kind,
    j.trade_date,
    case when p.account_id = any(cast(:account_ids as text[])) then p.account_id else j.account_id end as account_id,
    p.commodity,
    p.is_cash,
    trim_scale(
        case
            when p.place = 'held' and p.account_id = any(cast(:account_ids as text[])) then p.quantity
            else -p.quantity
        end
    ) as quantity
from steelyard.entries_known(steelyard.current_tenant(), cast(:known_at as timestamptz)) as j
inner join steelyard.postings as p on j.tenant_id = p.tenant_id and j.entry_id = p.entry_id
where
    j.entry_id > :after_entry
    and p.trade_date > cast(:after as date)
    and p.trade_date <= cast(:until as date)
    and (
        p.place = any(cast(:places as text[])) and p.account_id = any(cast(:account_ids as text[]))
        or p.place = 'held'
        and p.account_id <> j.account_id
        and (p.account_id = any(cast(:account_ids as text[]))) <> (j.account_id = any(cast(:account_ids as text[])))
    )
order by j.trade_date, j.entry_id, p.line;

-- name: get_held
-- What accounts held at the end of a day by the ledger.
select h.account_id, h.commodity, h.is_cash, trim_scale(h.quantity) as quantity
from (
    select
        cast(:account_ids as text[]) as ids,
        array_fill(cast(:as_of as date), array[cardinality(cast(:account_ids as text[]))]) as days
) as asked
cross join lateral steelyard.held_on(steelyard.current_tenant(), asked.ids, asked.days) as h
where h.quantity <> 0
order by h.is_cash, h.commodity, h.account_id;

-- name: get_held_known
-- What accounts held at the end of a day by the entries that stood at a moment.
select p.account_id, p.commodity, p.is_cash, trim_scale(sum(p.quantity)) as quantity
from steelyard.entries_known(steelyard.current_tenant(), cast(:known_at as timestamptz)) as j
inner join steelyard.postings as p on j.tenant_id = p.tenant_id and j.entry_id = p.entry_id
where
    p.place = 'held'
    and p.account_id = any(cast(:account_ids as text[]))
    and p.trade_date <= cast(:as_of as date)
group by p.account_id, p.commodity, p.is_cash
having sum(p.quantity) <> 0
order by p.is_cash, p.commodity, p.account_id;

-- name: get_prices_on_days
-- The last price of an asset on or before a day, for pairs of both, in the asset's quotation unit.
select w.asset_id, w.day, m.currency, trim_scale(p.closing_price) as closing_price, p.price_date
from unnest(cast(:asset_ids as text[]), cast(:days as date[])) as w (asset_id, day)
inner join steelyard.asset_master as m on w.asset_id = m.asset_id
cross join lateral (
    select d.closing_price, d.price_date
    from steelyard.market_data as d
    where d.asset_id = w.asset_id and d.price_date <= w.day
    order by d.price_date desc
    limit 1
) as p;

-- name: get_quantity_postings
-- The postings behind what some accounts hold at the end of a day.
select
    j.entry_id,
    j.external_id,
    j.kind,
    j.trade_date,
    p.account_id,
    p.commodity,
    p.is_cash,
    trim_scale(p.quantity) as quantity
from steelyard.entries_known(steelyard.current_tenant(), cast(:known_at as timestamptz)) as j
inner join steelyard.postings as p on j.tenant_id = p.tenant_id and j.entry_id = p.entry_id
where
    p.place = 'held'
    and p.account_id = any(cast(:account_ids as text[]))
    and p.trade_date <= cast(:as_of as date)
order by p.trade_date, j.entry_id, p.line;

-- name: get_newest_entries
-- Entries of accounts before a place in the order of days, the newest first; reversed ones too where asked for, and
-- of some days only. A join with what reverses them would seem to leave one row, and be planned for that.
select
    j.entry_id,
    j.recorded_at,
    j.external_id,
    j.kind,
    j.trade_date,
    j.account_id,
    coalesce(j.asset_id, '') as asset_id,
    trim_scale(j.quantity) as quantity,
    trim_scale(j.price) as price,
    j.currency,
    trim_scale(j.amount) as amount,
    trim_scale(coalesce(j.costs, 0)) as costs,
    coalesce(j.counter_account_id, '') as counter_account_id,
    coalesce(j.counter_asset_id, '') as counter_asset_id,
    trim_scale(coalesce(j.counter_quantity, 0)) as counter_quantity,
    coalesce(j.counter_currency, '') as counter_currency,
    trim_scale(coalesce(j.counter_amount, 0)) as counter_amount,
    j.reverses,
    (select r.entry_id from steelyard.journal as r where r.reverses = j.entry_id) as reversed_by
from steelyard.journal as j
where
    j.tenant_id = steelyard.current_tenant()
    and (j.trade_date, j.entry_id) < (cast(:before_day as date), :before_entry)
    and (cast(:with_reversed as boolean) or j.reverses is null)
    and (
        cast(:with_reversed as boolean)
        or (select r.entry_id from steelyard.journal as r where r.reverses = j.entry_id) is null
    )
    and (
        j.account_id = any(cast(:account_ids as text[]))
        or j.counter_account_id = any(cast(:account_ids as text[]))
    )
    and (cast(:asset_id as text) is null or cast(:asset_id as text) in (j.asset_id, j.counter_asset_id))
    and (cast(:kind as text) is null or j.kind = cast(:kind as text))
    and j.trade_date between cast(:first as date) and cast(:last as date)
order by j.trade_date desc, j.entry_id desc
limit :most;

-- name: get_places_after
-- The places of the entries that follow one in the order of days, the oldest first; which entries, as
-- get_newest_entries says.
select j.trade_date, j.entry_id
from steelyard.journal as j
where
    j.tenant_id = steelyard.current_tenant()
    and (j.trade_date, j.entry_id) > (cast(:after_day as date), :after_entry)
    and (cast(:with_reversed as boolean) or j.reverses is null)
    and (
        cast(:with_reversed as boolean)
        or (select r.entry_id from steelyard.journal as r where r.reverses = j.entry_id) is null
    )
    and (
        j.account_id = any(cast(:account_ids as text[]))
        or j.counter_account_id = any(cast(:account_ids as text[]))
    )
    and (cast(:asset_id as text) is null or cast(:asset_id as text) in (j.asset_id, j.counter_asset_id))
    and (cast(:kind as text) is null or j.kind = cast(:kind as text))
    and j.trade_date between cast(:first as date) and cast(:last as date)
order by j.trade_date asc, j.entry_id asc
limit :most;

-- name: get_entry_details
-- What else is known of an entry of the journal.
select
    j.source,
    j.revision,
    j.settlement_date,
    trim_scale(coalesce(j.tax, 0)) as tax,
    j.acquired_date,
    trim_scale(j.basis_fraction) as basis_fraction,
    coalesce(j.lot_id, '') as lot_id,
    trim_scale(j.held) as held,
    j.trade_date,
    j.account_id
from steelyard.journal as j
where j.tenant_id = steelyard.current_tenant() and j.entry_id = :entry_id;

-- name: get_entry_postings
-- What an entry moves.
select p.account_id, p.place, p.commodity, p.is_cash, trim_scale(p.quantity) as quantity
from steelyard.postings as p
where
    p.tenant_id = steelyard.current_tenant()
    and p.entry_id = :entry_id
    and p.trade_date = cast(:trade_date as date)
order by p.line;

-- name: list_unposted_of_scope
-- The transactions of accounts that are not booked; those of no account are everybody's.
select
    u.transaction_id,
    u.fault,
    t.transaction_type as kind,
    t.transaction_date,
    coalesce(t.account_id, '') as account_id,
    coalesce(t.asset_id, '') as asset_id
from steelyard.unposted_transactions as u
inner join steelyard.transactions as t on u.tenant_id = t.tenant_id and u.transaction_id = t.transaction_id
where
    u.tenant_id = steelyard.current_tenant()
    and (t.account_id is null or t.account_id = any(cast(:account_ids as text[])))
order by t.transaction_date, u.transaction_id;

-- name: get_scope_positions
-- What accounts held on a day, by what keeps each of them.
select p.account_id, p.asset_id, m.asset_name, m.asset_type, m.currency, trim_scale(p.quantity) as quantity
from steelyard.positions_at(steelyard.current_tenant(), cast(:as_of as date)) as p
inner join steelyard.asset_master as m on p.asset_id = m.asset_id
where p.account_id = any(cast(:account_ids as text[]))
order by p.asset_id, p.account_id;

-- name: get_booked_amounts
-- What was booked to a place in a period for some accounts: income received (paid: negative), fees and taxes paid
-- (refunded: negative).
select
    j.entry_id,
    j.external_id,
    j.kind,
    j.trade_date,
    p.account_id,
    coalesce(j.asset_id, '') as asset_id,
    p.commodity as currency,
    case when p.place = 'income' then trim_scale(-p.quantity) else trim_scale(p.quantity) end as amount,
    p.place
from steelyard.entries_known(steelyard.current_tenant(), cast(:known_at as timestamptz)) as j
inner join steelyard.postings as p on j.tenant_id = p.tenant_id and j.entry_id = p.entry_id
where
    j.entry_id > :after_entry
    and p.place in ('income', 'fees', 'taxes')
    and p.account_id = any(cast(:account_ids as text[]))
    and p.trade_date > cast(:after as date)
    and p.trade_date <= cast(:until as date)
order by j.trade_date, j.entry_id, p.line;

-- name: get_unposted_of_scope
-- How many transactions of accounts are not booked, by fault; those of no account are everybody's.
select u.fault, count(*) as transactions
from steelyard.unposted_transactions as u
inner join steelyard.transactions as t on u.tenant_id = t.tenant_id and u.transaction_id = t.transaction_id
where
    u.tenant_id = steelyard.current_tenant()
    and (t.account_id is null or t.account_id = any(cast(:account_ids as text[])))
group by u.fault
order by u.fault;

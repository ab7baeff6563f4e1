"""What holds of every store after whatever happened to its workers: ledger = fills, each order as its fills say.

The crash suite asks this after each kill and at the end; so do the tests of fills.
"""

from people import run

LAWS = {
    "a fill that stands and is not in suspense is booked, and one that does not is not": """
        select f.execution_id from steelyard.fills as f
        where f.account_id is not null and f.suspended_because = ''
        and (f.busted_at is null) <> (f.transaction_id is not null)
    """,
    "an order is filled as its fills say": """
        select o.order_id, o.filled_quantity, coalesce(sum(f.quantity) filter (where f.busted_at is null), 0)
        from steelyard.orders as o
        left join steelyard.fills as f using (tenant_id, order_id)
        group by o.order_id, o.filled_quantity
        having o.filled_quantity <> coalesce(sum(f.quantity) filter (where f.busted_at is null), 0)
    """,
    "an order that is filled says so, and no other": """
        select o.order_id, o.state, o.filled_quantity, o.quantity from steelyard.orders as o
        where (o.state = 'filled') <> (o.filled_quantity >= o.quantity)
        or o.state = 'partially_filled' and o.filled_quantity = 0
    """,
    "the transactions of fills are units and fees of the fills that are booked": """
        select f.account_id, f.asset_id, f.side, f.quantity, f.fees, t.quantity, t.transaction_costs
        from (
            select account_id, asset_id, side, sum(quantity) as quantity, sum(fees) as fees
            from steelyard.fills where transaction_id is not null
            group by account_id, asset_id, side
        ) as f
        full join (
            select account_id, asset_id, lower(transaction_type) as side, sum(quantity) as quantity,
            coalesce(sum(transaction_costs), 0) as transaction_costs
            from steelyard.transactions where transaction_id like 'fill:%'
            group by account_id, asset_id, lower(transaction_type)
        ) as t using (account_id, asset_id, side)
        where (f.quantity, f.fees) is distinct from (t.quantity, t.transaction_costs)
    """,
    "what a fill is booked for is its quantity at its price, or its part of a block's money": """
        select f.execution_id, f.money, sum(t.total_amount)
        from (
            select *, coalesce(amount, round(quantity * price, 8)) as money from steelyard.fills
            where transaction_id is not null
        ) as f
        inner join steelyard.transactions as t
            on t.transaction_id = f.transaction_id
            or starts_with(t.transaction_id, 'fill:' || f.link_id || '#')
            and substr(t.transaction_id, strpos(substr(t.transaction_id, 6), ':') + 6) = f.execution_id
        group by f.link_id, f.execution_id, f.money
        having f.money <> sum(t.total_amount)
    """,
    "every transaction of a fill stands in the ledger, and the ledger has no other": """
        select t.transaction_id, j.external_id
        from (select * from steelyard.transactions where transaction_id like 'fill:%') as t
        full join (
            select * from steelyard.entries_known(1, 'infinity') where external_id like 'fill:%'
        ) as j on t.transaction_id = j.external_id
        where (t.account_id, t.quantity, t.total_amount, t.transaction_costs)
        is distinct from (j.account_id, j.quantity, j.amount, coalesce(j.costs, t.transaction_costs))
    """,
    "balances are the sums of postings": """
        select p.account_id, p.commodity, b.quantity, p.quantity
        from (
            select account_id, commodity, is_cash, sum(quantity) as quantity from steelyard.postings
            where place = 'held' group by account_id, commodity, is_cash
        ) as p
        full join steelyard.balances as b using (account_id, commodity, is_cash)
        where coalesce(b.quantity, 0) <> coalesce(p.quantity, 0)
    """,
    "no order is at a broker twice": """
        select o.broker_order_id from steelyard.orders as o
        where o.broker_order_id is not null group by o.link_id, o.broker_order_id having count(*) > 1
    """,
}
"""Each law, and a query of the rows that break it."""


async def check_trading() -> None:
    """Fail with the rows that break a law, of the first tenant."""
    for law, broken in LAWS.items():
        assert await run(broken) == [], law

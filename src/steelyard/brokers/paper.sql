-- name: begin
-- Begin to write; who comes second waits.
begin immediate;

-- name: set_prefix
-- Say what keys begin with.
insert into prefix (text) values (:prefix);

-- name: get_prefix
-- What keys begin with.
select text from prefix;

-- name: add_order
-- Keep an order.
insert into orders
(
    link, client_order_id, account, symbol, side, quantity, order_type, limit_price, currency, reserved_price,
    parts, state, appears_at, due_at
)
values (
    :link, :client_order_id, :account, :symbol, :side, :quantity, :order_type, :limit_price, :currency,
    :reserved_price, :parts, 'working', :appears_at, :due_at
);

-- name: get_order
-- An order by its number.
select * from orders where link = :link and number = :number;

-- name: get_orders_of_client
-- Orders of a client id, those not arrived yet too.
select * from orders where link = :link and client_order_id = :client_order_id order by number;

-- name: get_orders_since
-- Orders the broker has had since a moment.
select * from orders
where link = :link and appears_at >= :since and appears_at <= :now
order by appears_at, number;

-- name: get_open_orders
-- Orders of an account that may still trade, those under way too.
select * from orders where link = :link and account = :account and state = 'working';

-- name: get_due_orders
-- Orders that may trade now.
select * from orders
where link = :link and state = 'working' and appears_at <= :now and due_at <= :now
order by due_at, number;

-- name: set_order
-- Move an order on.
update orders set state = :state, filled_quantity = :filled_quantity, reason = :reason, due_at = :due_at
where number = :number;

-- name: let_appear
-- A request that was under way is here now.
update orders set appears_at = :now where number = :number and appears_at > :now;

-- name: add_execution
-- Keep an execution.
insert into executions (link, order_number, quantity, price, executed_at)
values (:link, :order_number, :quantity, :price, :executed_at);

-- name: get_execution
-- An execution by its number.
select * from executions where link = :link and number = :number;

-- name: set_busted
-- Take an execution back.
update executions set is_busted = 1 where number = :number and is_busted = 0;

-- name: add_telling
-- Say what is to be told, at once or after others.
insert into tellings (link, execution, is_bust, happened_at, place)
values (
    :link, :execution, :is_bust, :happened_at,
    case when :is_held = 0 then (select coalesce(max(t.place), 0) + 1 from tellings as t where t.link = :link) end
);

-- name: get_held_tellings
-- What is held back.
select number from tellings where link = :link and place is null order by number;

-- name: tell_held
-- Tell what was held back.
update tellings
set place = (select coalesce(max(t.place), 0) + 1 from tellings as t where t.link = :link)
where number = :number;

-- name: get_tellings
-- Executions and busts told after a place, with their orders.
select
    t.place, t.is_bust, t.happened_at, e.number as execution, e.quantity, e.price, o.number as order_number,
    o.client_order_id, o.symbol, o.side, o.currency
from tellings as t
inner join executions as e on t.execution = e.number
inner join orders as o on e.order_number = o.number
where t.link = :link and t.place > :after
order by t.place
limit :limit;

-- name: get_balances
-- What an account has.
select commodity, is_cash, quantity from balances where link = :link and account = :account
order by is_cash, commodity;

-- name: get_balance
-- What an account has of one thing.
select quantity from balances
where link = :link and account = :account and commodity = :commodity and is_cash = :is_cash;

-- name: set_balance
-- Say what an account has of one thing.
insert into balances (link, account, commodity, is_cash, quantity)
values (:link, :account, :commodity, :is_cash, :quantity)
on conflict (link, account, commodity, is_cash) do update set quantity = excluded.quantity;

-- name: add_opening
-- Note that an opening was added; nothing where it was before.
insert into openings (link, key) values (:link, :key) on conflict do nothing;

-- name: has_account
-- Whether the broker has the account.
select exists (select 1 from balances where link = :link and account = :account) as is_there;

-- name: add_activity
-- Keep what was booked beside trades.
insert into activities (link, account, kind, said, symbol, quantity, amount, currency, booked_at)
values (:link, :account, :kind, :said, :symbol, :quantity, :amount, :currency, :booked_at);

-- name: get_activities
-- What was booked beside trades, after a place.
select * from activities where link = :link and number > :after order by number limit :limit;

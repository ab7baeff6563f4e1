-- What the paper broker knows, in a file of its own (SQLite): several links share it, each row names its own.
-- Quantities and money are decimals as text, times UTC with six decimals of a second, so that they compare as text.

create table orders (
    number integer primary key autoincrement,
    link text not null,
    client_order_id text not null,
    account text not null,
    symbol text not null,
    side text not null,
    quantity text not null,
    order_type text not null,
    limit_price text,
    currency text not null,
    reserved_price text not null, -- what a unit is expected to cost at worst, for the cash it keeps back
    parts integer not null,
    state text not null,
    filled_quantity text not null default '0',
    reason text not null default '',
    appears_at text not null, -- when the broker has it: later than it was sent where a request was delayed
    due_at text not null -- when the next part may be executed
) strict;
create index orders_of_client on orders (link, client_order_id);
create index orders_open on orders (link, state, due_at);

create table executions (
    number integer primary key autoincrement,
    link text not null,
    order_number integer not null references orders (number),
    quantity text not null,
    price text not null,
    executed_at text not null,
    is_busted integer not null default 0
) strict;

-- What is told of executions, by place; null = held back until others were told.
create table tellings (
    number integer primary key autoincrement,
    link text not null,
    execution integer not null references executions (number),
    is_bust integer not null,
    happened_at text not null,
    place integer
) strict;
create index tellings_in_order on tellings (link, place);

create table balances (
    link text not null,
    account text not null,
    commodity text not null, -- a symbol; where is_cash, a currency
    is_cash integer not null,
    quantity text not null,
    primary key (link, account, commodity, is_cash)
) without rowid, strict;

-- What a balance began with, by the key of who said so: said again it is not added again.
create table openings (
    link text not null,
    key text not null,
    primary key (link, key)
) without rowid, strict;

create table activities (
    number integer primary key autoincrement,
    link text not null,
    account text not null,
    kind text not null,
    said text not null,
    symbol text not null,
    quantity text,
    amount text not null,
    currency text not null,
    booked_at text not null
) strict;

-- Begins every key this file gives, so that the keys of another file are never taken for its own.
create table prefix (text text not null) strict;

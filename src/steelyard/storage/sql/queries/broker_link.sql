-- name: add_broker_link
-- Keep a way to a broker; nothing where its name is taken.
insert into steelyard.broker_links
(
    tenant_id, link_id, broker, link_name, environment, address, credentials_sealed, settings, made_by, made_at
)
values (
    steelyard.current_tenant(), :link_id, :broker, :link_name, :environment, :address, :credentials_sealed,
    cast(:settings as jsonb), steelyard.current_actor(), :now
)
on conflict (tenant_id, link_name) do nothing
returning link_id;

-- name: get_broker_links
-- Ways to brokers with the accounts on each that are seen, by name: all, those not ended, or one.
select
    l.link_id, l.broker, l.link_name, l.environment, l.address, cast(l.settings as text) as settings, l.made_by,
    l.made_at, l.ended_at, l.synced_at, l.credentials_sealed is not null as has_credentials,
    array(
        select b.account_id
        from steelyard.broker_accounts as b
        where b.tenant_id = l.tenant_id and b.link_id = l.link_id
        order by b.account_id
    ) as accounts
from steelyard.broker_links as l
where
    l.tenant_id = steelyard.current_tenant()
    and (cast(:with_ended as boolean) or l.ended_at is null)
    and (cast(:link_id as uuid) is null or l.link_id = :link_id)
    and (cast(:link_name as text) is null or l.link_name = :link_name)
order by l.link_name;

-- name: get_sealed_credentials
-- What a broker is asked with, encrypted.
select l.credentials_sealed
from steelyard.broker_links as l
where l.tenant_id = steelyard.current_tenant() and l.link_id = :link_id;

-- name: hold_broker_link
-- Let nobody end a way to a broker meanwhile.
select l.link_id
from steelyard.broker_links as l
where l.tenant_id = steelyard.current_tenant() and l.link_id = :link_id and l.ended_at is null
for no key update;

-- name: end_broker_link
-- End a way to a broker: nothing is sent there any more.
update steelyard.broker_links set ended_at = :now
where tenant_id = steelyard.current_tenant() and link_id = :link_id and ended_at is null
returning link_id;

-- name: count_open_orders
-- Orders that are released and not ended, of a way to a broker or of an account.
select count(*)
from steelyard.orders as o
where
    o.tenant_id = steelyard.current_tenant()
    and (cast(:link_id as uuid) is null or o.link_id = :link_id)
    and (cast(:account_id as text) is null or o.account_id = :account_id)
    and o.released_at is not null
    and o.state in ('approved', 'sending', 'sent', 'partially_filled', 'unknown');

-- name: attach_to_broker
-- Say where the orders of an account go.
insert into steelyard.broker_accounts (tenant_id, account_id, link_id)
values (steelyard.current_tenant(), :account_id, :link_id)
on conflict (tenant_id, account_id) do update set link_id = excluded.link_id;

-- name: get_link_of_account
-- Where the orders of an account go, if its way is not ended.
select b.link_id
from steelyard.broker_accounts as b
inner join steelyard.broker_links as l using (tenant_id, link_id)
where b.tenant_id = steelyard.current_tenant() and b.account_id = :account_id and l.ended_at is null;

-- name: get_keeper
-- What keeps the positions of an account; locked, so that it stays so.
select a.kept_by
from steelyard.accounts as a
where a.tenant_id = steelyard.current_tenant() and a.account_id = :account_id
for share;

-- name: get_account_balances
-- What an account holds by the ledger.
select b.commodity, b.is_cash, trim_scale(b.quantity) as quantity
from steelyard.balances as b
where b.tenant_id = steelyard.current_tenant() and b.account_id = :account_id and b.quantity <> 0
order by b.is_cash, b.commodity;

-- name: hold_unread_link
-- A link of which nothing was read and nothing was ordered yet, that nobody else changes until this transaction ends.
select l.link_id
from steelyard.broker_links as l
where
    l.tenant_id = steelyard.current_tenant() and l.link_id = cast(:link_id as uuid)
    and l.fills_page = '' and l.activities_page = ''
    and not exists (select from steelyard.orders as o where o.tenant_id = l.tenant_id and o.link_id = l.link_id)
for no key update;

-- name: set_link_pages
-- Note how far fills and activities of a link were read.
update steelyard.broker_links
set fills_page = :fills_page, activities_page = :activities_page
where tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid);

-- name: hold_activities_page
-- How far the activities of a link were read; who reads on holds it until this transaction ends.
select l.activities_page
from steelyard.broker_links as l
where l.tenant_id = steelyard.current_tenant() and l.link_id = cast(:link_id as uuid)
for no key update;

-- name: turn_activities_page
-- Note how far the activities of a link were read.
update steelyard.broker_links
set activities_page = :page
where tenant_id = steelyard.current_tenant() and link_id = cast(:link_id as uuid);

-- name: list_begun_accounts
-- Those of some accounts of which the ledger has an entry.
select a.account_id
from unnest(cast(:account_ids as text[])) as a (account_id)
where exists (
    select from steelyard.balances as b
    where b.tenant_id = steelyard.current_tenant() and b.account_id = a.account_id
)
order by a.account_id;

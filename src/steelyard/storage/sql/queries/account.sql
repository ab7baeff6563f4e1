-- name: get_account_information
-- An account with what it belongs to and follows, what keeps it, where its orders go, and how many holds stand in the
-- way of them.
select
    a.account_id, a.account_name, a.base_currency, a.household_id, h.household_name, a.model_id, m.model_name,
    p.version as profile_version, a.kept_by, a.lot_method, a.may_overdraw, a.may_short,
    l.link_id, l.link_name, l.broker, l.environment
from steelyard.accounts as a
left join steelyard.households as h on a.tenant_id = h.tenant_id and a.household_id = h.household_id
left join steelyard.model_portfolios as m on a.tenant_id = m.tenant_id and a.model_id = m.model_id
left join steelyard.investor_profiles as p on a.tenant_id = p.tenant_id and a.account_id = p.account_id
left join steelyard.broker_accounts as b on a.tenant_id = b.tenant_id and a.account_id = b.account_id
left join steelyard.broker_links as l on b.tenant_id = l.tenant_id and b.link_id = l.link_id and l.ended_at is null
where a.tenant_id = steelyard.current_tenant() and a.account_id = :account_id;

-- name: get_account_holds
-- What keeps orders of an account back: holds on it, on one of its orders, and on everything.
select t.kind, t.reason, t.made_at
from steelyard.trading_holds as t
left join steelyard.orders as o on t.tenant_id = o.tenant_id and t.order_id = o.order_id
where
    t.tenant_id = steelyard.current_tenant()
    and t.released_at is null
    and (t.account_id = :account_id or o.account_id = :account_id or t.account_id is null and t.order_id is null)
order by t.made_at, t.hold_id;

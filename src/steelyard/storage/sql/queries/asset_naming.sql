-- name: find_assets_named
-- Assets that statements may mean: by ISIN, by the CUSIP in an American or Canadian one, by id, by name.
select
    a.asset_id, a.asset_name, a.asset_type, coalesce(a.isin, '') as isin, a.currency,
    coalesce(a.exchange, '') as exchange
from steelyard.asset_master as a
where
    a.isin = any(cast(:isins as text[]))
    or (left(a.isin, 2) in ('US', 'CA') and substr(a.isin, 3, 9) = any(cast(:cusips as text[])))
    or a.asset_id = any(cast(:asset_ids as text[]))
    or upper(a.asset_id) = any(cast(:symbols as text[]))
    or split_part(upper(a.asset_id), '.', 1) = any(cast(:symbols as text[]))
    or lower(a.asset_name) = any(cast(:asset_names as text[]))
order by a.asset_id;

-- name: get_answered_assets
-- What people said hints mean.
select n.hint_key, n.asset_id
from steelyard.asset_names as n
where n.tenant_id = steelyard.current_tenant() and n.hint_key = any(cast(:hint_keys as text[]));

-- name: remember_assets
-- Keep what hints mean; a newer answer takes the place of an older one.
insert into steelyard.asset_names as n (tenant_id, hint_key, asset_id, answered_by)
select steelyard.current_tenant(), x.hint_key, x.asset_id, steelyard.current_actor()
from unnest(cast(:hint_keys as text[]), cast(:asset_ids as text[])) as x (hint_key, asset_id)
on conflict (tenant_id, hint_key) do update set
    asset_id = excluded.asset_id, answered_by = excluded.answered_by, answered_at = excluded.answered_at
where n.asset_id <> excluded.asset_id;

-- name: get_answered_accounts
-- What people said names of accounts mean.
select n.reader, n.name_hash, n.account_id
from steelyard.account_names as n
where n.tenant_id = steelyard.current_tenant() and n.name_hash = any(cast(:name_hashes as bytea[]));

-- name: remember_accounts
-- Keep which accounts statements mean; a newer answer takes the place of an older one.
insert into steelyard.account_names as n (tenant_id, reader, name_hash, account_id, answered_by)
select steelyard.current_tenant(), x.reader, x.name_hash, x.account_id, steelyard.current_actor()
from unnest(
    cast(:readers as text[]), cast(:name_hashes as bytea[]), cast(:account_ids as text[])
) as x (reader, name_hash, account_id)
on conflict (tenant_id, reader, name_hash) do update set
    account_id = excluded.account_id, answered_by = excluded.answered_by, answered_at = excluded.answered_at
where n.account_id <> excluded.account_id;

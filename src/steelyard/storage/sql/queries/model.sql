-- name: get_models
-- Model portfolios of the tenant with their weights, or one of them.
select
    p.model_id, p.model_name, p.version, p.risk_level, p.min_horizon_years,
    coalesce(
        json_object_agg(w.asset_id, trim_scale(w.target_weight)::text order by w.asset_id)
        filter (where w.asset_id is not null),
        '{}'
    )::text as weights
from steelyard.model_portfolios as p
left join steelyard.target_weights as w on p.tenant_id = w.tenant_id and p.model_id = w.model_id
where
    p.tenant_id = steelyard.current_tenant()
    and (cast(:model_id as text) is null or p.model_id = cast(:model_id as text))
group by p.tenant_id, p.model_id
order by p.model_id;

-- name: add_model
-- Make a model portfolio, unless there is one of that id.
insert into steelyard.model_portfolios (tenant_id, model_id, model_name, risk_level, min_horizon_years)
values (steelyard.current_tenant(), :model_id, :model_name, :risk_level, :min_horizon_years)
on conflict (tenant_id, model_id) do nothing
returning version;

-- name: change_model
-- Write another version of a model portfolio, unless somebody did so before.
update steelyard.model_portfolios
set
    version = version + 1,
    model_name = :model_name,
    risk_level = :risk_level,
    min_horizon_years = :min_horizon_years
where tenant_id = steelyard.current_tenant() and model_id = :model_id and version = :expected
returning version;

-- name: delete_target_weights
-- Take away what a model portfolio held.
delete from steelyard.target_weights
where tenant_id = steelyard.current_tenant() and model_id = :model_id;

-- name: add_target_weights
-- Write what a model portfolio holds.
insert into steelyard.target_weights (tenant_id, model_id, asset_id, target_weight)
select steelyard.current_tenant(), :model_id, w.asset_id, w.target_weight
from unnest(cast(:asset_ids as text[]), cast(:weights as numeric[])) as w (asset_id, target_weight);

-- name: get_unknown_assets
-- Which of some assets are none.
select a.asset_id
from unnest(cast(:asset_ids as text[])) as a (asset_id)
where not exists (select from steelyard.asset_master as m where m.asset_id = a.asset_id)
order by a.asset_id;

-- name: assign_model
-- Let an account follow a model portfolio, or another one.
update steelyard.accounts set model_id = :model_id
where tenant_id = steelyard.current_tenant() and account_id = :account_id
returning account_id;

-- name: get_preferred_weights
-- How much of each model portfolio is in preferred sectors and countries.
select
    w.model_id,
    trim_scale(
        coalesce(
            sum(w.target_weight) filter (
                where m.sector = any(cast(:sectors as text[])) or m.issuing_country = any(cast(:countries as text[]))
            ),
            0
        )
    ) as preferred_weight
from steelyard.target_weights as w
inner join steelyard.asset_master as m on w.asset_id = m.asset_id
where w.tenant_id = steelyard.current_tenant()
group by w.model_id;

-- Orders keep themselves: an order begins as a draft, makes no move that order_transitions does not list, and tells
-- each of its states; what was reviewed, approved or executed is never changed or deleted.
--
-- Errors: SO001 a move that is none, SO002 somebody else moved it meanwhile, SO003 something is to be changed that
-- stands for good.

create or replace function steelyard.begin_order() returns trigger
language plpgsql volatile
as $$
begin
    if new.state <> 'draft' or new.version <> 1 or new.filled_quantity <> 0 then
        raise exception using errcode = 'SO001', message = format('order %s does not begin as a draft', new.order_id);
    end if;
    return new;
end
$$;
comment on function steelyard.begin_order() is 'Every order begins as a draft.';

create or replace function steelyard.move_order() returns trigger
language plpgsql volatile
as $$
declare
    v_fixed constant text[] := array[
        'tenant_id', 'order_id', 'proposal_id', 'run_id', 'account_id', 'asset_id', 'side', 'quantity', 'order_type',
        'limit_price', 'currency', 'reference_price', 'order_value', 'phase', 'lots', 'client_order_id', 'replaces',
        'made_at'
    ];
begin
    if new.version <> old.version + 1 then
        raise exception using
            errcode = 'SO002', message = format('order %s is at version %s', old.order_id, old.version);
    end if;
    -- the columns of v_fixed in one comparison: it is made of every order at every step
    if (
        new.tenant_id, new.order_id, new.proposal_id, new.run_id, new.account_id, new.asset_id, new.side, new.quantity,
        new.order_type, new.limit_price, new.currency, new.reference_price, new.order_value, new.phase, new.lots,
        new.client_order_id, new.replaces, new.made_at
    ) is distinct from (
        old.tenant_id, old.order_id, old.proposal_id, old.run_id, old.account_id, old.asset_id, old.side, old.quantity,
        old.order_type, old.limit_price, old.currency, old.reference_price, old.order_value, old.phase, old.lots,
        old.client_order_id, old.replaces, old.made_at
    ) then
        raise exception using
            errcode = 'SO003',
            message = format(
                '%s of order %s stands for good',
                (
                    select string_agg(n.name, ', ')
                    from unnest(v_fixed) as n (name)
                    where to_jsonb(new) -> n.name is distinct from to_jsonb(old) -> n.name
                ),
                old.order_id
            );
    end if;
    if new.state <> old.state and not exists (
        select from steelyard.order_transitions as t where t.from_state = old.state and t.to_state = new.state
    ) then
        raise exception using
            errcode = 'SO001', message = format('order %s is %s and cannot become %s', old.order_id, old.state, new.state);
    end if;
    if new.state = 'sending' and (new.released_at is null or new.link_id is null or new.lease_until is null) then
        raise exception using
            errcode = 'SO001', message = format('order %s is not executed, or nobody sends it', old.order_id);
    end if;
    return new;
end
$$;
comment on function steelyard.move_order() is 'An order moves as order_transitions says, one version at a time, and what it is stands for good.';

create or replace function steelyard.tell_new_orders() returns trigger
language plpgsql volatile
as $$
begin
    insert into steelyard.order_events (tenant_id, order_id, version, account_id, to_state, reason, actor)
    select n.tenant_id, n.order_id, n.version, n.account_id, n.state, n.reason, coalesce(steelyard.current_actor(), '')
    from new_orders as n;
    return null;
end
$$;
comment on function steelyard.tell_new_orders() is 'Write down that orders were made; all of a statement at once.';

-- Nobody knows beforehand how many orders a statement changes: ten thousand of them are not to be looked through for
-- each of ten thousand.
create or replace function steelyard.tell_orders() returns trigger
language plpgsql volatile
set enable_nestloop = off
as $$
begin
    insert into steelyard.order_events
    (tenant_id, order_id, version, account_id, from_state, to_state, reason, actor)
    select
        n.tenant_id, n.order_id, n.version, n.account_id, o.state, n.state, n.reason,
        coalesce(steelyard.current_actor(), '')
    from new_orders as n
    inner join old_orders as o on n.tenant_id = o.tenant_id and n.order_id = o.order_id
    where n.state <> o.state or n.reason <> o.reason;
    return null;
end
$$;
comment on function steelyard.tell_orders() is 'Write down every state of orders; all of a statement at once.';

create or replace function steelyard.keep_reviewed() returns trigger
language plpgsql volatile
as $$
begin
    if (
        new.tenant_id, new.proposal_id, new.account_id, new.run_id, new.author, new.document, new.content_hash,
        new.made_at, new.expires_at, new.order_value, new.outcome
    ) is distinct from (
        old.tenant_id, old.proposal_id, old.account_id, old.run_id, old.author, old.document, old.content_hash,
        old.made_at, old.expires_at, old.order_value, old.outcome
    ) or new.version <> old.version + 1
        or (old.state, new.state) not in (
            ('reviewed', 'approved'), ('approved', 'executed'), ('reviewed', 'withdrawn'), ('approved', 'withdrawn')
        )
    then
        raise exception using
            errcode = case when new.version <> old.version + 1 then 'SO002' else 'SO003' end,
            message = format('proposal %s is %s at version %s', old.proposal_id, old.state, old.version);
    end if;
    return new;
end
$$;
comment on function steelyard.keep_reviewed() is 'A proposal never changes; its state goes from reviewed over approved to executed, or it is withdrawn.';

create or replace function steelyard.refuse_rewriting() returns trigger
language plpgsql volatile
as $$
begin
    raise exception using errcode = 'SO003', message = format('%s of %s is refused: it stands for good', lower(tg_op), tg_table_name);
end
$$;
comment on function steelyard.refuse_rewriting() is 'What was done is not rewritten.';

create or replace trigger orders_begin before insert on steelyard.orders
for each row execute function steelyard.begin_order();
create or replace trigger orders_move before update on steelyard.orders
for each row execute function steelyard.move_order();
create or replace trigger orders_tell_new after insert on steelyard.orders
referencing new table as new_orders
for each statement execute function steelyard.tell_new_orders();
create or replace trigger orders_tell after update on steelyard.orders
referencing old table as old_orders new table as new_orders
for each statement execute function steelyard.tell_orders();
create or replace trigger orders_stay before delete or truncate on steelyard.orders
for each statement execute function steelyard.refuse_rewriting();
create or replace trigger proposals_stand before update on steelyard.proposals
for each row execute function steelyard.keep_reviewed();
create or replace trigger proposals_stay before delete or truncate on steelyard.proposals
for each statement execute function steelyard.refuse_rewriting();
create or replace trigger approvals_stand before update or delete or truncate on steelyard.approvals
for each statement execute function steelyard.refuse_rewriting();
create or replace trigger rule_overrides_stand before update or delete or truncate on steelyard.rule_overrides
for each statement execute function steelyard.refuse_rewriting();
create or replace trigger order_events_stand before update or delete or truncate on steelyard.order_events
for each statement execute function steelyard.refuse_rewriting();
create or replace trigger fills_stay before delete or truncate on steelyard.fills
for each statement execute function steelyard.refuse_rewriting();
alter table steelyard.orders enable always trigger orders_begin, enable always trigger orders_move,
enable always trigger orders_tell_new, enable always trigger orders_tell, enable always trigger orders_stay;
alter table steelyard.proposals enable always trigger proposals_stand, enable always trigger proposals_stay;
alter table steelyard.approvals enable always trigger approvals_stand;
alter table steelyard.rule_overrides enable always trigger rule_overrides_stand;
alter table steelyard.order_events enable always trigger order_events_stand;
alter table steelyard.fills enable always trigger fills_stay;

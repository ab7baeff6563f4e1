"""A store of two tenants with a row in every table; in the first, some accounts are granted to an advisor.

Whatever belongs to an account that the advisor was not granted has the word UNSEEN in it, whatever the tenant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.services.asset_360 import refresh
from steelyard.services.keeping import keep_ledger
from steelyard.services.ledger import record_transactions
from steelyard.storage.acting import OPERATOR, Acting, acting_as
from steelyard.storage.audit import record_event
from steelyard.storage.connection import get_migrator_session, get_write_session, raw_connection

TODAY: Final = date(2024, 7, 1)
FIRST_DAY: Final = date(2024, 1, 1)
OWN, UNSEEN = "own", "unseen"
FOREIGN: Final = Acting(2, "operator")
GRANTED: Final = "own-1"

SHARED = """
insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency)
values ('X', 'Ex', 'Equity', 'USD'), ('Y', 'Why', 'Equity', 'USD'), ('USD', 'Dollars', 'Cash', 'USD');
insert into steelyard.market_data (asset_id, price_date, closing_price)
select a.id, d::date, 100 + extract(day from d)
from unnest(array['X', 'Y']) as a (id)
cross join generate_series('2024-01-01'::timestamp, '2024-06-28', '1 day') as d
"""

PLACES = """
insert into steelyard.model_portfolios (tenant_id, model_id, model_name) values ($1, 'growth', 'Growth');
insert into steelyard.target_weights (tenant_id, model_id, asset_id, target_weight) values ($1, 'growth', 'X', 1)
"""

ACCOUNTS = """
insert into steelyard.accounts (tenant_id, account_id, account_name, household_id, base_currency, model_id)
select $1, n.id, n.id || ' account', n.household, 'USD', 'growth'
from unnest($2::text[], $3::text[]) as n (id, household)
"""

# One row a table and account, or one a tenant; $2 is the account, $3 a word that is unique.
OF_ACCOUNT = """
insert into steelyard.portfolio_allocation (tenant_id, portfolio, asset_id, as_of, quantity)
values ($1, $2, 'X', '2024-01-31', 20), ($1, $2, 'USD', '2024-01-31', 8000);
insert into steelyard.compliance_records (tenant_id, record_id, account_id, asset_id, check_date, status)
values ($1, $2 || '-check', $2, 'X', '2024-06-01', 'VIOLATION');
insert into steelyard.transactions (
    tenant_id, transaction_id, account_id, transaction_date, transaction_type, currency, total_amount
) values ($1, $2 || '-odd', $2, '2024-03-01', 'ODD', 'USD', 1);
insert into steelyard.account_names (tenant_id, reader, name_hash, account_id, answered_by)
values ($1, 'ofx', sha256(convert_to($2, 'UTF8')), $2, 'operator')
"""

OF_TENANT = """
insert into steelyard.transactions (
    tenant_id, transaction_id, asset_id, transaction_date, transaction_type, currency, quantity, counter_quantity
) values ($1, 'split', 'X', '2024-05-01', 'SPLIT', 'USD', 1, 2);
insert into steelyard.transactions (
    tenant_id, transaction_id, asset_id, transaction_date, transaction_type, currency, quantity, total_amount
) values ($1, 'unseen-nobody', 'X', '2024-05-01', 'BUY', 'USD', 1, 2);
insert into steelyard.compliance_records (tenant_id, record_id, asset_id, check_date, status)
values ($1, 'unseen-tenant-check', 'X', '2024-06-01', 'PASS');
insert into steelyard.load_runs (tenant_id, source, status, summary)
values ($1, 'book', 'loaded', '{"ledger": {"changed": {"unseen-1": "ledger"}}}');
insert into steelyard.data_quality_findings (tenant_id, run_id, table_name, file_name, kind, severity, reason, row_data)
select $1, max(run_id), 'transactions', 'transactions.csv', 'odd', 'flagged', 'odd', '{"account": "unseen-1"}'
from steelyard.load_runs where tenant_id = $1;
insert into steelyard.tenant_keys (tenant_id, key_id, wrapped_key, wrapped_by) values ($1, 1, 'key', 'test');
insert into steelyard.legal_holds (tenant_id, reason, placed_by) values ($1, 'a case', 'operator')
"""

# An import names accounts, and its files may.
IMPORTED = """
insert into steelyard.imports (tenant_id, import_id, account_ids, made_by)
values ($1, md5(concat('import', $1::int))::uuid, '{unseen-1}', 'operator');
insert into steelyard.import_files (
    tenant_id, import_id, file_number, file_name, sha256, reader,
    rows_read, rows_new, rows_there, rows_left_out, rows_skipped
) values ($1, md5(concat('import', $1::int))::uuid, 1, 'unseen-1.ofx', sha256('{}'), 'ofx', 1, 1, 0, 0, 0);
insert into steelyard.import_rows (tenant_id, transaction_id, import_id, file_number, line_number, content_hash)
values ($1, 'unseen-1-paid', md5(concat('import', $1::int))::uuid, 1, 2, md5('a row'));
insert into steelyard.asset_names (tenant_id, hint_key, asset_id, answered_by)
values ($1, 'symbol:EX//USD', 'X', 'operator')
"""

# What is traded: each row of an account names it, whoever made it.
TRADED_BY_TENANT = """
insert into steelyard.broker_links (tenant_id, link_id, broker, link_name, made_by)
values ($1, md5(concat('link', $1::int))::uuid, 'paper', 'practice', 'operator');
insert into steelyard.compliance_rules (
    tenant_id, rule_id, version, kind, outcome, valid_from, source_document, made_by
) values ($1, 'cash', 1, 'minimum_cash', 'hold', '2024-01-01', 'mandate', 'operator');
insert into steelyard.order_limits (tenant_id, changed_by) values ($1, 'operator');
insert into steelyard.trading_holds (tenant_id, kind, reason, made_by) values
($1, 'kill_switch', 'a drill', 'operator');
insert into steelyard.runs (tenant_id, run_id, run_name, author, document, made_at, expires_at)
values ($1, md5(concat('run', $1::int))::uuid, 'quarter', 'operator', '{"accounts": ["unseen-1"]}', now(), now())
"""

TRADED_BY_ACCOUNT = """
insert into steelyard.investor_profiles (tenant_id, account_id, risk_tolerance, horizon_years, changed_by)
values ($1, $2, 3, 10, 'operator');
insert into steelyard.broker_accounts (tenant_id, account_id, link_id) values
($1, $2, md5(concat('link', $1::int))::uuid);
insert into steelyard.order_limits (tenant_id, account_id, changed_by) values ($1, $2, 'operator');
insert into steelyard.proposals (
    tenant_id, proposal_id, account_id, author, document, content_hash, made_at, expires_at, order_value, outcome
) values (
    $1, md5(concat($1::int, $2::text))::uuid, $2, 'operator', $2, sha256(convert_to($2, 'UTF8')), now(), now(), 0,
    'hold'
);
insert into steelyard.rule_overrides (tenant_id, proposal_id, rule_id, rule_version, reason, made_by)
values ($1, md5(concat($1::int, $2::text))::uuid, 'cash', 1, 'agreed for ' || $2, 'operator');
insert into steelyard.approvals (
    tenant_id, proposal_id, author, approver, content_hash, factor, evidence, approved_at
) values (
    $1, md5(concat($1::int, $2::text))::uuid, 'operator', 'operator', sha256(convert_to($2, 'UTF8')), 'terminal',
    jsonb_build_object('of', $2), now()
);
insert into steelyard.run_accounts (tenant_id, run_id, account_id, place, proposal_id)
values ($1, md5(concat('run', $1::int))::uuid, $2, 1, md5(concat($1::int, $2::text))::uuid);
insert into steelyard.orders (
    tenant_id, order_id, proposal_id, account_id, asset_id, side, quantity, order_type, currency, reference_price,
    order_value, client_order_id
) values (
    $1, md5(concat($1::int, $2::text))::uuid, md5(concat($1::int, $2::text))::uuid, $2, 'X', 'buy', 1, 'market', 'USD',
    1, 1, $2
);
insert into steelyard.fills (
    tenant_id, link_id, execution_id, order_id, account_id, asset_id, side, quantity, price, currency, executed_at
) values (
    $1, md5(concat('link', $1::int))::uuid, $2, md5(concat($1::int, $2::text))::uuid, $2, 'X', 'buy', 1, 1, 'USD', now()
);
insert into steelyard.trading_holds (tenant_id, account_id, kind, reason, made_by)
values ($1, $2, 'manual', 'asked', 'operator');
insert into steelyard.reconciliation_breaks (
    tenant_id, link_id, account_id, commodity, is_cash, ledger_quantity, broker_quantity, found_at, seen_at
) values ($1, md5(concat('link', $1::int))::uuid, $2, 'X', false, 1, 2, now(), now())
"""

ANSWERED = """
insert into steelyard.idempotency_keys (tenant_id, principal, key, route, body_hash, status, answer)
values ($1, concat('user:', $2::text), 'key', 'POST /', sha256('{}'), 200, '{}')
"""

OF_USER = """
with made as (
    insert into steelyard.users (tenant_id, role, status, login_index)
    values ($1, $2, $3, sha256(convert_to($4, 'UTF8')))
    returning tenant_id, user_id
), identity as (
    insert into steelyard.user_identities (tenant_id, user_id, issuer, subject)
    select tenant_id, user_id, 'https://id.example', $4 from made
), passkey as (
    insert into steelyard.passkeys (tenant_id, user_id, credential_id, public_key, sign_count, is_backed_up, label)
    select tenant_id, user_id, convert_to($4, 'UTF8'), 'key', 0, false, 'phone' from made
), code as (
    insert into steelyard.recovery_codes (tenant_id, user_id, code_hash)
    select tenant_id, user_id, sha256(convert_to($4, 'UTF8')) from made
), link as (
    insert into steelyard.one_time_links (link_hash, tenant_id, user_id, purpose, made_by, expires_at)
    select sha256(convert_to($4, 'UTF8')), tenant_id, user_id, 'invitation', 'operator', 'infinity' from made
), request as (
    insert into steelyard.recovery_requests (tenant_id, user_id, asked_by, expires_at)
    select tenant_id, user_id, 'operator', 'infinity' from made
), begun as (
    insert into steelyard.sessions (
        session_hash, tenant_id, user_id, epoch, factors, auth_time, created_at, last_seen_at
    ) select sha256(convert_to($4, 'UTF8')), tenant_id, user_id, 1, '{password}', now(), now(), now() from made
), asked as (
    insert into steelyard.challenges (challenge_hash, tenant_id, purpose, expires_at)
    select sha256(convert_to($4, 'UTF8')), tenant_id, 'step_up', 'infinity' from made
), token as (
    insert into steelyard.api_tokens (tenant_id, user_id, token_hash, token_name, scopes, epoch, expires_at)
    select tenant_id, user_id, sha256(convert_to($4, 'UTF8')), 'night', '{read:portfolio}', 1, 'infinity' from made
), notice as (
    insert into steelyard.notices (tenant_id, user_id, kind) select tenant_id, user_id, 'user.invite' from made
), upload as (
    insert into steelyard.import_uploads (tenant_id, user_id, file_name, key_sealed, content)
    select tenant_id, user_id, 'mine.csv', 'key', 'rows' from made
)
select user_id from made
"""

GRANT = """
insert into steelyard.account_grants (tenant_id, user_id, account_id, household_id, rights, granted_by)
values ($1, $2, $3, $4, '{READ}', 'operator')
"""

HOUSEHOLDS: Final[Mapping[str, tuple[str, ...]]] = {
    "mixed": ("own-1", "unseen-1"),
    "unseen-house": ("unseen-2",),
    "pair": ("unseen-3", "unseen-4"),
}
"""Household → its accounts, in both tenants."""


@dataclass(frozen=True, slots=True)
class People:
    """Who acts in the first tenant: one user a role, with grants where the role needs them.

    Attributes:
        by_role: role → for whom a session works. The advisor is granted own-1, the viewer the household pair.
        disabled: an advisor with the same grant who may not sign in any more.
        foreign: an owner in the other tenant.
    """

    by_role: Mapping[str, Acting]
    disabled: Acting
    foreign: Acting


async def run(statement: str, *values: object) -> Any:
    """Run statements as the owner of the schema, whom no policy holds back."""
    async with get_migrator_session() as db:
        driver = await raw_connection(db)
        found = None
        for part in statement.split(";\n"):
            count = max([int(n) for n in _numbers(part)], default=0)
            found = await driver.fetchval(part, *values[:count])
        return found


def _numbers(part: str) -> list[str]:
    return [rest[0] for rest in part.split("$")[1:] if rest[:1].isdigit()]


async def fill_store() -> People:
    """Put both tenants into the store of the open pool."""
    await run(SHARED)
    await run("insert into steelyard.tenants (tenant_id, tenant_name) values (2, 'unseen tenant')")
    await run(
        "insert into steelyard.category_thresholds select 2, kind, category, bound, bound_included "
        "from steelyard.category_thresholds where tenant_id = 1"
    )
    for acting in (OPERATOR, FOREIGN):
        with acting_as(acting):
            await _fill_tenant(acting.tenant_id)
    return await _make_people()


async def _fill_tenant(tenant: int | None) -> None:
    await run(PLACES, tenant)
    for house in HOUSEHOLDS:
        await run(
            "insert into steelyard.households (tenant_id, household_id, household_name, base_currency) "
            "values ($1, $2, $2, 'USD')",
            tenant,
            house,
        )
    pairs = [(account, house) for house, accounts in HOUSEHOLDS.items() for account in accounts]
    await run(ACCOUNTS, tenant, [account for account, _ in pairs], [house for _, house in pairs])
    await run(OF_TENANT, tenant)
    for account, _ in pairs:
        await run(OF_ACCOUNT, tenant, account)
    await run(IMPORTED, tenant)
    await run(TRADED_BY_TENANT, tenant)
    for account, _ in pairs:
        await run(TRADED_BY_ACCOUNT, tenant, account)
    await record_transactions(list(_booked([account for account, _ in pairs])), today=TODAY)
    async with get_write_session() as db:
        await keep_ledger(db, today=TODAY)
        await record_event(db, "account.change", "account", "unseen-1")
    await refresh(today=TODAY)
    async with get_write_session(isolation="REPEATABLE READ") as db:
        await record_event(db, "account.change", "account", "unseen-1")  # waits, to be added to the chain


def _booked(accounts: list[str]) -> list[Transaction]:
    """Each account is paid into, buys, and sends units to the next one; the first gets some from the last, too."""
    booked = []
    for place, account in enumerate(accounts):
        day = FIRST_DAY + timedelta(10 + place)
        booked += [
            _one(f"{account}-paid", "DEPOSIT", account, day, amount=Decimal(10_000)),
            _one(
                f"{account}-buy", "BUY", account, day, asset="X", quantity=Decimal(20), amount=Decimal(2_000)
            ),
        ]
    for number, (giver, taker) in enumerate(
        (("own-1", "unseen-1"), ("unseen-2", "own-1"), ("unseen-3", "unseen-4"))
    ):
        name = f"{giver}-to-{taker}"
        day = FIRST_DAY + timedelta(40 + number)
        booked.append(_one(name, "TRANSFER", giver, day, asset="X", quantity=Decimal(3), other=taker))
    return booked


def _one(
    name: str,
    kind: str,
    account: str,
    day: date,
    *,
    asset: str = "",
    quantity: Decimal = Decimal(0),
    amount: Decimal = Decimal(0),
    other: str = "",
) -> Transaction:
    return Transaction(
        transaction_id=name,
        kind=TransactionKind(kind),
        trade_date=day,
        account_id=account,
        currency="USD",
        amount=amount,
        asset_id=asset,
        quantity=quantity,
        counter_account_id=other,
    )


async def _make_people() -> People:
    users = {
        role: await run(OF_USER, 1, role, "active", role)
        for role in ("owner", "advisor", "viewer", "compliance", "admin", "service")
    }
    disabled = await run(OF_USER, 1, "advisor", "disabled", "disabled")
    foreign = await run(OF_USER, 2, "owner", "active", "foreign")
    for user in (users["advisor"], users["service"], disabled, users["admin"]):
        await run(GRANT, 1, user, GRANTED, None)
    await run(GRANT, 1, users["viewer"], None, "pair")
    await run(GRANT, 2, foreign, "unseen-1", None)
    await run(ANSWERED, 1, str(users["owner"]))
    await run(ANSWERED, 2, str(foreign))
    by_role = {role: _acting(1, user) for role, user in users.items()} | {"operator": OPERATOR}
    return People(by_role, _acting(1, disabled), _acting(2, foreign))


def _acting(tenant: int, user: UUID) -> Acting:
    return Acting(tenant, f"user:{user}", user)

"""The register of personal data: of every column of every table what it tells of a person, and what becomes of it.

A person here is a user: somebody who signs in. Clients of the firm stand in accounts, by the firm's own keys; what is
kept of them is books and records of the firm. A table or column that is not in the register fails a test, which
reads the catalogue: who adds one decides here.

Regulation (EU) 2016/679: access in article 15, erasure in 17, where 17(3)(b) leaves what law requires to be kept.
17 CFR 240.17a-4 has broker-dealers keep books and records for six years, 275.204-2 advisers for five.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Final

from steelyard.identity.table_rule import ColumnRule, OnErasure, OnExport, TableRule

_KEPT: Final = ColumnRule()
_SECRET: Final = ColumnRule(OnExport.SECRET, OnErasure.CLEAR)


def _columns(names: str, **others: ColumnRule) -> Mapping[str, ColumnRule]:
    return MappingProxyType({**dict.fromkeys(names.split(), _KEPT), **others})


def _of_nobody(names: str, why: str = "Reference data, the same for every tenant.") -> TableRule:
    return TableRule(why, _columns(names))


def _books(
    names: str, why: str = "Books and records of the firm; accounts stand under the firm's keys."
) -> TableRule:
    return TableRule(why, _columns(names))


REGISTER: Final[Mapping[str, TableRule]] = MappingProxyType(
    {
        # What users are. Rows are deleted in this order: a session goes after what hangs on it.
        "challenges": TableRule(
            "What somebody may answer once, for minutes.",
            _columns(
                "tenant_id session_id user_id epoch factors purpose tries expires_at",
                challenge_hash=_SECRET,
                link_hash=_SECRET,
            ),
            owners=("user_id", "session_id"),
            rows_go=True,
        ),
        "import_uploads": TableRule(
            "Statements the person gave to be imported, for an hour; encrypted, each with a key of its own.",
            _columns(
                "tenant_id upload_id user_id file_name uploaded_at", key_sealed=_SECRET, content=_SECRET
            ),
            owners=("user_id",),
            rows_go=True,
        ),
        "sessions": TableRule(
            "Who was signed in, when, from which address and with what.",
            _columns(
                "tenant_id user_id session_id epoch factors auth_time created_at last_seen_at revoked_at address "
                "user_agent",
                session_hash=_SECRET,
            ),
            owners=("user_id",),
            rows_go=True,
        ),
        "api_tokens": TableRule(
            "Keys of the person's programs; the audit says what they did under the token's key.",
            _columns(
                "tenant_id token_id user_id token_name scopes epoch created_at expires_at last_used_at revoked_at",
                token_hash=_SECRET,
            ),
            owners=("user_id",),
            rows_go=True,
        ),
        "passkeys": TableRule(
            "Keys on the person's devices, and what they call them.",
            _columns(
                "tenant_id user_id credential_id public_key sign_count is_backed_up label created_at last_used_at"
            ),
            owners=("user_id",),
            rows_go=True,
        ),
        "recovery_codes": TableRule(
            "Codes that stand in for a lost factor.",
            _columns("tenant_id user_id used_at", code_hash=_SECRET),
            owners=("user_id",),
            rows_go=True,
        ),
        "user_identities": TableRule(
            "Who the person is at providers.",
            _columns("tenant_id user_id issuer subject linked_at"),
            owners=("user_id",),
            rows_go=True,
        ),
        "one_time_links": TableRule(
            "Links that let the person in, and those they made for others.",
            _columns("tenant_id user_id purpose made_by made_at expires_at used_at", link_hash=_SECRET),
            owners=("user_id",),
            named_in=("made_by",),
            rows_go=True,
        ),
        "recovery_requests": TableRule(
            "Resets of the person's factors, and those they asked for or approved.",
            _columns("tenant_id request_id user_id asked_by asked_at expires_at approved_by approved_at"),
            owners=("user_id",),
            named_in=("asked_by", "approved_by"),
            rows_go=True,
        ),
        "notices": TableRule(
            "What the person was told.",
            _columns("tenant_id notice_id user_id kind made_at read_at"),
            owners=("user_id",),
            rows_go=True,
        ),
        "account_grants": TableRule(
            "What the person may do with accounts, and what they let others; the audit says it for the records.",
            _columns("grant_id tenant_id user_id account_id household_id rights granted_by granted_at"),
            owners=("user_id",),
            named_in=("granted_by",),
            rows_go=True,
        ),
        "users": TableRule(
            "Who the person is. The key stays, for the audit and the books name it; it leads to nobody any more.",
            _columns(
                "tenant_id user_id role status epoch approval_limit created_at",
                login_index=ColumnRule(OnExport.SECRET, OnErasure.CLEAR_LATER),
                login_sealed=ColumnRule(OnExport.SEALED, OnErasure.CLEAR_LATER),
                name_sealed=ColumnRule(OnExport.SEALED, OnErasure.CLEAR_LATER),
                password_hash=_SECRET,
                totp_seed_sealed=_SECRET,
                totp_new_seed_sealed=_SECRET,
                totp_last_step=ColumnRule(OnExport.PLAIN, OnErasure.CLEAR),
                last_sign_in_at=ColumnRule(OnExport.PLAIN, OnErasure.CLEAR),
            ),
            owners=("user_id",),
        ),
        # What is traded.
        "traded_volumes": TableRule(
            "What was traded of an asset; no person.",
            _columns("asset_id price_date volume source"),
        ),
        "price_backfills": TableRule(
            "How far prices were brought in; no person.",
            _columns("source asset_id first_date last_date done_through fault updated_at"),
        ),
        "investor_profiles": TableRule(
            "What the firm's client wants and bears: books and records, by the account; who wrote it stays by its key.",
            _columns(
                "tenant_id account_id version risk_tolerance horizon_years goals preferences "
                "exclusions changed_by changed_at"
            ),
            named_in=("changed_by",),
        ),
        "broker_links": TableRule(
            "Ways to brokers, of the firm; who made one stays by its key.",
            _columns(
                "tenant_id link_id broker link_name environment address credentials_sealed settings "
                "made_by made_at ended_at activities_page fills_page fills_due_at synced_at"
            ),
            named_in=("made_by",),
        ),
        "broker_accounts": TableRule(
            "Where the orders of accounts go; no person.",
            _columns("tenant_id account_id link_id"),
        ),
        "order_limits": TableRule(
            "Limits of orders; who wrote them stays by its key.",
            _columns(
                "limit_id tenant_id account_id max_order_value max_day_value price_collar "
                "max_participation changed_by changed_at"
            ),
            named_in=("changed_by",),
        ),
        "compliance_rules": TableRule(
            "Rules, of the firm; who wrote them stays by its key.",
            _columns(
                "tenant_id rule_id version kind scope bound settings outcome valid_from valid_until "
                "source_document made_by made_at ended_at"
            ),
            named_in=("made_by",),
        ),
        "runs": TableRule(
            "Books and records: who began and executed stays by its key.",
            _columns(
                "tenant_id run_id run_name state version author document made_at expires_at "
                "content_hash order_value executed_by executed_at market due_at fault"
            ),
            named_in=(
                "author",
                "executed_by",
            ),
        ),
        "run_accounts": TableRule(
            "Accounts of runs; no person.",
            _columns("tenant_id run_id account_id place state proposal_id problem fault"),
        ),
        "proposals": TableRule(
            "Books and records: who proposed and executed stays by its key.",
            _columns(
                "tenant_id proposal_id account_id run_id state version author document content_hash "
                "made_at expires_at order_value outcome executed_by executed_at"
            ),
            named_in=(
                "author",
                "executed_by",
            ),
        ),
        "rule_overrides": TableRule(
            "Books and records: who let a rule pass, and why, stays by its key.",
            _columns("tenant_id proposal_id rule_id rule_version reason made_by made_at"),
            named_in=("made_by",),
        ),
        "approvals": TableRule(
            "Books and records: who approved, and the evidence, stays by its key.",
            _columns(
                "tenant_id approval_id proposal_id run_id author approver content_hash factor "
                "evidence approved_at"
            ),
            named_in=(
                "author",
                "approver",
            ),
        ),
        "order_transitions": TableRule(
            "The moves of orders; no person.",
            _columns("from_state to_state why"),
        ),
        "orders": TableRule(
            "Books and records of the firm; no person.",
            _columns(
                "tenant_id order_id proposal_id run_id block_id account_id link_id asset_id side "
                "quantity order_type limit_price currency reference_price order_value phase lots "
                "state version reason client_order_id broker_order_id filled_quantity released_at "
                "sent_at due_at settle_until attempts cancel_asked_at raised_at lease_owner lease_until "
                "replaces made_at changed_at"
            ),
        ),
        "order_events": TableRule(
            "Books and records: who moved an order stays by its key.",
            _columns("tenant_id order_id version account_id from_state to_state reason actor at"),
            named_in=("actor",),
        ),
        "fills": TableRule(
            "What brokers executed; no person.",
            _columns(
                "tenant_id link_id execution_id order_id account_id asset_id broker_order_id symbol "
                "side quantity price currency fees executed_at received_at busted_at transaction_id "
                "block_execution_id amount suspended_because"
            ),
        ),
        "trading_holds": TableRule(
            "Books and records: who held and released stays by its key.",
            _columns(
                "hold_id tenant_id account_id order_id kind reason made_by made_at released_by "
                "released_at release_reason"
            ),
            named_in=(
                "made_by",
                "released_by",
            ),
        ),
        "trading_stops": TableRule(
            "The kill switch of the installation; only the operator pulls it, so it names no user.",
            _columns("stop_id reason author made_at releaser released_at"),
        ),
        "reconciliation_breaks": TableRule(
            "Differences with brokers; who explained them stays by its key.",
            _columns(
                "tenant_id break_id link_id account_id commodity is_cash ledger_quantity "
                "broker_quantity hold_id found_at seen_at resolved_at resolved_by explanation"
            ),
            named_in=("resolved_by",),
        ),
        "imports": TableRule(
            "Books and records: who imported and took back stays by its key.",
            _columns("tenant_id import_id account_ids made_by made_at undone_by undone_at"),
            named_in=("made_by", "undone_by"),
        ),
        "asset_names": TableRule(
            "Which asset statements mean; who said so stays by its key.",
            _columns("tenant_id hint_key asset_id answered_by answered_at"),
            named_in=("answered_by",),
        ),
        "account_names": TableRule(
            "Which account statements mean, under a keyed hash of their word for it; who said so stays by its key.",
            _columns("tenant_id reader name_hash account_id answered_by answered_at"),
            named_in=("answered_by",),
        ),
        "idempotency_keys": TableRule(
            "Answers to requests, by the key of who asked.",
            _columns("tenant_id principal key route body_hash status answer made_at"),
            named_in=("principal",),
        ),
        # What they did: under their key, and kept.
        "legal_holds": TableRule(
            "Holds on the person's data, and those they placed or released: kept as long as the books.",
            _columns("tenant_id hold_id user_id reason placed_by placed_at released_by released_at"),
            owners=("user_id",),
            named_in=("placed_by", "released_by"),
        ),
        "audit_events": TableRule(
            "What the person did, and what was done to them: by keys only, and nothing in a chain can be taken out.",
            _columns(
                "tenant_id sequence recorded_at actor action object_type object_id facts request_id previous_hash hash"
            ),
            named_in=("actor", "object_id"),
        ),
        "audit_pending": TableRule(
            "As audit_events, for seconds.",
            _columns("pending_id tenant_id recorded_at actor action object_type object_id facts request_id"),
            named_in=("actor", "object_id"),
        ),
        # Of no user.
        "sign_in_tries": _of_nobody("bucket tries since", "Counts under keyed hashes, that fade."),
        "audit_heads": _of_nobody("tenant_id sequence hash", "Numbers and hashes."),
        "tenant_keys": _of_nobody(
            "tenant_id key_id wrapped_key wrapped_by created_at retired_at destroyed_at", "Keys, encrypted."
        ),
        "tenants": _of_nobody(
            "tenant_id tenant_name base_currency requires_mfa approval_limit code_limit price_tolerance "
            "proposal_minutes",
            "The firm itself.",
        ),
        "alembic_version": _of_nobody("version_num", "Of the schema."),
        "repeatable_files": _of_nobody("path sha256 applied_at", "Of the schema."),
        "market_changes": _of_nobody("made_in"),
        "minor_currencies": _of_nobody("currency major_currency units_per_major"),
        "fx_rates": _of_nobody("currency rate_date units_per_eur source"),
        "asset_master": _of_nobody(
            "asset_id asset_name asset_type isin currency exchange issuer issue_date maturity_date par_value rating "
            "sector issuing_country status benchmark_asset_id price_basis"
        ),
        "market_data": _of_nobody("asset_id price_date closing_price source price_time"),
        "performance_history": _of_nobody("asset_id date daily_return total_return origin"),
        "risk_metrics": _of_nobody(
            "asset_id calculation_date volatility var_95 beta sharpe_ratio expected_shortfall_95 var_95_parametric "
            "expected_shortfall_95_parametric max_drawdown observations origin"
        ),
        "derivations_pending": _of_nobody("asset_id from_date"),
        "benchmarks": _of_nobody("currency asset_id"),
        "risk_free_rates": _of_nobody("currency rate_date annual_rate series"),
        "transaction_kinds": _of_nobody(
            "kind units units_from cash cash_from cash_to is_action is_for_every_holder needs_asset needs_units"
        ),
        "model_portfolios": _books("tenant_id model_id model_name version risk_level min_horizon_years"),
        "target_weights": _books("tenant_id model_id asset_id target_weight"),
        "category_thresholds": _books("tenant_id kind category bound bound_included"),
        "households": _books("tenant_id household_id household_name base_currency"),
        "accounts": _books(
            "tenant_id account_id account_name household_id base_currency model_id stated_value stated_value_date "
            "lot_method may_overdraw may_short kept_by external_number_sealed",
            "Books and records of the firm: its clients, by the names it gives their accounts; the number at the "
            "broker is encrypted.",
        ),
        "portfolio_allocation": _books(
            "tenant_id portfolio asset_id as_of quantity target_weight actual_weight"
        ),
        "transactions": _books(
            "tenant_id transaction_id account_id asset_id transaction_date transaction_type quantity price currency "
            "total_amount transaction_costs settlement_date tax_amount counter_account_id counter_asset_id "
            "counter_quantity counter_currency counter_amount acquired_date basis_fraction lot_id"
        ),
        "compliance_records": _books("tenant_id record_id account_id asset_id check_date status rule"),
        "journal": _books(
            "entry_id tenant_id source external_id account_id revision reverses kind trade_date settlement_date "
            "recorded_at made_in asset_id quantity price currency amount costs tax counter_account_id "
            "counter_asset_id counter_quantity counter_currency counter_amount acquired_date basis_fraction lot_id held"
        ),
        "postings": _books("entry_id tenant_id line trade_date is_cash account_id place commodity quantity"),
        "balances": _books("tenant_id account_id commodity is_cash quantity is_guarded asset_id"),
        "unposted_transactions": _books("tenant_id transaction_id fault"),
        "import_files": _books(
            "tenant_id import_id file_number file_name sha256 reader rows_read rows_new rows_there rows_left_out "
            "rows_skipped"
        ),
        "import_rows": _books("tenant_id transaction_id import_id file_number line_number content_hash"),
        "load_runs": _books("run_id tenant_id source status summary recorded_at"),
        "data_quality_findings": _books(
            "finding_id tenant_id run_id table_name file_name row_number asset_id finding_date kind severity reason "
            "row_data",
            "Books and records of the firm: rows as they came.",
        ),
        "asset_360_versions": _books(
            "tenant_id version as_of universe row_count content_hash watermark recorded_at"
        ),
        "asset_360_current": _books("tenant_id version"),
        "asset_360_rows": _books(
            "tenant_id version scope_kind scope_id asset_id asset_name asset_type isin currency exchange issuer "
            "issue_date maturity_date par_value rating sector issuing_country status base_currency quantity "
            "current_price price_date market_value avg_daily_return max_daily_return min_daily_return total_return "
            "performance_origin avg_volatility value_at_risk value_at_risk_amount expected_shortfall "
            "expected_shortfall_amount beta sharpe_ratio risk_origin benchmark_asset_id total_transactions "
            "total_purchases total_sales avg_transaction_cost active_violations last_compliance_check risk_category "
            "performance_category position_size quality_flags"
        ),
        "asset_360_documents": _books("tenant_id version scope_kind scope_id document"),
    }
)
"""Every table of the schema."""

SIGN_IN_NOUNS: Final = (
    "challenge",
    "identity",
    "link",
    "notice",
    "passkey",
    "password",
    "recovery_code",
    "second_factor",
    "session",
    "sign_in",
    "totp",
)
"""What somebody does with their own ways in, by the nouns of its actions: no books and records of the firm."""


def retained_until(last_act: datetime, years: int) -> date:
    """Return the first day, in UTC, on which the retention of an act is over.

    Args:
        last_act: when, with its zone.
        years: how long it is retained, 1 or more.

    >>> retained_until(datetime(2026, 11, 21, 23, tzinfo=UTC), 6), retained_until(datetime(2024, 2, 29, tzinfo=UTC), 1)
    (datetime.date(2032, 11, 22), datetime.date(2025, 3, 2))
    """
    day = last_act.astimezone(UTC).date()
    try:
        same_day = day.replace(year=day.year + years)
    except ValueError:  # the 29th of February
        same_day = date(day.year + years, 3, 1)
    return same_day + timedelta(days=1)


def find_gaps(found: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Yield what the register lacks or has too much.

    Args:
        found: table → columns, as the catalogue says.

    >>> found = {"benchmarks": frozenset({"currency", "asset_id", "asked_by"})}
    >>> [gap for gap in find_gaps(found) if "benchmarks" in gap]
    ['benchmarks.asked_by has no rule']
    """
    for table in sorted({*found, *REGISTER}):
        rules = REGISTER[table].columns if table in REGISTER else {}
        columns = found.get(table, frozenset())
        yield from (f"{table}.{name} has no rule" for name in sorted(columns - rules.keys()))
        yield from (f"{table}.{name} has a rule and is not there" for name in sorted(rules.keys() - columns))

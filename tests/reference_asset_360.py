"""Asset 360 once more, in plain Python over the tables' rows: what the SQL procedure must agree with.

Nothing here is shared with the SQL: dates, snapshots, rates and sums are worked out anew, row by row; money with
`domain.money`, returns and risk with `analytics`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from functools import cached_property
from typing import Any

from steelyard.analytics.windows import subtract_months
from steelyard.domain.money import (
    EXACT,
    MONEY_PLACES,
    conversion_rate,
    major_currency,
    round_half_up,
    units_per_major,
)

Row = Mapping[str, Any]
Key = tuple[str, str, str]
"""Scope kind, scope id, asset id."""

ZERO = Decimal(0)


@dataclass(frozen=True)
class Reference:
    """The tables of one tenant as rows, and the day asked for."""

    tables: Mapping[str, list[Row]]
    as_of: date

    def rows(self) -> dict[Key, dict[str, Any]]:
        """Return money, counts and dates of every scope and asset."""
        found: dict[Key, dict[str, Any]] = {}
        with localcontext(EXACT):
            for (kind, scope_id), (base, accounts) in self.scopes.items():
                for asset_id in self._assets(accounts):
                    found[kind, scope_id, asset_id] = {
                        **self._position(asset_id, base, accounts),
                        **self._traded(asset_id, base, accounts),
                        **self._checked(asset_id, accounts),
                    }
        return found

    # ── who ──

    @cached_property
    def scopes(self) -> dict[tuple[str, str], tuple[str, set[str]]]:
        """Scope → its base currency and its accounts; '' is what names no account."""
        accounts = self.tables["accounts"]
        tenant = self.tables["tenants"][0]["base_currency"]
        found = {("tenant", ""): (tenant, {a["account_id"] for a in accounts} | {""})}
        for h in self.tables["households"]:
            members = {a["account_id"] for a in accounts if a["household_id"] == h["household_id"]}
            if members:
                found["household", h["household_id"]] = (h["base_currency"], members)
        for a in accounts:
            found["account", a["account_id"]] = (a["base_currency"], {a["account_id"]})
        return found

    def _assets(self, accounts: set[str]) -> set[str]:
        held = {p["asset_id"] for p in self.snapshot if p["portfolio"] in accounts}
        traded = {t["asset_id"] for t in self._transactions(accounts)}
        checked = {c["asset_id"] for c in self._checks(accounts)}
        models = {
            a["model_id"] for a in self.tables["accounts"] if a["account_id"] in accounts and a["model_id"]
        }
        targeted = {w["asset_id"] for w in self.tables["target_weights"] if w["model_id"] in models}
        return held | traded | checked | targeted

    # ── positions ──

    @cached_property
    def snapshot(self) -> list[Row]:
        """The newest rows of each portfolio on or before the day."""
        by_portfolio: defaultdict[str, defaultdict[date, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for row in self.tables["portfolio_allocation"]:
            day = row["as_of"] or date.max
            if row["as_of"] is None or day <= self.as_of:
                by_portfolio[row["portfolio"]][day].append(row)
        return [row for days in by_portfolio.values() for row in days[max(days)]]

    @cached_property
    def _held(self) -> dict[str, list[Row]]:
        return _grouped(self.snapshot, "asset_id")

    @cached_property
    def prices(self) -> dict[str, tuple[date, Decimal]]:
        """Asset → day and price of its last close on or before the day."""
        found: dict[str, tuple[date, Decimal]] = {}
        for row in self.tables["market_data"]:
            day = row["price_date"]
            if day <= self.as_of and (row["asset_id"] not in found or day > found[row["asset_id"]][0]):
                found[row["asset_id"]] = (day, row["closing_price"])
        return found

    @cached_property
    def currencies(self) -> dict[str, str]:
        """Asset → currency of its prices."""
        return {a["asset_id"]: a["currency"] for a in self.tables["asset_master"]}

    def _position(self, asset_id: str, base: str, accounts: set[str]) -> dict[str, Any]:
        held = [row for row in self._held.get(asset_id, ()) if row["portfolio"] in accounts]
        quantities = [row["quantity"] for row in held if row["quantity"] is not None]
        day, price = self.prices.get(asset_id, (None, None))
        parts = [self._value(row, asset_id, base) for row in held]
        known = bool(parts) and None not in parts
        value = round_half_up(sum((p for p in parts if p is not None), ZERO), MONEY_PLACES) if known else None
        return {
            "quantity": sum(quantities, ZERO) if quantities else None,
            "current_price": price,
            "price_date": day,
            "market_value": value,
        }

    def _value(self, row: Row, asset_id: str, base: str) -> Decimal | None:
        if row["quantity"] is not None:
            _, price = self.prices.get(asset_id, (None, None))
            factors = (row["quantity"], price, self.rate(self.currencies[asset_id], base, self.as_of))
        else:
            account = next(a for a in self.tables["accounts"] if a["account_id"] == row["portfolio"])
            rate = self.rate(account["base_currency"], base, self.as_of)
            factors = (row["actual_weight"], account["stated_value"], rate)
        first, second, third = factors
        return None if first is None or second is None or third is None else first * second * third

    # ── FX ──

    @cached_property
    def _rates(self) -> dict[tuple[str, date], Decimal]:
        return {(r["currency"], r["rate_date"]): r["units_per_eur"] for r in self.tables["fx_rates"]}

    def _units_per_eur(self, currency: str, day: date) -> Decimal | None:
        major = major_currency(currency)
        if major == "EUR":
            return Decimal(1) * units_per_major(currency)
        for back in range(11):
            rate = self._rates.get((major, day - timedelta(days=back)))
            if rate is not None:
                return rate * units_per_major(currency)
        return None

    def rate(self, from_currency: str, to_currency: str, day: date) -> Decimal | None:
        """What one unit of a currency is worth in another on a day; None without a rate in ten days."""
        if from_currency == to_currency:
            return Decimal(1)
        one, other = self._units_per_eur(from_currency, day), self._units_per_eur(to_currency, day)
        return None if one is None or other is None else conversion_rate(one, other)

    # ── transactions and checks ──

    @cached_property
    def _booked(self) -> list[Row]:
        start = subtract_months(self.as_of, 12)
        return [t for t in self.tables["transactions"] if start < t["transaction_date"] <= self.as_of]

    def _transactions(self, accounts: set[str]) -> list[Row]:
        return [t for t in self._booked if (t["account_id"] or "") in accounts]

    @cached_property
    def _booked_by_asset(self) -> dict[str, list[Row]]:
        return _grouped(self._booked, "asset_id")

    def _traded(self, asset_id: str, base: str, accounts: set[str]) -> dict[str, Any]:
        rows = [t for t in self._booked_by_asset.get(asset_id, ()) if (t["account_id"] or "") in accounts]
        rates = [self.rate(t["currency"], base, t["transaction_date"]) for t in rows]
        if None in rates:
            money: dict[str, Decimal | None] = dict.fromkeys(
                ("total_purchases", "total_sales", "avg_transaction_cost")
            )
            return {"total_transactions": len(rows), **money}
        pairs = [(t, r) for t, r in zip(rows, rates, strict=True) if r is not None]
        costs = [t["transaction_costs"] * r for t, r in pairs if t["transaction_costs"] is not None]
        return {
            "total_transactions": len(rows),
            "total_purchases": _total(
                t["total_amount"] * r for t, r in pairs if t["transaction_type"] == "BUY"
            ),
            "total_sales": _total(t["total_amount"] * r for t, r in pairs if t["transaction_type"] == "SELL"),
            "avg_transaction_cost": round_half_up(sum(costs, ZERO) / len(costs), MONEY_PLACES)
            if costs
            else None,
        }

    @cached_property
    def _recent_checks(self) -> list[Row]:
        start = subtract_months(self.as_of, 6)
        return [c for c in self.tables["compliance_records"] if start < c["check_date"] <= self.as_of]

    def _checks(self, accounts: set[str]) -> list[Row]:
        return [c for c in self._recent_checks if (c["account_id"] or "") in accounts]

    @cached_property
    def _checks_by_asset(self) -> dict[str, list[Row]]:
        return _grouped(self._recent_checks, "asset_id")

    def _checked(self, asset_id: str, accounts: set[str]) -> dict[str, Any]:
        rows = [c for c in self._checks_by_asset.get(asset_id, ()) if (c["account_id"] or "") in accounts]
        return {
            "active_violations": sum(c["status"] == "VIOLATION" for c in rows),
            "last_compliance_check": max((c["check_date"] for c in rows), default=None),
        }


def _grouped(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return dict(groups)


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return round_half_up(sum(amounts, ZERO), MONEY_PLACES)

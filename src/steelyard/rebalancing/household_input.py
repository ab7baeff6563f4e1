"""A household as it comes in, read and checked: what is wrong is named with the account it is in."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from steelyard.domain.amount import Amount, read_amount
from steelyard.domain.asset import normalize_asset_id
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.account import (
    ZERO,
    OptionsConflictError,
    RangeError,
    read_amounts,
    read_choice,
    read_fraction,
    read_locks,
    read_positive,
)
from steelyard.rebalancing.options import Locks
from steelyard.rebalancing.tax_rules import TaxRules
from steelyard.rebalancing.units import ONE_AMOUNT, scaled

_NO_LOCKS: Final = Locks()


class NoAccountsError(InvalidInputError):
    """A household has no account."""

    def __init__(self) -> None:
        """Say what to give."""
        super().__init__("The household has no account: give at least one.")


class DuplicateAccountError(InvalidInputError):
    """Two accounts have one id."""

    def __init__(self, account_id: str) -> None:
        """Name the id."""
        super().__init__(f"Two accounts have the id {account_id!r}: give each its own.")


class MissingCashError(InvalidInputError):
    """An account says nothing about its cash."""

    def __init__(self, account_id: str) -> None:
        """Name the account."""
        super().__init__(f"Account {account_id!r} has no cash row: give its cash, 0 where there is none.")


class AccountCurrencyError(InvalidInputError):
    """A household has more than one currency."""

    def __init__(self, account_id: str, currencies: Iterable[str]) -> None:
        """Name the account and the currencies."""
        super().__init__(
            f"Account {account_id!r} brings a second currency into the household ({', '.join(currencies)}): "
            "a household is planned in one currency; plan accounts in another one by one."
        )


class TaxRulesMissingError(InvalidInputError):
    """A taxable account has no tax rules."""

    def __init__(self, account_id: str) -> None:
        """Name the account and what to give."""
        super().__init__(
            f"Account {account_id!r} is taxable and has no tax rules: give its rates and lots as tax=TaxRules(…)."
        )


class UntaxedAccountError(InvalidInputError):
    """An account whose sales are not taxed has tax rules."""

    def __init__(self, account_id: str, treatment: "Treatment") -> None:
        """Name the account and its treatment."""
        super().__init__(
            f"Account {account_id!r} is {treatment}: its sales are not taxed, so take its tax rules away. Purchases of "
            "the last days that may wash a loss stand in the household's wash.other_lots."
        )


class TradeDateError(InvalidInputError):
    """Two accounts trade on different days."""

    def __init__(self, account_id: str, other: str) -> None:
        """Name both accounts."""
        super().__init__(
            f"Accounts {account_id!r} and {other!r} have different trade dates: plan one day at a time."
        )


class HouseholdPositionError(InvalidInputError):
    """A quantity held in an account is below 0."""

    def __init__(self, account_id: str, asset_id: str, quantity: Decimal) -> None:
        """Name the account, the asset and its quantity."""
        super().__init__(
            f"The quantity of {asset_id} in account {account_id!r} is {quantity:f}, below 0: households hold no short "
            "positions."
        )


class LocationRateError(InvalidInputError):
    """Nobody says what an asset costs in tax under a treatment."""

    def __init__(self, asset_id: str, treatment: "Treatment") -> None:
        """Name the asset and the treatment."""
        super().__init__(
            f"location.annual_tax says nothing of {asset_id} in an account that is {treatment}: give the fraction of "
            "its value that tax takes each year, 0 where it takes none."
        )


class NotForHouseholdsError(InvalidInputError):
    """An option that holds for one account only."""

    def __init__(self, option: str) -> None:
        """Name the option."""
        super().__init__(
            f"{option} is not offered for households: leave it out, or plan the account by itself."
        )


class Treatment(StrEnum):
    """How an account is taxed."""

    TAXABLE = "taxable"
    """Realised gains and yearly income are taxed."""

    TAX_DEFERRED = "tax_deferred"
    """What leaves the account is taxed, what happens inside is not."""

    TAX_FREE = "tax_free"
    """Neither."""


@dataclass(frozen=True, slots=True)
class HouseholdAccount:
    """One account of a household.

    Attributes:
        account_id: unique in the household.
        treatment: how it is taxed.
        positions: asset → quantity held, 0 or above.
        cash: cash in it, by currency or as one amount; below 0 = overdraft. It must be given.
        withdrawal: money that leaves it after the trades, 0 or above.
        cash_floor: cash there must be when that has left.
        universe: the assets that may be bought in it; what else it holds may be sold. None = all.
        locks: what may not be traded in it; substitutes are not offered.
        tax: rates, lots and method of a taxable account; None for the others. Gains budget and wash sales are matters
            of the household and stand there.
    """

    account_id: str
    treatment: Treatment
    positions: Mapping[str, Amount]
    cash: Amount | Mapping[str, Amount] | None
    withdrawal: Amount = 0
    cash_floor: Amount = 0
    universe: Collection[str] | None = None
    locks: Locks = field(default_factory=Locks)
    tax: TaxRules | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """What holding an asset costs in tax, by the treatment of the account it is in.

    Attributes:
        annual_tax: asset → treatment → fraction of its value that tax takes each year, of income and of what will be
            realised; of every asset held or wanted and every treatment in the household.
        years: how many years of it count beside drift; 0 or above.
    """

    annual_tax: Mapping[str, Mapping[Treatment, Amount]]
    years: Amount


@dataclass(frozen=True, slots=True)
class ReadAccount:
    """An account, read and checked; amounts in base currency."""

    account_id: str
    treatment: Treatment
    quantities: Mapping[str, Decimal]
    cash: Decimal
    withdrawal: Decimal
    floor: Decimal
    locks: Locks
    tax: TaxRules | None


def read_accounts(accounts: Sequence[HouseholdAccount], wanted: Iterable[str]) -> list[ReadAccount]:
    """Return the accounts of a household, by account id.

    Args:
        accounts: in any order.
        wanted: assets with a target, which an account may buy unless its universe leaves them out.

    Raises:
        NoAccountsError, DuplicateAccountError, MissingCashError, AccountCurrencyError, TaxRulesMissingError,
            UntaxedAccountError, TradeDateError, HouseholdPositionError, NotForHouseholdsError: as they say.
        AmountError, AssetIdError, DuplicateAssetError, ChoiceError, RangeError: a number, an id or a word is no such.
    """
    if not accounts:
        raise NoAccountsError
    wanted = frozenset(wanted)
    found: dict[str, ReadAccount] = {}
    currencies: set[str] = set()
    for account in accounts:
        if account.account_id in found:
            raise DuplicateAccountError(account.account_id)
        if isinstance(account.cash, Mapping):
            currencies |= account.cash.keys()
        if len(currencies) > 1:
            raise AccountCurrencyError(account.account_id, sorted(currencies))
        found[account.account_id] = _read_account(account, wanted)
    _check_dates(list(found.values()))
    return sorted(found.values(), key=lambda account: account.account_id)


def _read_account(account: HouseholdAccount, wanted: frozenset[str]) -> ReadAccount:
    name = account.account_id
    treatment = read_choice(f"treatment of account {name!r}", account.treatment, Treatment)
    quantities = read_amounts(f"quantity in account {name!r}", account.positions)
    for asset_id, quantity in quantities.items():
        if quantity < 0:
            raise HouseholdPositionError(name, asset_id, quantity)
    return ReadAccount(
        name,
        treatment,
        quantities,
        cash=_read_cash(name, account.cash),
        withdrawal=read_positive(f"withdrawal from account {name!r}", account.withdrawal),
        floor=read_amount(f"cash_floor of account {name!r}", account.cash_floor),
        locks=_read_locks(account, wanted),
        tax=_read_tax(account, treatment),
    )


def _read_cash(name: str, cash: Amount | Mapping[str, Amount] | None) -> Decimal:
    if cash is None or (isinstance(cash, Mapping) and not cash):
        raise MissingCashError(name)
    amount = next(iter(cash.values())) if isinstance(cash, Mapping) else cash
    return read_amount(f"cash of account {name!r}", amount)


def _read_locks(account: HouseholdAccount, wanted: frozenset[str]) -> Locks:
    """Return its locks; what its universe leaves out may not be bought."""
    locks = read_locks(account.locks)
    if locks.substitutes:
        raise NotForHouseholdsError(f"locks.substitutes of account {account.account_id!r}")
    if account.universe is None:
        return locks
    if isinstance(account.universe, str):
        raise RangeError(
            f"universe of account {account.account_id!r}", account.universe, "a list of asset ids"
        )
    outside = wanted - frozenset(map(normalize_asset_id, account.universe))
    return Locks(
        no_buy=frozenset(locks.no_buy) | outside,
        no_sell=locks.no_sell,
        hold=locks.hold,
        restricted=locks.restricted,
    )


def _read_tax(account: HouseholdAccount, treatment: Treatment) -> TaxRules | None:
    name, tax = account.account_id, account.tax
    if treatment is not Treatment.TAXABLE:
        if tax is not None:
            raise UntaxedAccountError(name, treatment)
        return None
    if tax is None:
        raise TaxRulesMissingError(name)
    if tax.gains_budget is not None:
        raise OptionsConflictError(f"tax.gains_budget of account {name!r}", "gains_budget of the household")
    if tax.wash is not None:
        raise OptionsConflictError(f"tax.wash of account {name!r}", "wash of the household")
    if tax.harvest_above is not None:
        raise NotForHouseholdsError(f"tax.harvest_above of account {name!r}")
    return tax


def _check_dates(accounts: Sequence[ReadAccount]) -> None:
    taxed = [account for account in accounts if account.tax is not None]
    for account in taxed[1:]:
        if account.tax and taxed[0].tax and account.tax.trade_date != taxed[0].tax.trade_date:
            raise TradeDateError(taxed[0].account_id, account.account_id)


@dataclass(frozen=True, slots=True)
class ReadLocation:
    """What holding costs, in whole numbers.

    Attributes:
        rates: (asset, treatment) → tax each year, units of 10^-12 of the value.
        years: units of 10^-12.
    """

    rates: Mapping[tuple[str, Treatment], int]
    years: int

    def rate(self, asset_id: str, treatment: Treatment) -> Decimal:
        """Return the tax of a year as a fraction of the value."""
        return Decimal(self.rates.get((asset_id, treatment), 0)) / ONE_AMOUNT


def read_location(
    location: Location | None, assets: Iterable[str], treatments: Collection[Treatment]
) -> ReadLocation:
    """Return what holding costs; nothing where nobody says.

    Raises:
        LocationRateError: an asset or treatment is left out.
        AmountError, RangeError: a rate is no fraction from 0 to 1, or the years are below 0.
    """
    if location is None:
        return ReadLocation({}, 0)
    stated = {normalize_asset_id(asset_id): rates for asset_id, rates in location.annual_tax.items()}
    found: dict[tuple[str, Treatment], int] = {}
    for asset_id in assets:
        for treatment in treatments:
            rate = stated.get(asset_id, {}).get(treatment)
            if rate is None:
                raise LocationRateError(asset_id, treatment)
            item = f"annual_tax of {asset_id}, {treatment}"
            found[asset_id, treatment] = scaled(read_fraction(item, rate))
    return ReadLocation(found, scaled(read_positive("location.years", location.years)))


def total_quantities(accounts: Iterable[ReadAccount]) -> dict[str, Amount]:
    """Return what all accounts hold together."""
    total: dict[str, Amount] = {}
    for account in accounts:
        for asset_id, quantity in account.quantities.items():
            total[asset_id] = Decimal(total.get(asset_id, ZERO)) + quantity
    return total

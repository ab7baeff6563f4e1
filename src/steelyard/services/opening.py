"""Opening accounts with what a broker holds: the first sync of an account of which the ledger knows nothing yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, localcontext
from uuid import UUID

from steelyard.brokers.paper import PaperBroker
from steelyard.brokers.port import Broker, BrokerAccount
from steelyard.domain.money import EXACT, MONEY_PLACES, major_currency, round_half_up, units_per_major
from steelyard.domain.transaction import ZERO, Transaction, TransactionKind
from steelyard.errors import ConflictError, InvalidInputError
from steelyard.identity.vault import Vault
from steelyard.services.broker_link import BrokerTools, attach_account, get_number_at_broker, open_broker
from steelyard.services.ledger import change_transactions
from steelyard.storage.audit import record_event
from steelyard.storage.broker_link import list_begun_accounts
from steelyard.storage.connection import WriteSession
from steelyard.storage.fill import find_symbol
from steelyard.storage.keeping import adopt_accounts
from steelyard.storage.price import get_newest_closes, get_price_keys


class NotEmptyError(ConflictError):
    """The ledger has entries of an account, so it cannot be opened."""

    def __init__(self, account_ids: Sequence[str]) -> None:
        """Name them and the way."""
        super().__init__(
            f"The ledger has entries of {', '.join(account_ids)}, and opening would count them twice. Attach what it "
            "keeps: `steelyard brokers attach LINK ACCOUNT`; then `steelyard reconcile` shows where the broker differs."
        )


class NothingToOpenError(ConflictError):
    """A paper broker holds what it was told, and nothing before."""

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__(
            "A paper broker is told what an account holds when it is attached: "
            "`steelyard brokers attach LINK ACCOUNT`. There is nothing to open an account with."
        )


class SharedNumberError(InvalidInputError):
    """Two accounts have one number there, and nobody can say what of it is whose."""

    def __init__(self, account_ids: Sequence[str]) -> None:
        """Name them and the way."""
        super().__init__(
            f"{' and '.join(account_ids)} share an account at the broker; give each its number: "
            "`steelyard accounts number`."
        )


class CannotOpenError(InvalidInputError):
    """What a broker holds cannot be opened with."""

    def __init__(self, account_id: str, problems: Sequence[str]) -> None:
        """Name the account, and everything that is in the way."""
        super().__init__(f"Account {account_id} cannot be opened: {'; '.join(problems)}. Nothing was booked.")


@dataclass(frozen=True, slots=True)
class Costs:
    """What opening positions cost; no cost is guessed.

    Attributes:
        given: asset → what all units of it cost, in the currency it is priced in.
        at_market: whether what is not given is taken at its newest stored price.
    """

    given: Mapping[str, Decimal] = field(default_factory=dict)
    at_market: bool = False


async def open_accounts(
    db: WriteSession,
    vault: Vault,
    link_id: UUID,
    account_ids: Sequence[str],
    tools: BrokerTools,
    *,
    costs: Costs,
    now: datetime,
) -> list[str]:
    """Book what a broker holds in empty accounts as their opening positions, and attach them to its link.

    Args:
        db: the transaction to do it in.
        vault: opens the accounts' numbers and the link's credentials.
        link_id: the link.
        account_ids: which, each with a number of its own there.
        tools: what brokers are given.
        costs: what the positions cost.
        now: the time, with its zone.

    Returns:
        The ids of the transactions booked.

    Raises:
        NotEmptyError: the ledger has entries of one.
        SharedNumberError: two have one number.
        CannotOpenError: something is short, not known here, or without a cost.
        NothingToOpenError: it is a paper broker.
        SteelyardError: as `attach_account`.
    """
    if begun := await list_begun_accounts(db, account_ids):
        raise NotEmptyError(begun)
    broker = await open_broker(db, vault, link_id, tools)
    try:
        if isinstance(broker, PaperBroker):
            raise NothingToOpenError
        booked = [
            one
            for account_id, there in (await _ask(db, vault, broker, account_ids)).items()
            for one in await _openings(db, account_id, there, costs, now)
        ]
    finally:
        await broker.close()
    await change_transactions(db, booked, (), today=now.date())
    await adopt_accounts(db)
    for account_id in account_ids:
        await attach_account(db, vault, account_id, link_id, tools)
        await record_event(db, "account.open", "account", account_id, {"link": str(link_id)})
    return [one.transaction_id for one in booked]


async def _ask(
    db: WriteSession, vault: Vault, broker: Broker, account_ids: Sequence[str]
) -> dict[str, BrokerAccount]:
    by_number: dict[str, str] = {}
    for account_id in account_ids:
        number = await get_number_at_broker(db, vault, account_id)
        if number in by_number:
            raise SharedNumberError([by_number[number], account_id])
        by_number[number] = account_id
    return {account_id: await broker.get_account(number) for number, account_id in by_number.items()}


async def _openings(
    db: WriteSession, account_id: str, there: BrokerAccount, costs: Costs, now: datetime
) -> list[Transaction]:
    """Return what opens an account: a lot of each asset, and its money.

    Raises:
        CannotOpenError: something is short, not known here, or without a cost.
    """
    problems = [f"it owes {-money} {currency}" for currency, money in there.cash.items() if money < 0]
    booked = [
        _opening(account_id, now, currency, money) for currency, money in there.cash.items() if money > 0
    ]
    for position in there.positions:
        asset_id = await find_symbol(db, position.symbol)
        if asset_id is None or position.quantity < 0:
            problems.append(f"{position.symbol} is {'short' if asset_id else 'no asset here'}")
        elif (known := await _cost(db, asset_id, position.quantity, costs, now)) is None:
            problems.append(f"nobody says what its {asset_id} cost: --cost {asset_id} AMOUNT, or --at-market")
        else:
            booked.append(_opening(account_id, now, *known, asset_id=asset_id, quantity=position.quantity))
    if problems:
        raise CannotOpenError(account_id, problems)
    return booked


async def _cost(
    db: WriteSession, asset_id: str, quantity: Decimal, costs: Costs, now: datetime
) -> tuple[str, Decimal] | None:
    """Return the currency of an asset and what its units cost; None = nobody says."""
    [key] = await get_price_keys(db, [asset_id])
    currency = major_currency(key.currency)
    if asset_id in costs.given:
        return currency, costs.given[asset_id]
    if not costs.at_market:
        return None
    closes = await get_newest_closes(db, [asset_id], now.date(), most=1)
    with localcontext(EXACT):
        return next(
            (
                (
                    currency,
                    round_half_up(
                        quantity * close.closing_price / units_per_major(key.currency), MONEY_PLACES
                    ),
                )
                for close in closes.get(asset_id, [])
            ),
            None,
        )


def _opening(
    account_id: str,
    now: datetime,
    currency: str,
    amount: Decimal,
    *,
    asset_id: str = "",
    quantity: Decimal = ZERO,
) -> Transaction:
    return Transaction(
        transaction_id=f"opening:{account_id}:{asset_id or currency}:{'units' if asset_id else 'cash'}",
        kind=TransactionKind.OPENING,
        trade_date=now.date(),
        account_id=account_id,
        currency=currency,
        amount=amount,
        asset_id=asset_id,
        quantity=quantity,
    )

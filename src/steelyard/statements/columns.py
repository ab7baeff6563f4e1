"""The tables that files may bring: their columns, what a cell may hold, and which columns make a row unique.

docs/reference/tables.md says the same to people; a test keeps the two equal.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from steelyard.domain.lot import LotMethod


class Kind(Enum):
    """What the cells of a column are."""

    ASSET_ID = auto()
    TEXT = auto()
    WORD = auto()
    """Text in which case does not matter; stored in capitals."""
    CURRENCY = auto()
    ISIN = auto()
    CHOICE = auto()
    """One of the words that the column lists; case does not matter."""
    YES_NO = auto()
    """`yes` or `no`, `true` or `false`."""
    PAST_DATE = auto()
    """A day from 1900 to tomorrow."""
    TRADE_DATE = auto()
    """A day from 1900 to a year ahead, for what is announced; or a moment, whose day at the asset's exchange counts."""
    ANY_DATE = auto()
    TIME = auto()
    """A moment with its offset from UTC."""
    NUMBER = auto()
    """An exact number, stored as written."""
    PRICE = auto()
    """An exact number above 0; the row is quarantined when it is something else."""
    FIGURE = auto()
    """A statistic, stored as double precision."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file.

    Attributes:
        name: the header in the file.
        kind: what its cells are.
        required: whether the header must be there.
        nullable: whether a cell may be empty.
        low: smallest number allowed, where there is one.
        high: largest number allowed, where there is one.
        places: decimal places that are kept, for exact numbers.
        hint: what the numbers mean, for the message when one is out of range.
        default: what an empty cell or an absent column means; None leaves it empty.
        choices: the words there are, for a choice.
        is_later: whether it came after the first release; empty, it leaves ids made from a row as they were.
        stored_as: the column's name in the store, where it differs.
    """

    name: str
    kind: Kind
    required: bool = True
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    places: int = 12
    hint: str = ""
    default: str | None = None
    choices: tuple[str, ...] = ()
    is_later: bool = False
    stored_as: str = ""

    @property
    def store_name(self) -> str:
        """The column's name in the store."""
        return self.stored_as or self.name

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers of any sort."""
        return self.kind in {Kind.NUMBER, Kind.PRICE, Kind.FIGURE}


@dataclass(frozen=True, slots=True)
class TableFormat:
    """One table as files bring it.

    Attributes:
        name: the table's name, and the file's without its ending.
        columns: its columns, in the order of the documentation.
        key: store names of the columns that make a row unique.
        row_date: store name of the column that dates a row; empty where rows have no date.
        made_id: the id column that is made from the row's content where the firm has none.
        one_of: columns of which each row needs at least one.
        per_tenant: whether its rows belong to a tenant.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    row_date: str = ""
    made_id: str = ""
    one_of: tuple[str, ...] = ()
    per_tenant: bool = True


_FRACTION = "a fraction: 0.05 is 5 %"
_LOSS = "a fraction, positive = loss: 0.025 is a loss of 2.5 %"


def _optional(name: str, kind: Kind, **more: object) -> Column:
    return Column(name, kind, required=False, nullable=True, **more)  # type: ignore[arg-type]  # passed through


def _figure(name: str, low: float, high: float, hint: str = "", *, required: bool = True) -> Column:
    return Column(name, Kind.FIGURE, required=required, nullable=True, low=low, high=high, hint=hint)


ASSET_ID: Final = Column("asset_id", Kind.ASSET_ID)
ACCOUNT: Final = _optional("account", Kind.TEXT, stored_as="account_id")

ASSET_MASTER: Final = TableFormat(
    "asset_master",
    (
        ASSET_ID,
        Column("asset_name", Kind.TEXT),
        Column("asset_type", Kind.TEXT),
        _optional("isin", Kind.ISIN),
        Column("currency", Kind.CURRENCY),
        _optional("exchange", Kind.TEXT),
        _optional("issuer", Kind.TEXT),
        _optional("issue_date", Kind.ANY_DATE),
        _optional("maturity_date", Kind.ANY_DATE),
        _optional("par_value", Kind.NUMBER, low=0, places=8),
        _optional("rating", Kind.TEXT),
        _optional("sector", Kind.TEXT),
        _optional("issuing_country", Kind.TEXT),
        _optional("status", Kind.WORD, default="ACTIVE"),
        _optional("benchmark_asset_id", Kind.ASSET_ID),
        _optional("price_basis", Kind.CHOICE, choices=("raw", "split_adjusted"), default="raw"),
    ),
    key=("asset_id",),
    per_tenant=False,
)
MARKET_DATA: Final = TableFormat(
    "market_data",
    (
        ASSET_ID,
        Column("price_date", Kind.PAST_DATE),
        Column("closing_price", Kind.PRICE),
        _optional("source", Kind.TEXT, default="file"),
        _optional("price_time", Kind.TIME),
    ),
    key=("asset_id", "price_date"),
    row_date="price_date",
    per_tenant=False,
)
PORTFOLIO_ALLOCATION: Final = TableFormat(
    "portfolio_allocation",
    (
        Column("portfolio", Kind.TEXT),
        ASSET_ID,
        _optional("as_of", Kind.PAST_DATE),
        _optional("quantity", Kind.NUMBER),
        _optional("target_weight", Kind.NUMBER, low=0, high=1, hint=_FRACTION),
        _optional("actual_weight", Kind.NUMBER, low=-10, high=10, hint=_FRACTION),
    ),
    key=("portfolio", "asset_id", "as_of"),
    row_date="as_of",
    one_of=("quantity", "target_weight", "actual_weight"),
)
PERFORMANCE_HISTORY: Final = TableFormat(
    "performance_history",
    (
        ASSET_ID,
        Column("date", Kind.PAST_DATE),
        _figure("daily_return", -1, 10, _FRACTION),
        _figure("total_return", -1, 10_000, _FRACTION),
    ),
    key=("asset_id", "date"),
    row_date="date",
    per_tenant=False,
)
RISK_METRICS: Final = TableFormat(
    "risk_metrics",
    (
        ASSET_ID,
        Column("calculation_date", Kind.PAST_DATE),
        _figure("volatility", 0, 5, "annual, a fraction: 0.2 is 20 %"),
        _figure("var_95", 0, 1, _LOSS),
        _figure("beta", -100, 100),
        _figure("sharpe_ratio", -100, 100),
        _figure("expected_shortfall_95", 0, 1, _LOSS, required=False),
        _figure("var_95_parametric", 0, 1, _LOSS, required=False),
        _figure("expected_shortfall_95_parametric", 0, 1, _LOSS, required=False),
        _figure("max_drawdown", 0, 1, "a positive fraction of the peak: 0.3 is 30 %", required=False),
    ),
    key=("asset_id", "calculation_date"),
    row_date="calculation_date",
    per_tenant=False,
)
TRANSACTIONS: Final = TableFormat(
    "transactions",
    (
        _optional("transaction_id", Kind.TEXT),
        ACCOUNT,
        Column("asset_id", Kind.ASSET_ID, nullable=True),
        Column("transaction_date", Kind.TRADE_DATE),
        Column("transaction_type", Kind.WORD),
        _optional("quantity", Kind.NUMBER, low=0),
        _optional("price", Kind.NUMBER),
        _optional("currency", Kind.CURRENCY),
        Column("total_amount", Kind.NUMBER, low=0, places=8),
        _optional("transaction_costs", Kind.NUMBER, low=0, places=8),
        _optional("tax_amount", Kind.NUMBER, low=0, places=8, is_later=True),
        _optional("settlement_date", Kind.ANY_DATE, is_later=True),
        _optional("counter_account", Kind.TEXT, stored_as="counter_account_id", is_later=True),
        _optional("counter_asset_id", Kind.ASSET_ID, is_later=True),
        _optional("counter_quantity", Kind.NUMBER, low=0, is_later=True),
        _optional("counter_currency", Kind.CURRENCY, is_later=True),
        _optional("counter_amount", Kind.NUMBER, low=0, places=8, is_later=True),
        _optional("acquired_date", Kind.PAST_DATE, is_later=True),
        _optional("basis_fraction", Kind.NUMBER, low=0, high=1, hint=_FRACTION, is_later=True),
        _optional("lot_id", Kind.TEXT, is_later=True),
    ),
    key=("transaction_id",),
    row_date="transaction_date",
    made_id="transaction_id",
)
COMPLIANCE_RECORDS: Final = TableFormat(
    "compliance_records",
    (
        _optional("record_id", Kind.TEXT),
        ACCOUNT,
        ASSET_ID,
        Column("check_date", Kind.PAST_DATE),
        Column("status", Kind.WORD),
        _optional("rule", Kind.TEXT),
    ),
    key=("record_id",),
    row_date="check_date",
    made_id="record_id",
)
HOUSEHOLDS: Final = TableFormat(
    "households",
    (
        Column("household_id", Kind.TEXT),
        Column("household_name", Kind.TEXT),
        _optional("base_currency", Kind.CURRENCY),
    ),
    key=("household_id",),
)
ACCOUNTS: Final = TableFormat(
    "accounts",
    (
        Column("account_id", Kind.TEXT),
        Column("account_name", Kind.TEXT),
        _optional("household_id", Kind.TEXT),
        _optional("base_currency", Kind.CURRENCY),
        _optional("model_id", Kind.TEXT),
        _optional("stated_value", Kind.NUMBER, low=0, places=8),
        _optional("stated_value_date", Kind.PAST_DATE),
        _optional("lot_method", Kind.CHOICE, choices=tuple(LotMethod), default=LotMethod.FIFO),
        _optional("may_overdraw", Kind.YES_NO, default="yes"),
        _optional("may_short", Kind.YES_NO, default="yes"),
    ),
    key=("account_id",),
)
MODEL_PORTFOLIOS: Final = TableFormat(
    "model_portfolios",
    (Column("model_id", Kind.TEXT), Column("model_name", Kind.TEXT)),
    key=("model_id",),
)
TARGET_WEIGHTS: Final = TableFormat(
    "target_weights",
    (
        Column("model_id", Kind.TEXT),
        ASSET_ID,
        Column("target_weight", Kind.NUMBER, low=0, high=1, hint=_FRACTION),
    ),
    key=("model_id", "asset_id"),
)
FX_RATES: Final = TableFormat(
    "fx_rates",
    (
        Column("currency", Kind.CURRENCY),
        Column("rate_date", Kind.PAST_DATE),
        Column("units_per_eur", Kind.PRICE),
        _optional("source", Kind.TEXT, default="file"),
    ),
    key=("currency", "rate_date"),
    row_date="rate_date",
    per_tenant=False,
)
BENCHMARKS: Final = TableFormat(
    "benchmarks", (Column("currency", Kind.CURRENCY), ASSET_ID), key=("currency",), per_tenant=False
)
RISK_FREE_RATES: Final = TableFormat(
    "risk_free_rates",
    (
        Column("currency", Kind.CURRENCY),
        Column("rate_date", Kind.PAST_DATE),
        Column("annual_rate", Kind.FIGURE, low=-0.5, high=1, hint=_FRACTION),
        Column("series", Kind.TEXT),
    ),
    key=("currency", "rate_date"),
    row_date="rate_date",
    per_tenant=False,
)

FORMATS: Final = {
    format_.name: format_
    for format_ in (
        ASSET_MASTER,
        BENCHMARKS,
        FX_RATES,
        RISK_FREE_RATES,
        HOUSEHOLDS,
        MODEL_PORTFOLIOS,
        TARGET_WEIGHTS,
        ACCOUNTS,
        MARKET_DATA,
        PERFORMANCE_HISTORY,
        RISK_METRICS,
        PORTFOLIO_ALLOCATION,
        TRANSACTIONS,
        COMPLIANCE_RECORDS,
    )
}
"""Every table by name, in the order they are stored: what is referred to comes first."""

NEEDED: Final = ("asset_master", "market_data", "portfolio_allocation", "transactions", "compliance_records")
"""The tables a full directory must bring."""

DERIVED_WHEN_ABSENT: Final = ("performance_history", "risk_metrics")
"""The two of the seven that are computed from prices when a firm does not bring them."""

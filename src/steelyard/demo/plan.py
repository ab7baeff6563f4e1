"""The made households: six accounts, how each is funded and reviewed, and what its owners exclude."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A sector an account may not hold from a day on."""

    sector: str
    since: date

    def applies(self, sector: str, day: date) -> bool:
        """Say whether the exclusion forbids the sector on the day."""
        return sector == self.sector and day >= self.since


@dataclass(frozen=True, slots=True)
class Plan:
    """How one account lives: opened with a deposit, then reviewed on the first price day of its months.

    `opening` and `contribution` (deposited at every later review) are in the base currency.
    """

    account: str
    name: str
    household: str
    base_currency: str
    model: str
    opened: date
    opening: Decimal
    contribution: Decimal
    review_months: tuple[int, ...]
    exclusion: Exclusion | None = None


PLANS = (
    Plan(
        account="RIVERA-JOINT",
        name="Rivera joint taxable",
        household="RIVERA",
        base_currency="USD",
        model="LEADERS",
        opened=date(2014, 1, 1),
        opening=Decimal(2_000_000),
        contribution=Decimal(15_000),
        review_months=(1, 4, 7, 10),
    ),
    Plan(
        account="RIVERA-IRA",
        name="Rivera traditional IRA",
        household="RIVERA",
        base_currency="USD",
        model="FACTORS",
        opened=date(2014, 2, 1),
        opening=Decimal(400_000),
        contribution=Decimal(3_000),
        review_months=(2, 8),
    ),
    Plan(
        account="RIVERA-ROTH",
        name="Rivera Roth IRA",
        household="RIVERA",
        base_currency="USD",
        model="FACTORS",
        opened=date(2018, 3, 1),
        opening=Decimal(50_000),
        contribution=Decimal(3_000),
        review_months=(3, 9),
    ),
    Plan(
        account="RIVERA-529",
        name="Rivera 529 college savings",
        household="RIVERA",
        base_currency="USD",
        model="COLLEGE",
        opened=date(2016, 6, 1),
        opening=Decimal(20_000),
        contribution=Decimal(3_000),
        review_months=(6, 12),
    ),
    Plan(
        account="OKAFOR-BROKERAGE",
        name="Okafor brokerage",
        household="OKAFOR",
        base_currency="GBP",
        model="WORLD",
        opened=date(2015, 2, 1),
        opening=Decimal(450_000),
        contribution=Decimal(5_000),
        review_months=(2, 5, 8, 11),
        exclusion=Exclusion("Energy", since=date(2022, 7, 1)),
    ),
    Plan(
        account="OKAFOR-PENSION",
        name="Okafor pension",
        household="OKAFOR",
        base_currency="EUR",
        model="INCOME",
        opened=date(2014, 3, 1),
        opening=Decimal(600_000),
        contribution=Decimal(4_000),
        review_months=(3, 6, 9, 12),
    ),
)

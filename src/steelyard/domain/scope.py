"""Scope: whose assets an answer is about."""

from dataclasses import dataclass
from typing import Final, Literal, Self


@dataclass(frozen=True, slots=True)
class Scope:
    """A tenant as a whole, one household, or one account.

    >>> Scope.account("RIVERA-IRA")
    Scope(kind='account', id='RIVERA-IRA')
    >>> str(TENANT)
    'all accounts'
    """

    kind: Literal["tenant", "household", "account"]
    id: str

    @classmethod
    def household(cls, household_id: str) -> Self:
        """Return the scope of one household's accounts."""
        return cls("household", household_id)

    @classmethod
    def account(cls, account_id: str) -> Self:
        """Return the scope of one account."""
        return cls("account", account_id)

    def __str__(self) -> str:
        """Name the scope as a person would."""
        return "all accounts" if self.kind == "tenant" else f"{self.kind} {self.id}"


TENANT: Final = Scope("tenant", "")
"""Every account of the session's tenant."""

"""The number an account has at its bank or broker: a person's data, kept sealed."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.domain.scope import Scope
from steelyard.errors import InvalidInputError
from steelyard.identity.vault import Vault
from steelyard.services.scope import UnknownScopeError
from steelyard.storage.account_number import COLUMN, get_sealed_number, set_sealed_number
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession

LONGEST: Final = 64


class AccountNumberError(InvalidInputError):
    """A text is no number of an account."""

    def __init__(self, account_id: str) -> None:
        """Say the rule; what was given may be half of the number, and is not repeated."""
        super().__init__(
            f"That is no number for account {account_id}: write 1 to {LONGEST} letters, digits, spaces and "
            "punctuation, as the bank or broker writes it."
        )


async def set_account_number(db: WriteSession, vault: Vault, account_id: str, number: str | None) -> None:
    """Keep the number of an account, or take it away.

    Args:
        db: the session; it must not do more than this after it.
        vault: seals the number.
        account_id: our key of the account.
        number: 1 to 64 printable characters, kept without the spaces around them; None takes it away.

    Raises:
        AccountNumberError: it is empty, longer, or not printable.
        UnknownScopeError: there is no such account, or it is not the user's to see.
    """
    sealed = None
    if number is not None:
        number = number.strip()
        if not number.isprintable() or not 0 < len(number) <= LONGEST:
            raise AccountNumberError(account_id)
        sealed = await vault.seal(db, *COLUMN, account_id, number)
    if not await set_sealed_number(db, account_id, sealed):
        raise UnknownScopeError(Scope.account(account_id), [])
    await record_event(db, "account_number.set" if sealed else "account_number.remove", "account", account_id)


async def get_account_number(db: AsyncSession, vault: Vault, account_id: str) -> str | None:
    """Return the number of an account; None where none is kept.

    Args:
        db: the session.
        vault: opens the number.
        account_id: our key of the account.

    Raises:
        UnknownScopeError: there is no such account, or it is not the user's to see.
        SealedFieldError: what is kept was damaged.
    """
    found = await get_sealed_number(db, account_id)
    if found is None:
        raise UnknownScopeError(Scope.account(account_id), [])
    return None if found[0] is None else await vault.unseal(db, *COLUMN, account_id, found[0])

"""Questions of an import: which account and which asset a statement means, where nobody has said so yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Final

from steelyard.domain.money import is_currency
from steelyard.identity.vault import Vault
from steelyard.services.asset_naming import NEW, Named, hint_key, name_assets, own_id
from steelyard.services.scope import nearest
from steelyard.services.statement_plan import Candidate, Choices, Doubt, NewAsset, Question, Subject
from steelyard.services.statement_rows import FileRows, ImportChoiceError, Names, accounts_of, hints_of
from steelyard.statements.record import Hint
from steelyard.storage.asset_naming import (
    NamedAsset,
    add_assets,
    find_assets,
    get_answered_accounts,
    remember_accounts,
    remember_assets,
)
from steelyard.storage.connection import AnySession, WriteSession
from steelyard.storage.statement_import import ImportAccount

MOST_CANDIDATES: Final = 10
_KIND: Final = "statement account"


@dataclass(frozen=True, slots=True)
class Answers:
    """What names mean, what is still asked, and what a run is to remember.

    Attributes:
        names: what is known.
        questions: what is not.
        new_assets: assets to be made first.
        asset_answers: key of a hint → asset, said now.
        account_answers: reader and keyed hash of a name → account, said now.
    """

    names: Names
    questions: tuple[Question, ...]
    new_assets: tuple[NewAsset, ...]
    asset_answers: Mapping[str, str]
    account_answers: Mapping[tuple[str, bytes], str]


async def answer_names(
    db: AnySession,
    files: Sequence[FileRows],
    choices: Choices,
    accounts: Mapping[str, ImportAccount],
    vault: Vault | None,
) -> Answers:
    """Find out what the names of some files mean, by what a person says now, said before, and by what follows.

    Args:
        db: a session.
        files: what was read.
        choices: what a person says now.
        accounts: ours, by id.
        vault: finds accounts that were said before; None = none is known.

    Raises:
        ImportChoiceError: a choice names an account or an asset that is not there.
    """
    _refuse_idle(files, choices)
    known = await _check_choices(db, choices, accounts)
    meant, asked = await _accounts(db, files, choices, accounts, vault)

    def currency_of(reader: str, name: str) -> str:
        account = meant.get((reader, name))
        return accounts[account].base_currency if account else ""

    hints = hints_of(files, currency_of)
    named = await name_assets(db, {hint: first[0] for hint, first in hints.items()}, choices.assets)
    made = {hint: one.new_asset for hint, one in named.items() if _is_made(one, choices) and one.new_asset}
    assets = {hint: one.asset_id for hint, one in named.items() if one.doubt is None}
    assets |= {hint: new.asset_id for hint, new in made.items()}
    for hint, new in made.items():
        _refuse_other(hint, new, known.get(new.asset_id))
        if not is_currency(new.currency):
            raise ImportChoiceError(
                f"asset {new.asset_id!r}, to be made for {hint_key(hint)}",
                f"has no currency, and no row says one: load it in asset_master first, or write {NEW}ID@USD",
            )
    keys = {hint_key(hint) for hint in hints}
    return Answers(
        names=Names(meant, {one.account_id: one.base_currency for one in accounts.values()}, assets),
        questions=(*asked, *_asset_questions({h: n for h, n in named.items() if h not in assets}, hints)),
        new_assets=tuple(
            sorted(
                {new.asset_id: new for new in made.values() if new.asset_id not in known}.values(),
                key=lambda n: n.asset_id,
            )
        ),
        asset_answers={key: own_id(name)[0] for key, name in choices.assets.items() if key in keys}
        | {hint_key(hint): new.asset_id for hint, new in made.items()},
        account_answers=_to_remember(meant, choices, vault),
    )


async def make_assets(db: WriteSession, new: Sequence[NewAsset]) -> None:
    """Make the assets that an import brings."""
    if new:
        rows = [
            {
                "asset_id": one.asset_id,
                "asset_name": one.asset_name,
                "asset_type": one.asset_type,
                "isin": one.isin or None,
                "currency": one.currency,
            }
            for one in new
        ]
        await add_assets(db, rows)


async def remember(db: WriteSession, answers: Answers) -> None:
    """Keep what a person said, for the next statement."""
    if answers.asset_answers:
        await remember_assets(db, answers.asset_answers)
    if answers.account_answers:
        await remember_accounts(db, answers.account_answers)


def _is_made(one: Named, choices: Choices) -> bool:
    return one.new_asset is not None and (
        one.doubt is None or (one.doubt is Doubt.UNKNOWN and choices.new_assets)
    )


def _refuse_idle(files: Sequence[FileRows], choices: Choices) -> None:
    """Refuse an answer to what nobody asks: it is a slip, and what it was meant for would be booked by another."""
    if not choices.accounts and not choices.assets:
        return
    names = {name for _, name in accounts_of(files)}
    keys = {hint_key(hint) for hint in hints_of(files, lambda _reader, _name: "")}
    for name in choices.accounts:
        if name not in names:
            near = " or ".join(nearest(name, names)) or "write it as the statement does"
            raise ImportChoiceError(f"statement account {name!r}", f"is in none of the files: {near}")
    for key in choices.assets:
        if key not in keys:
            near = " or ".join(nearest(key, keys)) or "--dry-run shows the keys that are asked for"
            raise ImportChoiceError(f"the key {key!r}", f"is that of no asset in the files: {near}")


def _refuse_other(hint: Hint, new: NewAsset, there: NamedAsset | None) -> None:
    """Refuse to make an asset under the id of another: every tenant's books would change with it."""
    if there is None or (
        there.currency == new.currency and (there.isin == new.isin or not (there.isin and new.isin))
    ):
        return
    is_what = ", ".join(word for word in (there.asset_name, there.isin, there.currency) if word)
    raise ImportChoiceError(
        f"asset {new.asset_id!r}, to be made for {hint_key(hint)},",
        f"is there already, as {is_what}: write {there.asset_id} without {NEW} if it is meant, or give another id",
    )


async def _check_choices(
    db: AnySession, choices: Choices, accounts: Mapping[str, ImportAccount]
) -> dict[str, NamedAsset]:
    for account_id in [*([choices.account] if choices.account else []), *choices.accounts.values()]:
        if account_id not in accounts:
            near = nearest(account_id, accounts)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ImportChoiceError(f"account {account_id!r}", f"is not there{hint}")
    wanted = {own_id(name)[0] for name in choices.assets.values()}
    none = frozenset[str]()
    found = await find_assets(db, isins=none, cusips=none, asset_ids=wanted, symbols=none, asset_names=none)
    known = {asset.asset_id: asset for asset in found}
    for key, name in choices.assets.items():
        if not name.startswith(NEW) and name not in known:
            raise ImportChoiceError(
                f"asset {name!r}, given for {key}", f"is not there; write {NEW}{name} to make it"
            )
    return known


# ── Accounts ────────────────────────────────────────────────────────────────────────────────────────────


async def _accounts(
    db: AnySession,
    files: Sequence[FileRows],
    choices: Choices,
    accounts: Mapping[str, ImportAccount],
    vault: Vault | None,
) -> tuple[dict[tuple[str, str], str], list[Question]]:
    found = accounts_of(files)
    before = await _remembered(db, found, vault)
    is_one = len({name for _, name in found}) <= 1
    meant: dict[tuple[str, str], str] = {}
    asked = []
    for key, (file_name, line, rows) in found.items():
        name = key[1]
        said = choices.accounts.get(name) or (choices.account if is_one else None)
        itself = name if name in accounts else None
        account = said or before.get(key) or itself or choices.account
        if account is not None and account in accounts:
            meant[key] = account
        else:
            asked.append(_account_question(name, file_name, line, rows, accounts))
    return meant, asked


async def _remembered(
    db: AnySession, found: Mapping[tuple[str, str], object], vault: Vault | None
) -> dict[tuple[str, str], str]:
    if vault is None:
        return {}
    hashes = {key: _hash(vault, key) for key in found if key[1]}
    stored = await get_answered_accounts(db, list(hashes.values()))
    return {key: stored[key[0], name] for key, name in hashes.items() if (key[0], name) in stored}


def _to_remember(
    meant: Mapping[tuple[str, str], str], choices: Choices, vault: Vault | None
) -> dict[tuple[str, bytes], str]:
    """Return what was said of names now; what a name means by itself needs no memory."""
    if vault is None:
        return {}
    said = {*choices.accounts.values(), choices.account}
    return {
        (key[0], _hash(vault, key)): account
        for key, account in meant.items()
        if key[1] and key[1] != account and account in said
    }


def _hash(vault: Vault, key: tuple[str, str]) -> bytes:
    return vault.index(_KIND, "\x1f".join(key))


def _account_question(
    name: str, file_name: str, line: int, rows: int, accounts: Mapping[str, ImportAccount]
) -> Question:
    likely = [*nearest(name, accounts), *accounts] if name else [*accounts]
    ids = list(dict.fromkeys(likely))[:MOST_CANDIDATES]
    option = f"--statement-account {quote(f'{name}=ACCOUNT')}" if name else "--account ACCOUNT"
    asked = f"Which account is {name!r} of the statement?" if name else "Which account is the statement of?"
    return Question(
        subject=Subject.ACCOUNT,
        doubt=Doubt.UNKNOWN,
        key=name,
        text=asked,
        rows=rows,
        file_name=file_name,
        line=line,
        option=option,
        candidates=tuple(
            Candidate(one, accounts[one].account_name, accounts[one].base_currency) for one in ids
        ),
    )


# ── Assets ──────────────────────────────────────────────────────────────────────────────────────────────

_ASKED: Final = {
    Doubt.UNKNOWN: "No asset here is {}.",
    Doubt.AMBIGUOUS: "Which asset is {}?",
    Doubt.CONTRADICTION: "The asset with that number is in another currency than {}. Which asset is it?",
}


def _asset_questions(
    open_ones: Mapping[Hint, Named], hints: Mapping[Hint, tuple[str, str, int, int]]
) -> Iterator[Question]:
    by_key: dict[str, list[Hint]] = {}
    for hint in open_ones:
        by_key.setdefault(hint_key(hint), []).append(hint)
    for key, same in by_key.items():
        hint = same[0]
        named, (_, file_name, line, _) = open_ones[hint], hints[hint]
        doubt = named.doubt or Doubt.UNKNOWN
        yield Question(
            subject=Subject.ASSET,
            doubt=doubt,
            key=key,
            text=_ASKED[doubt].format(describe_hint(hint)),
            rows=sum(hints[one][3] for one in same),
            file_name=file_name,
            line=line,
            option=f"--asset {quote(f'{key}=ASSET')}",
            hint=hint,
            candidates=named.candidates[:MOST_CANDIDATES],
            new_asset=named.new_asset,
        )


def describe_hint(hint: Hint) -> str:
    """Say what a statement says of an asset.

    >>> describe_hint(Hint(symbol="VOD", name="Vodafone Group", venue="LSE", currency="GBX"))
    'VOD (Vodafone Group, LSE, GBX)'
    """
    words = [hint.symbol, hint.isin, hint.cusip, hint.name]
    first = next((word for word in words if word), "an asset without a name")
    others = [
        word
        for word in (hint.isin, hint.cusip, hint.name, hint.venue, hint.currency)
        if word and word != first
    ]
    return f"{first} ({', '.join(others)})" if others else first

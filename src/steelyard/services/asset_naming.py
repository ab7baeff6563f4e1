"""Naming assets: which of ours a statement means. What does not follow from its numbers is asked, never guessed."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from steelyard.domain.asset import AssetIdError, normalize_asset_id
from steelyard.domain.money import is_currency, major_currency
from steelyard.services.statement_plan import Candidate, Doubt, NewAsset
from steelyard.statements.record import Hint
from steelyard.storage import asset_naming as store
from steelyard.storage.asset_naming import NamedAsset
from steelyard.storage.connection import AnySession

LONGEST_KEY: Final = 400
_MIC_LENGTH: Final = 4
_WITH_CUSIP: Final = ("US", "CA")
COIN: Final = "Cryptocurrency"
_TYPES: Final = (
    (COIN, ("crypto", "coin", "krypto")),
    ("ETF", ("etf", "etp", "etc", "exchange traded", "exchange-traded")),
    ("Fund", ("fund", "fond", "sicav", "oeic", "mutual")),
    ("Bond", ("bond", "anleihe", "obligation", "treasury", "bill", "note", "debt")),
    ("Equity", ("stock", "equity", "share", "aktie", "action", "common", "adr", "reit")),
)
NEW: Final = "+"
"""Stands before the id of an asset that is to be made, in an answer; no id begins with it."""
UNCLASSIFIED: Final = "Unclassified"
"""The type of an asset of which a statement does not say what it is."""


@dataclass(frozen=True, slots=True)
class Named:
    """What became of a hint.

    Attributes:
        asset_id: the asset that is meant; "" = that is to be asked.
        doubt: why it is asked; None = it is not.
        candidates: what may be meant.
        new_asset: what would be made; None = something is meant, or too little is said to make one.
    """

    asset_id: str = ""
    doubt: Doubt | None = None
    candidates: tuple[Candidate, ...] = ()
    new_asset: NewAsset | None = None


def hint_key(hint: Hint) -> str:
    """Return the key under which an answer about a hint is given and remembered, the same for every reader.

    >>> hint_key(Hint(isin="US0378331005", currency="USD", symbol="AAPL"))
    'isin:US0378331005/USD'
    >>> hint_key(Hint(symbol="VOD", venue="XLON", currency="GBX")), hint_key(Hint(name="Vodafone  Group"))
    ('symbol:VOD/XLON/GBX', 'name:vodafone group/')
    """
    if hint.isin:
        return _key("isin", hint.isin, hint.currency)
    if hint.cusip:
        return _key("cusip", hint.cusip, hint.currency)
    if hint.symbol:
        return _key("symbol", _upper(hint.symbol), _upper(hint.venue), hint.currency)
    return _key("name", _folded(hint.name), hint.currency)


async def name_assets(
    db: AnySession,
    hints: Mapping[Hint, str],
    answers: Mapping[str, str],
) -> dict[Hint, Named]:
    """Find the asset that each hint means.

    Args:
        db: a session.
        hints: each with the currency of the first row that has it, for a hint that says none; "" = nobody says.
        answers: what a person says now: key of a hint → asset that there is, or + and the id of one to be made.

    Returns:
        An asset by an answer, of now or remembered; by ISIN or CUSIP, where the currency does not say otherwise and
        venue and currency leave one; by a symbol, where currency or venue fit exactly one. Everything else is in doubt.
    """
    keys = {hint: hint_key(hint) for hint in hints}
    said = await store.get_answered_assets(db, set(keys.values())) | dict(answers)
    open_hints = [hint for hint, key in keys.items() if key not in said]
    found = await _find(db, {hint: hint.currency or hints[hint] for hint in open_hints})
    known = _Known(found)
    named = {hint: _answered(hint, hints[hint], said[key]) for hint, key in keys.items() if key in said}
    named |= {hint: _name(hint, known) for hint in open_hints}
    named |= dict(_with_new(named, hints, {asset.asset_id for asset in found}))
    return dict(_one_a_key(named, keys))


def own_id(answer: str) -> tuple[str, str]:
    """Return the id that an answer gives, and the currency it gives with an asset to be made; "" = it gives none.

    Raises:
        AssetIdError: the id of an asset to be made cannot be one.

    >>> own_id("VOD.L"), own_id("+VOD.US@USD")
    (('VOD.L', ''), ('VOD.US', 'USD'))
    """
    if not answer.startswith(NEW):
        return answer, ""
    name, _, currency = answer.removeprefix(NEW).partition("@")
    return normalize_asset_id(name), currency


def _answered(hint: Hint, currency: str, answer: str) -> Named:
    asset_id, own = own_id(answer)
    if not answer.startswith(NEW):
        return Named(asset_id)
    new = _new_asset(hint, currency, asset_id)
    return Named(asset_id, new_asset=replace(new, currency=own) if own else new)


def _one_a_key(named: Mapping[Hint, Named], keys: Mapping[Hint, str]) -> Iterator[tuple[Hint, Named]]:
    """Yield hints with what their key means: of hints that share one the first that is certain counts, else the first.

    One ISIN may come under an old and a new symbol. Where two are certain of two assets, it is asked.
    """
    by_key: dict[str, list[Hint]] = {}
    for hint in sorted(named, key=_order_of):
        by_key.setdefault(keys[hint], []).append(hint)
    for same in by_key.values():
        certain = [hint for hint in same if named[hint].doubt is None]
        found = named[(certain or same)[0]]
        if len({named[hint].asset_id for hint in certain}) > 1:
            ids = dict.fromkeys(named[hint].asset_id for hint in certain)
            found = Named(doubt=Doubt.AMBIGUOUS, candidates=tuple(Candidate(name, "", "") for name in ids))
        yield from ((hint, found) for hint in same)


def _order_of(hint: Hint) -> tuple[str, ...]:
    return hint.symbol, hint.name, hint.venue, hint.currency, hint.isin, hint.cusip, hint.kind


async def _find(db: AnySession, hints: Mapping[Hint, str]) -> list[NamedAsset]:
    """Return the assets that hints, each with its currency, may mean, and those whose id a new one might be given."""
    if not hints:
        return []
    symbols = {name for hint in hints for name in _spellings(hint.symbol)}
    return await store.find_assets(
        db,
        isins={hint.isin for hint in hints if hint.isin},
        cusips={hint.cusip for hint in hints if hint.cusip},
        asset_ids={name for hint, currency in hints.items() for name in _possible_ids(hint, currency)},
        symbols=symbols,
        asset_names={hint.name.lower() for hint in hints if hint.name},
    )


class _Known:
    """Assets by the words that a hint may say; what is found keeps their order."""

    def __init__(self, assets: Iterable[NamedAsset]) -> None:
        self._by_word: dict[tuple[str, str], list[NamedAsset]] = {}
        for asset in assets:
            for word in set(_words(asset)):
                self._by_word.setdefault(word, []).append(asset)

    def find(self, kind: str, words: Iterable[str]) -> list[NamedAsset]:
        found = {asset.asset_id: asset for word in words for asset in self._by_word.get((kind, word), ())}
        return [found[asset_id] for asset_id in sorted(found)]


def _words(asset: NamedAsset) -> Iterator[tuple[str, str]]:
    spelled = _upper(asset.asset_id)
    yield "id", spelled
    yield "stem", spelled.partition(".")[0]
    yield "name", asset.asset_name.lower()
    yield "isin", asset.isin
    if asset.isin[:2] in _WITH_CUSIP:
        yield "cusip", asset.isin[2:11]


def _name(hint: Hint, known: _Known) -> Named:
    by_number = known.find("isin", [hint.isin]) if hint.isin else known.find("cusip", [hint.cusip])
    if by_number:
        return _of_number(hint, by_number)
    spellings = _spellings(hint.symbol)
    spelled = known.find("id", spellings)
    fitting = [
        asset
        for asset in spelled
        if _is_placed(hint, asset)
        and not (hint.isin and asset.isin)  # another ISIN is another asset
        and not _is_other_kind(hint, asset)
    ]
    if len(fitting) == 1:
        return Named(fitting[0].asset_id)
    near = spelled or known.find("stem", spellings)  # what a person may mean; never enough to book on
    near = near or (known.find("name", [hint.name.lower()]) if hint.name else [])
    is_other = all(hint.isin and asset.isin for asset in near)
    return Named(doubt=Doubt.UNKNOWN if is_other else Doubt.AMBIGUOUS, candidates=_candidates(near))


def _of_number(hint: Hint, found: list[NamedAsset]) -> Named:
    """Choose among assets of one ISIN or CUSIP: a currency that differs is asked about, pence and pounds too."""
    fitting = [asset for asset in found if hint.currency in {"", asset.currency}]
    if not fitting:
        return Named(doubt=Doubt.CONTRADICTION, candidates=_candidates(found))
    if len(fitting) > 1 and hint.venue:
        fitting = [asset for asset in fitting if asset.exchange == _upper(hint.venue)] or fitting
    if len(fitting) == 1:
        return Named(fitting[0].asset_id)
    return Named(doubt=Doubt.AMBIGUOUS, candidates=_candidates(fitting))


def _is_placed(hint: Hint, asset: NamedAsset) -> bool:
    """Whether currency or venue say that it is this one, and neither says that it is not."""
    venue = _upper(hint.venue)
    is_mic = len(venue) == _MIC_LENGTH and bool(asset.exchange)
    if (hint.currency and asset.currency != hint.currency) or (is_mic and asset.exchange != venue):
        return False
    return bool(hint.currency) or (is_mic and asset.exchange == venue)


def _is_other_kind(hint: Hint, asset: NamedAsset) -> bool:
    """Whether one is a coin and the other is none: coins have the symbols of shares."""
    kinds = asset_type(hint.kind), asset_type(asset.asset_type)
    return UNCLASSIFIED not in kinds and (kinds[0] == COIN) != (kinds[1] == COIN)


def _candidates(assets: Iterable[NamedAsset]) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            asset.asset_id,
            asset.asset_name,
            ", ".join(word for word in (asset.isin, asset.currency, asset.exchange) if word),
        )
        for asset in assets
    )


# ── Assets that would be made ───────────────────────────────────────────────────────────────────────────


def _with_new(
    named: Mapping[Hint, Named], currencies: Mapping[Hint, str], taken: Collection[str]
) -> Iterator[tuple[Hint, Named]]:
    """Yield hints of which nothing is known with what would be made of them; hints that agree share one."""
    made: dict[str, NewAsset] = {}
    for hint in sorted((one for one, found in named.items() if found.doubt is Doubt.UNKNOWN), key=_order_of):
        currency = hint.currency or currencies[hint]
        if not is_currency(currency):
            continue
        for asset_id in _possible_ids(hint, currency):
            new = _new_asset(hint, currency, asset_id)
            if asset_id not in taken and _agrees(made.get(asset_id), new):
                made.setdefault(asset_id, new)
                yield hint, replace(named[hint], new_asset=made[asset_id])
                break


def _new_asset(hint: Hint, currency: str, asset_id: str) -> NewAsset:
    return NewAsset(
        asset_id=asset_id,
        asset_name=hint.name or hint.symbol or hint.isin or hint.cusip,
        asset_type=asset_type(hint.kind),
        currency=hint.currency or currency,
        isin=hint.isin,
    )


def _possible_ids(hint: Hint, currency: str) -> Iterator[str]:
    symbol = _upper(hint.symbol)
    for text in (
        symbol,
        hint.isin,
        f"{symbol}.{currency}" if symbol else "",
        hint.cusip,
        _folded(hint.name).upper(),
    ):
        try:
            yield normalize_asset_id(text)
        except AssetIdError:
            continue


def _agrees(before: NewAsset | None, new: NewAsset) -> bool:
    return before is None or (
        major_currency(before.currency) == major_currency(new.currency)
        and (before.isin == new.isin or not (before.isin and new.isin))
    )


def asset_type(kind: str) -> str:
    """Return the type of an asset by a statement's word for it.

    >>> asset_type("STOCK"), asset_type("ETF - Accumulating"), asset_type("")
    ('Equity', 'ETF', 'Unclassified')
    """
    word = kind.casefold()
    return next((name for name, words in _TYPES if any(part in word for part in words)), kind or UNCLASSIFIED)


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────


def _key(kind: str, *words: str) -> str:
    text = "/".join(word.replace("=", " ").replace("/", " ").strip() for word in words)
    printable = "".join(letter for letter in text if letter.isprintable())
    return f"{kind}:{printable[:LONGEST_KEY]}"


def _upper(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().upper()


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _spellings(symbol: str) -> frozenset[str]:
    """Return how an id may write a symbol: classes of shares stand after a point, a slash, a hyphen or a space.

    >>> sorted(_spellings("brk/b"))
    ['BRK B', 'BRK-B', 'BRK.B', 'BRK/B']
    """
    upper = _upper(symbol)
    marks = [mark for mark in "/.- " if mark in upper]
    if len(marks) != 1:
        return frozenset({upper} if upper else ())
    return frozenset(upper.replace(marks[0], mark) for mark in "/.- ")

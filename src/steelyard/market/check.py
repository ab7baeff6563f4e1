"""How far a price is trusted: beside the closes before it, the corporate actions since, and the exchange's calendar.

Pure. What is large, what looks like a split and what like pence is the same here as where a load screens prices
(`analytics.quality`); here there is only one new price, and nothing later that could confirm it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, localcontext
from itertools import pairwise
from statistics import median
from typing import Final

from steelyard.analytics.quality import HOUSE_RULE, JumpKind
from steelyard.domain.amount import AmountError, read_amount
from steelyard.domain.calendar import CLOCK_SKEW, TIME_ZONES, time_zone
from steelyard.domain.money import EXACT, major_currency, units_per_major
from steelyard.market.port import AssetKey, CheckedPrice, Quality, Quote

ONE: Final = Decimal(1)
JUMP: Final = Decimal(str(HOUSE_RULE.jump))
MAD_MULTIPLE: Final = Decimal(str(HOUSE_RULE.mad_multiple))
SPLIT_TOLERANCE: Final = Decimal(str(HOUSE_RULE.split_tolerance))
UNIT_TOLERANCE: Final = Decimal(str(HOUSE_RULE.unit_tolerance))
MINOR_UNITS: Final = Decimal(100)
CONFIRMED: Final = Decimal("0.02")
"""How far another source's price may be, fraction, to confirm one."""

Age = Callable[[date, date, str, int], int]
"""Sessions from a day to another at an exchange, and the age that no one minds."""
Doubt = tuple[Quality, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of an asset's price before the one that is judged.

    Attributes:
        closes: accepted closes in the asset's quotation unit, oldest first; the price is compared with the last, and
            the spread of their returns says what is usual. Empty = nothing is known, and nothing can be an outlier.
        split: units that one unit became by splits since the last close: 2 after a 2:1.
        has_other_action: whether a spin-off or a merger since then may have moved the price by any amount.
    """

    closes: Sequence[Decimal] = ()
    split: Decimal = ONE
    has_other_action: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What prices are judged by.

    Attributes:
        now: the caller's clock, with its offset.
        as_of: the day on which their age counts; None = the exchange's day of `now`.
        max_age: sessions a price may be old.
        age: counts sessions.
    """

    now: datetime
    max_age: int
    age: Age
    as_of: date | None = None


def check_price(asset: AssetKey, quote: Quote | None, known: Known, judge: Judge) -> CheckedPrice:
    """Say how far a price is trusted.

    Args:
        asset: what it is the price of.
        quote: what a source gave; None = nothing.
        known: what the price is compared with.
        judge: clock, calendar and how old is too old.

    Returns:
        The price in a whole currency, with the worst that there is to say of it: whoever lets a stale price pass lets
        nothing else pass. INVALID comes without a price.

    >>> from datetime import UTC
    >>> noon = datetime(2024, 3, 11, 12, tzinfo=UTC)
    >>> quote = Quote(asset_id="VOD", price=Decimal("70.5"), currency="GBX", made_at=noon, source="feed")
    >>> judge = Judge(now=noon, max_age=3, age=lambda day, as_of, mic, at_most: 0)
    >>> found = check_price(AssetKey("VOD", "VOD", "GBX"), quote, Known(closes=[Decimal(70)]), judge)
    >>> found.price, found.currency, found.quality.value
    (Decimal('0.705'), 'GBP', 'good')
    """
    if quote is None:
        return missing_price(asset, "no source has one")
    if fault := _fault(quote, judge):
        doubt = (Quality.INVALID, f"The price of {asset.asset_id} from {quote.source} {fault}.")
        return _answer(asset, quote, doubt, price=None)
    day = day_of(asset, quote)
    age = judge.age(day, judge.as_of or _exchange_day(asset, judge.now), asset.mic, judge.max_age)
    doubts = _doubts(asset, quote, known)
    stale = (Quality.STALE, _stale(asset, quote, day, age, judge.max_age)) if age > judge.max_age else None
    doubt = next(doubts, stale) or (Quality.GOOD, "")
    return _answer(asset, quote, doubt, price=_in_major(quote.price, _unit(asset, quote)), day=day, age=age)


def choose_price(answers: Sequence[CheckedPrice]) -> CheckedPrice:
    """Return the price that counts of those of several sources, asked in their order; there is at least one.

    That is the first that is good. An outlier that another source confirms is a shift of the level, and good. Where
    nothing is, it is the first that has a price, with its doubt; else the first.
    """
    good = next((one for one in answers if one.is_good), None)
    if good is None:
        good = next((_shifted(one) for one in answers if _is_confirmed(one, answers)), None)
    return good or next((one for one in answers if one.price is not None), answers[0])


def _is_confirmed(price: CheckedPrice, answers: Sequence[CheckedPrice]) -> bool:
    return any(
        one.source != price.source and one.currency == price.currency and _confirm(one.price, price.price)
        for one in answers
        if one.quality is price.quality is Quality.OUTLIER
    )


def _confirm(price: Decimal | None, other: Decimal | None) -> bool:
    return price is not None and other is not None and _is_near(price / other, CONFIRMED)


def _shifted(price: CheckedPrice) -> CheckedPrice:
    return replace(price, quality=Quality.GOOD, doubt="")


def missing_price(asset: AssetKey, reason: str) -> CheckedPrice:
    """Return that there is no price, and why."""
    return CheckedPrice(
        asset_id=asset.asset_id,
        price=None,
        currency=major_currency(asset.currency),
        made_at=None,
        source="",
        quality=Quality.MISSING,
        doubt=f"There is no price of {asset.asset_id}: {reason}.",
    )


def needs_history(asset: AssetKey, quote: Quote, known: Known) -> bool:
    """Whether a price is so far from the last close that it matters what is usual for the asset."""
    ratio = _ratio(asset, quote, known)
    return ratio is not None and abs(ratio - ONE) > JUMP


def day_of(asset: AssetKey, quote: Quote) -> date:
    """Return the exchange's day that a price is of."""
    return quote.price_date or _exchange_day(asset, quote.made_at)


def _exchange_day(asset: AssetKey, moment: datetime) -> date:
    """Return the day of a moment at the exchange; in UTC where nobody says which exchange."""
    return (moment.astimezone(time_zone(asset.mic)) if asset.mic in TIME_ZONES else moment).date()


def _fault(quote: Quote, judge: Judge) -> str:
    """Say why it is no price at all; "" = it is one."""
    try:
        price = read_amount("price", quote.price)
    except AmountError as error:
        return f"is {error.why}"
    if price <= 0:
        return f"is {price}, not above 0"
    if quote.made_at.tzinfo is None:
        return "has a time without an offset from UTC"
    if quote.made_at > judge.now + CLOCK_SKEW:
        return f"is of {quote.made_at:%Y-%m-%d %H:%M:%S%z}, which lies in the future"
    return ""


def _doubts(asset: AssetKey, quote: Quote, known: Known) -> Iterator[Doubt]:
    """Yield what speaks against a price, the worst first."""
    name = f"The price of {asset.asset_id} from {quote.source}"
    if major_currency(_unit(asset, quote)) != major_currency(asset.currency):
        yield Quality.CURRENCY, f"{name} is in {quote.currency}, and its asset in {asset.currency}."
    if quote.bid is not None and quote.ask is not None and quote.bid >= quote.ask:
        yield Quality.CROSSED, f"{name} stands between a bid of {quote.bid} and an ask of {quote.ask}."
    ratio = _ratio(asset, quote, known)
    if ratio is not None and not known.has_other_action and (found := _jump(ratio, known.closes)):
        quality, kind = found
        last = f"{_in_major(_last(known), asset.currency):.6g} {major_currency(asset.currency)}"
        said = kind.describe(float(ratio))
        yield (
            quality,
            f"{name} is in doubt; the last was {last}, and this {said}{'' if said[-1] == '?' else '.'}",
        )


def _jump(ratio: Decimal, closes: Sequence[Decimal]) -> tuple[Quality, JumpKind] | None:
    """Say what a change of price looks like; None = nothing unusual for the asset."""
    hundredfold = max(ratio, ONE / ratio) / MINOR_UNITS
    if max(hundredfold, ONE / hundredfold) <= ONE + UNIT_TOLERANCE:
        return Quality.CURRENCY, JumpKind.UNIT_JUMP
    if abs(ratio - ONE) <= max(JUMP, MAD_MULTIPLE * usual_spread([*closes, closes[-1] * ratio])):
        return None
    if looks_like_split(ratio):
        return Quality.SPLIT, JumpKind.SPLIT_LIKE
    return Quality.OUTLIER, JumpKind.UNCONFIRMED


def usual_spread(closes: Sequence[Decimal]) -> Decimal:
    """Return the median absolute deviation of the returns of closes, a fraction; 0 where fewer than 20 are known.

    >>> usual_spread([*[Decimal(100), Decimal(101)] * 10, Decimal(100)]).quantize(Decimal("1.0000"))
    Decimal('0.0100')
    """
    returns = [after / before - ONE for before, after in pairwise(closes)]
    if len(returns) < HOUSE_RULE.mad_returns:
        return Decimal(0)
    middle = median(returns)
    return median(abs(one - middle) for one in returns)


def looks_like_split(ratio: Decimal) -> bool:
    """Whether a price that is `ratio` times the last looks like a split of 2 to 10 for 1, the reverse, or 3 for 2.

    >>> [looks_like_split(Decimal(text)) for text in ("0.505", "10.2", "0.6667", "0.55")]
    [True, True, True, False]
    """
    multiple = max(ratio, ONE / ratio)
    whole = min(max(round(multiple), 2), HOUSE_RULE.largest_split)
    return _is_near(multiple / whole, SPLIT_TOLERANCE) or _is_near(ratio * 3 / 2, SPLIT_TOLERANCE)


def _is_near(multiple: Decimal, tolerance: Decimal) -> bool:
    return abs(multiple - ONE) <= tolerance


def _ratio(asset: AssetKey, quote: Quote, known: Known) -> Decimal | None:
    """Return the price over the last close; None where there is none, or the two are in different currencies."""
    unit = _unit(asset, quote)
    if not known.closes or major_currency(unit) != major_currency(asset.currency):
        return None
    return _in_major(quote.price, unit) / _in_major(_last(known), asset.currency)


def _last(known: Known) -> Decimal:
    """Return the last close as it would be after the splits since."""
    with localcontext(EXACT):
        return known.closes[-1] / known.split


def _stale(asset: AssetKey, quote: Quote, day: date, age: int, max_age: int) -> str:
    sessions = "session" if age == 1 else "sessions"
    return (
        f"The price of {asset.asset_id} from {quote.source} is of {day}, {age} {sessions} old: older than the "
        f"{max_age} allowed."
    )


def _unit(asset: AssetKey, quote: Quote) -> str:
    return quote.currency or asset.currency


def _in_major(price: Decimal, unit: str) -> Decimal:
    with localcontext(EXACT):
        return price / units_per_major(unit)


def _answer(
    asset: AssetKey,
    quote: Quote,
    doubt: Doubt,
    *,
    price: Decimal | None,
    day: date | None = None,
    age: int = 0,
) -> CheckedPrice:
    quality, sentence = doubt
    return CheckedPrice(
        asset_id=asset.asset_id,
        price=price,
        currency=major_currency(_unit(asset, quote)),
        made_at=quote.made_at,
        source=quote.source,
        quality=quality,
        doubt=sentence,
        price_date=day,
        age=age,
    )

"""Days: the exchange's day of a moment, and the day on which a trade settles.

A moment is stored in UTC; the day it belongs to is the exchange's. Monday evening in New York is Tuesday in Tokyo,
and a sale there is of Tuesday. Time zones: the IANA database, by the operating or segment MIC of ISO 10383.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from steelyard.errors import InvalidInputError

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far clocks may differ: a moment later than this is in the future."""

_MICS_BY_ZONE: Final = {
    "America/New_York": "ARCX BATS BATY EDGA EDGX IEXG OOTC OTCM PINX XASE XNAS XNCM XNGS XNMS XNYM XNYS XPHL",
    "America/Chicago": "XCBO XCBT XCHI XCME",
    "America/Toronto": "NEOE XCNQ XTSE XTSX",
    "America/Mexico_City": "BIVA XMEX",
    "America/Bogota": "XBOG",
    "America/Lima": "XLIM",
    "America/Santiago": "XSGO",
    "America/Sao_Paulo": "BVMF",
    "America/Argentina/Buenos_Aires": "XBUE",
    "Atlantic/Reykjavik": "XICE",
    "Europe/London": "AIMX BATE CHIX TRQX XLON",
    "Europe/Dublin": "XDUB XMSM",
    "Europe/Lisbon": "XLIS",
    "Europe/Madrid": "BMEX XBAR XMAD",
    "Europe/Paris": "XPAR",
    "Europe/Brussels": "XBRU",
    "Europe/Amsterdam": "XAMS",
    "Europe/Luxembourg": "XLUX",
    "Europe/Berlin": "XBER XDUS XETR XFRA XHAM XHAN XMUN XSTU",
    "Europe/Zurich": "XSWX XVTX",
    "Europe/Rome": "MTAA XMIL",
    "Europe/Vienna": "WBAH XWBO",
    "Europe/Prague": "XPRA",
    "Europe/Warsaw": "XWAR",
    "Europe/Budapest": "XBUD",
    "Europe/Copenhagen": "XCSE",
    "Europe/Oslo": "XOSL",
    "Europe/Stockholm": "XSTO",
    "Europe/Helsinki": "XHEL",
    "Europe/Tallinn": "XTAL",
    "Europe/Riga": "XRIS",
    "Europe/Vilnius": "XLIT",
    "Europe/Athens": "ASEX XATH",
    "Europe/Bucharest": "XBSE",
    "Europe/Istanbul": "XIST",
    "Europe/Moscow": "MISX XMOS",
    "Asia/Jerusalem": "XTAE",
    "Asia/Riyadh": "XSAU",
    "Asia/Kuwait": "XKUW",
    "Asia/Qatar": "DSMD",
    "Asia/Dubai": "DIFX XADS XDFM",
    "Africa/Cairo": "XCAI",
    "Africa/Casablanca": "XCAS",
    "Africa/Johannesburg": "XJSE",
    "Africa/Lagos": "XNSA",
    "Africa/Nairobi": "XNAI",
    "Asia/Karachi": "XKAR",
    "Asia/Kolkata": "XBOM XNSE",
    "Asia/Colombo": "XCOL",
    "Asia/Dhaka": "XDHA",
    "Asia/Bangkok": "XBKK",
    "Asia/Ho_Chi_Minh": "HSTC XSTC",
    "Asia/Jakarta": "XIDX",
    "Asia/Kuala_Lumpur": "XKLS",
    "Asia/Singapore": "XSES",
    "Asia/Manila": "XPHS",
    "Asia/Hong_Kong": "XHKG",
    "Asia/Shanghai": "XSHE XSHG",
    "Asia/Taipei": "ROCO XTAI",
    "Asia/Seoul": "XKOS XKRX",
    "Asia/Tokyo": "XJPX XOSE XTKS",
    "Australia/Sydney": "CHIA XASX",
    "Pacific/Auckland": "XNZE",
}

TIME_ZONES: Final = {mic: zone for zone, mics in _MICS_BY_ZONE.items() for mic in mics.split()}
"""Time zone of each exchange that is known here, by its MIC."""


_NEXT_DAY_SINCE: Final = {
    "America/New_York": date(2024, 5, 28),
    "America/Chicago": date(2024, 5, 28),
    "America/Toronto": date(2024, 5, 27),
    "America/Mexico_City": date(2024, 5, 27),
    "Asia/Kolkata": date(2023, 1, 27),
    "Asia/Shanghai": date.min,
}
"""Time zones whose exchanges settle a session after the trade, and since when."""


class UnknownExchangeError(InvalidInputError):
    """An exchange is not known by its MIC, so nobody can say what day it is there."""

    def __init__(self, mic: str) -> None:
        """Name what was given, and the way out."""
        self.mic = mic
        super().__init__(
            f"exchange {mic[:64]!r} is no MIC known here, such as XNYS; correct it, or write the exchange's day."
        )


class NoOffsetError(InvalidInputError):
    """A moment has no offset from UTC.

    Attributes:
        offsets: what the exchange's offset may have been: two where its clocks went back, none where they skipped
            the time.
    """

    def __init__(self, moment: datetime, mic: str, offsets: tuple[timedelta, ...]) -> None:
        """Say why it cannot be guessed, and how to write it."""
        self.offsets = offsets
        written = " or ".join(_written(moment, offset) for offset in offsets)
        why = {
            0: f"never was: the clocks of {mic} skipped it; correct it.",
            1: f"has no offset from UTC; if it is the time of {mic}, write {written}.",
            2: f"was twice at {mic}, whose clocks went back; write {written}.",
        }
        super().__init__(f"{moment.isoformat()} {why[len(offsets)]}")


class FutureMomentError(InvalidInputError):
    """A moment lies in the future."""

    def __init__(self, moment: datetime, now: datetime) -> None:
        """Name the moment and what time it is."""
        super().__init__(
            f"{moment.isoformat()} lies in the future (it is {now.isoformat()}); correct it, or the clock."
        )


class SessionsEndError(InvalidInputError):
    """The sessions that are known do not reach the day that is asked for."""

    def __init__(self, trade_date: date, days: int) -> None:
        """Name the trade date and what is missing."""
        super().__init__(
            f"the sessions given end before the settlement of {trade_date} T+{days}; give later ones."
        )


def exchange_day(moment: datetime, mic: str, *, now: datetime) -> date:
    """Return the day of a moment at an exchange: the trade date of what was traded then.

    Args:
        moment: with its offset from UTC.
        mic: ISO 10383 code of the exchange.
        now: the caller's clock, with its offset.

    Raises:
        UnknownExchangeError: the exchange is not known by this code.
        NoOffsetError: the moment has no offset; the exchange's own is not assumed, for it may be missing or double.
        FutureMomentError: the moment is more than five minutes later than `now`.

    >>> from datetime import UTC
    >>> monday_evening = datetime.fromisoformat("2024-03-11T20:30:00-04:00")
    >>> [str(exchange_day(monday_evening, mic, now=datetime(2024, 4, 1, tzinfo=UTC))) for mic in ("XNYS", "XTKS")]
    ['2024-03-11', '2024-03-12']
    """
    zone = time_zone(mic)
    if moment.tzinfo is None:
        raise NoOffsetError(moment, mic, offsets_at(moment, mic))
    if moment > now + CLOCK_SKEW:
        raise FutureMomentError(moment, now)
    return moment.astimezone(zone).date()


def time_zone(mic: str) -> ZoneInfo:
    """Return the time zone of an exchange.

    Raises:
        UnknownExchangeError: the exchange is not known by this code.

    >>> time_zone("XHKG").key
    'Asia/Hong_Kong'
    """
    if mic not in TIME_ZONES:
        raise UnknownExchangeError(mic)
    return ZoneInfo(TIME_ZONES[mic])


def offsets_at(wall: datetime, mic: str) -> tuple[timedelta, ...]:
    """Return the offsets from UTC at which the clocks of an exchange show a time.

    Args:
        wall: a time without offset.
        mic: ISO 10383 code of the exchange.

    Returns:
        One; none where the clocks skip the time in spring; two where they show it twice in autumn, the earlier first.

    >>> [len(offsets_at(datetime(2024, *day_and_time), "XNYS")) for day_and_time in ((3, 10, 2, 30), (11, 3, 1, 30))]
    [0, 2]
    """
    zone = time_zone(mic)
    readings = [wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    offsets = {reading.utcoffset(): reading for reading in readings}
    return tuple(offset for offset, reading in offsets.items() if offset is not None and _returns(reading))


def weekdays(first: date, last: date) -> Iterator[date]:
    """Yield the days from Monday to Friday, both ends included: sessions, where an exchange's own are not known.

    >>> [day.day for day in weekdays(date(2024, 3, 8), date(2024, 3, 12))]
    [8, 11, 12]
    """
    for number in range((last - first).days + 1):
        day = first + timedelta(number)
        if day.weekday() < 5:  # noqa: PLR2004 -- Saturday is the fifth from Monday
            yield day


def settlement_date(trade_date: date, sessions: Sequence[date], *, days: int) -> date:
    """Return the day on which a trade settles: T + `days` sessions.

    Args:
        trade_date: the exchange's day; where it is no session, the trade is of the next one.
        sessions: the days on which the exchange settles, in order.
        days: sessions after the trade date, 0 or more.

    Raises:
        SessionsEndError: the sessions end before that day.

    >>> thursday, easter = date(2024, 3, 28), {date(2024, 3, 29), date(2024, 4, 1)}
    >>> sessions = [day for day in weekdays(thursday, date(2024, 4, 5)) if day not in easter]
    >>> settlement_date(thursday, sessions, days=2)
    datetime.date(2024, 4, 3)
    """
    place = bisect_left(sessions, trade_date) + days
    if place >= len(sessions):
        raise SessionsEndError(trade_date, days)
    return sessions[place]


def settlement_cycle(mic: str, trade_date: date) -> int:
    """Return how many sessions after its trade date a share settles at an exchange.

    One where the market went over to it (the United States on 28 May 2024: SEC release 34-96930; Canada and Mexico a
    day before; India in January 2023; mainland China by its own rules), else two.

    Args:
        mic: ISO 10383 code of the exchange; one that is not known settles after two.
        trade_date: the exchange's day, after 2017.

    >>> settlement_cycle("XNYS", date(2024, 5, 24)), settlement_cycle("XNYS", date(2024, 5, 28))
    (2, 1)
    """
    since = _NEXT_DAY_SINCE.get(TIME_ZONES.get(mic, ""))
    return 1 if since is not None and trade_date >= since else 2


def _returns(reading: datetime) -> bool:
    """Whether the clocks of its zone do show this time: through UTC and back it is the same."""
    back = reading.astimezone(ZoneInfo("UTC")).astimezone(reading.tzinfo)
    return back.replace(tzinfo=None) == reading.replace(tzinfo=None)


def _written(moment: datetime, offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    return f"{moment.isoformat()}{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"

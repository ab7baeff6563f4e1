"""Bank statements of ISO 20022: camt.053 (the day's end), camt.052 (within the day), camt.054 (notifications).

An entry moves the cash of one account; what its batch details are told one by one. Source of the codes: ISO 20022,
external code sets of bank transactions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final

from steelyard.domain.amount import AmountError, plain, read_amount
from steelyard.domain.money import is_currency
from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.port import Source
from steelyard.statements.record import Held, Record, Refused, Row, Skipped
from steelyard.statements.xml_document import Element, read_elements, root_of

_MESSAGES: Final = ("BkToCstmrStmt", "BkToCstmrAcctRpt", "BkToCstmrDbtCdtNtfctn")
_PARTS: Final = {"Acct", "Bal", "Ntry"}
_DEPTH: Final = 4  # Document, message, statement, part
_BOOKED: Final = "BOOK"
_STATUSES: Final = {"PDNG": "pending", "INFO": "for information", "FUTR": "still to come"}
_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9].*)?")
_MAX_TEXT: Final = 1000

_IN_OUT: Final = (TransactionKind.DEPOSIT, TransactionKind.WITHDRAWAL)
_FEES: Final = (TransactionKind.FEE_REFUND, TransactionKind.FEE)
_BY_SUBFAMILY: Final[Mapping[str, tuple[TransactionKind, TransactionKind]]] = {
    "INTR": (TransactionKind.INTEREST, TransactionKind.INTEREST_PAID),
    "TAXE": (TransactionKind.TAX_REFUND, TransactionKind.TAX),
} | dict.fromkeys(("CHRG", "FEES", "COMM", "COME", "COMI", "COMT"), _FEES)


class _UnfitError(Exception):
    """An element is not what it must be; carries a clause."""


@dataclass(slots=True)
class _Statement:
    """What has been read of one statement: its account, its balances, and what its entries sum to."""

    line: int = 0
    account: str = ""
    balances: list[Element] = field(default_factory=list)
    moved: Decimal = ZERO
    is_whole: bool = True
    """Whether every entry is in the sum."""


@dataclass(frozen=True, slots=True)
class _Money:
    """An amount with its direction."""

    amount: Decimal
    currency: str
    is_credit: bool

    @property
    def signed(self) -> Decimal:
        return self.amount if self.is_credit else -self.amount


@dataclass(frozen=True, slots=True)
class CamtReader:
    """Reads camt.053, camt.052 and camt.054, of any version."""

    name: str = field(default="camt", init=False)
    title: str = field(default="ISO 20022 camt.053, camt.052 or camt.054", init=False)

    def miss(self, source: Source) -> str | None:
        """Return what the head lacks."""
        if root_of(source.head)[1] != "Document":
            return "an XML element <Document>"
        known = any(message in source.head_text for message in _MESSAGES)
        return None if known else f"an element {' or '.join(f'<{message}>' for message in _MESSAGES)}"

    def read(self, source: Source) -> Iterator[Row]:
        """Read the entries as they come, and the balances of a statement after its entries."""
        statement = _Statement()
        for part in read_elements(source, _is_part):
            line = part.parents[-1].line
            if line != statement.line:
                yield from _read_balances(statement)
                statement = _Statement(line)
            if part.tag == "Acct":
                statement.account = part.text_of("Id", "IBAN") or part.text_of("Id", "Othr", "Id")
            elif part.tag == "Bal":
                statement.balances.append(part)
            else:
                yield from _read_entry(part, statement)
        yield from _read_balances(statement)


def _is_part(path: tuple[str, ...]) -> bool:
    return len(path) == _DEPTH and path[1] in _MESSAGES and path[-1] in _PARTS


# ── Entries ─────────────────────────────────────────────────────────────────────────────────────────────


def _read_entry(entry: Element, statement: _Statement) -> Iterator[Row]:
    try:
        if status := _unbooked(entry):
            yield Skipped(entry.line, f"an entry that is {_STATUSES[status]} ({status})")
            return
        money = _read_money(entry)
        rows = list(_rows(entry, money, statement.account))
        statement.moved += money.signed
    except (_UnfitError, AmountError) as error:
        statement.is_whole = False
        rows = [Refused(entry.line, str(error).removesuffix("."))]
    yield from rows


def _unbooked(entry: Element) -> str:
    """Return the status of an entry that is not booked; "" of one that is."""
    status = entry.text_of("Sts", "Cd") or entry.text_of("Sts")
    if status != _BOOKED and status not in _STATUSES:
        raise _UnfitError(f"`Sts` is {status[:64]!r}, none of {_BOOKED}, {', '.join(_STATUSES)}")
    return "" if status == _BOOKED else status


def _rows(entry: Element, money: _Money, account: str) -> Iterator[Row]:
    if not money.amount:
        yield Skipped(entry.line, "an entry of 0")
        return
    day, settles = _read_days(entry)
    reference = entry.text_of("AcctSvcrRef")
    details = entry.all("NtryDtls", "TxDtls")
    shares = _share_of_each(details, money)
    whole = Record(
        kind=TransactionKind.DEPOSIT,
        line=entry.line,
        trade_date=day,
        account=account,
        settlement_date=settles,
        source_id=reference,
    )
    if shares is None:
        only = details[0] if len(details) == 1 else None
        yield _record(whole, entry, only, money, _read_costs(entry, only, money))
        return
    for number, (detail, share) in enumerate(zip(details, shares, strict=True), start=1):
        one = replace(whole, line=detail.line, source_id=f"{reference}/{number}" if reference else "")
        yield _record(one, entry, detail, share, ZERO)


def _record(begun: Record, entry: Element, detail: Element | None, money: _Money, costs: Decimal) -> Record:
    """Return an entry, or one of its batch, as a record; costs are a part of the entry, so the amount is without."""
    return replace(
        begun,
        kind=_read_kind(entry, detail, money),
        currency=money.currency,
        amount=money.amount + (costs if money.is_credit else -costs),
        costs=costs,
        note=_note(entry, detail),
    )


def _share_of_each(details: Sequence[Element], money: _Money) -> list[_Money] | None:
    """Return the amount of each detail of a batch; None where they are no batch, or do not make up the entry."""
    if len(details) < 2:  # noqa: PLR2004  one detail is the entry
        return None
    shares = []
    for detail in details:
        amount = detail.first("Amt") or detail.first("AmtDtls", "TxAmt", "Amt")
        if amount is None or amount.attributes.get("Ccy") != money.currency:
            return None
        direction = detail.text_of("CdtDbtInd")
        is_credit = direction == "CRDT" if direction else money.is_credit
        shares.append(_Money(read_amount("`TxDtls/Amt`", amount.text), money.currency, is_credit))
    return (
        shares
        if sum(share.signed for share in shares) == money.signed and all(s.amount for s in shares)
        else None
    )


def _read_costs(entry: Element, detail: Element | None, money: _Money) -> Decimal:
    """Return the charges that the bank has taken out of the entry; others are an entry of their own."""
    of_entry = entry.first("Chrgs")
    charges = of_entry or (detail.first("Chrgs") if detail else None)
    costs = ZERO
    for charge in charges.all("Rcrd") if charges else ():
        amount = charge.first("Amt")
        is_included = _is_yes(charge, "ChrgInclInd") and charge.text_of("CdtDbtInd") != "CRDT"
        if is_included and amount is not None:
            if amount.attributes.get("Ccy") != money.currency:
                raise _UnfitError(
                    f"`Chrgs` are in {amount.attributes.get('Ccy')!r}, the entry is in {money.currency}"
                )
            costs += read_amount("`Chrgs/Rcrd/Amt`", amount.text)
    if costs < 0 or (not money.is_credit and costs >= money.amount):
        raise _UnfitError(
            f"`Chrgs` are {plain(costs)}, the entry that includes them is {plain(money.amount)}"
        )
    return costs


def _read_kind(entry: Element, detail: Element | None, money: _Money) -> TransactionKind:
    code = (detail and detail.first("BkTxCd", "Domn")) or entry.first("BkTxCd", "Domn")
    domain = code.text_of("Cd") if code else ""
    family = code.text_of("Fmly", "Cd") if code else ""
    subfamily = code.text_of("Fmly", "SubFmlyCd") if code else ""
    written = "-".join(part for part in (domain, family, subfamily) if part)
    if domain == "SECU":
        raise _UnfitError(
            f"`BkTxCd` is {written}: cash of an asset that is not named; import the broker's own file"
        )
    kinds = _BY_SUBFAMILY.get(subfamily, _IN_OUT)
    if subfamily == "INTR" and _is_yes(entry, "RvslInd"):
        raise _UnfitError(f"`BkTxCd` is {written} and `RvslInd` true: book the reversed interest by hand")
    return kinds[0] if money.is_credit else kinds[1]


def _read_money(holder: Element) -> _Money:
    amount = holder.first("Amt")
    if amount is None:
        raise _UnfitError("there is no `Amt`")
    currency = amount.attributes.get("Ccy", "")
    if not is_currency(currency):
        raise _UnfitError(f"`Amt Ccy` is {currency[:64]!r}, no code such as EUR")
    number = read_amount("`Amt`", amount.text)
    if number < 0:
        raise _UnfitError(f"`Amt` is {amount.text[:64]}, below 0; `CdtDbtInd` gives the direction")
    direction = holder.text_of("CdtDbtInd")
    if direction not in {"CRDT", "DBIT"}:
        raise _UnfitError(f"`CdtDbtInd` is {direction[:64]!r}, neither CRDT nor DBIT")
    return _Money(number, currency, is_credit=direction == "CRDT")


def _read_days(entry: Element) -> tuple[date, date | None]:
    """Return the day it was booked, and when its value counts if that is later."""
    booked, value = _day_in(entry, "BookgDt"), _day_in(entry, "ValDt")
    day = booked or value
    if day is None:
        raise _UnfitError("there is neither `BookgDt` nor `ValDt`")
    return day, value if value and value > day else None


def _day_in(holder: Element, tag: str) -> date | None:
    written = holder.text_of(tag, "Dt") or holder.text_of(tag, "DtTm")
    if not written:
        return None
    match = _DAY.fullmatch(written)
    try:
        if match:
            return date.fromisoformat(match[1])
    except ValueError:
        pass  # a day that the calendar does not have; said below, with the other faults of form
    raise _UnfitError(f"`{tag}` is {written[:64]!r}, no date such as 2024-03-14")


def _is_yes(holder: Element, tag: str) -> bool:
    return holder.text_of(tag) in {"true", "1"}


def _note(entry: Element, detail: Element | None) -> str:
    """Return who paid or was paid, and what for, as far as it is said."""
    said = []
    if detail is not None:
        parties = [detail.first("RltdPties", role) for role in ("Dbtr", "Cdtr")]
        said += [party.text_of("Nm") or party.text_of("Pty", "Nm") for party in parties if party]
        said += [line.text for line in detail.all("RmtInf", "Ustrd")] or [detail.text_of("AddtlTxInf")]
        said += [_exchange(detail)]
    said += [entry.text_of("AddtlNtryInf")] if not any(said) else []
    said += ["a reversal"] if _is_yes(entry, "RvslInd") else []
    return "; ".join(text for text in said if text)[:_MAX_TEXT]


def _exchange(detail: Element) -> str:
    """Say what was instructed in another currency, and at which rate the bank changed it."""
    rate = detail.first("AmtDtls", "TxAmt", "CcyXchg") or detail.first("AmtDtls", "InstdAmt", "CcyXchg")
    instructed = detail.first("AmtDtls", "InstdAmt", "Amt")
    if rate is None or instructed is None:
        return ""
    return f"{instructed.attributes.get('Ccy', '')} {instructed.text} at {rate.text_of('XchgRate')}"


# ── Balances ────────────────────────────────────────────────────────────────────────────────────────────


def _read_balances(statement: _Statement) -> Iterator[Row]:
    """Yield the closing balance as held cash, if it is what the opening balance and the entries sum to."""
    opening = next((one for one in statement.balances if _code(one) in {"OPBD", "PRCD"}), None)
    for balance in statement.balances:
        code = _code(balance)
        if code != "CLBD":
            yield Skipped(balance.line, f"a balance of the kind {code[:64] or 'that is not said'}")
            continue
        try:
            yield _held(balance, opening, statement)
        except (_UnfitError, AmountError) as error:
            yield Refused(balance.line, str(error).removesuffix("."))


def _held(balance: Element, opening: Element | None, statement: _Statement) -> Held:
    closing, day = _read_money(balance), _day_in(balance, "Dt")
    if day is None:
        raise _UnfitError("the balance has no `Dt`")
    if opening is not None and statement.is_whole:
        start = _read_money(opening)
        reached = start.signed + statement.moved
        if start.currency == closing.currency and reached != closing.signed:
            raise _UnfitError(
                f"the closing balance is {plain(closing.signed)} {closing.currency}; the opening balance of "
                f"{plain(start.signed)} and the entries make {plain(reached)}"
            )
    return Held(balance.line, statement.account, day, None, closing.currency, closing.signed)


def _code(balance: Element) -> str:
    return balance.text_of("Tp", "CdOrPrtry", "Cd") or balance.text_of("Tp", "CdOrPrtry", "Prtry")

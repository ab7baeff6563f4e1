"""Bank statements of ISO 20022: what an entry becomes, and what is refused."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from statement_files import read_text, source_of
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.camt import CamtReader
from steelyard.statements.record import Held, Record, Refused, Row, Skipped

READER = CamtReader()
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


def document(*parts: str, message: str = "BkToCstmrStmt", statement: str = "Stmt") -> str:
    inside = "\n".join(parts)
    return (
        f'<Document xmlns="{NAMESPACE}"><{message}><{statement}>{inside}</{statement}></{message}></Document>'
    )


def entry(
    amount: str = "100.00",
    direction: str = "CRDT",
    *,
    currency: str = "EUR",
    status: str = "<Sts><Cd>BOOK</Cd></Sts>",
    days: str = "<BookgDt><Dt>2024-03-14</Dt></BookgDt>",
    rest: str = "",
) -> str:
    money = f'<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
    return f"<Ntry>{money}{status}{days}{rest}</Ntry>"


def code(domain: str, family: str, subfamily: str) -> str:
    inside = f"<Cd>{domain}</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{subfamily}</SubFmlyCd></Fmly>"
    return f"<BkTxCd><Domn>{inside}</Domn></BkTxCd>"


def balance(kind: str, amount: str, direction: str = "CRDT", day: str = "2024-03-14") -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt>'
        f"<CdtDbtInd>{direction}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def details(*amounts: str) -> str:
    each = (f'<TxDtls><Amt Ccy="EUR">{amount}</Amt></TxDtls>' for amount in amounts)
    return f"<NtryDtls>{''.join(each)}</NtryDtls>"


ACCOUNT = "<Acct><Id><IBAN>NL77ABNA0574908765</IBAN></Id></Acct>"


def read(folder: Path, *parts: str) -> list[Row]:
    return read_text(READER, folder, document(*parts))


def read_one(folder: Path, part: str) -> Record:
    (row,) = read(folder, part)
    assert isinstance(row, Record), row
    return row


def why_refused(folder: Path, part: str) -> str:
    (row,) = read(folder, part)
    assert isinstance(row, Refused), row
    return row.why


def test_an_entry_moves_the_cash_of_its_account(tmp_path: Path) -> None:
    other = "<Acct><Id><Othr><Id>12-34</Id></Othr></Id></Acct>"
    value = "<BookgDt><DtTm>2024-03-14T23:30:00+09:00</DtTm></BookgDt><ValDt><Dt>2024-03-15</Dt></ValDt>"
    rest = "<AcctSvcrRef>R1</AcctSvcrRef><AddtlNtryInf> Rent </AddtlNtryInf>"

    assert read(tmp_path, ACCOUNT, entry(), entry("7", "DBIT", currency="USD", days=value, rest=rest)) == [
        Record(
            kind=TransactionKind.DEPOSIT,
            line=2,
            trade_date=date(2024, 3, 14),
            account="NL77ABNA0574908765",
            currency="EUR",
            amount=Decimal(100),
        ),
        Record(
            kind=TransactionKind.WITHDRAWAL,
            line=3,
            trade_date=date(2024, 3, 14),
            account="NL77ABNA0574908765",
            currency="USD",
            amount=Decimal(7),
            settlement_date=date(2024, 3, 15),
            source_id="R1",
            note="Rent",
        ),
    ]
    (row,) = read(tmp_path, other, entry())
    assert isinstance(row, Record)
    assert row.account == "12-34"


@pytest.mark.parametrize(
    ("message", "statement"),
    [("BkToCstmrStmt", "Stmt"), ("BkToCstmrAcctRpt", "Rpt"), ("BkToCstmrDbtCdtNtfctn", "Ntfctn")],
)
def test_the_three_messages_are_read_alike(tmp_path: Path, message: str, statement: str) -> None:
    (row,) = read_text(READER, tmp_path, document(ACCOUNT, entry(), message=message, statement=statement))

    assert isinstance(row, Record)
    assert (row.account, row.amount) == ("NL77ABNA0574908765", Decimal(100))


@pytest.mark.parametrize(
    ("bank_code", "direction", "kind"),
    [
        (code("PMNT", "RCDT", "ESCT"), "CRDT", TransactionKind.DEPOSIT),
        (code("PMNT", "RDDT", "ESDD"), "DBIT", TransactionKind.WITHDRAWAL),
        (code("FORX", "SPOT", "OTHR"), "DBIT", TransactionKind.WITHDRAWAL),
        (code("ACMT", "MCOP", "INTR"), "CRDT", TransactionKind.INTEREST),
        (code("ACMT", "MDOP", "INTR"), "DBIT", TransactionKind.INTEREST_PAID),
        (code("ACMT", "MDOP", "CHRG"), "DBIT", TransactionKind.FEE),
        (code("ACMT", "MCOP", "COMM"), "CRDT", TransactionKind.FEE_REFUND),
        (code("ACMT", "MDOP", "TAXE"), "DBIT", TransactionKind.TAX),
        (code("ACMT", "MCOP", "TAXE"), "CRDT", TransactionKind.TAX_REFUND),
        ("<BkTxCd><Prtry><Cd>EI</Cd></Prtry></BkTxCd>", "CRDT", TransactionKind.DEPOSIT),
    ],
)
def test_the_bank_s_code_gives_the_kind(
    tmp_path: Path, bank_code: str, direction: str, kind: TransactionKind
) -> None:
    assert read_one(tmp_path, entry(direction=direction, rest=bank_code)).kind is kind


def test_a_reversal_goes_the_way_that_its_indicator_says(tmp_path: Path) -> None:
    row = read_one(tmp_path, entry(direction="DBIT", rest="<RvslInd>true</RvslInd>"))

    assert (row.kind, row.note) == (TransactionKind.WITHDRAWAL, "a reversal")


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("<Sts>PDNG</Sts>", "an entry that is pending (PDNG)"),
        ("<Sts><Cd>INFO</Cd></Sts>", "an entry that is for information (INFO)"),
        ("<Sts><Cd>FUTR</Cd></Sts>", "an entry that is still to come (FUTR)"),
    ],
)
def test_what_is_not_booked_is_skipped(tmp_path: Path, status: str, why: str) -> None:
    assert read(tmp_path, entry(status=status)) == [Skipped(1, why)]


def test_an_entry_of_nothing_is_skipped(tmp_path: Path) -> None:
    assert read(tmp_path, entry("0.00")) == [Skipped(1, "an entry of 0")]


def test_a_batch_is_told_one_by_one_if_it_makes_up_the_entry(tmp_path: Path) -> None:
    reference = "<AcctSvcrRef>R1</AcctSvcrRef>"
    whole = read(tmp_path, entry(rest=reference + details("60.00", "40.00")))
    part = read_one(tmp_path, entry(rest=reference + details("60.00", "30.00")))
    mixed = read(
        tmp_path,
        entry(
            rest=details("130.00", "30.00").replace(
                "</Amt></TxDtls></N", "</Amt><CdtDbtInd>DBIT</CdtDbtInd></TxDtls></N"
            )
        ),
    )

    def shown(rows: list[Row]) -> list[tuple[str, str, str]]:
        return [(row.kind.value, f"{row.amount:f}", row.source_id) for row in rows if isinstance(row, Record)]

    assert shown(whole) == [("DEPOSIT", "60.00", "R1/1"), ("DEPOSIT", "40.00", "R1/2")]
    assert (part.amount, part.source_id) == (Decimal(100), "R1")
    assert shown(mixed) == [("DEPOSIT", "130.00", ""), ("WITHDRAWAL", "30.00", "")]


def test_a_batch_of_old_versions_and_of_another_currency(tmp_path: Path) -> None:
    old = (
        details("60.00", "40.00")
        .replace("<Amt", "<AmtDtls><TxAmt><Amt")
        .replace("</Amt>", "</Amt></TxAmt></AmtDtls>")
    )
    foreign = details("60.00", "40.00").replace("EUR", "USD")

    assert len(read(tmp_path, entry(rest=old))) == 2
    assert read_one(tmp_path, entry(rest=foreign)).amount == 100


@pytest.mark.parametrize(
    ("direction", "included", "charge", "amount", "costs"),
    [
        ("CRDT", "true", "DBIT", "105", "5"),
        ("DBIT", "true", "DBIT", "95", "5"),
        ("DBIT", "1", "", "95", "5"),
        ("CRDT", "false", "DBIT", "100", "0"),
        ("CRDT", "true", "CRDT", "100", "0"),
    ],
)
def test_charges_that_are_in_the_entry_are_costs(  # noqa: PLR0917  one argument a column of the table
    tmp_path: Path, direction: str, included: str, charge: str, amount: str, costs: str
) -> None:
    record = f"<Amt Ccy='EUR'>5.00</Amt><CdtDbtInd>{charge}</CdtDbtInd><ChrgInclInd>{included}</ChrgInclInd>"
    row = read_one(tmp_path, entry(direction=direction, rest=f"<Chrgs><Rcrd>{record}</Rcrd></Chrgs>"))

    assert (row.amount, row.costs) == (Decimal(amount), Decimal(costs))


def test_an_exchange_is_told(tmp_path: Path) -> None:
    instructed = (
        '<AmtDtls><InstdAmt><Amt Ccy="USD">110.00</Amt></InstdAmt><TxAmt><Amt Ccy="EUR">100.00</Amt>'
        "<CcyXchg><SrcCcy>USD</SrcCcy><XchgRate>0.909</XchgRate></CcyXchg></TxAmt></AmtDtls>"
    )
    parties = "<RltdPties><Dbtr><Pty><Nm>Somebody</Nm></Pty></Dbtr></RltdPties>"
    text = "<RmtInf><Ustrd>For</Ustrd><Ustrd>work</Ustrd></RmtInf>"
    detail = f"<NtryDtls><TxDtls>{instructed}{parties}{text}</TxDtls></NtryDtls>"

    row = read_one(tmp_path, entry(rest=detail))
    assert (row.currency, row.amount) == ("EUR", Decimal(100))
    assert row.note == "Somebody; For; work; USD 110.00 at 0.909"


INCLUDED = "<Chrgs><Rcrd><Amt Ccy='{}'>{}</Amt><ChrgInclInd>true</ChrgInclInd></Rcrd></Chrgs>"


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (entry(status="<Sts>NEW</Sts>"), "`Sts` is 'NEW', none of BOOK, PDNG, INFO, FUTR"),
        (entry(status=""), "`Sts` is ''"),
        (entry("1.000,50"), "`Amt` is '1.000,50', not a plain number"),
        (entry("-5"), "`Amt` is -5, below 0; `CdtDbtInd` gives the direction"),
        (entry("0.000000001"), "finer than 8 decimals"),
        (entry(currency="XXX"), "`Amt Ccy` is 'XXX', no code such as EUR"),
        (entry(direction="C"), "`CdtDbtInd` is 'C', neither CRDT nor DBIT"),
        (entry(days=""), "there is neither `BookgDt` nor `ValDt`"),
        (entry(days="<ValDt><Dt>2024-02-30</Dt></ValDt>"), "`ValDt` is '2024-02-30', no date such as"),
        (entry(days="<BookgDt><DtTm>2024-02-28T24:00:00</DtTm></BookgDt>"), "no date such as 2024-03-14"),
        (entry(days="<BookgDt><Dt>0001-01-01</Dt></BookgDt>"), "before any statement"),
        (entry(days="<BookgDt><Dt>2050-01-01</Dt></BookgDt>"), "lies in the future"),
        (
            entry(rest=code("SECU", "SETT", "TRAD")),
            "`BkTxCd` is SECU-SETT-TRAD: cash of an asset that is not named",
        ),
        (
            entry(rest="<RvslInd>1</RvslInd>" + code("ACMT", "MDOP", "INTR")),
            "`BkTxCd` is ACMT-MDOP-INTR and `RvslInd` true: book the reversed interest by hand",
        ),
        (entry(rest=INCLUDED.format("USD", "5")), "`Chrgs` are in 'USD', the entry is in EUR"),
        (
            entry("5", "DBIT", rest=INCLUDED.format("EUR", "5")),
            "`Chrgs` are 5, the entry that includes them is 5",
        ),
        ("<Ntry><Sts>BOOK</Sts></Ntry>", "there is no `Amt`"),
    ],
)
def test_what_is_not_what_it_must_be_is_refused(tmp_path: Path, part: str, why: str) -> None:
    assert why in why_refused(tmp_path, part)


def test_balances_are_held_if_the_statement_adds_up(tmp_path: Path) -> None:
    parts = (ACCOUNT, balance("OPBD", "50.00"), balance("CLBD", "20.00", "DBIT"), balance("CLAV", "9"))

    assert read(tmp_path, *parts, entry("30"), entry("100", "DBIT"))[2:] == [
        Skipped(2, "a balance of the kind OPBD"),
        Held(3, "NL77ABNA0574908765", date(2024, 3, 14), None, "EUR", Decimal(-20)),
        Skipped(4, "a balance of the kind CLAV"),
    ]
    assert read(tmp_path, *parts, entry("100", "DBIT"))[2:3] == [
        Refused(3, "the closing balance is -20 EUR; the opening balance of 50 and the entries make -50")
    ]
    assert read(tmp_path, *parts, entry("x"))[2] == Held(
        3, "NL77ABNA0574908765", date(2024, 3, 14), None, "EUR", Decimal(-20)
    ), "an entry that is refused is in no sum"


def test_each_statement_has_its_own_account_and_balance(tmp_path: Path) -> None:
    first = f"{ACCOUNT}{balance('OPBD', '0')}{balance('CLBD', '100')}{entry()}"
    second = f"\n<Stmt>{ACCOUNT.replace('NL77', 'NL78')}{balance('CLBD', '7')}</Stmt>"
    text = document(first).replace("</Stmt>", f"</Stmt>{second}")

    held = [row for row in read_text(READER, tmp_path, text) if isinstance(row, Held)]
    assert [(row.account[:4], row.quantity) for row in held] == [("NL77", Decimal(100)), ("NL78", Decimal(7))]


@pytest.mark.parametrize(
    ("text", "miss"),
    [
        ("Date;Amount", "an XML element <Document>"),
        ("<OFX></OFX>", "an XML element <Document>"),
        (
            '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"><CstmrCdtTrfInitn/></Document>',
            "an element <BkToCstmrStmt> or <BkToCstmrAcctRpt> or <BkToCstmrDbtCdtNtfctn>",
        ),
        (document(), None),
    ],
)
def test_a_file_is_known_by_its_head(tmp_path: Path, text: str, miss: str | None) -> None:
    assert READER.miss(source_of(tmp_path, text)) == miss

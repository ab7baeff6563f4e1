"""`mapping.toml`: what is refused, and that what is written reads the same."""

import pytest

from firm import HISTORY, MAPPING
from steelyard.domain.mapping import PLAUSIBLE_SIZES, PlausibleSize, Unit
from steelyard.services.names import COLUMN_WORDS, OUR_WORDS, TABLE_WORDS
from steelyard.statements.mapping import MappingError, parse_mapping, table_columns, write_mapping

MARKET = '[market_data]\ntable = "firm.px"\nasset_id = "id"\nprice_date = "d"\nclosing_price = "p"\n'
RISK = '[risk_metrics]\ntable = "firm.risk"\nasset_id = "id"\ncalculation_date = "d"\n'
REFUSED = {
    "no TOML": ("[market_data", "not TOML"),
    "a section nobody knows": ("[prices]\n", "no such section"),
    "a section that is a word": ('market_data = "firm.px"', "schema.table"),
    "a table without schema": (MARKET.replace("firm.px", "px"), "not written as"),
    "a column nobody knows": (MARKET + 'open = "o"\n', "no such column"),
    "a column that is missing": (
        MARKET.replace('price_date = "d"\n', ""),
        r"market_data\.price_date: it is missing",
    ),
    "a key nobody knows": (MARKET.replace('"p"', '{ column = "p", scale = "2" }'), "'scale' is no key"),
    "a key that is no text": (MARKET.replace('"p"', "{ column = 1 }"), "column is not text"),
    "neither column nor default": (MARKET.replace('"p"', "{ }"), "neither a column nor a default"),
    "a number for a column": (MARKET.replace('"p"', "5"), "a column's name"),
    "words that are no words": (MARKET.replace('"p"', '{ column = "p", words = { A = 1 } }'), "words is not"),
    "a unit nobody knows": (RISK + 'volatility = { column = "v", unit = "bps" }\n', "'bps' is none of"),
    "a unit left out": (RISK + 'volatility = "v"\n', "its unit is missing: fraction or percent"),
    "a unit where there is none": (
        MARKET.replace('"p"', '{ column = "p", unit = "percent" }'),
        "it has no unit",
    ),
    "volatility in money": (
        RISK + 'volatility = { column = "v", unit = "money", value = "w" }\n',
        "cannot be money",
    ),
    "money of nothing": (RISK + 'var_95 = { column = "v", unit = "money" }\n', "by the value it is of"),
    "a value that is no amount": ('[stated_values]\nA = "much"\n', "not an amount"),
    "a value below 0": ("[stated_values]\nA = -1\n", "0 or more"),
    "an open question": (MARKET + "# OPEN: which?\n", "a question is open: which"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_breaks_a_rule_is_refused_with_its_place(name: str) -> None:
    text, sentence = REFUSED[name]

    with pytest.raises(MappingError, match=sentence):
        parse_mapping(text)


def test_what_is_written_reads_the_same() -> None:
    book = parse_mapping(MAPPING + HISTORY + '[stated_values]\n"Ä \\"x\\"" = "10.50"\n')

    assert parse_mapping(write_mapping(book)) == book
    sure = parse_mapping(RISK + 'volatility = { column = "v", unit = "percent", sure = true }\n')
    assert parse_mapping(write_mapping(sure)) == sure


def test_open_questions_stand_in_the_file_until_they_are_answered() -> None:
    book = parse_mapping(MARKET)

    text = write_mapping(
        book, {"market_data.closing_price": ["in pence?"], "accounts.table": ["which\none?"]}
    )

    assert '# OPEN: in pence?\nclosing_price = "p"' in text
    assert "# OPEN: accounts.table: which one?" in text
    with pytest.raises(MappingError, match="in pence"):
        parse_mapping(text)


@pytest.mark.parametrize("size", PLAUSIBLE_SIZES.values(), ids=lambda size: f"{size.low}-{size.high}")
def test_no_figure_is_plausible_in_two_units(size: PlausibleSize) -> None:
    assert size.low < size.high <= 100 * size.low * (1 + 1e-9)
    assert size.units(size.low) == (Unit.FRACTION,)
    assert size.units(100 * size.low) == (Unit.PERCENT,)
    assert size.units(100 * size.high) == (Unit.MONEY,)
    assert size.units(size.low / 2) == ()


def test_every_other_name_is_of_a_column_that_is_there() -> None:
    known = table_columns()
    every = {name for columns in known.values() for name in columns}

    assert set(OUR_WORDS) == set(TABLE_WORDS) == set(known)
    assert all(name in (known[table] if table else every) for table, name in COLUMN_WORDS)

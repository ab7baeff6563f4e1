import pytest

from steelyard.storage.queries import QueryFileError, UnknownQueryError, parse_queries, query

TWO = """-- name: get_one
-- One number.
select 1;

-- name: get_two
-- Two numbers, of which one is given.
select
    cast(:first as integer) as first,
    2 as second; -- a remark
"""


def test_cuts_a_file_into_its_queries() -> None:
    found = parse_queries([("a.sql", TWO)])
    assert list(found) == ["get_one", "get_two"]
    assert found["get_one"].text == "select 1"
    assert list(found["get_two"].compile().params) == ["first"]


@pytest.mark.parametrize(
    ("sources", "rule"),
    [
        ([("a.sql", TWO), ("b.sql", TWO)], r"b\.sql: query 'get_one' is already defined"),
        ([("a.sql", "-- name: get_one\nselect 1;")], "does not say its purpose"),
        ([("a.sql", "-- name: get_one\n-- One number.\n")], "has no statement"),
    ],
)
def test_refuses_a_file_that_breaks_the_form(sources: list[tuple[str, str]], rule: str) -> None:
    with pytest.raises(QueryFileError, match=rule):
        parse_queries(sources)


def test_the_packaged_files_keep_the_form() -> None:
    assert "steelyard_app" in query("adopt_app_role").text


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(UnknownQueryError, match="get_nothing"):
        query("get_nothing")

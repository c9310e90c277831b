"""Tests of the filter language: what filters mean, and how errors name the position."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.filters.expressions import EVERYTHING, Value, matches
from collateral_registry.domain.filters.fields import (
    Amount,
    Boolean,
    Day,
    EncodedName,
    Enum,
    FieldType,
    Id,
    Number,
    Text,
    Time,
)
from collateral_registry.domain.filters.parser import (
    FILTER_LIMIT_CHARACTERS,
    FILTER_LIMIT_DEPTH,
    FILTER_LIMIT_TESTS,
    FILTER_LIMIT_VALUES,
    parse_filter,
)
from valuation.errors import InvalidInput

FIELDS: dict[str, FieldType] = {
    "owner": Text(),
    "asset": Id("assets"),
    "warehouse": EncodedName("warehouses"),
    "level": Enum({"NONE": 0, "WATCH": 1, "MARGIN_CALL": 2}, "LTV_LEVEL_", ordered=True),
    "kind": Enum({"INVENTORY": 1, "EQUIPMENT": 2}, ""),
    "waived": Boolean(),
    "date": Day(),
    "time": Time(),
    "share": Number(1_000_000),
    "currency_code": Text(),
    "exposure": Amount(),
}
ROW: dict[str, Value | None] = {
    "owner": "Acme Metals",
    "asset": "lot-1",
    "warehouse": "W 1",
    "level": 2,
    "kind": 1,
    "waived": 0,
    "date": 20_000,
    "time": 1_700_000_000_000_000,
    "share": 500_000,
    "currency_code": "USD",
    "exposure": 100_050,
}


def meets(text, **changes):
    return matches(parse_filter(text, FIELDS), {**ROW, **changes})


def refusal(text):
    with pytest.raises(InvalidInput) as caught:
        parse_filter(text, FIELDS)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        'owner = "Acme Metals"',
        "owner='Acme Metals'",
        'owner != "Acme"',
        'owner > "Acme" AND owner < "B"',
        'owner:"Acme M*"',
        "owner:Acme*",
        "owner:*",
        "asset = lot-1",
        "asset = assets/lot-1",
        'asset IN ("lot-2", assets/lot-1)',
        "asset:assets/lot*",
        'warehouse = "W 1"',
        "warehouse = warehouses/W%201",
        "level >= WATCH",
        "level = LTV_LEVEL_MARGIN_CALL",
        "kind IN (EQUIPMENT, INVENTORY)",
        "waived = false",
        "waived != true",
        "date >= 2024-10-04 AND date <= 2024-10-04",
        "time = 2023-11-14T22:13:20Z",
        "time=2023-11-15T06:13:20+08:00",
        "time < 2023-11-14T22:13:20.000001Z",
        "share = 0.5",
        "share > 0.4999999 AND share < 0.5000001",
        "share >= 0.4999999 AND share <= 0.5000001 AND share != 0.50000001",
        'exposure = "1000.50 USD"',
        "exposure > 1000.499USD",
        'exposure IN ("7.00 EUR", "1000.50 USD")',
        "NOT kind = EQUIPMENT",
        "NOT NOT kind = INVENTORY",
        "NOT (kind = EQUIPMENT OR waived = true)",
        "(kind = EQUIPMENT OR level = MARGIN_CALL) AND waived = false",
        "kind = EQUIPMENT OR (waived = true OR owner:A*)",
    ],
)
def test_a_filter_matches_what_it_describes(text):
    assert meets(text)
    assert not meets(f"NOT ({text})")


def test_an_empty_filter_matches_everything():
    assert parse_filter("", FIELDS) is EVERYTHING
    assert parse_filter(" \n", FIELDS) is EVERYTHING


def test_a_comparison_with_an_absent_value_is_false_and_its_negation_is_true():
    for term in ("date = 2024-10-04", "date != 2024-10-04", "date < 2999-01-01", "date:*", "date IN (2024-10-04)"):
        assert not meets(term, date=None)
        assert meets(f"NOT {term}", date=None)


def test_a_text_that_is_not_set_is_the_empty_text():
    assert meets('owner = ""', owner="")
    assert meets('owner != "x"', owner="")
    assert not meets("owner:*", owner="")


def test_an_amount_is_compared_only_with_amounts_of_its_currency():
    assert meets('exposure < "9999999 USD"')
    for operator in ("=", "!=", "<", "<=", ">", ">="):
        assert not meets(f'exposure {operator} "1000.50 EUR"')
    assert meets('exposure > "1000 JPY"', currency_code="JPY", exposure=1_001)


def test_a_number_finer_than_the_stored_unit_is_compared_exactly():
    assert not meets("share = 0.5000001")
    assert meets("share != 0.5000001")
    assert not meets("share IN (0.5000001)")
    assert not meets("share >= 0.5000001")
    assert meets("share <= 0.5000001")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_any_text_can_be_quoted_as_json(text):
    for quoted in (json.dumps(text), json.dumps(text, ensure_ascii=False)):
        assert meets(f"owner = {quoted}", owner=text)
        assert not meets(f"owner = {quoted}", owner=text + "x")
        assert meets(f"owner:{quoted[:-1]}*{quoted[-1]}", owner=text + "x")


def test_a_prefix_may_contain_wildcards_of_other_languages():
    assert meets('owner:"50%*"', owner="50%_x")
    assert not meets('owner:"50%*"', owner="50x")
    assert meets('owner:"a**"', owner="a*b")
    assert not meets('owner:"a**"', owner="ab")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = red", "filter: got 'colour' at position 1, want a field: owner, asset, warehouse, "),
        ("owner = x AND ", "filter: got the end at position 15, want a field: "),
        (
            "owner",
            "filter: got the end at position 6, want an operator of owner: =, !=, IN, <, <=, >, >=, :*, :prefix*",
        ),
        ("kind < INVENTORY", "filter: got '<' at position 6, want an operator of kind: =, !=, IN, :*"),
        ("owner = ", "filter: got the end at position 9, want text"),
        ("owner == x", "filter: got '=' at position 8, want text"),
        ("kind = SHIP", "filter: got 'SHIP' at position 8, want one of INVENTORY, EQUIPMENT"),
        ("kind = inventory", "filter: got 'inventory' at position 8, want one of INVENTORY, EQUIPMENT"),
        ("kind:INV*", "filter: got 'INV*' at position 6, want * after kind:, which means any value"),
        ("owner:Acme", "filter: got 'Acme' at position 7, want a prefix that ends with *, such as \"Acme*\""),
        ("asset = loans/lot-1", "filter: got 'loans/lot-1' at position 9, want assets/{id}, or the id alone"),
        ("waived = 1", "filter: got '1' at position 10, want true or false"),
        ("date = 2024-02-30", "filter: got '2024-02-30' at position 8, want a date, such as 2025-06-30"),
        ("date = 04.10.2024", "filter: got '04.10.2024' at position 8, want a date, such as 2025-06-30"),
        ("time > 2024-02-03", "filter: got '2024-02-03' at position 8, want a time with its zone, such as "),
        ("share = 50%", "filter: got '50%' at position 9, want a number, such as 0.85"),
        ("share = 1e99", "filter: got '1e99' at position 9, want a number, such as 0.85"),
        ("share = 99999999999999999999", "filter: got '99999999999999999999' at position 9, want a number between "),
        ("exposure > 1000", "filter: got '1000' at position 12, want an amount with its currency, such as "),
        ('exposure > "1000 XXY"', "filter: got '1000 XXY' at position 12, want an amount in an ISO 4217 currency "),
        ("owner = x and kind = INVENTORY", "filter: got 'and' at position 11, want AND, OR or the end of the filter"),
        ("owner = x kind = INVENTORY", "filter: got 'kind' at position 11, want AND, OR or the end of the filter"),
        ("(owner = x", "filter: got the end at position 11, want a closing parenthesis for that at position 1"),
        ("owner = x)", "filter: got ')' at position 10, want AND, OR or the end of the filter"),
        ("owner = x OR owner = y AND owner = z", "filter: got 'AND' at position 24, want parentheses where AND and "),
        ("owner IN x", "filter: got 'x' at position 10, want a list in parentheses, such as "),
        ("owner IN ()", "filter: got ')' at position 11, want text"),
        ("owner IN (x y)", "filter: got 'y' at position 13, want a comma or a closing parenthesis"),
        ('owner = "x', "filter: got '\"' at position 9, want a closing quote"),
        ("owner = \u201cx y\u201d", "filter: got '\u201cx' at position 9, want a text in straight quotes, such as "),
        (
            "owner IN (\u2018x\u2019)",
            "filter: got '\u2018x\u2019' at position 11, want a text in straight quotes, such as ",
        ),
        (r'owner = "a\q"', r"filter: got '\\q' at position 11, want an escape of JSON, such as "),
        (r'owner = "a\u0000"', "filter: got 'a\\x00' at position 9, want text without NUL"),
        (r'owner = "\ud800"', "filter: got '\\ud800' at position 9, want text without NUL and without halves"),
    ],
)
def test_an_error_names_the_position_the_token_and_what_is_wanted(text, message):
    assert refusal(text).startswith(message)


def test_the_size_of_a_filter_is_limited():
    assert "characters, want at most" in refusal("x" * (FILTER_LIMIT_CHARACTERS + 1))
    tests = ["waived = true"] * FILTER_LIMIT_TESTS
    assert not meets(" AND ".join(tests))
    assert f"at most {FILTER_LIMIT_TESTS} comparisons" in refusal(" AND ".join([*tests, "waived = true"]))
    values = ["1"] * FILTER_LIMIT_VALUES
    assert not meets(f"share IN ({','.join(values)})")
    assert f"at most {FILTER_LIMIT_VALUES} values" in refusal(f"share IN ({','.join([*values, '1'])})")
    depth = FILTER_LIMIT_DEPTH
    assert meets("(" * depth + "waived = false" + ")" * depth)
    assert f"at most {depth} nested" in refusal("NOT " * (depth + 1) + "waived = false")


@given(st.text(alphabet="owner=<>!:()\"'\\ANDORTI*,. \n0-", max_size=40))
def test_every_text_is_parsed_or_refused(text):
    with suppress(InvalidInput):
        parse_filter(text, FIELDS)

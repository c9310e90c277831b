"""Filters select the same rows in SQL, on both engines, as a plain Python model of the language."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    MetaData,
    Table,
    Text as SqlText,
    create_engine,
    delete,
    insert,
    select,
)

from collateral_registry.domain.filters.fields import Amount, Boolean, Day, Enum, Id, Measure, Number, Text, Time
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.store.engine.filters import FilterField, FilterTable, nullable, optional_day, unless

ROWS = Table(
    "filtered",
    MetaData(),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    *(Column(name, SqlText, nullable=False) for name in ("owner", "currency", "light")),
    Column("asset", SqlText),
    *(Column(name, BigInteger, nullable=False) for name in ("level", "waived", "day", "time_us", "share", "minor")),
    Column("value", Float(53)),
)
COLUMNS = ROWS.c
LEVELS = ("NONE", "WATCH", "MARGIN_CALL")
LIGHTS = ("green", "amber", "red")
NO_LIMIT = -1
TABLE = FilterTable(
    owner=FilterField(Text(), COLUMNS.owner),
    asset=nullable(Id("assets"), COLUMNS.asset),
    level=FilterField(Enum({name: place for place, name in enumerate(LEVELS)}, "", ordered=True), COLUMNS.level),
    light=FilterField(Enum({name: name for name in LIGHTS}, ""), COLUMNS.light),
    waived=FilterField(Boolean(), COLUMNS.waived),
    date=optional_day(Day(), COLUMNS.day),
    time=FilterField(Time(), COLUMNS.time_us),
    share=FilterField(Number(1_000_000), COLUMNS.share),
    currency_code=FilterField(Text(), COLUMNS.currency),
    limit=unless(Amount(), COLUMNS.minor, NO_LIMIT),
    value=nullable(Measure(), COLUMNS.value),
)


@pytest.fixture(scope="module")
def engines(tmp_path_factory, cluster):
    """Both engines with the table."""
    url = cluster.new_database()
    engines = [create_engine(f"sqlite:///{tmp_path_factory.mktemp('filters') / 'rows.db'}"), create_engine(url)]
    for engine in engines:
        ROWS.create(engine)
    yield engines
    for engine in engines:
        engine.dispose()
    cluster.drop_database(url)


HOSTILE = [
    "",
    "%",
    "_",
    "a%",
    "a_b",
    "ab",
    "AB",
    "aB",
    "'",
    '"',
    "\\",
    "\\%",
    "a ",
    " a",
    "ä",
    "\uff41",
    "铜",
    "\U0001f600",
]
HOSTILE += [
    "\U0010ffff",
    "a\U0010ffff",
    "\ud7ff",
    "\ue000",
    "NULL",
    "OR",
    "*",
    "a*",
    "(a)",
    "a,b",
    "\n",
    "é",
    "e\u0301",
]
texts = st.sampled_from(HOSTILE) | st.text(st.sampled_from("ab%_\\'\"*\U0001f600铜 Z"), max_size=4)
ids = st.sampled_from(["a", "a-1", "a-2", "b"])
dates = st.dates(date(2024, 12, 30), date(2025, 1, 3))
times = st.builds(
    lambda seconds, micros: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=micros),
    st.integers(0, 2),
    st.integers(0, 1),
)
shares = st.integers(0, 3).map(lambda units: Decimal(units) / 10**6)
amounts = st.tuples(st.integers(0, 3).map(lambda minor: Decimal(minor) / 100), st.sampled_from(["USD", "EUR"]))
values = st.sampled_from([Decimal("-1.5"), Decimal(0), Decimal("0.1"), Decimal("2.25")])
rows = st.fixed_dictionaries(
    {
        "owner": texts,
        "asset": st.none() | ids,
        "level": st.sampled_from(LEVELS),
        "light": st.sampled_from(LIGHTS),
        "waived": st.booleans(),
        "date": st.none() | dates,
        "time": times,
        "share": shares,
        "currency_code": st.sampled_from(["USD", "EUR"]),
        "limit": st.none() | st.integers(0, 3).map(lambda minor: Decimal(minor) / 100),
        "value": st.none() | values,
    }
)


def stored(key, row):
    """Returns a row as it is stored."""
    return {
        "key": key,
        **{name: row[name] for name in ("owner", "asset", "light")},
        "currency": row["currency_code"],
        "level": LEVELS.index(row["level"]),
        "waived": int(row["waived"]),
        "day": NO_DAY if row["date"] is None else day_of(row["date"]),
        "time_us": (row["time"] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1),
        "share": int(row["share"] * 10**6),
        "minor": NO_LIMIT if row["limit"] is None else int(row["limit"] * 100),
        "value": None if row["value"] is None else float(row["value"]),
    }


@dataclass(frozen=True)
class Case:
    """A filter as text, and the same filter as a Python function of a row."""

    text: str
    is_met: object


def quoted(text):
    """Returns the ways of writing a text in quotes."""
    single = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False), single])


COMPARE = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
EQUALITY, ORDER = ["=", "!="], ["<", "<=", ">", ">="]


def absent_is_false(field, is_met):
    return lambda row: row[field] is not None and is_met(row[field])


@st.composite
def comparisons(draw, field, operators, values, key=lambda value: value, write=str):
    operator, value = draw(st.sampled_from(operators)), draw(values)
    written = draw(quoted(write(value)))
    meets = absent_is_false(field, lambda found: COMPARE[operator](key(found), key(value)))
    return Case(f"{field} {operator} {written}", meets)


@st.composite
def memberships(draw, field, values, write=str):
    chosen = draw(st.lists(values, min_size=1, max_size=4))
    written = ", ".join(draw(quoted(write(value))) for value in chosen)
    return Case(f"{field} IN ({written})", absent_is_false(field, lambda found: found in chosen))


@st.composite
def prefixes(draw, field, values):
    prefix = draw(values)
    return Case(f"{field}:{draw(quoted(prefix + '*'))}", absent_is_false(field, lambda found: found.startswith(prefix)))


@st.composite
def amount_comparisons(draw):
    operator, (amount, currency) = draw(st.sampled_from(EQUALITY + ORDER)), draw(amounts)
    amount += draw(st.sampled_from([Decimal(0), Decimal("0.001")]))

    def is_met(row):
        return row["currency_code"] == currency and absent_is_false(
            "limit", lambda found: COMPARE[operator](found, amount)
        )(row)

    return Case(f'limit {operator} "{amount} {currency}"', is_met)


@st.composite
def amount_memberships(draw):
    chosen = draw(st.lists(amounts, min_size=1, max_size=3))
    written = ", ".join(f'"{amount} {currency}"' for amount, currency in chosen)
    return Case(f"limit IN ({written})", lambda row: (row["limit"], row["currency_code"]) in chosen)


def presence(field):
    return Case(f"{field}:*", lambda row: row[field] not in {None, ""})


finer = shares.flatmap(lambda share: st.sampled_from([share, share + Decimal("0.0000004")]))
tests = st.one_of(
    comparisons("owner", EQUALITY + ORDER, texts),
    memberships("owner", texts),
    prefixes("owner", texts.filter(bool)),
    comparisons("asset", EQUALITY, ids, write="assets/{}".format),
    memberships("asset", ids),
    prefixes("asset", st.sampled_from(["", "a", "a-", "a-1", "c"])),
    comparisons("level", EQUALITY + ORDER, st.sampled_from(LEVELS), key=LEVELS.index),
    memberships("level", st.sampled_from(LEVELS)),
    comparisons("light", EQUALITY, st.sampled_from(LIGHTS)),
    memberships("light", st.sampled_from(LIGHTS)),
    comparisons("waived", EQUALITY, st.booleans(), write=lambda value: str(value).lower()),
    comparisons("date", EQUALITY + ORDER, dates),
    memberships("date", dates),
    comparisons("time", EQUALITY + ORDER, times, write=datetime.isoformat),
    comparisons("share", EQUALITY + ORDER, finer, write="{:f}".format),
    memberships("share", finer, write="{:f}".format),
    comparisons("value", ORDER, values),
    amount_comparisons(),
    amount_memberships(),
    st.sampled_from(["owner", "asset", "date", "limit", "value", "level", "waived"]).map(presence),
)


def joined(word, combine):
    return lambda cases: Case(
        f" {word} ".join(f"({case.text})" for case in cases), lambda row: combine(case.is_met(row) for case in cases)
    )


expressions = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(joined("AND", all)),
        st.lists(inner, min_size=2, max_size=3).map(joined("OR", any)),
        inner.map(lambda case: Case(f"NOT ({case.text})", lambda row: not case.is_met(row))),
    ),
    max_leaves=6,
)


@given(st.lists(rows, min_size=1, max_size=12), st.lists(expressions, min_size=1, max_size=8))
def test_a_filter_selects_the_rows_that_a_plain_model_selects(engines, listed, cases):
    for engine in engines:
        with engine.begin() as connection:
            connection.execute(delete(ROWS))
            connection.execute(insert(ROWS), [stored(key, row) for key, row in enumerate(listed)])
            for case in cases:
                condition = TABLE.where(TABLE.parse(case.text))
                found = connection.execute(select(COLUMNS.key).where(condition).order_by(COLUMNS.key)).scalars().all()

                assert found == [key for key, row in enumerate(listed) if case.is_met(row)], (engine.name, case.text)

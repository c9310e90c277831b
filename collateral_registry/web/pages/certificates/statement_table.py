"""The statement of a certificate as a table with the columns class, line and value (docs/commands.md).

The lines of a class are ``gross``, ``rate``, ``amount_limit``, ``share_limit``, and the name of a rule for what it
excludes. The line ``reserves`` belongs to no class.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping

from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money

from collateral_registry.exports.cells import CsvWriter
from collateral_registry.v1 import certificate_pb2 as pb
from collateral_registry.web.pages.numbers import parsed_money, value_of
from valuation.tables.reader import Table
from valuation.tables.schema import CellKind, Schema

STATEMENT = Schema({"line": CellKind.TEXT, "value": CellKind.NUMBER}, {"class": CellKind.TEXT})
"""Columns of the table."""

HEADER = ("class", "line", "value")
AMOUNTS, RATIOS = ("gross", "amount_limit"), ("rate", "share_limit")
RESERVES = "reserves"


def statement_of(table: Table, currency: str) -> pb.BaseStatement:
    """Returns the statement of a table, with amounts in a currency; raises ValueError with the line of a wrong cell."""
    for refused in table.refused:
        raise ValueError(f"{table.name}:{refused.line}: {refused.reason}")
    statement = pb.BaseStatement()
    classes: dict[str, pb.StatedClass] = {}
    for row in table.rows():
        try:
            _add(statement, classes, row.values, currency)
        except ValueError as error:
            raise ValueError(f"{table.name}:{row.line}: {error}") from None
    return statement


def statement_text(statement: pb.BaseStatement) -> str:
    """Returns a statement as CSV; its header alone for an empty one."""
    text = io.StringIO()
    CsvWriter(text).write(HEADER, *_rows(statement))
    return text.getvalue()


def _rows(statement: pb.BaseStatement) -> Iterator[tuple[str, str, str]]:
    for one in statement.classes:
        yield one.asset_class, "gross", _plain(one.gross)
        for exclusion in one.exclusions:
            yield one.asset_class, exclusion.rule, _plain(exclusion.amount)
        yield one.asset_class, "rate", one.rate.value
        if one.HasField("amount_limit"):
            yield one.asset_class, "amount_limit", _plain(one.amount_limit)
        if one.HasField("share_limit"):
            yield one.asset_class, "share_limit", one.share_limit.value
    if statement.HasField(RESERVES):
        yield "", RESERVES, _plain(statement.reserves)


def _add(
    statement: pb.BaseStatement, classes: dict[str, pb.StatedClass], row: Mapping[str, str], currency: str
) -> None:
    name, line = row.get("class", ""), row["line"]
    if not name:
        if line != RESERVES or statement.HasField("reserves"):
            raise ValueError(f"class: got nothing for the line {line!r}, want a class; one line 'reserves' has none")
        statement.reserves.CopyFrom(_amount(row["value"], currency))
        return
    if name not in classes:
        classes[name] = statement.classes.add(asset_class=name)
    stated = classes[name]
    if any(field.name == line for field, _ in stated.ListFields()):
        raise ValueError(f"line: got {line!r} of {name} again, want each line once")
    if line in AMOUNTS:
        getattr(stated, line).CopyFrom(_amount(row["value"], currency))
    elif line in RATIOS:
        getattr(stated, line).CopyFrom(DecimalMessage(value=row["value"]))
    else:
        stated.exclusions.add(rule=line, amount=_amount(row["value"], currency))


def _amount(text: str, currency: str) -> Money:
    amount = parsed_money(text, currency)
    if amount is None:
        raise ValueError(f"value: got {text[:40]!r}, want an amount such as 1200.50, 0 or more")
    return amount


def _plain(money: Money) -> str:
    return f"{value_of(money).normalize():f}"

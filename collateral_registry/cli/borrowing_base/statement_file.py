"""Reads the statement of a certificate from a file with the columns class, line and value.

The lines of a class are ``gross``, ``rate``, ``amount_limit``, ``share_limit``, and the name of a rule for what it
excludes. The line ``reserves`` belongs to no class.
"""

from __future__ import annotations

from pathlib import Path

from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money

from collateral_registry.cli.common.file_schemas import SCHEMAS, Row
from collateral_registry.cli.importing.messages import money
from collateral_registry.v1 import certificate_pb2 as pb
from valuation.tables.reader import read_file

AMOUNTS, RATIOS = ("gross", "amount_limit"), ("rate", "share_limit")
RESERVES = "reserves"


def read_statement(path: Path, currency: str) -> pb.BaseStatement:
    """Returns the statement in a file, with amounts in a currency; raises ValueError with the line of a wrong cell."""
    table = read_file(path, SCHEMAS["statement"])
    for refused in table.refused:
        raise ValueError(f"{path.name}:{refused.line}: {refused.reason}")
    statement = pb.BaseStatement()
    classes: dict[str, pb.StatedClass] = {}
    for row in table.rows():
        try:
            _add(statement, classes, row.values, currency)
        except ValueError as error:
            raise ValueError(f"{path.name}:{row.line}: {error}") from None
    return statement


def _add(statement: pb.BaseStatement, classes: dict[str, pb.StatedClass], row: Row, currency: str) -> None:
    name, line = row.get("class", ""), row["line"]
    if not name:
        if line != RESERVES or statement.HasField("reserves"):
            raise ValueError(f"class: got nothing for the line {line!r}, want a class; one line 'reserves' has none")
        statement.reserves.CopyFrom(_amount(row, currency))
        return
    if name not in classes:
        classes[name] = statement.classes.add(asset_class=name)
    stated = classes[name]
    if any(field.name == line for field, _ in stated.ListFields()):
        raise ValueError(f"line: got {line!r} of {name} again, want each line once")
    if line in AMOUNTS:
        getattr(stated, line).CopyFrom(_amount(row, currency))
    elif line in RATIOS:
        getattr(stated, line).CopyFrom(DecimalMessage(value=row["value"]))
    else:
        stated.exclusions.add(rule=line, amount=_amount(row, currency))


def _amount(row: Row, currency: str) -> Money:
    amount = money(row["value"], currency, "value")
    if amount is None:
        raise ValueError("value: got nothing, want an amount")
    return amount

"""Stores the statements of pools of receivables with their valuations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from collateral_registry.domain.receivables.pool_statement import DebtorShare, PoolStatement, RuleSum
from collateral_registry.store.engine.bulk import Columns, Source, insert_columns, read_columns
from collateral_registry.store.revaluation.row_versions import newest_of
from collateral_registry.store.schema.valuations import PoolStatementRow
from valuation._typing import Int
from valuation.receivables.rules import Rule

AMOUNTS = (
    "face_minor", "open_minor", "excluded_minor", "unknown_minor", "eligible_minor", "recoverable_minor",
    "lendable_minor", "last_good_minor", "last_good_lendable_minor",
)  # fmt: skip
"""Columns that have the name of an attribute of the statement."""


@dataclass(frozen=True)
class StoredStatement:
    """A statement with the sequence and business date of its valuation, and the key of the policy."""

    seq: int
    market_day: int
    policy_key: int
    statement: PoolStatement


def statement_columns(
    keys: Sequence[int], statements: Sequence[PoolStatement], policy_key: int, market_day: int
) -> Columns:
    """Returns the statements of pools with these keys as columns."""
    rows = list(statements)
    of_all = {"market_day": market_day, "policy_key": policy_key}
    return {
        "asset_key": np.array(keys, dtype=np.int64),
        **{name: np.full(len(rows), value, dtype=np.int64) for name, value in of_all.items()},
        **{name: np.array([getattr(one, name) for one in rows], dtype=np.int64) for name in ("entry_number", *AMOUNTS)},
        "sums": np.array([_sums_text(one) for one in rows], dtype=object),
    }


def insert_statements(source: Source, columns: Columns, seq: int) -> None:
    """Appends statements given as columns."""
    written = {"seq": seq, "of_run": 0}
    insert_columns(source, PoolStatementRow, {**columns, **written}, len(columns["asset_key"]))


def statement_as_of(connection: Connection, asset_key: int, seq: int | None) -> StoredStatement | None:
    """Returns the current statement of a pool as of a commit, or now if none is given; None if there is none."""
    return statements_as_of(connection, [asset_key], seq).get(asset_key)


def statements_as_of(connection: Connection, asset_keys: Sequence[int], seq: int | None) -> dict[int, StoredStatement]:
    """Returns the current statement of each pool that has one, as of a commit or now."""
    newest = newest_of(PoolStatementRow, PoolStatementRow.asset_key, seq)
    statement = select(PoolStatementRow.__table__).join_from(
        newest,
        PoolStatementRow,
        (PoolStatementRow.asset_key == newest.c.key) & (PoolStatementRow.seq == newest.c.version),
    )
    rows = connection.execute(statement, {"keys": list(asset_keys)}).mappings()
    return {row["asset_key"]: _stored(row) for row in rows}


def entry_numbers_of(source: Source, asset_keys: Int, seq: int | None) -> dict[int, int]:
    """Returns the newest entry in the current statement of each pool that has one, as of a commit or now."""
    if not len(asset_keys):
        return {}
    newest = newest_of(PoolStatementRow, PoolStatementRow.asset_key, seq)
    is_newest = (PoolStatementRow.asset_key == newest.c.key) & (PoolStatementRow.seq == newest.c.version)
    statement = select(PoolStatementRow.asset_key, PoolStatementRow.entry_number)
    columns = read_columns(source, statement.join_from(newest, PoolStatementRow, is_newest), {"keys": asset_keys})
    return dict(zip(columns["asset_key"].tolist(), columns["entry_number"].tolist(), strict=True))


def _stored(row: Mapping[str, Any]) -> StoredStatement:
    sums = json.loads(row["sums"])
    statement = PoolStatement(
        entry_number=row["entry_number"],
        **{name: row[name] for name in AMOUNTS if name not in {"excluded_minor", "unknown_minor"}},
        excluded=_rule_sums(sums["excluded"]),
        unknown=_rule_sums(sums["unknown"]),
        ages=tuple(sums["ages"]),
        debtors=tuple(DebtorShare(*one) for one in sums["debtors"]),
    )
    return StoredStatement(row["seq"], row["market_day"], row["policy_key"], statement)


def _sums_text(one: PoolStatement) -> str:
    def of_rules(sums: Mapping[Rule, RuleSum]) -> dict[str, list[int]]:
        return {str(int(rule)): [each.amount_minor, each.invoices, each.debtors] for rule, each in sums.items()}

    document = {
        "excluded": of_rules(one.excluded),
        "unknown": of_rules(one.unknown),
        "ages": one.ages,
        "debtors": [[each.debtor, each.open_minor, each.eligible_minor] for each in one.debtors],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _rule_sums(document: Mapping[str, Sequence[int]]) -> dict[Rule, RuleSum]:
    return {Rule(int(code)): RuleSum(*sums) for code, sums in document.items()}

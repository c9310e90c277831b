"""Filters on the fields of docs/filters.md, section "Large lists", are read by an index in the order of the list."""

import pytest
from sqlalchemy import event

from collateral_registry.store.assets.repository import ASSET_FILTER, list_assets
from collateral_registry.store.findings.repository import FINDING_FILTER, list_findings
from collateral_registry.store.loans.repository import LOAN_FILTER, list_loans
from tests.support.books import open_empty_book

LAST = 10**9


@pytest.mark.parametrize(
    ("listed", "table", "after", "filter_"),
    [
        *((list_assets, ASSET_FILTER, "", f"{field} = x") for field in ("owner", "good", "warehouse", "name")),
        *((list_loans, LOAN_FILTER, "", f"{field} = x") for field in ("borrower", "name")),
        (list_findings, FINDING_FILTER, LAST, "state = OPEN"),
        *((list_findings, FINDING_FILTER, LAST, f"{field} = x") for field in ("warehouse", "asset", "loan")),
    ],
)
def test_a_filter_on_an_indexed_field_neither_scans_nor_sorts(sqlite_url, listed, table, after, filter_):
    database = open_empty_book(sqlite_url)
    statements = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, values, _context, _many):
        statements.append((statement, values))

    with database.read() as connection:
        listed(connection, table.parse(filter_), after, 100)
        statement, values = statements[-1]
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    database.close()

    assert not [step for step in plan if step.startswith("SCAN") or "TEMP B-TREE" in step], plan

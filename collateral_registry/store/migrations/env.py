"""Runs the migrations on the connection given by collateral_registry.store.engine.migrate."""

from alembic import context
from sqlmodel import SQLModel

from collateral_registry.store.audit import tables as audit
from collateral_registry.store.schema import (
    assets,
    assignments,
    book,
    borrowing_base,
    debtors,
    equipment,
    findings,
    loans,
    prices,
    receivables,
    revaluation,
    stock,
    valuations,
)

SCHEMA = (
    assets,
    assignments,
    audit,
    book,
    borrowing_base,
    debtors,
    equipment,
    findings,
    loans,
    prices,
    receivables,
    revaluation,
    stock,
    valuations,
)
"""Importing these modules registers their tables with the metadata."""

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

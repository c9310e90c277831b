"""Runs the migrations on the connection handed over by collateral_registry.store.engine.migrate."""

from alembic import context
from sqlmodel import SQLModel

from collateral_registry.store.schema import (
    assets,
    book,
    equipment,
    findings,
    ip,
    loans,
    prices,
    revaluation,
    stock,
    valuations,
)

for filled in (assets, book, equipment, findings, ip, loans, prices, revaluation, stock, valuations):
    assert filled  # noqa: S101 - importing the tables fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

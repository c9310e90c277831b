"""Runs the migrations on the connection handed over by collateral_registry.store.migrate."""

from alembic import context
from sqlmodel import SQLModel

from collateral_registry.store import equipment_tables, pledge_tables, run_tables, stock_tables, tables

for filled in (tables, equipment_tables, stock_tables, pledge_tables, run_tables):
    assert filled  # noqa: S101 - importing the tables fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

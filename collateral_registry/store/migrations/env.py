"""Runs the migrations on the connection handed over by collateral_registry.store.migrate."""

from alembic import context
from sqlmodel import SQLModel

from collateral_registry.store import stock_tables, tables

assert tables  # noqa: S101 - importing the tables fills the metadata
assert stock_tables  # noqa: S101 - the same

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

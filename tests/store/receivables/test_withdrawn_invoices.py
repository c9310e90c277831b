"""What was withdrawn from invoices is filled in for ledgers of earlier versions as a replay computes it."""

from importlib import import_module

import numpy as np
from sqlalchemy import text

from collateral_registry.store.receivables.ledger import ledger_at, ledgers_of, pool_keys_of
from tests.store.receivables.test_kept_ledgers import POOLS, drawn_entry
from tests.support.ledgers import as_dict

MIGRATION = import_module("collateral_registry.store.migrations.versions.0044_withdrawn_invoices")


def test_the_migration_fills_in_what_a_replay_computes(feed):
    draw = np.random.default_rng(3)
    feed.report(*(drawn_entry(draw, number) for number in range(400)))
    with feed.database.engine.begin() as connection:
        connection.execute(text("UPDATE invoice SET lowered_minor = 0, withdrawn_day = -1000000"))
        connection.execute(text(MIGRATION.FILL))
    with feed.database.read() as connection:
        keys = sorted(pool_keys_of(connection, POOLS).values())
        for key, ledger in ledgers_of(connection, keys).items():
            assert as_dict(ledger) == as_dict(ledger_at(connection, key, ledger.entry_number))
            assert (ledger.withdrawn_day > 0).any()

"""Ledgers of invoices: their feeds, entries and sums."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_feeds()
    _create_entries()
    _create_sums()


def downgrade() -> None:
    for table in (
        "pool_change",
        "debtor_balance",
        "invoice",
        "invoice_entry",
        "invoice_pool",
        "invoice_rejection",
        "invoice_batch",
        "invoice_feed",
    ):
        op.drop_table(table)


def _create_feeds() -> None:
    op.create_table(
        "invoice_feed",
        sa.Column("source_key", Big, nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("last_sequence", Big, nullable=False),
        sa.Column("last_call", Big, nullable=False),
        sa.Column("epoch", Big, nullable=False),
        sa.Column("created_us", Big, nullable=False),
        sa.Column("received_us", Big, nullable=False),
        sa.PrimaryKeyConstraint("source_key"),
        sa.UniqueConstraint("source_id"),
    )
    op.create_table(
        "invoice_batch",
        sa.Column("source_key", Big, nullable=False, autoincrement=False),
        sa.Column("sequence", Big, nullable=False, autoincrement=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("item_count", Big, nullable=False),
        sa.Column("booked_count", Big, nullable=False),
        sa.Column("known_count", Big, nullable=False),
        sa.Column("received_us", Big, nullable=False),
        sa.PrimaryKeyConstraint("source_key", "sequence"),
    )
    _partial_index(
        "invoice_batch_request", "invoice_batch", ["source_key", "request_id"], "request_id <> ''", unique=True
    )
    op.create_table(
        "invoice_rejection",
        sa.Column("rejection_key", Big, nullable=False),
        sa.Column("source_key", Big, nullable=False),
        sa.Column("sequence", Big, nullable=False),
        sa.Column("batch_row", Big, nullable=False),
        sa.Column("reason", Big, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("received_us", Big, nullable=False),
        sa.Column("state", Big, nullable=False),
        sa.Column("resolved_us", Big, nullable=False),
        sa.Column("resolved_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rejection_key"),
    )
    op.create_index("invoice_rejection_entry", "invoice_rejection", ["source_key", "entry_id"])
    op.create_index("invoice_rejection_source", "invoice_rejection", ["source_key", "state"])


def _create_entries() -> None:
    op.create_table(
        "invoice_pool",
        sa.Column("pool_key", Big, nullable=False),
        sa.Column("pool_id", sa.Text(), nullable=False),
        sa.Column("entry_number", Big, nullable=False),
        sa.Column("entry_day", Big, nullable=False),
        sa.Column("account_entries", Big, nullable=False),
        sa.Column("opened_us", Big, nullable=False),
        sa.Column("received_us", Big, nullable=False),
        sa.PrimaryKeyConstraint("pool_key"),
        sa.UniqueConstraint("pool_id"),
    )
    op.create_table(
        "invoice_entry",
        sa.Column("entry_key", Big, nullable=False),
        sa.Column("pool_key", Big, nullable=False),
        sa.Column("number", Big, nullable=False),
        sa.Column("leg", Big, nullable=False),
        sa.Column("source_key", Big, nullable=False),
        sa.Column("sequence", Big, nullable=False),
        sa.Column("batch_row", Big, nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("kind", Big, nullable=False),
        sa.Column("effect", Big, nullable=False),
        sa.Column("effective_us", Big, nullable=False),
        sa.Column("received_us", Big, nullable=False),
        sa.Column("debtor", sa.Text(), nullable=False),
        sa.Column("invoice_number", sa.Text(), nullable=False),
        sa.Column("type_code", Big, nullable=False),
        sa.Column("amount_minor", Big, nullable=False),
        sa.Column("change_minor", Big, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("issue_day", Big, nullable=False),
        sa.Column("due_day", Big, nullable=False),
        sa.Column("delivery_day", Big, nullable=False),
        sa.Column("flags", Big, nullable=False),
        sa.Column("source", Big, nullable=False),
        sa.Column("matches", Big, nullable=False),
        sa.Column("to_pool", sa.Text(), nullable=False),
        sa.Column("corrects", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry_key"),
        sa.UniqueConstraint("pool_key", "number"),
        sa.UniqueConstraint("source_key", "entry_id", "leg"),
    )
    _partial_index(
        "invoice_entry_cash",
        "invoice_entry",
        ["pool_key", "debtor", "amount_minor"],
        "effect IN (2, 3, 12) AND leg = 0",
    )
    _partial_index("invoice_entry_corrects", "invoice_entry", ["source_key", "corrects"], "corrects <> ''")
    _partial_index("invoice_entry_matches", "invoice_entry", ["pool_key", "matches"], "matches > 0")


def _create_sums() -> None:
    op.create_table(
        "invoice",
        sa.Column("invoice_key", Big, nullable=False),
        sa.Column("pool_key", Big, nullable=False),
        sa.Column("debtor", sa.Text(), nullable=False),
        sa.Column("invoice_number", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("type_code", Big, nullable=False),
        sa.Column("flags", Big, nullable=False),
        sa.Column("face_minor", Big, nullable=False),
        sa.Column("paid_minor", Big, nullable=False),
        sa.Column("credited_minor", Big, nullable=False),
        sa.Column("written_off_minor", Big, nullable=False),
        sa.Column("open_minor", Big, nullable=False),
        sa.Column("disputed_minor", Big, nullable=False),
        sa.Column("retention_minor", Big, nullable=False),
        sa.Column("retention_day", Big, nullable=False),
        sa.Column("issue_day", Big, nullable=False),
        sa.Column("due_day", Big, nullable=False),
        sa.Column("delivery_day", Big, nullable=False),
        sa.Column("ahead_minor", Big, nullable=False),
        sa.PrimaryKeyConstraint("invoice_key"),
        sa.UniqueConstraint("pool_key", "debtor", "invoice_number"),
    )
    op.create_index("invoice_face", "invoice", ["pool_key", "debtor", "face_minor"])
    op.create_table(
        "debtor_balance",
        sa.Column("balance_key", Big, nullable=False),
        sa.Column("pool_key", Big, nullable=False),
        sa.Column("debtor", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("unapplied_minor", Big, nullable=False),
        sa.Column("contra_minor", Big, nullable=False),
        sa.Column("contra_day", Big, nullable=False),
        sa.PrimaryKeyConstraint("balance_key"),
        sa.UniqueConstraint("pool_key", "debtor", "currency"),
    )
    op.create_table(
        "pool_change",
        sa.Column("change_key", Big, nullable=False),
        sa.Column("pool_key", Big, nullable=False),
        sa.PrimaryKeyConstraint("change_key"),
    )


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    only = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=only, postgresql_where=only)

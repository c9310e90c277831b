"""Keep statements of pools of receivables, and reasons why a part of a valued pool is unknown."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

RECEIVABLE = 4
MODEL = "receivable-pool/1"

AMOUNTS = (
    "face_minor", "open_minor", "excluded_minor", "unknown_minor", "eligible_minor", "recoverable_minor",
    "lendable_minor", "last_good_minor", "last_good_lendable_minor",
)  # fmt: skip


def upgrade() -> None:
    op.add_column("valuation", sa.Column("unknown_part", Big, nullable=False, server_default="0"))
    op.create_table(
        "pool_statement",
        sa.Column("seq", Big, autoincrement=False, nullable=False),
        sa.Column("asset_key", Big, autoincrement=False, nullable=False),
        sa.Column("of_run", Big, nullable=False),
        sa.Column("market_day", Big, nullable=False),
        sa.Column("policy_key", Big, nullable=False),
        sa.Column("entry_number", Big, nullable=False),
        *(sa.Column(name, Big, nullable=False) for name in AMOUNTS),
        sa.Column("sums", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", "asset_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pool_debtor",
        sa.Column("asset_key", Big, autoincrement=False, nullable=False),
        sa.Column("stated", sa.Text(), nullable=False),
        sa.Column("debtor_key", Big, nullable=False),
        sa.PrimaryKeyConstraint("asset_key", "stated"),
    )
    op.create_index("pool_debtor_stated", "pool_debtor", ["stated"])
    op.create_index("pool_debtor_key", "pool_debtor", ["debtor_key", "asset_key"])
    _accept_model()
    op.create_index(
        "pool_statement_of_asset",
        "pool_statement",
        ["asset_key", "seq"],
        sqlite_where=sa.text("of_run = 0"),
        postgresql_where=sa.text("of_run = 0"),
    )


def _accept_model() -> None:
    """Adds the model of pools to those of earlier runs in a book without invoices, of which it changes no value."""
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT 1 FROM asset WHERE kind = :kind LIMIT 1"), {"kind": RECEIVABLE}).first():
        return
    change = sa.text("UPDATE revaluation_run SET models = :after WHERE models = :before")
    for (before,) in connection.execute(sa.text("SELECT DISTINCT models FROM revaluation_run")).all():
        after = " ".join(sorted({*before.split(), MODEL}))
        connection.execute(change, {"before": before, "after": after})


def downgrade() -> None:
    op.drop_table("pool_debtor")
    op.drop_index("pool_statement_of_asset", "pool_statement")
    op.drop_table("pool_statement")
    with op.batch_alter_table("valuation") as batch:
        batch.drop_column("unknown_part")

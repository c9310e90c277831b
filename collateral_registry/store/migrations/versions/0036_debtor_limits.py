"""Keep limits of debtors in pools: those of insurers, and the lender's own."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "debtor_limit",
        sa.Column("asset_key", Big, nullable=False),
        sa.Column("seq", Big, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("record_key", Big, primary_key=True, autoincrement=True),
        sa.Column("debtor", sa.Text(), nullable=False),
        *(sa.Column(name, Big, nullable=False) for name in ("kind", "expire_day", "ended_seq", "ended_us")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("ended_by", "end_note")),
    )
    op.create_index("ix_debtor_limit_asset_key", "debtor_limit", ["asset_key"])


def downgrade() -> None:
    op.drop_table("debtor_limit")

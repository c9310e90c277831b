"""Add to haircut curves the price and history they were estimated from and the hidden gap of smoothed quotes."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("price_series", sa.Column("history_seq", Big, nullable=False, server_default="0"))
    op.add_column("estimate", sa.Column("price", sa.Float(precision=53), nullable=True))
    op.add_column("estimate", sa.Column("log_return", sa.Float(precision=53), nullable=True))
    op.add_column("estimate", sa.Column("history_seq", Big, nullable=False, server_default="0"))
    op.add_column("estimate", sa.Column("hidden_gap", sa.Float(precision=53), nullable=False, server_default="0"))
    with op.batch_alter_table("price_series") as batch:
        batch.alter_column("history_seq", server_default=None)
    with op.batch_alter_table("estimate") as batch:
        batch.alter_column("history_seq", server_default=None)
        batch.alter_column("hidden_gap", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("estimate") as batch:
        batch.drop_column("hidden_gap")
        batch.drop_column("history_seq")
        batch.drop_column("log_return")
        batch.drop_column("price")
    with op.batch_alter_table("price_series") as batch:
        batch.drop_column("history_seq")

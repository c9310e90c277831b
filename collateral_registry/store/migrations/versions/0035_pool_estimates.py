"""Keep estimates of pools: dilution and days until payment."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0035"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pool_estimate",
        sa.Column("estimate_key", Big, primary_key=True, autoincrement=True),
        *(sa.Column(name, Big, nullable=False) for name in ("asset_key", "seq", "day", "entry_number")),
        sa.Column("document", sa.Text(), nullable=False),
    )
    op.create_index("pool_estimate_of_asset", "pool_estimate", ["asset_key", "seq"])


def downgrade() -> None:
    op.drop_table("pool_estimate")

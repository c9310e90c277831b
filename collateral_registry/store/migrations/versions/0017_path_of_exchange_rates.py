"""Add to valuations the quotes that their exchange rate is made of."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("valuation", sa.Column("fx_path", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("valuation", "fx_path")

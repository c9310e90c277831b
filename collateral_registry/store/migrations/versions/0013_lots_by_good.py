"""Index lots by warehouse and good, to sum a good without reading all lots of its warehouse."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("stock_lot_good", "stock_lot", ["warehouse", "good"])


def downgrade() -> None:
    op.drop_index("stock_lot_good", "stock_lot")

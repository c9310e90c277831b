"""Index outgoing movements by lot, to find new ones without reading the whole history of a lot."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    left = sa.text("change < 0")
    op.create_index(
        "stock_movement_left",
        "stock_movement",
        ["lot_key", "movement_key"],
        sqlite_where=left,
        postgresql_where=left,
    )


def downgrade() -> None:
    op.drop_index("stock_movement_left", "stock_movement")

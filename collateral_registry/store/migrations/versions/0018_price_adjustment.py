"""Add the supported price and own history of haircut curves, and the price adjustment of valuations."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

COLUMNS = {
    "haircut_curve": {"supported_price": sa.Float(53), "own_loss": sa.LargeBinary()},
    "valuation": {"price_adjustment": sa.Float(53), "good_price_adjustment": sa.Float(53)},
}
"""New columns by table. Rows stored before have none: their curves are estimated again, their adjustment is 1."""


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for table, columns in COLUMNS.items():
        with op.batch_alter_table(table) as batch:
            for name in columns:
                batch.drop_column(name)

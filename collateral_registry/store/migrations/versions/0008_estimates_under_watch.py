"""Add the state of model monitoring to haircut curves: traffic light, multiplier, drift detector and cause."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TEXTS = {"light": "none", "cause": "SCHEDULE"}
COUNTS = ("exceedances", "promises")
NUMBERS = {"multiplier": "1", "drift": "0", "next_variance": "0"}


def upgrade() -> None:
    with op.batch_alter_table("estimate") as table:
        for name, value in TEXTS.items():
            table.add_column(sa.Column(name, sa.Text(), nullable=False, server_default=value))
        for name in COUNTS:
            table.add_column(sa.Column(name, Big, nullable=False, server_default="0"))
        for name, value in NUMBERS.items():
            table.add_column(sa.Column(name, sa.Float(53), nullable=False, server_default=value))


def downgrade() -> None:
    with op.batch_alter_table("estimate") as table:
        for name in (*TEXTS, *COUNTS, *NUMBERS):
            table.drop_column(name)

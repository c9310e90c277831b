"""A machine names the index that carries its price new to today, and the day that price is of."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

STOOD_FOR_ITSELF = {"index_key": 0, "price_new_day": -1_000_000}
"""Without an index: no series, no day."""


def upgrade() -> None:
    for name, value in STOOD_FOR_ITSELF.items():
        op.add_column("equipment", sa.Column(name, Big, nullable=False, server_default=str(value)))
    with op.batch_alter_table("equipment") as batch:
        for name in STOOD_FOR_ITSELF:
            batch.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("equipment") as batch:
        for name in STOOD_FOR_ITSELF:
            batch.drop_column(name)

"""Add the price index of a machine, and the share that the quality score of an IP asset leaves of its cap."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STOOD_FOR_ITSELF = {"index_key": 0, "price_new_day": -1_000_000}
"""Values of a machine without an index: no series and no day."""


def upgrade() -> None:
    for name, value in STOOD_FOR_ITSELF.items():
        op.add_column("equipment", sa.Column(name, Big, nullable=False, server_default=str(value)))
    with op.batch_alter_table("equipment") as batch:
        for name in STOOD_FOR_ITSELF:
            batch.alter_column(name, server_default=None)
    op.add_column("intellectual_property", sa.Column("cap_share", sa.Float(53), nullable=False, server_default="1"))


def downgrade() -> None:
    with op.batch_alter_table("intellectual_property") as batch:
        batch.drop_column("cap_share")
    with op.batch_alter_table("equipment") as batch:
        for name in STOOD_FOR_ITSELF:
            batch.drop_column(name)

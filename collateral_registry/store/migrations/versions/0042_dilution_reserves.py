"""Record with each valuation the share of its lendable value that is reserved for dilution; nothing of older ones."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COLUMNS = ("dilution_ppm", "good_dilution_ppm")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("valuation", sa.Column(name, Big, nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("valuation") as batch:
        for name in COLUMNS:
            batch.drop_column(name)

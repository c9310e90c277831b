"""Record whether the business date follows the clock, and the repairs of a wrong date."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "business_date_mode",
        sa.Column("seq", Big, primary_key=True, autoincrement=False),
        sa.Column("follows_clock", Big, nullable=False),
    )
    op.create_table(
        "business_date_repair",
        sa.Column("seq", Big, primary_key=True, autoincrement=False),
        sa.Column("kept_seq", Big, nullable=False),
        sa.Column("wrong_day", Big, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("business_date_repair")
    op.drop_table("business_date_mode")

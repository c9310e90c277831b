"""Add the certificates of borrowing bases."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

NUMBERS = ("loan_key", "state", "period_end_day", "due_day", "created_seq", "updated_seq")


def upgrade() -> None:
    op.create_table(
        "certificate",
        sa.Column("certificate_key", Big, primary_key=True, autoincrement=True),
        sa.Column("certificate_id", sa.Text(), nullable=False),
        *(sa.Column(name, Big, nullable=False) for name in NUMBERS),
        sa.Column("document", sa.Text(), nullable=False),
        sa.UniqueConstraint("loan_key", "certificate_id"),
    )


def downgrade() -> None:
    op.drop_table("certificate")

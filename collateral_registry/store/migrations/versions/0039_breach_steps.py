"""Add what people state in the steps of a breach."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "breach_step",
        sa.Column("event_seq", Big, primary_key=True, autoincrement=False),
        *(sa.Column(name, Big, nullable=False) for name in ("seq", "loan_key", "waived_until_day")),
        sa.Column("document", sa.Text(), nullable=False),
    )
    op.create_index("breach_step_of_loan", "breach_step", ["loan_key", "event_seq"])


def downgrade() -> None:
    op.drop_table("breach_step")

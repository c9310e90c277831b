"""Add the proposals, which two persons decide."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

NUMBERS = ("expire_day", "proposed_seq", "state", "decided_seq")


def upgrade() -> None:
    op.create_table(
        "proposal",
        sa.Column("proposal_key", Big, primary_key=True, autoincrement=True),
        *(sa.Column(name, Big, nullable=False) for name in NUMBERS),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("document", "decision")),
    )


def downgrade() -> None:
    op.drop_table("proposal")

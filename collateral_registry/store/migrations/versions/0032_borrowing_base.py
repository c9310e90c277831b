"""Add the borrowing base of loans: terms, contingent amounts, reserves, and the base of each judgement and event."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

OF_EVENTS = ("used_minor", "base_minor")
OF_JUDGEMENTS = (*OF_EVENTS, "good_base_minor", "withheld_base_minor")
TABLES = (("loan_judgement", OF_JUDGEMENTS), ("event", OF_EVENTS), ("run_event", OF_EVENTS))
NUMBERS = ("loan_key", "kind", "amount_minor", "rate_ppm", "first_day", "last_day", "created_seq", "ended_seq")


def upgrade() -> None:
    op.add_column("loan", sa.Column("contingent_minor", Big, nullable=False, server_default="0"))
    op.add_column("loan", sa.Column("base_terms", sa.Text(), nullable=False, server_default=""))
    for table, names in TABLES:
        for name in names:
            op.add_column(table, sa.Column(name, Big, nullable=False, server_default="-1"))
    op.create_table(
        "reserve",
        sa.Column("reserve_key", Big, primary_key=True, autoincrement=True),
        sa.Column("reserve_id", sa.Text(), nullable=False),
        *(sa.Column(name, Big, nullable=False) for name in NUMBERS),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("owner", "reason", "ended_by", "end_reason")),
        sa.UniqueConstraint("loan_key", "reserve_id"),
    )


def downgrade() -> None:
    op.drop_table("reserve")
    for table, names in (*TABLES, ("loan", ("contingent_minor", "base_terms"))):
        for name in names:
            op.drop_column(table, name)

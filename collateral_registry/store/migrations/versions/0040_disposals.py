"""Add disposals of collateral and their steps."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def _columns(kind: type[sa.types.TypeEngine], names: str) -> list[sa.Column]:
    return [sa.Column(name, kind, nullable=False) for name in names.split()]


def upgrade() -> None:
    op.create_table(
        "disposal",
        sa.Column("disposal_key", Big, primary_key=True, autoincrement=True),
        sa.Column("disposal_id", sa.Text(), nullable=False),
        *_columns(Big, "loan_key default_day cause"),
        sa.Column("document", sa.Text(), nullable=False),
        *_columns(Big, "opened_seq"),
        sa.UniqueConstraint("loan_key", "disposal_id"),
    )
    op.create_index("ix_disposal_opened_seq", "disposal", ["opened_seq"])
    op.create_table(
        "disposal_entry",
        *(sa.Column(name, Big, primary_key=True, autoincrement=False) for name in ("disposal_key", "number")),
        *_columns(Big, "seq step state"),
        *_columns(sa.Text(), "actor note document"),
    )


def downgrade() -> None:
    op.drop_table("disposal_entry")
    op.drop_table("disposal")

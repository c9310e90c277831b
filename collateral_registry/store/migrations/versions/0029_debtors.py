"""Add debtors, their revisions and their identifiers."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def integer(name: str, *, automatic: bool = False) -> sa.Column:
    return sa.Column(name, BIG, nullable=False, autoincrement=automatic)


def text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "debtor",
        integer("debtor_key", automatic=True),
        text("debtor_id"),
        *map(integer, ("revision", "created_seq", "updated_seq")),
        sa.PrimaryKeyConstraint("debtor_key"),
        sa.UniqueConstraint("debtor_id"),
    )
    op.create_table(
        "debtor_revision",
        *map(integer, ("debtor_key", "revision", "seq")),
        *map(text, ("display_name", "country")),
        *map(integer, ("parent_key", "parent_stated", "kind", "state", "is_core_firm")),
        sa.Column("pd", sa.Float(53), nullable=True),
        *map(integer, ("pd_day", "line_minor")),
        text("line_currency"),
        *map(integer, ("line_expire_day", "merged_into")),
        *map(text, ("actor", "note", "document")),
        sa.PrimaryKeyConstraint("debtor_key", "revision"),
    )
    op.create_index("ix_debtor_revision_seq", "debtor_revision", ["seq"])
    for name, column in (("debtor_of_parent", "parent_key"), ("debtor_merged_into", "merged_into")):
        only = sa.text(f"{column} > 0")
        op.create_index(name, "debtor_revision", [column], sqlite_where=only, postgresql_where=only)
    op.create_table(
        "debtor_identifier",
        integer("identifier_key", automatic=True),
        *map(integer, ("debtor_key", "scheme")),
        text("value"),
        *map(integer, ("created_seq", "ended_seq")),
        sa.PrimaryKeyConstraint("identifier_key"),
    )
    op.create_index("ix_debtor_identifier_debtor_key", "debtor_identifier", ["debtor_key"])
    op.create_index("debtor_identifier_value", "debtor_identifier", ["value", "scheme"])
    current = sa.text("ended_seq = 0")
    op.create_index(
        "debtor_identifier_current",
        "debtor_identifier",
        ["value", "scheme"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )


def downgrade() -> None:
    for table in ("debtor_identifier", "debtor_revision", "debtor"):
        op.drop_table(table)

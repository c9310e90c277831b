"""Add assignments, statements on the invoices of a pool, and exclusions by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def integer(name: str, *, automatic: bool = False) -> sa.Column:
    return sa.Column(name, BIG, nullable=False, autoincrement=automatic)


def text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def records(table: str, *columns: sa.Column | sa.UniqueConstraint) -> None:
    """Creates a table of records on the invoices of pools."""
    own = (integer("asset_key"), integer("seq"), text("actor"), text("document"))
    op.create_table(table, *own, integer("record_key", automatic=True), *columns, sa.PrimaryKeyConstraint("record_key"))
    op.create_index(f"ix_{table}_asset_key", table, ["asset_key"])


def upgrade() -> None:
    op.create_table(
        "assignment",
        integer("assignment_key", automatic=True),
        integer("asset_key"),
        text("assignment_id"),
        integer("created_seq"),
        sa.PrimaryKeyConstraint("assignment_key"),
        sa.UniqueConstraint("asset_key", "assignment_id"),
    )
    records("assignment_event", integer("assignment_key"))
    op.create_index("ix_assignment_event_assignment_key", "assignment_event", ["assignment_key"])
    records("registry_search", integer("day"))
    records("contract_terms", integer("barred"))
    records(
        "invoice_exclusion",
        *map(integer, ("expire_day", "ended_seq", "ended_us")),
        *map(text, ("ended_by", "end_note")),
    )
    records(
        "verification",
        text("verification_id"),
        integer("day"),
        sa.UniqueConstraint("asset_key", "verification_id"),
    )
    records("verification_answer", integer("verification_key"))
    op.create_index("ix_verification_answer_verification_key", "verification_answer", ["verification_key"])
    records("period_closing", *map(integer, ("day", "stated_minor", "computed_minor", "unreconciled_minor")))


def downgrade() -> None:
    statements = ("invoice_exclusion", "contract_terms", "registry_search")
    for table in ("period_closing", "verification_answer", "verification", *statements):
        op.drop_table(table)
    for table in ("assignment_event", "assignment"):
        op.drop_table(table)

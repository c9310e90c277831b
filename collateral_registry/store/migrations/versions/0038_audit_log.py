"""Add the audit log.

The rows that exist get no entries: the first start of a server anchors them by one digest for each set of facts.
"""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

ROWS_OF_COMMITS = (
    ("appraisal", "seq"),
    ("asset", "created_seq"),
    ("assignment", "created_seq"),
    ("assignment_event", "seq"),
    ("certificate", "created_seq"),
    ("certificate", "updated_seq"),
    ("contract_terms", "seq"),
    ("debtor", "created_seq"),
    ("debtor_identifier", "created_seq"),
    ("debtor_identifier", "ended_seq"),
    ("debtor_limit", "ended_seq"),
    ("debtor_limit", "seq"),
    ("finding", "resolved_seq"),
    ("identity_correction", "seq"),
    ("invoice_exclusion", "ended_seq"),
    ("invoice_exclusion", "seq"),
    ("loan", "created_seq"),
    ("loan_override", "decided_seq"),
    ("loan_override", "proposed_seq"),
    ("period_closing", "seq"),
    ("pickup", "created_seq"),
    ("pickup", "updated_seq"),
    ("pledge", "created_seq"),
    ("pledge_revision", "seq"),
    ("pool_estimate", "seq"),
    ("price_series", "created_seq"),
    ("proposal", "decided_seq"),
    ("proposal", "proposed_seq"),
    ("registry_search", "seq"),
    ("request", "seq"),
    ("reserve", "created_seq"),
    ("reserve", "ended_seq"),
    ("right_event", "seq"),
    ("verification", "seq"),
    ("verification_answer", "seq"),
    ("warehouse_reliability", "seq"),
)

NUMBERS = (
    ("haircut_curve", "of_run"),
    ("invoice_batch", "epoch"),
    ("invoice_batch", "link"),
    ("invoice_feed", "link"),
    ("run_partition", "published_seq"),
    ("stock_batch", "epoch"),
    ("stock_batch", "link"),
    ("stock_source", "link"),
    ("valuation_target", "created_seq"),
)

INDEXES = (("haircut_curve", "seq"), ("run_partition", "published_seq"), ("valuation_target", "created_seq"))


def upgrade() -> None:
    for table, column in NUMBERS:
        op.add_column(table, sa.Column(column, Big, nullable=False, server_default="0"))
    op.add_column("run_partition", sa.Column("facts", sa.Text(), nullable=False, server_default=""))
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])
    for table, column in ROWS_OF_COMMITS:
        op.create_index(f"audit_{table}_{column}", table, [column])
    op.create_table(
        "audit_entry",
        sa.Column("seq", Big, primary_key=True, autoincrement=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("size", Big, primary_key=True, autoincrement=False),
        sa.Column("note", sa.Text(), nullable=False),
    )
    op.create_table(
        "audit_link",
        sa.Column("feed", sa.Text(), primary_key=True),
        sa.Column("source_key", Big, primary_key=True, autoincrement=False),
        sa.Column("link", Big, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("batches", "items", "hash")),
    )
    op.create_table(
        "audit_head",
        sa.Column("feed", sa.Text(), primary_key=True),
        sa.Column("source_key", Big, primary_key=True, autoincrement=False),
        sa.Column("link", Big, nullable=False),
    )


def downgrade() -> None:
    for table in ("audit_head", "audit_link", "audit_checkpoint", "audit_entry"):
        op.drop_table(table)
    for table, column in ROWS_OF_COMMITS:
        op.drop_index(f"audit_{table}_{column}", table)
    for table, column in INDEXES:
        op.drop_index(f"ix_{table}_{column}", table)
    op.drop_column("run_partition", "facts")
    for table, column in NUMBERS:
        op.drop_column(table, column)

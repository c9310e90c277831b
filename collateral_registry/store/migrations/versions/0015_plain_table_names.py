"""Rename tables whose names mislead, add overrides of loans, and fill claims of assets older than version 0003."""

import sqlalchemy as sa
from alembic import op

from collateral_registry.store.stock.claims_by_place import write_missing_claims

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

RENAMES = {
    "holding": "place_claim",
    "issue_mark": "issue_watermark",
    "loan_cover": "loan_judgement",
    "pledge_cover": "pledge_claim",
    "estimate": "haircut_curve",
}


def upgrade() -> None:
    for old, new in RENAMES.items():
        op.rename_table(old, new)
    op.create_table(
        "loan_override",
        sa.Column("override_key", Big, nullable=False),
        sa.Column("override_id", sa.Text(), nullable=False),
        sa.Column("loan_key", Big, nullable=False),
        sa.Column("state", Big, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("proposed_seq", Big, nullable=False),
        sa.Column("decided_seq", Big, nullable=False),
        sa.PrimaryKeyConstraint("override_key"),
        sa.UniqueConstraint("loan_key", "override_id"),
    )
    write_missing_claims(op.get_bind())


def downgrade() -> None:
    op.drop_table("loan_override")
    for old, new in RENAMES.items():
        op.rename_table(new, old)

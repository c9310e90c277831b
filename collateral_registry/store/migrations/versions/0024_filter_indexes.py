"""Index the fields by which large lists are filtered most often, in the order of the lists."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

INDEXES = {
    "asset_of_owner": ("asset", ["owner", "asset_id"]),
    "asset_of_good": ("asset", ["good", "asset_id"]),
    "asset_in_place": ("asset", ["place", "asset_id"]),
    "loan_of_borrower": ("loan", ["borrower", "loan_id"]),
    "finding_in_state": ("finding", ["state", "finding_key"]),
    "finding_in_warehouse": ("finding", ["warehouse", "finding_key"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)

"""Let SQLite find a matched payment by its number: with a range as the condition of the index, it searches the range."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _replace_index("matches <> 0")


def downgrade() -> None:
    _replace_index("matches > 0")


def _replace_index(condition: str) -> None:
    where = sa.text(condition)
    op.drop_index("invoice_entry_matches", "invoice_entry")
    op.create_index(
        "invoice_entry_matches",
        "invoice_entry",
        ["pool_key", "matches"],
        sqlite_where=where,
        postgresql_where=where,
    )

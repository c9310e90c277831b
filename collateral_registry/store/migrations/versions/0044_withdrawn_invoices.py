"""Store with each invoice what corrections took off it, and the newest day of a credit note, write-off or such one."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COLUMNS = {"lowered_minor": "0", "withdrawn_day": "-1000000"}

FILL = """
WITH away AS (
    SELECT pool_key, debtor, invoice_number, MAX(number) AS last
    FROM invoice_entry WHERE effect = 13 GROUP BY pool_key, debtor, invoice_number
), withdrawn AS (
    SELECT entry.pool_key, entry.debtor, entry.invoice_number, MAX(entry.effective_us) / 86400000000 AS day,
        SUM(CASE WHEN entry.effect IN (1, 4) THEN -entry.change_minor ELSE 0 END) AS lowered
    FROM invoice_entry AS entry
    LEFT JOIN away ON away.pool_key = entry.pool_key AND away.debtor = entry.debtor
        AND away.invoice_number = entry.invoice_number
    WHERE entry.kind <> 13 AND (away.last IS NULL OR entry.number > away.last)
        AND ((entry.effect IN (3, 5) AND entry.change_minor > 0)
            OR (entry.effect IN (1, 4) AND entry.change_minor < 0))
    GROUP BY entry.pool_key, entry.debtor, entry.invoice_number
)
UPDATE invoice SET lowered_minor = withdrawn.lowered, withdrawn_day = withdrawn.day
FROM withdrawn
WHERE withdrawn.pool_key = invoice.pool_key AND withdrawn.debtor = invoice.debtor
    AND withdrawn.invoice_number = invoice.invoice_number
"""


def upgrade() -> None:
    for name, default in COLUMNS.items():
        op.add_column("invoice", sa.Column(name, Big, nullable=False, server_default=default))
    op.execute(FILL)


def downgrade() -> None:
    with op.batch_alter_table("invoice") as batch:
        for name in COLUMNS:
            batch.drop_column(name)

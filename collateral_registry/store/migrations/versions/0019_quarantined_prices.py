"""Add the newer quarantined prices of a series, and what they withhold from draws and releases."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NO_DAY = -1_000_000
"""Value of a day that is not stated."""

BOUNDS = ("quarantined_low", "quarantined_high")
WITHHELD = ("withheld_market_minor", "withheld_lendable_minor", "never_valued")

NEWER_QUARANTINED = sa.text(
    "SELECT p.series_key, MIN(p.value), MAX(p.value), MAX(p.day) FROM price p JOIN price_series s ON s.series_key = p.series_key "
    "WHERE p.verdict = 2 AND p.day >= s.latest_day AND p.seq = "
    "(SELECT MAX(q.seq) FROM price q WHERE q.series_key = p.series_key AND q.day = p.day) GROUP BY p.series_key"
)
SET_BOUNDS = sa.text("UPDATE price_series SET quarantined_low = :low, quarantined_high = :high WHERE series_key = :key")


def upgrade() -> None:
    for name in BOUNDS:
        op.add_column("price_series", sa.Column(name, sa.Float(53), nullable=True))
    op.add_column("price_series", sa.Column("quarantined_day", Big, nullable=False, server_default=str(NO_DAY)))
    op.add_column("valuation", sa.Column("withheld_share", sa.Float(53), nullable=False, server_default="0"))
    for name in WITHHELD:
        op.add_column("loan_judgement", sa.Column(name, Big, nullable=False, server_default="0"))
    connection = op.get_bind()
    for key, low, high, day in connection.execute(NEWER_QUARANTINED).all():
        connection.execute(SET_BOUNDS, {"key": key, "low": low, "high": high, "day": day})


def downgrade() -> None:
    for table, names in (
        ("loan_judgement", WITHHELD),
        ("valuation", ("withheld_share",)),
        ("price_series", (*BOUNDS, "quarantined_day")),
    ):
        for name in names:
            op.drop_column(table, name)

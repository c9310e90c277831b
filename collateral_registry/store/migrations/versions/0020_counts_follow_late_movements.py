"""Keep counts apart from their lines, to compare them again for late movements, and find rejections by movement."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

LINE_COLUMNS = {
    "by_lender": sa.Column("by_lender", Big, nullable=False, server_default="0"),
    "good": sa.Column("good", sa.Text(), nullable=False, server_default=""),
    "unit": sa.Column("unit", sa.Text(), nullable=False, server_default=""),
    "explained": sa.Column("explained", Big, nullable=False, server_default="0"),
}
RETURNED = sa.text("to_lot_key > 0 AND change > 0")
MOVED_COLUMNS = ("method", "known_us", "actor", "document")

# The tolerance was stored as a quantity, rounded down. The line with the largest share restores the policy's number.
COUNTS = """
INSERT INTO warehouse_count
    (seq, warehouse, method, counted_us, known_us, complete, by_lender, tolerance_ppm, actor, document)
SELECT c.seq, min(l.warehouse), min(c.method), min(c.counted_us), min(c.known_us), 0,
    min(CASE WHEN c.actor LIKE 'stockFeeds/%' THEN 0 ELSE 1 END),
    coalesce(max(CASE WHEN c.book > 0
        THEN CAST(round(CAST(c.tolerance AS FLOAT) * 1000000 / c.book) AS BIGINT) END), 0),
    min(c.actor), min(c.document)
FROM stock_count c JOIN stock_lot l ON l.lot_key = c.lot_key GROUP BY c.seq
"""
LINES = """
UPDATE stock_count SET
    by_lender = CASE WHEN actor LIKE 'stockFeeds/%' THEN 0 ELSE 1 END,
    good = (SELECT l.good FROM stock_lot l WHERE l.lot_key = stock_count.lot_key),
    unit = (SELECT l.unit FROM stock_lot l WHERE l.lot_key = stock_count.lot_key)
"""
# A shortage without a reserve was resolved by hand.
EXPLAINED = """
UPDATE stock_count SET explained = book - counted
WHERE book - counted > tolerance AND lot_key NOT IN (SELECT lot_key FROM stock_reserve)
"""
COMPARE_AGAIN = "INSERT INTO stock_change (lot_key, since_us) SELECT DISTINCT lot_key, 0 FROM stock_count"
RESTORED = """
UPDATE stock_count SET
    method = (SELECT w.method FROM warehouse_count w WHERE w.seq = stock_count.seq),
    known_us = (SELECT w.known_us FROM warehouse_count w WHERE w.seq = stock_count.seq),
    actor = (SELECT w.actor FROM warehouse_count w WHERE w.seq = stock_count.seq),
    document = (SELECT w.document FROM warehouse_count w WHERE w.seq = stock_count.seq)
"""


def upgrade() -> None:
    op.create_table(
        "warehouse_count",
        sa.Column("seq", Big, autoincrement=False, nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("method", Big, nullable=False),
        sa.Column("counted_us", Big, nullable=False),
        sa.Column("known_us", Big, nullable=False),
        sa.Column("complete", Big, nullable=False),
        sa.Column("by_lender", Big, nullable=False),
        sa.Column("tolerance_ppm", Big, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.execute(COUNTS)
    op.create_index("warehouse_count_time", "warehouse_count", ["warehouse", "complete", "counted_us"])
    op.create_index(op.f("ix_warehouse_count_counted_us"), "warehouse_count", ["counted_us"])
    for column in LINE_COLUMNS.values():
        op.add_column("stock_count", column)
    op.execute(LINES)
    op.execute(EXPLAINED)
    op.drop_index(op.f("ix_stock_count_lot_key"), table_name="stock_count")
    with op.batch_alter_table("stock_count") as batch:
        for name in LINE_COLUMNS:
            batch.alter_column(name, server_default=None)
        for name in MOVED_COLUMNS:
            batch.drop_column(name)
    op.create_index("stock_count_newest", "stock_count", ["lot_key", "by_lender", "counted_us", "count_key"])
    op.add_column("stock_change", sa.Column("since_us", Big, nullable=False, server_default="0"))
    with op.batch_alter_table("stock_change") as batch:
        batch.alter_column("since_us", server_default=None)
    op.execute(COMPARE_AGAIN)
    op.create_index("stock_rejection_movement", "stock_rejection", ["source_key", "movement_id"])
    op.create_table(
        "lot_link",
        sa.Column("lot_key", Big, autoincrement=False, nullable=False),
        sa.Column("asset_key", Big, autoincrement=False, nullable=False),
        sa.Column("own_key", Big, nullable=False),
        sa.Column("after_key", Big, nullable=False),
        sa.PrimaryKeyConstraint("lot_key", "asset_key"),
    )
    op.create_index(op.f("ix_lot_link_asset_key"), "lot_link", ["asset_key"])
    op.create_index(
        "stock_movement_returned",
        "stock_movement",
        ["to_lot_key", "movement_key"],
        sqlite_where=RETURNED,
        postgresql_where=RETURNED,
    )


def downgrade() -> None:
    op.drop_index("stock_movement_returned", "stock_movement")
    op.drop_table("lot_link")
    op.drop_index("stock_rejection_movement", "stock_rejection")
    with op.batch_alter_table("stock_change") as batch:
        batch.drop_column("since_us")
    op.drop_index("stock_count_newest", "stock_count")
    for name in MOVED_COLUMNS:
        kind = sa.Text() if name in {"actor", "document"} else Big
        default = "" if name in {"actor", "document"} else "0"
        op.add_column("stock_count", sa.Column(name, kind, nullable=False, server_default=default))
    op.execute(RESTORED)
    with op.batch_alter_table("stock_count") as batch:
        for name in LINE_COLUMNS:
            batch.drop_column(name)
        for name in MOVED_COLUMNS:
            batch.alter_column(name, server_default=None)
    op.create_index(op.f("ix_stock_count_lot_key"), "stock_count", ["lot_key"])
    op.drop_table("warehouse_count")

"""Warehouse stock, counts, reliability and findings."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stock_source",
        sa.Column("source_key", Big, nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("last_sequence", Big, nullable=False),
        sa.Column("last_call", Big, nullable=False),
        sa.Column("epoch", Big, nullable=False),
        sa.Column("created_us", Big, nullable=False),
        sa.Column("received_us", Big, nullable=False),
        sa.PrimaryKeyConstraint("source_key"),
        sa.UniqueConstraint("source_id"),
    )
    op.create_table(
        "stock_batch",
        sa.Column("source_key", Big, autoincrement=False, nullable=False),
        sa.Column("sequence", Big, autoincrement=False, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("item_count", Big, nullable=False),
        sa.Column("booked_count", Big, nullable=False),
        sa.Column("known_count", Big, nullable=False),
        sa.Column("received_us", Big, nullable=False),
        sa.PrimaryKeyConstraint("source_key", "sequence"),
    )
    op.create_index(
        "stock_batch_request",
        "stock_batch",
        ["source_key", "request_id"],
        unique=True,
        sqlite_where=sa.text("request_id <> ''"),
        postgresql_where=sa.text("request_id <> ''"),
    )
    op.create_table(
        "stock_movement",
        sa.Column("movement_key", Big, nullable=False),
        sa.Column("source_key", Big, nullable=False),
        sa.Column("sequence", Big, nullable=False),
        sa.Column("batch_row", Big, nullable=False),
        sa.Column("movement_id", sa.Text(), nullable=False),
        sa.Column("kind", Big, nullable=False),
        sa.Column("effective_us", Big, nullable=False),
        sa.Column("received_us", Big, nullable=False),
        sa.Column("lot_key", Big, nullable=False),
        sa.Column("change", Big, nullable=False),
        sa.Column("quantity", Big, nullable=False),
        sa.Column("bin", sa.Text(), nullable=False),
        sa.Column("to_lot_key", Big, nullable=False),
        sa.Column("to_bin", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("corrects", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("movement_key"),
        sa.UniqueConstraint("source_key", "movement_id"),
    )
    op.create_index(
        "stock_movement_corrects",
        "stock_movement",
        ["source_key", "corrects"],
        unique=False,
        sqlite_where=sa.text("corrects <> ''"),
        postgresql_where=sa.text("corrects <> ''"),
    )
    op.create_index("stock_movement_lot", "stock_movement", ["lot_key", "effective_us"], unique=False)
    op.create_index(
        "stock_movement_to_lot",
        "stock_movement",
        ["to_lot_key", "effective_us"],
        unique=False,
        sqlite_where=sa.text("to_lot_key > 0"),
        postgresql_where=sa.text("to_lot_key > 0"),
    )
    op.create_table(
        "stock_lot",
        sa.Column("lot_key", Big, nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("lot", sa.Text(), nullable=False),
        sa.Column("good", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("bin", sa.Text(), nullable=False),
        sa.Column("quantity", Big, nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.Column("opened_us", Big, nullable=False),
        sa.Column("received_us", Big, nullable=False),
        sa.PrimaryKeyConstraint("lot_key"),
        sa.UniqueConstraint("warehouse", "lot"),
    )
    op.create_table(
        "stock_change",
        sa.Column("change_key", Big, nullable=False),
        sa.Column("lot_key", Big, nullable=False),
        sa.PrimaryKeyConstraint("change_key"),
    )
    op.create_table(
        "stock_rejection",
        sa.Column("rejection_key", Big, nullable=False),
        sa.Column("source_key", Big, nullable=False),
        sa.Column("sequence", Big, nullable=False),
        sa.Column("batch_row", Big, nullable=False),
        sa.Column("movement_id", sa.Text(), nullable=False),
        sa.Column("reason", Big, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("received_us", Big, nullable=False),
        sa.Column("state", Big, nullable=False),
        sa.Column("resolved_us", Big, nullable=False),
        sa.Column("resolved_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rejection_key"),
    )
    op.create_index("stock_rejection_source", "stock_rejection", ["source_key", "state"], unique=False)
    op.create_table(
        "stock_warehouse",
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("movement_count", Big, nullable=False),
        sa.Column("late_count", Big, nullable=False),
        sa.Column("lateness_seconds", Big, nullable=False),
        sa.PrimaryKeyConstraint("warehouse"),
    )
    op.create_table(
        "stock_reserve",
        sa.Column("lot_key", Big, autoincrement=False, nullable=False),
        sa.Column("quantity", Big, nullable=False),
        sa.Column("finding_key", Big, nullable=False),
        sa.Column("seq", Big, nullable=False),
        sa.PrimaryKeyConstraint("lot_key"),
    )
    op.create_table(
        "stock_count",
        sa.Column("count_key", Big, nullable=False),
        sa.Column("seq", Big, nullable=False),
        sa.Column("lot_key", Big, nullable=False),
        sa.Column("method", Big, nullable=False),
        sa.Column("counted_us", Big, nullable=False),
        sa.Column("known_us", Big, nullable=False),
        sa.Column("counted", Big, nullable=False),
        sa.Column("book", Big, nullable=False),
        sa.Column("tolerance", Big, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("count_key"),
    )
    op.create_index(op.f("ix_stock_count_lot_key"), "stock_count", ["lot_key"], unique=False)
    op.create_index(op.f("ix_stock_count_seq"), "stock_count", ["seq"], unique=False)
    op.create_table(
        "warehouse_reliability",
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("seq", Big, autoincrement=False, nullable=False),
        sa.Column("count_lines", Big, nullable=False),
        sa.Column("shrinkage_rate", sa.Float(precision=53), nullable=False),
        sa.Column("late_share", sa.Float(precision=53), nullable=False),
        sa.Column("mean_lateness_seconds", sa.Float(precision=53), nullable=False),
        sa.Column("score", sa.Float(precision=53), nullable=False),
        sa.Column("haircut", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("warehouse", "seq"),
    )
    op.create_table(
        "finding",
        sa.Column("finding_key", Big, nullable=False),
        sa.Column("kind", Big, nullable=False),
        sa.Column("severity", Big, nullable=False),
        sa.Column("state", Big, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("asset_key", Big, nullable=False),
        sa.Column("loan_key", Big, nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("lot_key", Big, nullable=False),
        sa.Column("created_seq", Big, nullable=False),
        sa.Column("created_us", Big, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("resolved_seq", Big, nullable=False),
        sa.Column("resolved_us", Big, nullable=False),
        sa.Column("resolved_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("finding_key"),
    )
    op.create_index(
        "finding_open",
        "finding",
        ["fingerprint"],
        unique=True,
        sqlite_where=sa.text("state = 1"),
        postgresql_where=sa.text("state = 1"),
    )
    op.create_index(op.f("ix_finding_asset_key"), "finding", ["asset_key"], unique=False)
    op.create_index(op.f("ix_finding_loan_key"), "finding", ["loan_key"], unique=False)
    op.create_index(op.f("ix_finding_lot_key"), "finding", ["lot_key"], unique=False)
    op.add_column(
        "inventory", sa.Column("warehouse_haircut", sa.Float(precision=53), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("inventory", "warehouse_haircut")
    op.drop_index("finding_open", table_name="finding")
    op.drop_index(op.f("ix_finding_asset_key"), table_name="finding")
    op.drop_index(op.f("ix_finding_loan_key"), table_name="finding")
    op.drop_index(op.f("ix_finding_lot_key"), table_name="finding")
    op.drop_table("finding")
    op.drop_table("warehouse_reliability")
    op.drop_index(op.f("ix_stock_count_lot_key"), table_name="stock_count")
    op.drop_index(op.f("ix_stock_count_seq"), table_name="stock_count")
    op.drop_table("stock_count")
    op.drop_table("stock_reserve")
    op.drop_table("stock_warehouse")
    op.drop_index("stock_rejection_source", table_name="stock_rejection")
    op.drop_table("stock_rejection")
    op.drop_table("stock_change")
    op.drop_table("stock_lot")
    op.drop_index("stock_movement_corrects", table_name="stock_movement")
    op.drop_index("stock_movement_lot", table_name="stock_movement")
    op.drop_index("stock_movement_to_lot", table_name="stock_movement")
    op.drop_table("stock_movement")
    op.drop_index("stock_batch_request", table_name="stock_batch")
    op.drop_table("stock_batch")
    op.drop_table("stock_source")

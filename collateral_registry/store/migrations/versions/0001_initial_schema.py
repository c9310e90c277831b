"""Initial schema."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "asset",
        sa.Column("asset_key", Big, nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("kind", Big, nullable=False),
        sa.Column("asset_class", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("good", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=True),
        sa.Column("status", Big, nullable=False),
        sa.Column("prior_claims_minor", Big, nullable=False),
        sa.Column("insurance_day", Big, nullable=False),
        sa.Column("inspection_day", Big, nullable=False),
        sa.Column("revision", Big, nullable=False),
        sa.Column("created_seq", Big, nullable=False),
        sa.Column("updated_seq", Big, nullable=False),
        sa.PrimaryKeyConstraint("asset_key"),
        sa.UniqueConstraint("asset_id"),
        sa.UniqueConstraint("identity"),
    )
    op.create_table(
        "asset_revision",
        sa.Column("asset_key", Big, autoincrement=False, nullable=False),
        sa.Column("revision", Big, autoincrement=False, nullable=False),
        sa.Column("seq", Big, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("asset_key", "revision"),
    )
    op.create_table(
        "commit_log",
        sa.Column("seq", Big, autoincrement=False, nullable=False),
        sa.Column("known_us", Big, nullable=False),
        sa.Column("market_day", Big, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_commit_log_known_us"), "commit_log", ["known_us"], unique=False)
    op.create_index(op.f("ix_commit_log_market_day"), "commit_log", ["market_day"], unique=False)
    op.create_table(
        "equipment",
        sa.Column("asset_key", Big, autoincrement=False, nullable=False),
        sa.Column("price_new", sa.Float(precision=53), nullable=False),
        sa.Column("built_day", Big, nullable=False),
        sa.Column("schedule", Big, nullable=False),
        sa.Column("annual_rate", sa.Float(precision=53), nullable=False),
        sa.Column("life_years", sa.Float(precision=53), nullable=False),
        sa.Column("hours", sa.Float(precision=53), nullable=True),
        sa.Column("expected_hours_per_year", sa.Float(precision=53), nullable=True),
        sa.Column("condition", Big, nullable=False),
        sa.Column("units_produced", sa.Float(precision=53), nullable=True),
        sa.Column("units_lifetime", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("asset_key"),
    )
    op.create_table(
        "estimate",
        sa.Column("estimate_key", Big, nullable=False),
        sa.Column("series_key", Big, nullable=False),
        sa.Column("base_currency", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("confidence_ppm", Big, nullable=False),
        sa.Column("day", Big, nullable=False),
        sa.Column("seq", Big, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("observations", Big, nullable=False),
        sa.Column("flags", Big, nullable=False),
        sa.Column("daily_volatility", sa.Float(precision=53), nullable=False),
        sa.Column("loss", sa.LargeBinary(), nullable=False),
        sa.Column("expected_shortfall", sa.LargeBinary(), nullable=False),
        sa.Column("standard_error", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("estimate_key"),
    )
    op.create_index(
        "estimate_subject",
        "estimate",
        ["series_key", "base_currency", "currency", "confidence_ppm", "seq"],
        unique=False,
    )
    op.create_table(
        "event",
        sa.Column("event_seq", Big, autoincrement=False, nullable=False),
        sa.Column("seq", Big, nullable=False),
        sa.Column("kind", Big, nullable=False),
        sa.Column("loan_key", Big, nullable=False),
        sa.Column("breach_number", Big, nullable=False),
        sa.Column("event_us", Big, nullable=False),
        sa.Column("market_day", Big, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("level_before", Big, nullable=False),
        sa.Column("level", Big, nullable=False),
        sa.Column("coverage_unknown", Big, nullable=False),
        sa.Column("exposure_minor", Big, nullable=False),
        sa.Column("market_minor", Big, nullable=False),
        sa.Column("lendable_minor", Big, nullable=False),
        sa.Column("basis", Big, nullable=False),
        sa.Column("cash_cure_minor", Big, nullable=False),
        sa.Column("collateral_cure_minor", Big, nullable=False),
        sa.Column("deadline_day", Big, nullable=False),
        sa.PrimaryKeyConstraint("event_seq"),
    )
    op.create_index(op.f("ix_event_loan_key"), "event", ["loan_key"], unique=False)
    op.create_index(op.f("ix_event_seq"), "event", ["seq"], unique=False)
    op.create_table(
        "intellectual_property",
        sa.Column("asset_key", Big, autoincrement=False, nullable=False),
        sa.Column("right_kind", Big, nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("filing_day", Big, nullable=False),
        sa.Column("grant_day", Big, nullable=False),
        sa.Column("expire_day", Big, nullable=False),
        sa.Column("legal_status", Big, nullable=False),
        sa.Column("next_year_revenue", sa.Float(precision=53), nullable=False),
        sa.Column("growth", sa.Float(precision=53), nullable=False),
        sa.Column("royalty_rate", sa.Float(precision=53), nullable=False),
        sa.Column("tax_rate", sa.Float(precision=53), nullable=False),
        sa.Column("discount_rate", sa.Float(precision=53), nullable=False),
        sa.Column("annual_survival", sa.Float(precision=53), nullable=False),
        sa.Column("technology_life_years", sa.Float(precision=53), nullable=True),
        sa.Column("amortisation_years", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("asset_key"),
    )
    op.create_table(
        "inventory",
        sa.Column("asset_key", Big, autoincrement=False, nullable=False),
        sa.Column("series_id", sa.Text(), nullable=False),
        sa.Column("series_key", Big, nullable=True),
        sa.Column("quantity_in_series_unit", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("asset_key"),
    )
    op.create_index(op.f("ix_inventory_series_id"), "inventory", ["series_id"], unique=False)
    op.create_index(op.f("ix_inventory_series_key"), "inventory", ["series_key"], unique=False)
    op.create_table(
        "loan",
        sa.Column("loan_key", Big, nullable=False),
        sa.Column("loan_id", sa.Text(), nullable=False),
        sa.Column("borrower", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("exposure_minor", Big, nullable=False),
        sa.Column("balance_day", Big, nullable=False),
        sa.Column("credit_limit_minor", Big, nullable=False),
        sa.Column("ltv_basis", Big, nullable=False),
        sa.Column("watch_ppm", Big, nullable=False),
        sa.Column("margin_call_ppm", Big, nullable=False),
        sa.Column("stop_draw_ppm", Big, nullable=False),
        sa.Column("liquidation_ppm", Big, nullable=False),
        sa.Column("maturity_day", Big, nullable=False),
        sa.Column("state", Big, nullable=False),
        sa.Column("revision", Big, nullable=False),
        sa.Column("created_seq", Big, nullable=False),
        sa.Column("updated_seq", Big, nullable=False),
        sa.PrimaryKeyConstraint("loan_key"),
        sa.UniqueConstraint("loan_id"),
    )
    op.create_table(
        "loan_cover",
        sa.Column("loan_key", Big, autoincrement=False, nullable=False),
        sa.Column("seq", Big, autoincrement=False, nullable=False),
        sa.Column("market_day", Big, nullable=False),
        sa.Column("exposure_minor", Big, nullable=False),
        sa.Column("market_minor", Big, nullable=False),
        sa.Column("lendable_minor", Big, nullable=False),
        sa.Column("good_market_minor", Big, nullable=False),
        sa.Column("good_lendable_minor", Big, nullable=False),
        sa.Column("basis", Big, nullable=False),
        sa.Column("watch_ppm", Big, nullable=False),
        sa.Column("margin_call_ppm", Big, nullable=False),
        sa.Column("stop_draw_ppm", Big, nullable=False),
        sa.Column("liquidation_ppm", Big, nullable=False),
        sa.Column("buffer_ppm", Big, nullable=False),
        sa.Column("judged", Big, nullable=False),
        sa.Column("level", Big, nullable=False),
        sa.Column("coverage_unknown", Big, nullable=False),
        sa.Column("cash_cure_minor", Big, nullable=False),
        sa.Column("collateral_cure_minor", Big, nullable=False),
        sa.Column("watch_day", Big, nullable=False),
        sa.Column("unknown_day", Big, nullable=False),
        sa.Column("breach_number", Big, nullable=False),
        sa.Column("breach_open", Big, nullable=False),
        sa.Column("deadline_day", Big, nullable=False),
        sa.Column("deadline_missed", Big, nullable=False),
        sa.Column("noticed", Big, nullable=False),
        sa.Column("waived", Big, nullable=False),
        sa.Column("unknown_assets", Big, nullable=False),
        sa.Column("unknown", Big, nullable=False),
        sa.Column("quality", Big, nullable=False),
        sa.Column("oldest_day", Big, nullable=False),
        sa.PrimaryKeyConstraint("loan_key", "seq"),
    )
    op.create_index("loan_cover_seq", "loan_cover", ["seq"], unique=False)
    op.create_table(
        "loan_revision",
        sa.Column("loan_key", Big, autoincrement=False, nullable=False),
        sa.Column("revision", Big, autoincrement=False, nullable=False),
        sa.Column("seq", Big, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("loan_key", "revision"),
    )
    op.create_table(
        "pledge",
        sa.Column("pledge_key", Big, nullable=False),
        sa.Column("pledge_id", sa.Text(), nullable=False),
        sa.Column("loan_key", Big, nullable=False),
        sa.Column("asset_key", Big, nullable=False),
        sa.Column("target_key", Big, nullable=False),
        sa.Column("rank", Big, nullable=False),
        sa.Column("share_ppm", Big, nullable=False),
        sa.Column("limit_minor", Big, nullable=False),
        sa.Column("registration_expire_day", Big, nullable=False),
        sa.Column("state", Big, nullable=False),
        sa.Column("revision", Big, nullable=False),
        sa.Column("created_seq", Big, nullable=False),
        sa.Column("updated_seq", Big, nullable=False),
        sa.PrimaryKeyConstraint("pledge_key"),
        sa.UniqueConstraint("loan_key", "pledge_id"),
    )
    op.create_index(op.f("ix_pledge_asset_key"), "pledge", ["asset_key"], unique=False)
    op.create_index(op.f("ix_pledge_loan_key"), "pledge", ["loan_key"], unique=False)
    op.create_table(
        "pledge_cover",
        sa.Column("pledge_key", Big, autoincrement=False, nullable=False),
        sa.Column("seq", Big, autoincrement=False, nullable=False),
        sa.Column("market_minor", Big, nullable=False),
        sa.Column("lendable_minor", Big, nullable=False),
        sa.PrimaryKeyConstraint("pledge_key", "seq"),
    )
    op.create_table(
        "pledge_revision",
        sa.Column("pledge_key", Big, autoincrement=False, nullable=False),
        sa.Column("revision", Big, autoincrement=False, nullable=False),
        sa.Column("seq", Big, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pledge_key", "revision"),
    )
    op.create_table(
        "policy",
        sa.Column("policy_key", Big, nullable=False),
        sa.Column("policy_id", sa.Text(), nullable=False),
        sa.Column("effective_day", Big, nullable=False),
        sa.Column("created_seq", Big, nullable=False),
        sa.Column("activated_seq", Big, nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("policy_key"),
        sa.UniqueConstraint("policy_id"),
    )
    op.create_table(
        "price",
        sa.Column("series_key", Big, autoincrement=False, nullable=False),
        sa.Column("day", Big, autoincrement=False, nullable=False),
        sa.Column("seq", Big, autoincrement=False, nullable=False),
        sa.Column("verdict", Big, nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("decimal_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("series_key", "day", "seq"),
    )
    op.create_table(
        "price_series",
        sa.Column("series_key", Big, nullable=False),
        sa.Column("series_id", sa.Text(), nullable=False),
        sa.Column("is_fx", Big, nullable=False),
        sa.Column("good", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("max_age_days", Big, nullable=False),
        sa.Column("latest_day", Big, nullable=False),
        sa.Column("latest_price", sa.Float(precision=53), nullable=True),
        sa.Column("latest_text", sa.Text(), nullable=False),
        sa.Column("latest_return", sa.Float(precision=53), nullable=True),
        sa.Column("created_seq", Big, nullable=False),
        sa.PrimaryKeyConstraint("series_key"),
        sa.UniqueConstraint("series_id"),
    )
    op.create_table(
        "request",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("seq", Big, nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_table(
        "valuation",
        sa.Column("target_key", Big, autoincrement=False, nullable=False),
        sa.Column("seq", Big, autoincrement=False, nullable=False),
        sa.Column("market_day", Big, nullable=False),
        sa.Column("asset_revision", Big, nullable=False),
        sa.Column("policy_key", Big, nullable=False),
        sa.Column("estimate_key", Big, nullable=False),
        sa.Column("model", Big, nullable=False),
        sa.Column("price", sa.Float(precision=53), nullable=True),
        sa.Column("price_day", Big, nullable=False),
        sa.Column("quantity", sa.Float(precision=53), nullable=True),
        sa.Column("fx_rate", sa.Float(precision=53), nullable=True),
        sa.Column("fx_day", Big, nullable=False),
        sa.Column("horizon_days", Big, nullable=False),
        sa.Column("h_value", sa.Float(precision=53), nullable=True),
        sa.Column("h_market", sa.Float(precision=53), nullable=True),
        sa.Column("h_liquidity", sa.Float(precision=53), nullable=True),
        sa.Column("h_cost", sa.Float(precision=53), nullable=True),
        sa.Column("h_legal", sa.Float(precision=53), nullable=True),
        sa.Column("stand_ins", Big, nullable=False),
        sa.Column("haircut", sa.Float(precision=53), nullable=True),
        sa.Column("haircut_floor", sa.Float(precision=53), nullable=True),
        sa.Column("cap", sa.Float(precision=53), nullable=True),
        sa.Column("market_minor", Big, nullable=False),
        sa.Column("lendable_minor", Big, nullable=False),
        sa.Column("good_seq", Big, nullable=False),
        sa.Column("good_market_minor", Big, nullable=False),
        sa.Column("good_lendable_minor", Big, nullable=False),
        sa.Column("unknown", Big, nullable=False),
        sa.Column("zero", Big, nullable=False),
        sa.Column("quality", Big, nullable=False),
        sa.Column("oldest_day", Big, nullable=False),
        sa.PrimaryKeyConstraint("target_key", "seq"),
    )
    op.create_table(
        "valuation_target",
        sa.Column("target_key", Big, nullable=False),
        sa.Column("asset_key", Big, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("target_key"),
        sa.UniqueConstraint("asset_key", "currency"),
    )


def downgrade() -> None:
    op.drop_table("valuation_target")
    op.drop_table("valuation")
    op.drop_table("request")
    op.drop_table("price_series")
    op.drop_table("price")
    op.drop_table("policy")
    op.drop_table("pledge_revision")
    op.drop_table("pledge_cover")
    op.drop_index(op.f("ix_pledge_loan_key"), table_name="pledge")
    op.drop_index(op.f("ix_pledge_asset_key"), table_name="pledge")
    op.drop_table("pledge")
    op.drop_table("loan_revision")
    op.drop_index("loan_cover_seq", table_name="loan_cover")
    op.drop_table("loan_cover")
    op.drop_table("loan")
    op.drop_index(op.f("ix_inventory_series_key"), table_name="inventory")
    op.drop_index(op.f("ix_inventory_series_id"), table_name="inventory")
    op.drop_table("inventory")
    op.drop_table("intellectual_property")
    op.drop_index(op.f("ix_event_seq"), table_name="event")
    op.drop_index(op.f("ix_event_loan_key"), table_name="event")
    op.drop_table("event")
    op.drop_index("estimate_subject", table_name="estimate")
    op.drop_table("estimate")
    op.drop_table("equipment")
    op.drop_index(op.f("ix_commit_log_market_day"), table_name="commit_log")
    op.drop_index(op.f("ix_commit_log_known_us"), table_name="commit_log")
    op.drop_table("commit_log")
    op.drop_table("asset_revision")
    op.drop_table("asset")

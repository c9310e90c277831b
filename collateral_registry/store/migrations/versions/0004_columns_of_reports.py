"""Copy the values that reports read from documents to columns of revisions, and add the table of breaches."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NOT_CURED = 2**62
CURED = 4
HEADS = f"""
INSERT INTO breach (first_event, loan_key, breach_number, opened_seq, cured_seq)
SELECT min(event_seq), loan_key, breach_number, min(seq),
  coalesce(min(CASE WHEN kind = {CURED} THEN seq END), {NOT_CURED})
FROM event WHERE breach_number > 0 GROUP BY loan_key, breach_number
"""

LOAN_COLUMNS = {"borrower": sa.Text(), "currency": sa.Text(), "state": Big}
ASSET_COLUMNS = {"good": sa.Text(), "place": sa.Text()}


def upgrade() -> None:
    _add("loan_revision", LOAN_COLUMNS)
    _add("asset_revision", ASSET_COLUMNS)
    _fill_revisions()
    _require("loan_revision", LOAN_COLUMNS)
    _require("asset_revision", ASSET_COLUMNS)
    op.create_index(op.f("ix_loan_revision_seq"), "loan_revision", ["seq"], unique=False)
    op.create_index(op.f("ix_asset_revision_seq"), "asset_revision", ["seq"], unique=False)
    op.drop_index(op.f("ix_event_loan_key"), table_name="event")
    op.create_index("event_story", "event", ["loan_key", "breach_number", "event_seq"], unique=False)
    op.create_table(
        "breach",
        sa.Column("first_event", Big, autoincrement=False, nullable=False),
        sa.Column("loan_key", Big, nullable=False),
        sa.Column("breach_number", Big, nullable=False),
        sa.Column("opened_seq", Big, nullable=False),
        sa.Column("cured_seq", Big, nullable=False),
        sa.PrimaryKeyConstraint("first_event"),
        sa.UniqueConstraint("loan_key", "breach_number"),
    )
    op.create_index(op.f("ix_breach_cured_seq"), "breach", ["cured_seq"], unique=False)
    op.execute(HEADS)


def downgrade() -> None:
    op.drop_table("breach")
    op.drop_index("event_story", table_name="event")
    op.create_index(op.f("ix_event_loan_key"), "event", ["loan_key"], unique=False)
    op.drop_index(op.f("ix_asset_revision_seq"), table_name="asset_revision")
    op.drop_index(op.f("ix_loan_revision_seq"), table_name="loan_revision")
    for table, columns in (("asset_revision", ASSET_COLUMNS), ("loan_revision", LOAN_COLUMNS)):
        with op.batch_alter_table(table) as batch:
            for name in columns:
                batch.drop_column(name)


def _add(table: str, columns: dict) -> None:
    for name, kind in columns.items():
        op.add_column(table, sa.Column(name, kind, nullable=True))


def _require(table: str, columns: dict) -> None:
    with op.batch_alter_table(table) as batch:
        for name, kind in columns.items():
            batch.alter_column(name, existing_type=kind, nullable=False)


def _fill_revisions() -> None:
    """Fills the new columns from the JSON documents."""
    field = _on_sqlite if op.get_bind().dialect.name == "sqlite" else _on_postgresql
    loan = {name: field(name) for name in ("borrower", "currency")} | {"state": f"CAST({field('state')} AS BIGINT)"}
    places = ", ".join(field("detail", name) for name in ("warehouse", "location", "office"))
    asset = {
        "good": f"coalesce(nullif({field('detail', 'good')}, ''), {field('asset_class')})",
        "place": f"coalesce({places}, '')",
    }
    for table, values in (("loan_revision", loan), ("asset_revision", asset)):
        assignments = ", ".join(f"{name} = {value}" for name, value in values.items())
        op.execute(f"UPDATE {table} SET {assignments}")


def _on_sqlite(*path: str) -> str:
    return f"json_extract(document, '$.{'.'.join(path)}')"


def _on_postgresql(*path: str) -> str:
    return f"(document::jsonb #>> '{{{','.join(path)}}}')"

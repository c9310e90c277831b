"""Add revaluation runs; order valuations and judgements by sequence, so that a run only appends rows."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEYS = {"valuation": "target_key", "loan_cover": "loan_key", "pledge_cover": "pledge_key"}
SUBJECT = ["series_key", "base_currency", "currency", "confidence_ppm"]
INDEXES = {"valuation": "valuation_of_target", "loan_cover": "cover_of_loan", "pledge_cover": "cover_of_pledge"}


def big(name: str, **options: object) -> sa.Column:
    options.setdefault("nullable", False)
    return sa.Column(name, Big, autoincrement=False, **options)


def upgrade() -> None:
    op.drop_index("estimate_subject", table_name="estimate")
    op.create_index("estimate_subject", "estimate", [*SUBJECT, "day"])
    op.drop_index("loan_cover_seq", table_name="loan_cover")
    for table, key in KEYS.items():
        _in_order(table, ["seq", key], [big("of_run")])
        only = sa.text("of_run = 0")
        op.create_index(INDEXES[table], table, [key, "seq"], sqlite_where=only, postgresql_where=only)
    op.create_table(
        "revaluation_run",
        big("seq"),
        big("state"),
        big("market_day"),
        big("policy_key"),
        sa.Column("actor", sa.Text(), nullable=False),
        big("published_seq", nullable=True),
        big("finished_us", nullable=True),
        big("events"),
        big("judged_again"),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_revaluation_run_published_seq", "revaluation_run", ["published_seq"])
    op.create_table(
        "run_partition",
        *(big(name) for name in ("seq", "number", "step", "first_key", "last_key")),
        sa.Column("needs", sa.LargeBinary(), nullable=True),
        *(big(name) for name in ("done", "valued", "judged")),
        sa.PrimaryKeyConstraint("seq", "number"),
    )
    op.create_table(
        "run_event",
        *(big(name) for name in ("seq", "number", "place", "kind", "loan_key", "breach_number", "level_before")),
        *(big(name) for name in ("level", "coverage_unknown", "exposure_minor", "market_minor", "lendable_minor")),
        *(big(name) for name in ("basis", "cash_cure_minor", "collateral_cure_minor", "deadline_day")),
        sa.PrimaryKeyConstraint("seq", "number", "place"),
    )


def downgrade() -> None:
    op.drop_table("run_event")
    op.drop_table("run_partition")
    op.drop_index("ix_revaluation_run_published_seq", table_name="revaluation_run")
    op.drop_table("revaluation_run")
    for table, key in KEYS.items():
        op.drop_index(INDEXES[table], table_name=table)
        _in_order(table, [key, "seq"], [])
    op.create_index("loan_cover_seq", "loan_cover", ["seq"])
    op.drop_index("estimate_subject", table_name="estimate")
    op.create_index("estimate_subject", "estimate", [*SUBJECT, "seq"])


def _in_order(table: str, key: list[str], added: list[sa.Column]) -> None:
    """Rebuilds the table with another order of the columns of its primary key and copies its rows."""
    found = sa.inspect(op.get_bind()).get_columns(table)
    kept = [column for column in found if column["name"] != "of_run"]
    names = key + [column["name"] for column in kept if column["name"] not in key]
    nullable = {column["name"]: column["nullable"] for column in kept}
    types = {column["name"]: Big if isinstance(column["type"], sa.Integer) else sa.Float(53) for column in kept}
    columns = [sa.Column(name, types[name], nullable=nullable[name], autoincrement=False) for name in names]
    op.create_table(
        f"{table}_new",
        *columns,
        *added,
        sa.PrimaryKeyConstraint(*key, name=f"{table}_{'_'.join(key)}"),
        sqlite_with_rowid=not added,
    )
    listed = ", ".join(names)
    zero = ", 0" if added else ""
    of_run = ", of_run" if added else ""
    where = "" if added else " WHERE of_run = 0"
    op.execute(f"INSERT INTO {table}_new ({listed}{of_run}) SELECT {listed}{zero} FROM {table}{where}")
    op.drop_table(table)
    op.rename_table(f"{table}_new", table)

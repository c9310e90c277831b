"""Add reference numbers, claims on places, pick-ups and counted shares; store the numbers of registered assets."""

import sqlalchemy as sa
from alembic import op

from collateral_registry.store.assets.references import write_missing

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inventory", sa.Column("counted_share", sa.Float(53), nullable=False, server_default="1"))
    op.add_column("inventory", sa.Column("stock_quality", Big, nullable=False, server_default=str(1 << 18)))
    op.create_table(
        "identity",
        sa.Column("identity_key", Big, nullable=False),
        sa.Column("asset_key", Big, nullable=False),
        sa.Column("pledge_key", Big, nullable=False),
        sa.Column("kind", Big, nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("scope", "written", "skeleton", "grouped", "head", "tail", "agreement")
        ),
        sa.PrimaryKeyConstraint("identity_key"),
    )
    op.create_index(op.f("ix_identity_asset_key"), "identity", ["asset_key"])
    op.create_index(op.f("ix_identity_pledge_key"), "identity", ["pledge_key"])
    op.create_index("identity_skeleton", "identity", ["kind", "scope", "skeleton"])
    op.create_index("identity_grouped", "identity", ["kind", "scope", "grouped"])
    op.create_index("identity_head", "identity", ["kind", "scope", "agreement", "head"])
    op.create_index("identity_tail", "identity", ["kind", "scope", "agreement", "tail"])
    op.create_table(
        "holding",
        sa.Column("asset_key", Big, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("place", "good", "unit")),
        *(sa.Column(name, Big, nullable=False) for name in ("quantity", "stated", "receipted")),
        sa.PrimaryKeyConstraint("asset_key"),
    )
    op.create_index("holding_place", "holding", ["place", "good"])
    op.create_table(
        "pickup",
        sa.Column("pickup_key", Big, nullable=False),
        sa.Column("pickup_id", sa.Text(), nullable=False),
        *(sa.Column(name, Big, nullable=False) for name in ("loan_key", "asset_key", "quantity", "taken")),
        sa.Column("unit", sa.Text(), nullable=False),
        *(sa.Column(name, Big, nullable=False) for name in ("expire_day", "state")),
        sa.Column("note", sa.Text(), nullable=False),
        *(sa.Column(name, Big, nullable=False) for name in ("created_seq", "updated_seq")),
        sa.PrimaryKeyConstraint("pickup_key"),
        sa.UniqueConstraint("loan_key", "pickup_id"),
    )
    op.create_index("pickup_asset", "pickup", ["asset_key", "state"])
    op.create_table(
        "issue_mark",
        sa.Column("lot_key", Big, autoincrement=False, nullable=False),
        sa.Column("movement_key", Big, nullable=False),
        sa.PrimaryKeyConstraint("lot_key"),
    )
    write_missing(op.get_bind())


def downgrade() -> None:
    for table in ("issue_mark", "pickup", "holding", "identity"):
        op.drop_table(table)
    with op.batch_alter_table("inventory") as batch:
        batch.drop_column("stock_quality")
        batch.drop_column("counted_share")

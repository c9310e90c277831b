"""Add equipment models, appraisals and events of IP assets."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("right_event", "appraisal", "equipment_activation", "equipment_model_file", "equipment_model")


def big(name: str) -> sa.Column:
    return sa.Column(name, Big, nullable=False)


def text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "equipment_model",
        big("model_key"),
        text("model_id"),
        text("currency"),
        big("sales"),
        big("first_day"),
        big("last_day"),
        text("data_hash"),
        text("model_hash"),
        text("card"),
        big("created_seq"),
        sa.PrimaryKeyConstraint("model_key"),
        sa.UniqueConstraint("model_id"),
    )
    op.create_table(
        "equipment_model_file",
        sa.Column("model_key", Big, autoincrement=False, nullable=False),
        text("name"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("model_key", "name"),
    )
    op.create_table(
        "equipment_activation",
        text("asset_class"),
        sa.Column("seq", Big, autoincrement=False, nullable=False),
        big("model_key"),
        sa.PrimaryKeyConstraint("asset_class", "seq"),
    )
    op.create_table(
        "appraisal",
        big("appraisal_key"),
        big("asset_key"),
        text("appraiser"),
        big("day"),
        big("basis"),
        big("amount_minor"),
        text("currency"),
        big("seq"),
        sa.PrimaryKeyConstraint("appraisal_key"),
    )
    op.create_index("appraisal_asset", "appraisal", ["asset_key", "appraisal_key"])
    op.create_table(
        "right_event",
        big("event_key"),
        big("asset_key"),
        big("kind"),
        big("day"),
        sa.Column("owned_share", sa.Float(53), nullable=False),
        big("status_before"),
        text("note"),
        big("seq"),
        sa.PrimaryKeyConstraint("event_key"),
    )
    op.create_index("right_event_asset", "right_event", ["asset_key", "event_key"])
    with op.batch_alter_table("intellectual_property") as table:
        table.add_column(sa.Column("owned_share", sa.Float(53), nullable=False, server_default="1"))
        table.add_column(sa.Column("licensed_exclusively", Big, nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("intellectual_property") as table:
        table.drop_column("licensed_exclusively")
        table.drop_column("owned_share")
    for name in TABLES:
        op.drop_table(name)

"""Add the equipment class of machines, and let amounts and rates that the owner may omit be absent."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

Real = sa.Float(precision=53)
OPTIONAL = {
    "equipment": ("price_new",),
    "intellectual_property": ("next_year_revenue", "royalty_rate", "tax_rate", "discount_rate"),
}

DOCUMENTS = sa.text(
    "SELECT r.asset_key, r.document FROM asset_revision r JOIN asset a ON a.asset_key = r.asset_key "
    "AND a.revision = r.revision JOIN equipment e ON e.asset_key = a.asset_key"
)
SET_CLASS = sa.text("UPDATE equipment SET equipment_class = :equipment_class WHERE asset_key = :key")


def upgrade() -> None:
    op.add_column("equipment", sa.Column("equipment_class", sa.Text(), nullable=False, server_default=""))
    connection = op.get_bind()
    for key, text in connection.execute(DOCUMENTS).all():
        values = {"key": key, "equipment_class": json.loads(text)["detail"]["equipment_class"]}
        connection.execute(SET_CLASS, values)
    with op.batch_alter_table("equipment") as batch:
        batch.alter_column("equipment_class", server_default=None)
    _alter(nullable=True)


def downgrade() -> None:
    _alter(nullable=False)
    with op.batch_alter_table("equipment") as batch:
        batch.drop_column("equipment_class")


def _alter(*, nullable: bool) -> None:
    for table, columns in OPTIONAL.items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.alter_column(column, existing_type=Real, nullable=nullable)

"""Add the saved views, which are names for addresses of the pages."""

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_view",
        sa.Column("view_key", Big, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("owner", "display_name", "path")),
        *(sa.Column(name, Big, nullable=False) for name in ("shared", "created_us")),
        sa.UniqueConstraint("owner", "display_name"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("saved_view")

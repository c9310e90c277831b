"""Record by which models a run values the book. Older runs have those of the newest haircut curve."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0025"
branch_labels = None
depends_on = None

RELEASED = (
    "cover/1 equipment-comparables/1 equipment-curve/1 pooled-scale/2 price-adjustment/1 relief-from-royalty/1 "
    "spot-price/1"
)
"""Models of the release with this migration."""

CURVES = "pooled-scale/2"


def upgrade() -> None:
    op.add_column("revaluation_run", sa.Column("models", sa.Text(), nullable=False, server_default=""))
    newest = sa.text("SELECT model FROM haircut_curve ORDER BY seq DESC, estimate_key LIMIT 1")
    model = op.get_bind().execute(newest).scalar()
    models = RELEASED if model in {None, CURVES} else model
    op.get_bind().execute(sa.text("UPDATE revaluation_run SET models = :models"), {"models": models})


def downgrade() -> None:
    with op.batch_alter_table("revaluation_run") as batch:
        batch.drop_column("models")

"""Record by which models a run values the book. Older runs have those of the newest haircut curve."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0025"
branch_labels = None
depends_on = None

OTHERS = (
    "equipment-comparables/1 equipment-curve/1 pooled-scale/2 price-adjustment/1 relief-from-royalty/1 spot-price/1"
)
"""Models of the release with this migration other than the rule of claims."""

CURVES = "pooled-scale/2"


def upgrade() -> None:
    op.add_column("revaluation_run", sa.Column("models", sa.Text(), nullable=False, server_default=""))
    newest = sa.text("SELECT model FROM haircut_curve ORDER BY seq DESC, estimate_key LIMIT 1")
    model = op.get_bind().execute(newest).scalar()
    models = f"{_cover()} {OTHERS}" if model in {None, CURVES} else model
    op.get_bind().execute(sa.text("UPDATE revaluation_run SET models = :models"), {"models": models})


def _cover() -> str:
    """Returns the rule of claims; its version 2 changes no claim on an asset that is valued in one currency."""
    several = sa.text("SELECT asset_key FROM valuation_target GROUP BY asset_key HAVING COUNT(*) > 1 LIMIT 1")
    return "cover/2" if op.get_bind().execute(several).scalar() is None else "cover/1"


def downgrade() -> None:
    with op.batch_alter_table("revaluation_run") as batch:
        batch.drop_column("models")

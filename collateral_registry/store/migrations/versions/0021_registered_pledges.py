"""Add whether a pledge is registered; existing pledges take it from their newest revision."""

import json

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

DOCUMENTS = sa.text(
    "SELECT p.pledge_key, r.document FROM pledge p JOIN pledge_revision r "
    "ON r.pledge_key = p.pledge_key AND r.revision = p.revision"
)
SET_REGISTERED = sa.text("UPDATE pledge SET is_registered = 1 WHERE pledge_key = :key")


def upgrade() -> None:
    op.add_column("pledge", sa.Column("is_registered", Big, nullable=False, server_default="0"))
    with op.batch_alter_table("pledge") as batch:
        batch.alter_column("is_registered", server_default=None)
    connection = op.get_bind()
    keys = [{"key": key} for key, document in connection.execute(DOCUMENTS) if _is_registered(json.loads(document))]
    if keys:
        connection.execute(SET_REGISTERED, keys)


def downgrade() -> None:
    with op.batch_alter_table("pledge") as batch:
        batch.drop_column("is_registered")


def _is_registered(pledge: dict[str, object]) -> bool:
    return all(str(pledge.get(name) or "").strip() for name in ("registry", "registration_number"))

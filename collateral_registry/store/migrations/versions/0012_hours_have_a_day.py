"""Add the day of a machine's hour meter reading; existing machines take the day of inspection or registration."""

import json
from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NO_DAY = -1_000_000
"""Value of a day that is not stated."""

REGISTERED = sa.text(
    "SELECT e.asset_key, a.inspection_day, c.market_day FROM equipment e JOIN asset a ON a.asset_key = e.asset_key "
    "JOIN commit_log c ON c.seq = a.created_seq WHERE e.hours IS NOT NULL"
)
DOCUMENTS = sa.text("SELECT revision, document FROM asset_revision WHERE asset_key = :key")
SET_DAY = sa.text("UPDATE equipment SET hours_day = :day WHERE asset_key = :key")
SET_DOCUMENT = sa.text("UPDATE asset_revision SET document = :document WHERE asset_key = :key AND revision = :revision")


def upgrade() -> None:
    op.add_column("equipment", sa.Column("hours_day", Big, nullable=False, server_default=str(NO_DAY)))
    with op.batch_alter_table("equipment") as batch:
        batch.alter_column("hours_day", server_default=None)
    connection = op.get_bind()
    for key, inspected, registered in connection.execute(REGISTERED).all():
        connection.execute(SET_DAY, {"key": key, "day": registered if inspected == NO_DAY else inspected})
        for number, text in connection.execute(DOCUMENTS, {"key": key}).all():
            values = {"key": key, "revision": number, "document": _dated(text, registered)}
            connection.execute(SET_DOCUMENT, values)


def downgrade() -> None:
    with op.batch_alter_table("equipment") as batch:
        batch.drop_column("hours_day")


def _dated(text: str, registered: int) -> str:
    """Returns the document of a machine with the day of its reading; unchanged if it states no hours."""
    document = json.loads(text)
    if document["detail"].get("hours") is None:
        return text
    day = document.get("last_inspection") or (date(1970, 1, 1) + timedelta(days=registered)).isoformat()
    document["detail"]["hours_date"] = day
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))

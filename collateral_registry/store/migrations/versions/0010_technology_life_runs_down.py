"""Add the day from which the technology life of an IP asset counts; existing ones count from their registration."""

import json
from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NO_DAY = -1_000_000
"""Value of a day that is not stated."""

REGISTERED = sa.text(
    "SELECT r.asset_key, c.market_day FROM intellectual_property r JOIN asset a ON a.asset_key = r.asset_key "
    "JOIN commit_log c ON c.seq = a.created_seq WHERE r.technology_life_years IS NOT NULL"
)
DOCUMENTS = sa.text("SELECT revision, document FROM asset_revision WHERE asset_key = :key")
SET_DAY = sa.text("UPDATE intellectual_property SET technology_life_day = :day WHERE asset_key = :key")
SET_DOCUMENT = sa.text("UPDATE asset_revision SET document = :document WHERE asset_key = :key AND revision = :revision")


def upgrade() -> None:
    op.add_column(
        "intellectual_property", sa.Column("technology_life_day", Big, nullable=False, server_default=str(NO_DAY))
    )
    with op.batch_alter_table("intellectual_property") as batch:
        batch.alter_column("technology_life_day", server_default=None)
    connection = op.get_bind()
    for key, day in connection.execute(REGISTERED).all():
        connection.execute(SET_DAY, {"key": key, "day": day})
        for number, text in connection.execute(DOCUMENTS, {"key": key}).all():
            values = {"key": key, "revision": number, "document": _dated(text, date(1970, 1, 1) + timedelta(days=day))}
            connection.execute(SET_DOCUMENT, values)


def downgrade() -> None:
    with op.batch_alter_table("intellectual_property") as batch:
        batch.drop_column("technology_life_day")


def _dated(text: str, stated: date) -> str:
    """Returns the document of an IP asset with the day; unchanged if it states no technology life."""
    document = json.loads(text)
    if document["detail"].get("technology_life_years") is None:
        return text
    document["detail"]["technology_life_date"] = stated.isoformat()
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))

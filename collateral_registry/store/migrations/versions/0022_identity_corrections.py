"""Add corrections of the identity of assets; the numbers of IP assets take their comparable form."""

import sqlalchemy as sa
from alembic import op

from collateral_registry.domain.assets.asset_kind import Kind
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.findings.references import IdentityKind, identities_of
from collateral_registry.store.engine.json_documents import from_document

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

RIGHTS = sa.text(
    "SELECT a.asset_key, r.document FROM asset a JOIN asset_revision r "
    "ON r.asset_key = a.asset_key AND r.revision = a.revision WHERE a.kind = :kind"
)
SET_FORMS = sa.text(
    "UPDATE identity SET scope = :scope, skeleton = :skeleton, grouped = :grouped, head = :head, tail = :tail "
    "WHERE asset_key = :key AND pledge_key = 0 AND kind = :kind"
)


def upgrade() -> None:
    op.create_table(
        "identity_correction",
        sa.Column("asset_key", Big, primary_key=True, autoincrement=False),
        sa.Column("revision", Big, primary_key=True, autoincrement=False),
        sa.Column("seq", Big, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
    )
    connection = op.get_bind()
    for key, document in connection.execute(RIGHTS, {"kind": int(Kind.INTELLECTUAL_PROPERTY)}).all():
        for one in identities_of(from_document(Asset, document)):
            forms = {name: getattr(one.writing, name) for name in ("skeleton", "grouped", "head", "tail")}
            values = {"key": key, "kind": int(IdentityKind.RIGHT), "scope": one.scope, **forms}
            connection.execute(SET_FORMS, values)


def downgrade() -> None:
    op.drop_table("identity_correction")

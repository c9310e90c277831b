"""Add own spellings of units, store the names of units, and mark lots that are priced as another good.

The meaning of a stored spelling is the registry's (docs/units.md), here and where a document of an asset is read.
Documents, recorded valuations and judgements stay as they are; only present figures are computed again.
"""

import json
from decimal import Decimal
from fractions import Fraction

import sqlalchemy as sa
from alembic import op

from collateral_registry.domain.shared.units import alike, conversion_factor, recorded_unit, units

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OF_A_GOOD = {"price_series": "series_key", "stock_lot": "lot_key"}
"""Key of each table whose rows hold a unit and a good."""

OF_AN_ASSET = {"place_claim": "asset_key", "pickup": "pickup_key"}
"""Key of each table whose rows hold a unit and the key of an asset."""

OTHER_GOODS = sa.text(
    "UPDATE inventory SET priced_as_another_good = 1 WHERE EXISTS (SELECT 1 FROM asset a, price_series s WHERE "
    "a.asset_key = inventory.asset_key AND s.series_key = inventory.series_key AND a.good <> s.good)"
)
PRICED = sa.text(
    "SELECT i.asset_key, r.document, a.good, a.asset_class, c.unit, s.unit, s.good FROM inventory i "
    "JOIN asset a ON a.asset_key = i.asset_key JOIN place_claim c ON c.asset_key = i.asset_key "
    "JOIN asset_revision r ON r.asset_key = a.asset_key AND r.revision = a.revision "
    "JOIN price_series s ON s.series_key = i.series_key WHERE c.unit = :unit OR s.unit = :unit"
)
SET_QUANTITY = sa.text("UPDATE inventory SET quantity_in_series_unit = :quantity WHERE asset_key = :key")
AGREEMENTS = sa.text(
    "SELECT n.identity_key, n.agreement, c.unit, a.good, a.asset_class FROM identity n "
    "JOIN asset a ON a.asset_key = n.asset_key JOIN place_claim c ON c.asset_key = n.asset_key "
    "WHERE c.unit = :unit AND n.agreement LIKE '%|%'"
)
SET_AGREEMENT = sa.text("UPDATE identity SET agreement = :agreement WHERE identity_key = :key")


def upgrade() -> None:
    op.create_table(
        "unit_spelling",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("spelling", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "spelling"),
    )
    op.add_column("inventory", sa.Column("priced_as_another_good", Big, nullable=False, server_default="0"))
    connection = op.get_bind()
    connection.execute(OTHER_GOODS)
    for unit in _units_in(connection, "place_claim", "price_series"):
        _set_quantities(connection, unit)
        _name_in_agreements(connection, unit)
    for table, key in OF_A_GOOD.items():
        _name_units(connection, table, key, f"SELECT t.{key}, t.unit, t.good, '' FROM {table} t")
    for table, key in OF_AN_ASSET.items():
        of_asset = f"SELECT t.{key}, t.unit, a.good, a.asset_class FROM {table} t JOIN asset a USING (asset_key)"
        _name_units(connection, table, key, of_asset)


def downgrade() -> None:
    op.drop_column("inventory", "priced_as_another_good")
    op.drop_table("unit_spelling")


def _units_in(connection: sa.Connection, *tables: str) -> list[str]:
    """Returns the distinct texts in the column ``unit`` of the tables that are not names of units."""
    found: set[str] = set()
    for table in tables:
        found.update(connection.execute(sa.text(f"SELECT DISTINCT unit FROM {table}")).scalars())
    return sorted(found - set(units()))


def _name_units(connection: sa.Connection, table: str, key: str, rows: str) -> None:
    """Replaces the spellings in a table by the names of the units; currencies of exchange rates are no spellings."""
    change = sa.text(f"UPDATE {table} SET unit = :name WHERE {key} = :key")
    for unit in _units_in(connection, table):
        for number, _, good, asset_class in connection.execute(
            sa.text(f"{rows} WHERE t.unit = :unit"), {"unit": unit}
        ).all():
            name = recorded_unit(unit, good, asset_class)
            if name != unit and good:
                connection.execute(change, {"name": name, "key": number})


def _set_quantities(connection: sa.Connection, unit: str) -> None:
    """Computes the priced quantity of lots again, if the lot's or the price's unit is this spelling."""
    rows = connection.execute(PRICED, {"unit": unit}).all()
    for key, document, good, asset_class, lot_unit, series_unit, series_good in rows:
        one, other = recorded_unit(lot_unit, good, asset_class), recorded_unit(series_unit, series_good)
        if (one, other) == (lot_unit, series_unit):
            continue
        quantity = Fraction(Decimal(json.loads(document)["detail"]["quantity"]))
        priced = float(quantity * conversion_factor(one, other)) if alike(one, other) else None
        connection.execute(SET_QUANTITY, {"quantity": priced, "key": key})


def _name_in_agreements(connection: sa.Connection, unit: str) -> None:
    """Replaces a spelling by the name of the unit where the agreement of a lot's reference number ends with it."""
    for key, agreement, _, good, asset_class in connection.execute(AGREEMENTS, {"unit": unit}).all():
        name = recorded_unit(unit, good, asset_class)
        if name != unit and agreement.endswith(f"|{unit}"):
            changed = agreement.removesuffix(unit) + name
            connection.execute(SET_AGREEMENT, {"agreement": changed, "key": key})

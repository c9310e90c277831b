"""Stores corrections of the identity of assets, and keeps their former numbers reserved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, exists, insert, select

from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.json_documents import to_document
from collateral_registry.store.schema.assets import IdentityCorrectionRow
from collateral_registry.store.schema.loans import PledgeRow


@dataclass(frozen=True)
class IdentityCorrection:
    """A correction of an asset's identity: the fields by name with the old and the new text, and the reason."""

    changes: Mapping[str, tuple[str, str]]
    reason: str
    actor: str


def insert_correction(write: Write, asset_key: int, revision: int, correction: IdentityCorrection) -> None:
    """Records a correction that led to a revision of an asset."""
    values = {"asset_key": asset_key, "revision": revision, "seq": write.seq, "document": to_document(correction)}
    write.connection.execute(insert(IdentityCorrectionRow).values(**values))


def was_pledged(connection: Connection, asset_key: int) -> bool:
    """Returns whether an asset is or ever was pledged."""
    return bool(connection.execute(select(exists().where(PledgeRow.asset_key == asset_key))).scalar())

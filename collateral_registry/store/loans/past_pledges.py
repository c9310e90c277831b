"""Reads pledges as they were at an earlier commit."""

from __future__ import annotations

import numpy as np
from sqlalchemy import BigInteger, Connection, bindparam, func, select

from collateral_registry.domain.loans.agreements import Pledge, PledgeState
from collateral_registry.store.engine.bulk import Columns, read_columns, read_keys
from collateral_registry.store.engine.json_documents import from_document
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.loans.pledges import pledge_numbers
from collateral_registry.store.schema.loans import PledgeRevisionRow, PledgeRow
from valuation._typing import Int

_COLUMNS = ("pledge_key", "loan_key", "asset_key", "target_key")
_TERMS = ("rank", "share_ppm", "limit_minor", "is_registered", "registration_expire_day", "state")

_SEQ = bindparam("by_seq", type_=BigInteger)

_ASSETS = select(PledgeRow.asset_key).where(is_one_of(PledgeRow.loan_key, KEYS), PledgeRow.created_seq <= _SEQ)
_PLEDGES = (
    select(*columns_of(PledgeRow, *_COLUMNS, *_TERMS, "updated_seq"))
    .where(is_one_of(PledgeRow.asset_key, KEYS), PledgeRow.created_seq <= _SEQ)
    .order_by(PledgeRow.pledge_key)
)
_NEWEST = (
    select(PledgeRevisionRow.pledge_key, func.max(PledgeRevisionRow.revision).label("revision"))
    .where(is_one_of(PledgeRevisionRow.pledge_key, KEYS), PledgeRevisionRow.seq <= _SEQ)
    .group_by(PledgeRevisionRow.pledge_key)
    .subquery()
)
_DOCUMENTS = select(*columns_of(PledgeRevisionRow, "pledge_key", "document")).join(
    _NEWEST,
    (_NEWEST.c.pledge_key == PledgeRevisionRow.pledge_key) & (_NEWEST.c.revision == PledgeRevisionRow.revision),
)


def pledges_at(connection: Connection, loan_keys: Int, seq: int) -> Columns:
    """Returns all pledges that were active at a commit on the assets that secured the loans then, in key order.

    They include pledges to other loans, as those of ``read_pledges`` do. Only pledges that changed since are read from
    their revisions.
    """
    assets = np.unique(read_keys(connection, _ASSETS, {"keys": loan_keys, "by_seq": seq}))
    found = read_columns(connection, _PLEDGES, {"keys": assets, "by_seq": seq})
    changed = np.flatnonzero(found.pop("updated_seq") > seq)
    keys = found["pledge_key"][changed]
    row_of = dict(zip(keys.tolist(), changed.tolist(), strict=True))
    for key, document in connection.execute(_DOCUMENTS, {"keys": keys, "by_seq": seq}):
        for name, number in pledge_numbers(from_document(Pledge, document)).items():
            found[name][row_of[key]] = number
    active = found.pop("state") == int(PledgeState.ACTIVE)
    return {name: column[active] for name, column in found.items()}

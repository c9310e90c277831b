"""Completes every change before its commit: reconciles claims, values assets, judges loans and announces findings.

A command records what it has touched in ``write.touched`` and passes nothing else on. ``Write.commit`` refuses a change
that was not settled, so no command can forget to settle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from collateral_registry.commands.pipeline.findings import announce_findings
from collateral_registry.commands.pipeline.over_pledging import reconcile_claims
from collateral_registry.commands.pipeline.recompute import Recomputed, recompute
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.touched import Touched
from collateral_registry.store.stock.claims_by_place import places_of_assets
from valuation._typing import Int

T = TypeVar("T")


def settle(write: Write) -> Recomputed:
    """Values, judges and records everything that the change touched; does nothing if nothing was touched.

    A loan can be judged only once in a commit. A command that needs the judgement earlier calls this function itself,
    and must not touch the same loans afterwards. Raises Refused if an enlarged claim exceeds the available stock.
    """
    touched, write.touched = write.touched, Touched()
    changed = _reconcile(write, touched)
    assets = np.union1d(_keys(touched.assets), changed)
    loans, added = _keys(touched.loans), _keys(touched.collateral_added)
    done = recompute(write, assets, loans, added) if len(assets) or len(loans) else Recomputed(0, 0, 0)
    announce_findings(write, [*touched.announcements, *write.touched.announcements])
    write.touched = Touched()
    return done


def settled(write: Write, work: Callable[[Write], T]) -> T:
    """Runs a change and settles it, for callers that read the judgement before the commit."""
    result = work(write)
    settle(write)
    return result


def reconcile_touched(write: Write) -> None:
    """Reconciles the claims touched so far, so that a preview sees their counted shares.

    The assets are valued later, when the change is settled.
    """
    touched = write.touched
    touched.add(assets=_reconcile(write, touched))
    touched.claims.clear()
    touched.places.clear()


def commit(write: Write) -> None:
    """Settles and commits a change."""
    settle(write)
    write.commit()


def _reconcile(write: Write, touched: Touched) -> Int:
    places = {*touched.places}
    if touched.claims:
        places |= {*places_of_assets(write.connection, _keys(touched.claims))}
    if not places:
        return _keys(())
    return reconcile_claims(write, sorted(places), touched.claimed_before)


def _keys(keys: Iterable[int]) -> Int:
    return np.array(sorted(keys), dtype=np.int64)

"""Computes one partition of a revaluation run: values and judges a range of the book and stores the results.

It calls the same functions as an ordinary price change, but may transport columns differently (store/engine/arrow.py).
Two workers may compute the same partition, or one may repeat it after a crash. The results are stored only once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Union

import numpy as np
from numpy.typing import NDArray

from collateral_registry.commands.pipeline.curves import store_curves
from collateral_registry.commands.pipeline.judge_loans import Judged, judged_loans
from collateral_registry.commands.pipeline.load_inputs import LoadedInputs, load_inputs, make_curves
from collateral_registry.commands.pipeline.recompute import NO_KEYS, Valuations, valuations
from collateral_registry.domain.revaluation.runs import Partition, RunStep
from collateral_registry.store.book.policies import StoredPolicy
from collateral_registry.store.engine.bulk import Columns, Source
from collateral_registry.store.engine.database import Database
from collateral_registry.store.loans.pledges import read_pledges
from collateral_registry.store.prices.haircut_curves import NewCurve
from collateral_registry.store.revaluation.runs import (
    PartitionResults,
    is_wanted,
    loans_between,
    of_run,
    store_partition,
    unpledged_between,
)
from collateral_registry.store.valuations.pool_statements import entry_numbers_of
from valuation._typing import Int

if TYPE_CHECKING:
    from collateral_registry.store.engine.arrow import ArrowDatabase

Transport = Union[Database, "ArrowDatabase"]
"""How columns are read and written: through SQLAlchemy, or through ADBC for large runs."""


@dataclass(frozen=True)
class PartitionJob:
    """A partition to compute, with everything a worker needs besides the database."""

    seq: int
    market_day: int
    policy: StoredPolicy
    partition: Partition

    @property
    def shard(self) -> str:
        """Name of the partition's shard."""
        return f"revaluations/{self.seq}/{self.partition.number}"


def work_partition(transport: Transport, job: PartitionJob) -> None:
    """Computes a partition and stores it, unless it is stored already or the run is over."""
    made: list[NewCurve] = []
    results = None
    with transport.read() as source:
        if job.partition.step == RunStep.CURVES:
            make_curves(source, job.partition.needs, job.policy, made)
        else:
            results = _value_and_judge(source, job, made)
    with transport.intake([job.shard]) as writing:
        if not is_wanted(writing.connection, job.seq, job.partition.number):
            return
        number = job.partition.number
        curves = store_curves(writing.connection, job.seq, made, of_run(number))
        store_partition(writing.connection, job.seq, number, curves, results)
        writing.commit()


def _value_and_judge(source: Source, job: PartitionJob, made: list[NewCurve]) -> PartitionResults:
    """Returns the values of the partition's assets, and judgements of its loans.

    Loans that were judged since the run began are omitted.
    """
    scope = scope_of(source, job.partition)
    loaded = load_inputs(source, scope.assets, job.policy, made)
    values, judged = value_and_judge(source, scope, loaded, job)
    rows = scope.stored_here(values.rows, loaded.targets.asset_row)
    stored = np.isin(values.statements["asset_key"], scope.assets[scope.is_stored_here])
    statements = {name: column[stored] for name, column in values.statements.items()}
    kept = judged.of(judged.before_seq < job.seq)
    return PartitionResults(rows, statements, kept.rows, kept.claims, kept.events)


@dataclass(frozen=True)
class Scope:
    """What a partition computes: its loans [l] with all pledges [p] on their assets, and the assets [a] to value.

    ``is_stored_here`` [a] is false for assets that another partition stores.
    """

    loans: Int
    pledges: Columns
    assets: Int
    is_stored_here: NDArray[np.bool_]

    def stored_here(self, values: Columns, asset_row: Int) -> Columns:
        """Returns the values [t] of the assets that this partition stores."""
        stored = self.is_stored_here[asset_row]
        return {name: column[stored] for name, column in values.items()}


def scope_of(source: Source, partition: Partition) -> Scope:
    """Returns the loans and assets of a partition."""
    ends = partition.first_key, partition.last_key
    if partition.step == RunStep.UNPLEDGED:
        assets = unpledged_between(source, *ends)
        return Scope(NO_KEYS, read_pledges(source, NO_KEYS), assets, np.ones(len(assets), dtype=np.bool_))
    loans = loans_between(source, *ends)
    pledges = read_pledges(source, loans)
    assets = np.unique(pledges["asset_key"])
    return Scope(loans, pledges, assets, _is_stored_here(assets, pledges, loans))


def value_and_judge(source: Source, scope: Scope, loaded: LoadedInputs, job: PartitionJob) -> tuple[Valuations, Judged]:
    """Returns the values [t] of the assets and the judgements [l] of the loans by these values; writes nothing.

    Pools count the entries of their statements before the run: by later entries, which are applied in commits of their
    own, pools of different partitions could exceed a line that they share.
    """
    loaded = replace(loaded, entry_numbers=entry_numbers_of(source, scope.assets, job.seq))
    values = valuations(source, loaded, job.policy, job.market_day, job.seq)
    return values, judged_loans(source, scope.loans, scope.pledges, values.rows, job.policy, job.market_day, NO_KEYS)


def _is_stored_here(assets: Int, pledges: Columns, loans: Int) -> NDArray[np.bool_]:
    """Returns for each asset [a] whether this partition stores it.

    An asset that is pledged to loans in several partitions is stored by the first of them.
    """
    first = np.full(len(assets), np.iinfo(np.int64).max)
    np.minimum.at(first, np.searchsorted(assets, pledges["asset_key"]), pledges["loan_key"])
    return np.isin(first, loans)

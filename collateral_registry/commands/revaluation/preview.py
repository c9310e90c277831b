"""Computes what a revaluation would change, by the functions that revaluation runs use, and records nothing.

The steps are those of domain/revaluation/previews.py. The last step gives exactly the values and judgements that a run
would store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.commands.pipeline.judge_loans import Judged, judged_loans
from collateral_registry.commands.pipeline.load_inputs import LoadedInputs, load_inputs
from collateral_registry.commands.pipeline.recompute import NO_KEYS
from collateral_registry.commands.revaluation.run_partition import PartitionJob, Scope, scope_of, value_and_judge
from collateral_registry.commands.revaluation.runs import partitions_of
from collateral_registry.domain.filters.expressions import EVERYTHING, Expression
from collateral_registry.domain.loans.collateral import owed_of, pool_of
from collateral_registry.domain.revaluation.previews import (
    BEFORE,
    COMPARED,
    STEPS,
    PreviewSummary,
    in_order_of_severity,
    is_changed,
    wanted_loans,
)
from collateral_registry.domain.revaluation.runs import PARTITION_ASSETS, RunStep
from collateral_registry.store.assets.repository import read_asset_ids
from collateral_registry.store.book.policies import StoredPolicy, get_policy, policy_in_force
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Database
from collateral_registry.store.loans.judgements import newest_judgements
from collateral_registry.store.loans.repository import read_loan_names
from collateral_registry.store.prices.haircut_curves import estimates_by_key
from collateral_registry.store.valuations.repository import recorded_values
from valuation._typing import Int

CHUNK_ROWS = 500

ASSET_COMPARED = ("market_minor", "price_adjustment", "lendable_minor", "unknown", "zero")
"""Columns of a value. It is changed if one of them differs."""

ASSET_COLUMNS = ("haircut", "model", "policy_key", *ASSET_COMPARED)
LOAN_COLUMNS = ("basis", "unknown", *COMPARED)


@dataclass(frozen=True)
class PreviewJob:
    """A requested preview, under the policy with this id or, if the id is empty, under the one in force.

    ``wanted`` filters the loans. The changed assets are part of the answer only if ``with_assets`` is set.
    """

    policy_id: str = ""
    wanted: Expression = EVERYTHING
    with_assets: bool = False


@dataclass(frozen=True)
class PreviewBegin:
    """The moment of a preview, the policy in force and the previewed one (ids), and the number of partitions."""

    seq: int
    market_day: int
    policy_in_force: str
    policy: str
    partitions: int


@dataclass(frozen=True)
class PreviewRows:
    """Changed loans or assets, with the numbers of partitions computed so far; loans come after all partitions."""

    done: int
    loans: Columns | None = None
    assets: Columns | None = None


PreviewPart = PreviewBegin | PreviewRows | PreviewSummary


def preview_book(
    database: Database, job: PreviewJob, partition_assets: int = PARTITION_ASSETS
) -> Iterator[PreviewPart]:
    """Yields the beginning, changed assets by partition, the sums, and the changed loans in the order of severity.

    Everything is as of one commit. Raises NotFound for an unknown policy.
    """
    summary, loans = PreviewSummary(), list[Columns]()
    with database.read() as connection:
        seq, day = newest_commit(connection)
        in_force = policy_in_force(connection, day)
        policy = get_policy(connection, job.policy_id) if job.policy_id else in_force
        partitions = [one for one in partitions_of(connection, partition_assets) if one.step != RunStep.CURVES]
        yield PreviewBegin(seq, day, in_force.policy.policy_id, policy.policy.policy_id, len(partitions))
        for done, partition in enumerate(partitions, start=1):
            mine, assets = _partition(connection, PartitionJob(seq + 1, day, policy, partition), in_force)
            summary.add_loans(mine)
            changed = is_changed(assets, ASSET_COMPARED)
            summary.add_assets(assets, changed)
            loans.append(_chosen(mine, is_changed(mine, COMPARED) & wanted_loans(mine, job.wanted)))
            yield PreviewRows(done)
            if job.with_assets:
                yield from (PreviewRows(done, assets=rows) for rows in _chunks(_chosen(assets, changed)))
    yield summary
    if loans:
        joined = {name: np.concatenate([one[name] for one in loans]) for name in loans[0]}
        ordered = _chosen(joined, in_order_of_severity(joined))
        yield from (PreviewRows(len(partitions), loans=rows) for rows in _chunks(ordered))


def _partition(connection: Connection, job: PartitionJob, in_force: StoredPolicy) -> tuple[Columns, Columns]:
    """Returns the loans [l] and the values [t] of a partition, as recorded and after the last step."""
    scope = scope_of(connection, job.partition)
    now = replace(job, policy=in_force)
    loaded = load_inputs(connection, scope.assets, in_force, [])
    recorded = _recorded(connection, loaded.targets.target_key)
    curves = estimates_by_key(connection, np.unique(recorded["estimate_key"]))
    known = replace(loaded, market=replace(loaded.market, curves={**loaded.market.curves, **dict(curves)}))
    judged = judged_loans(connection, scope.loans, scope.pledges, None, in_force, job.market_day, NO_KEYS)
    steps: list[tuple[Columns, Judged]] = [(recorded, judged)]
    steps += [_computed(connection, scope, inputs, now) for inputs in (known, loaded)]
    if job.policy.key != in_force.key:
        loaded = load_inputs(connection, scope.assets, job.policy, [])
        steps.append(_computed(connection, scope, loaded, job))
    made = [*(curve for _, curve in curves), *loaded.market.curves.values()]
    models = {curve.estimate_key: curve.model for curve in made}
    assets = _asset_rows(connection, loaded, [values for values, _ in steps], models)
    return _loan_rows(connection, scope, [one.rows for _, one in steps]), scope.stored_here(
        assets, loaded.targets.asset_row
    )


def _computed(connection: Connection, scope: Scope, loaded: LoadedInputs, job: PartitionJob) -> tuple[Columns, Judged]:
    values, judged = value_and_judge(connection, scope, loaded, job)
    return values.rows, judged


def _recorded(connection: Connection, target_keys: Int) -> Columns:
    """Returns the recorded values [t]; a target that was never valued has zeros. A missing adjustment is 1."""
    found = _filled(recorded_values(connection, target_keys), "target_key", target_keys)
    return {**found, "price_adjustment": np.nan_to_num(found["price_adjustment"], nan=1.0)}


def _filled(found: Columns, key: str, keys: Int) -> Columns:
    """Returns columns with a row for each of the sorted keys; rows that were not found are zero."""
    row = np.searchsorted(keys, found[key])
    filled: Columns = {}
    for name, column in found.items():
        filled[name] = np.zeros(len(keys), dtype=column.dtype)
        filled[name][row] = column
    return filled


def _loan_rows(connection: Connection, scope: Scope, steps: Sequence[Columns]) -> Columns:
    """Returns the loans [l] as recorded and after the last step, with the change of the collateral value by step."""
    before = _filled(newest_judgements(connection, scope.loans), "loan_key", scope.loans)
    rows: Columns = dict(read_loan_names(connection, scope.loans))
    rows |= {f"{BEFORE}_{name}": before[name] for name in LOAN_COLUMNS}
    rows |= {name: steps[-1][name] for name in LOAN_COLUMNS}
    values = [pool_of(one) for one in (before, *steps)]
    rows |= {f"{BEFORE}_collateral_minor": values[0], "collateral_minor": values[-1]}
    rows |= {f"{BEFORE}_owed_minor": owed_of(before), "owed_minor": owed_of(steps[-1])}
    return rows | _changes(values)


def _asset_rows(
    connection: Connection, loaded: LoadedInputs, steps: Sequence[Columns], models: Mapping[int, str]
) -> Columns:
    """Returns the values [t] as recorded and after the last step, with the change of the lendable value by step."""
    before, after = steps[0], steps[-1]
    ids = read_asset_ids(connection, loaded.assets.asset_key)["asset_id"]
    rows: Columns = {"asset_id": ids[loaded.targets.asset_row], "currency": loaded.targets.currency}
    rows |= {f"{BEFORE}_{name}": before[name] for name in ASSET_COLUMNS}
    rows |= {name: after[name] for name in ASSET_COLUMNS}
    for name, values in ((f"{BEFORE}_curve_model", before), ("curve_model", after)):
        keys = values["estimate_key"].tolist()
        rows[name] = np.array([models.get(key, "") for key in keys], dtype=object)
    return rows | _changes([before["lendable_minor"], *(values["lendable_minor"] for values in steps)])


def _changes(values: Sequence[Int]) -> Columns:
    """Returns the change by each step; steps that were not computed change nothing."""
    missing = [values[-1]] * (len(STEPS) + 1 - len(values))
    return {
        f"by_{step}": after - before for step, (before, after) in zip(STEPS, pairwise([*values, *missing]), strict=True)
    }


def _chosen(columns: Columns, rows: NDArray[Any]) -> Columns:
    return {name: column[rows] for name, column in columns.items()}


def _chunks(columns: Columns) -> Iterator[Columns]:
    count = len(next(iter(columns.values())))
    for start in range(0, count, CHUNK_ROWS):
        yield {name: column[start : start + CHUNK_ROWS] for name, column in columns.items()}

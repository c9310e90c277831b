"""Values assets, judges their loans and records both, in the transaction of the change.

All changes use these functions and differ only in the keys they touch. Revaluation runs use the same functions in
partitions (commands/revaluation/run_partition.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from collateral_registry.commands.pipeline import curves
from collateral_registry.commands.pipeline.comparables import machine_estimates
from collateral_registry.commands.pipeline.curves import store_curves
from collateral_registry.commands.pipeline.judge_loans import judge_loans
from collateral_registry.commands.pipeline.load_inputs import LoadedInputs, load_inputs
from collateral_registry.commands.pools.ladders import pools_of
from collateral_registry.domain.debtors.identifiers import normal_text
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.valuations.appraise import Appraisal, appraise, model_name
from collateral_registry.domain.valuations.base_values import Model
from collateral_registry.store.book.policies import StoredPolicy, policy_in_force
from collateral_registry.store.engine.bulk import Columns, Source
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.pledges import loans_of_assets
from collateral_registry.store.prices.haircut_curves import NewCurve
from collateral_registry.store.revaluation.runs import newest_models
from collateral_registry.store.valuations.pool_debtors import note_debtors, pools_sharing_lines
from collateral_registry.store.valuations.pool_statements import entry_numbers_of, insert_statements, statement_columns
from collateral_registry.store.valuations.repository import insert_valuations, newest_values
from valuation._typing import Int

NO_KEYS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Recomputed:
    """Numbers of valuations, judgements and events that a change produced."""

    valued: int
    judged: int
    events: int


UNVERSIONED_RULES = ("cover/2", "price-adjustment/1")
"""Rules of values and claims that are no models of their own. Their versions rise when their results change."""


def release_models() -> str:
    """Returns names and versions of the models by which this release values and judges, in alphabetical order."""
    names = {curves.MODEL_NAME, *UNVERSIONED_RULES, *filter(None, map(model_name, Model))}
    return " ".join(sorted(names))


def check_models(connection: Connection) -> None:
    """Raises Refused if the newest run used other models than this release, and no one has accepted these yet."""
    recorded, released = newest_models(connection), release_models()
    if recorded in {None, released}:
        return
    other = sorted(set(str(recorded).split()) ^ set(released.split()))
    raise Refused(
        "MODELS_CHANGED",
        f"the models of this release differ from those of the book ({', '.join(other)}); see their effect by "
        "'collateral preview', then apply them by 'collateral revalue --accept-models'",
    )


def recompute(write: Write, assets: Int = NO_KEYS, loans: Int = NO_KEYS, collateral_added: Int = NO_KEYS) -> Recomputed:
    """Values the assets, then judges the loans that they secure and the named loans.

    ``collateral_added`` are loans that have just received cash or collateral.
    """
    check_models(write.connection)
    policy = policy_in_force(write.connection, write.market_day)
    values, assets = _value_and_record(write, assets, policy) if len(assets) else (None, assets)
    touched = np.union1d(loans, loans_of_assets(write.connection, assets) if len(assets) else NO_KEYS)
    judged, events = judge_loans(write, touched, values, policy, collateral_added)
    return Recomputed(0 if values is None else len(values["target_key"]), judged, events)


def _value_and_record(write: Write, assets: Int, policy: StoredPolicy) -> tuple[Columns, Int]:
    """Values the assets, and then the other pools that share a debtor's line with one of them; returns all of them.

    The others keep the entries of their current statements, which is what the line left for the assets; their later
    entries are applied in a commit of their own.
    """
    values = _recorded(write, assets, policy, {})
    for key, debtors in values.debtors.items():
        note_debtors(write, key, debtors)
    sharing = np.setdiff1d(pools_sharing_lines(write.connection, np.array([*values.debtors], dtype=np.int64)), assets)
    if not values.debtors or not len(sharing):
        return values.rows, assets
    others = _recorded(write, sharing, policy, entry_numbers_of(write.connection, sharing, None))
    joined = {name: np.concatenate([column, others.rows[name]]) for name, column in values.rows.items()}
    order = np.argsort(joined["target_key"], kind="stable")
    return {name: column[order] for name, column in joined.items()}, np.union1d(assets, sharing)


def _recorded(write: Write, assets: Int, policy: StoredPolicy, entry_numbers: Mapping[int, int]) -> Valuations:
    made: list[NewCurve] = []
    loaded = replace(load_inputs(write.connection, assets, policy, made), entry_numbers=entry_numbers)
    store_curves(write.connection, write.seq, made)
    values = valuations(write.connection, loaded, policy, write.market_day, write.seq)
    insert_valuations(write, values.rows)
    insert_statements(write.connection, values.statements, write.seq)
    return values


@dataclass(frozen=True)
class Valuations:
    """Valuation rows [t], and the statements of the pools of receivables among the assets.

    ``debtors`` are those that pools name, the owner included: keys by the texts that state them, by asset key.
    """

    rows: Columns
    statements: Columns
    debtors: Mapping[int, Mapping[str, int]] = field(default_factory=dict)


def valuations(source: Source, loaded: LoadedInputs, policy: StoredPolicy, day: int, seq: int) -> Valuations:
    """Returns the valuations to be recorded with a sequence. A known value is itself the last good value."""
    machines = machine_estimates(source, loaded.assets, day, loaded.quoted)
    pools = pools_of(source, loaded.assets, policy.policy, day, loaded.quoted, loaded.entry_numbers)
    loaded = loaded.with_estimates(machines, pools.values)
    appraisal = appraise(loaded.assets, loaded.targets, loaded.market, policy.policy, day)
    columns = valuation_columns(source, loaded, appraisal, policy, day)
    columns["good_seq"] = np.where(columns["unknown"] == 0, seq, columns["good_seq"])
    named = {
        key: {normal_text(text): debtor for text, debtor in debtors.items()}
        for key, debtors in zip(pools.asset_keys, pools.debtors, strict=True)
    }
    return Valuations(columns, statement_columns(pools.asset_keys, pools.statements, policy.key, day), named)


def valued(source: Source, loaded: LoadedInputs, policy: StoredPolicy, day: int, seq: int) -> Columns:
    """Returns the valuation rows alone."""
    return valuations(source, loaded, policy, day, seq).rows


def valuation_columns(
    source: Source, loaded: LoadedInputs, appraisal: Appraisal, policy: StoredPolicy, day: int
) -> Columns:
    """Returns the valuation rows as columns. They include the last good value where the value is unknown."""
    at, values, base, last_good = appraisal.asset_row, appraisal.values, appraisal.base, appraisal.last_good
    target_key = loaded.targets.target_key
    good = _last_good(source, target_key, values.unknown != 0)
    known = values.unknown == 0
    dilution, good_dilution = loaded.market.pools.dilution_shares(len(loaded.assets.asset_key))[:, at]
    return {
        "target_key": target_key,
        "market_day": np.full(len(at), day, dtype=np.int64),
        "asset_revision": loaded.assets.revision[at],
        "policy_key": np.full(len(at), policy.key, dtype=np.int64),
        "estimate_key": appraisal.estimate_key,
        "model": base.model[at],
        "price": appraisal.price,
        "price_day": base.price_day[at],
        "quantity": base.quantity[at],
        "fx_rate": appraisal.fx.rate,
        "fx_day": appraisal.fx.day,
        "fx_path": appraisal.fx.path,
        "horizon_days": appraisal.horizon_days,
        "h_value": appraisal.parts.value,
        "h_market": appraisal.parts.market,
        "h_liquidity": appraisal.parts.liquidity,
        "h_cost": appraisal.parts.cost,
        "h_legal": appraisal.parts.legal,
        "stand_ins": appraisal.stand_ins,
        "haircut": values.haircut,
        "haircut_floor": appraisal.floor,
        "cap": appraisal.cap,
        "market_minor": values.market_minor,
        "price_adjustment": appraisal.adjustment,
        "lendable_minor": values.lendable_minor,
        "good_seq": np.where(known, 0, good["good_seq"]),
        "good_market_minor": np.where(known, last_good.market_minor, good["good_market_minor"]),
        "good_price_adjustment": np.where(known, appraisal.adjustment, good["good_price_adjustment"]),
        "good_lendable_minor": np.where(known, last_good.lendable_minor, good["good_lendable_minor"]),
        "unknown": values.unknown,
        "zero": values.zero,
        "quality": values.quality,
        "oldest_day": appraisal.oldest_day,
        "withheld_share": appraisal.withheld_share,
        "unknown_part": np.where(known & (values.zero == 0), base.unknown_part[at], 0),
        "dilution_ppm": np.where(known, dilution, 0),
        "good_dilution_ppm": np.where(known, good_dilution, good["good_dilution_ppm"]),
    }


def _last_good(source: Source, target_key: Int, unknown: np.typing.NDArray[np.bool_]) -> Columns:
    """Returns the last good value of each target [t] whose value is unknown; zeros for the other targets."""
    names = ("good_seq", "good_market_minor", "good_lendable_minor", "good_dilution_ppm")
    good: Columns = {name: np.zeros(len(target_key), dtype=np.int64) for name in names}
    good["good_price_adjustment"] = np.ones(len(target_key))
    wanted = target_key[unknown & (target_key > 0)]
    if len(wanted):
        newest = newest_values(source, wanted)
        order = np.argsort(target_key, kind="stable")
        row = order[np.searchsorted(target_key, newest["target_key"], sorter=order)]
        for name in good:
            good[name][row] = newest[name]
    return good

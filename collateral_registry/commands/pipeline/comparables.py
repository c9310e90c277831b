"""Estimates machines with the active models of comparable sales, as an input of their valuation.

A model never changes, so it is read and parsed once per process. Its libraries are imported only if some class has an
active model. Without them (the extra ``comparables``) the depreciation curve of the class applies, with a flag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from collateral_registry.domain.assets.kinds import Detail, Equipment
from collateral_registry.domain.equipment.comparables import observed, states_condition
from collateral_registry.domain.shared.string_interner import codes_of
from collateral_registry.domain.valuations.valuation_inputs import AssetFacts, MachineEstimates
from collateral_registry.logs import logger
from collateral_registry.store.assets.repository import equipment_of
from collateral_registry.store.engine.bulk import Source
from collateral_registry.store.equipment.models import active_models, files_of
from valuation._typing import Int
from valuation.equipment.flags import EstimateFlag
from valuation.errors import MissingExtra
from valuation.extras import load
from valuation.flags import QualityFlag

if TYPE_CHECKING:
    from valuation.equipment.models.artefact import Fitted

LOG = logger("comparables")

CACHED_MODELS = 8

OUTSIDE = (
    EstimateFlag.MODEL_UNSEEN
    | EstimateFlag.AGE_EXTRAPOLATED
    | EstimateFlag.HOURS_EXTRAPOLATED
    | EstimateFlag.BEFORE_TRAINING
    | EstimateFlag.CATEGORY_UNSEEN
)
"""Flags of a machine outside the range of the sales that the model was fitted on."""

NO_OPINION = EstimateFlag.CATEGORY_UNSEEN | EstimateFlag.AGE_UNKNOWN
"""Flags for which a model's estimate is not used, because it would be an average over all kinds or ages. The
depreciation curve of the class is used instead."""


@dataclass(frozen=True)
class ModelFiles:
    """A stored model, identified by its hash. Its files are read if it is not cached."""

    model_hash: str
    read: Callable[[], dict[str, bytes]] = field(compare=False)


@lru_cache(CACHED_MODELS)
def fitted(files: ModelFiles) -> Fitted:
    """Returns the parsed model; raises InvalidInput if its files are damaged, and MissingExtra without LightGBM."""
    load("comparables")
    from valuation.equipment.models.artefact import unpack

    return unpack(files.read())


def machine_estimates(source: Source, assets: AssetFacts, day: int, quoted: Mapping[int, Detail]) -> MachineEstimates:
    """Returns estimates of the machines whose class has a model in their currency.

    ``quoted`` holds the assets that are not registered, by the key that stands for them in ``assets``.
    """
    rows = assets.equipment["asset_row"]
    classes, code = codes_of(assets.asset_class[rows])
    found = []
    for asset_class, (key, model_hash, currency) in active_models(source, classes).items():
        of_class = (code == classes.index(asset_class)) & (assets.currency[rows] == currency)
        if of_class.any():
            files, at = ModelFiles(model_hash, partial(files_of, source, key)), rows[of_class]
            found.append(_estimates(files, at, _machines(source, assets, at, quoted), day))
    return _joined(found) if found else MachineEstimates.none()


def _machines(source: Source, assets: AssetFacts, rows: Int, quoted: Mapping[int, Detail]) -> list[Equipment]:
    """Returns the machines in the order of their rows."""
    keys = assets.asset_key[rows]
    drafts = {key: detail for key, detail in quoted.items() if isinstance(detail, Equipment)}
    by_key = {**equipment_of(source, keys[~np.isin(keys, list(quoted))]), **drafts}
    return [by_key[int(key)] for key in keys]


def _estimates(files: ModelFiles, rows: Int, machines: list[Equipment], day: int) -> MachineEstimates:
    from valuation.equipment.models.hedonic import appraise

    try:
        model = fitted(files)
    except MissingExtra as missing:
        _warn(str(missing))
        return _without_model(rows)
    estimates = appraise(model.learned, observed(machines, model.learned.mapping, day))
    flags = np.where((estimates.flags & EstimateFlag.HOURS_UNKNOWN) != 0, int(QualityFlag.HOURS_UNKNOWN), 0)
    flags |= np.where((estimates.flags & OUTSIDE) != 0, int(QualityFlag.OUTSIDE_COMPARABLES), 0)
    fmv = np.where((estimates.flags & NO_OPINION) != 0, np.nan, estimates.fmv)
    condition_known = np.array(
        [states_condition(machine, model.learned.mapping) for machine in machines], dtype=np.bool_
    )
    values = (fmv, estimates.olv, estimates.flv, estimates.nolv, estimates.value_haircut)
    return MachineEstimates(rows, *values, flags.astype(np.int64), condition_known)


@cache
def _warn(missing: str) -> None:
    """Logs the missing extra, once in a process."""
    LOG.warning("machines are valued by depreciation instead of the active comparables model", cause=missing)


def _without_model(rows: Int) -> MachineEstimates:
    """Returns no estimate for the machines in these rows, with the flag that a simpler model is used."""
    unknown = np.full(len(rows), np.nan)
    flags = np.full(len(rows), int(QualityFlag.FALLEN_BACK), dtype=np.int64)
    values = (unknown, unknown, unknown, unknown, unknown)
    return MachineEstimates(rows, *values, flags, np.zeros(len(rows), dtype=np.bool_))


def _joined(found: list[MachineEstimates]) -> MachineEstimates:
    names = ("asset_row", "fmv", "olv", "flv", "nolv", "value_haircut", "flags", "condition_stated")
    return MachineEstimates(*(np.concatenate([getattr(one, name) for one in found]) for name in names))

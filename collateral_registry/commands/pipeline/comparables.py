"""What active models say of machines, gathered with everything else that a valuation needs.

A model is read and parsed once in a process and kept, for it never changes. Nothing of it is imported while no class
has a model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from collateral_registry.domain.assets.kinds import Equipment
from collateral_registry.domain.equipment.comparables import observed, tells_condition
from collateral_registry.domain.shared.string_interner import codes_of
from collateral_registry.domain.valuations.valuation_inputs import AssetFacts, MachineEstimates
from collateral_registry.store.assets.repository import equipment_of
from collateral_registry.store.engine.bulk import Source
from collateral_registry.store.equipment.models import active_models, files_of
from valuation._typing import Int
from valuation.equipment.flags import EstimateFlag
from valuation.flags import QualityFlag

if TYPE_CHECKING:
    from valuation.equipment.models.artefact import Fitted

KEPT_MODELS_LIMIT = 8

OUTSIDE = (
    EstimateFlag.MODEL_UNSEEN
    | EstimateFlag.AGE_EXTRAPOLATED
    | EstimateFlag.HOURS_EXTRAPOLATED
    | EstimateFlag.BEFORE_TRAINING
    | EstimateFlag.CATEGORY_UNSEEN
)
"""What puts a machine outside the sales that a model learned from."""

NO_OPINION = EstimateFlag.CATEGORY_UNSEEN | EstimateFlag.AGE_UNKNOWN
"""Where a model could only say what machines of all kinds or ages bring; the curve stands, unknown if it must be."""


@dataclass(frozen=True)
class ModelFiles:
    """A stored model by its hash; its files are read when nobody has them yet."""

    model_hash: str
    read: Callable[[], dict[str, bytes]] = field(compare=False)


@lru_cache(KEPT_MODELS_LIMIT)
def fitted(files: ModelFiles) -> Fitted:
    """The model, parsed once; raises InvalidInput when its files are damaged."""
    from valuation.equipment.models.artefact import unpack  # noqa: PLC0415 - LightGBM comes with it

    return unpack(files.read())


def machine_estimates(source: Source, assets: AssetFacts, day: int) -> MachineEstimates:
    """The estimates of the machines whose class has a model in their currency."""
    rows = assets.equipment["asset_row"]
    classes, code = codes_of(assets.asset_class[rows])
    found = []
    for asset_class, (key, model_hash, currency) in active_models(source, classes).items():
        of_class = (code == classes.index(asset_class)) & (assets.currency[rows] == currency)
        if of_class.any():
            model = fitted(ModelFiles(model_hash, partial(files_of, source, key)))
            found.append(_estimates(model, rows[of_class], _machines(source, assets, rows[of_class]), day))
    return _joined(found) if found else MachineEstimates.none()


def quoted_estimates(source: Source, assets: AssetFacts, machine: Equipment, day: int) -> MachineEstimates:
    """The estimate of one machine that is not registered, if its class has a model in its currency."""
    active = active_models(source, [assets.asset_class[0]]).get(assets.asset_class[0])
    if active is None or active[2] != assets.currency[0]:
        return MachineEstimates.none()
    key, model_hash, _ = active
    model = fitted(ModelFiles(model_hash, partial(files_of, source, key)))
    return _estimates(model, np.zeros(1, dtype=np.int64), [machine], day)


def _machines(source: Source, assets: AssetFacts, rows: Int) -> list[Equipment]:
    """The machines in the order of their rows."""
    keys = assets.asset_key[rows]
    by_key = equipment_of(source, keys)
    return [by_key[int(key)] for key in keys]


def _estimates(model: Fitted, rows: Int, machines: list[Equipment], day: int) -> MachineEstimates:
    from valuation.equipment.models.hedonic import appraise  # noqa: PLC0415 - LightGBM's trees come with it

    found = appraise(model.learned, observed(machines, model.learned.mapping, day))
    flags = np.where((found.flags & EstimateFlag.HOURS_UNKNOWN) != 0, int(QualityFlag.HOURS_UNKNOWN), 0)
    flags |= np.where((found.flags & OUTSIDE) != 0, int(QualityFlag.OUTSIDE_COMPARABLES), 0)
    fmv = np.where((found.flags & NO_OPINION) != 0, np.nan, found.fmv)
    told = np.array([tells_condition(machine, model.learned.mapping) for machine in machines], dtype=np.bool_)
    values = (fmv, found.olv, found.flv, found.nolv, found.value_haircut)
    return MachineEstimates(rows, *values, flags.astype(np.int64), told)


def _joined(found: list[MachineEstimates]) -> MachineEstimates:
    names = ("asset_row", "fmv", "olv", "flv", "nolv", "value_haircut", "flags", "condition_told")
    return MachineEstimates(*(np.concatenate([getattr(one, name) for one in found]) for name in names))

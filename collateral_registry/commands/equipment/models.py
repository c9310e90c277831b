"""Stores and activates comparables models, estimates machines with them, and records appraisals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from collateral_registry.commands.pipeline.comparables import ModelFiles, fitted
from collateral_registry.commands.pipeline.stated_assets import checked_new_detail
from collateral_registry.commands.valuations.value import value_assets
from collateral_registry.domain.assets.asset_kind import CLASS_ROOT, Kind
from collateral_registry.domain.assets.kinds import Equipment
from collateral_registry.domain.equipment.comparables import observed
from collateral_registry.domain.equipment.value_bases import machine_bases
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money, digits_of
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.store.assets.repository import StoredAsset, get_asset
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.equipment.appraisals import StoredAppraisal, appraisals_of, insert_appraisal
from collateral_registry.store.equipment.models import (
    StoredModel,
    activate_model,
    assets_of_class,
    files_of,
    get_model,
    insert_model,
)
from valuation.equipment.appraisals.reconciliation import (
    VALID_DAYS,
    AppraisalBasis,
    Band,
    deviation_band,
    too_far_apart,
    weight_by_age,
)
from valuation.equipment.sales.files import date_of_years
from valuation.errors import InvalidInput, check_all
from valuation.extras import load

if TYPE_CHECKING:
    from valuation.equipment.models.hedonic import Estimates


def store_model(write: Write, model_id: str, files: Mapping[str, bytes]) -> StoredModel:
    """Stores a fitted model, which values nothing until it is activated; raises InvalidInput for damaged files."""
    from valuation.equipment.models.artefact import CARD, unpack

    model = unpack(files)
    learned = model.learned
    digits_of(learned.mapping.currency)
    values = {
        "model_id": model_id,
        "currency": learned.mapping.currency,
        "sales": learned.sales,
        "first_day": day_of(date_of_years(learned.first_time)),
        "last_day": day_of(date_of_years(learned.last_time)),
        "data_hash": model.data_hash,
        "model_hash": model.model_id,
        "card": files[CARD].decode(),
    }
    insert_model(write, values, files)
    return get_model(write.connection, model_id)


def activate(write: Write, model_id: str, asset_class: str) -> StoredModel:
    """Makes a model value an asset class, and revalues the machines of the class.

    Raises the errors of ``activatable_model``.
    """
    model = activatable_model(write.connection, model_id, asset_class)
    activate_model(write, model.key, asset_class)
    write.touched.add(assets=assets_of_class(write.connection, asset_class))
    return get_model(write.connection, model_id)


def activatable_model(connection: Connection, model_id: str, asset_class: str) -> StoredModel:
    """Returns a model that can value an asset class.

    Raises InvalidInput for a class that is not one of machines, NotFound, and MissingExtra without LightGBM.
    """
    load("comparables")
    root = CLASS_ROOT[Kind.EQUIPMENT]
    if asset_class != root and not asset_class.startswith(root + "."):
        raise InvalidInput("asset_class", repr(asset_class[:80]), f"{root} or {root}.…")
    return get_model(connection, model_id)


def appraise_machines(connection: Connection, model_id: str, asset_ids: Sequence[str]) -> tuple[Estimates, str]:
    """Returns a model's estimates of registered machines on the business date, and the model's currency."""
    machines = [machine_of(get_asset(connection, asset_id)) for asset_id in asset_ids]
    return _estimates(connection, model_id, machines, newest_commit(connection)[1])


def quote_machines(
    connection: Connection, model_id: str, machines: Sequence[Equipment], on: date | None
) -> tuple[Estimates, str]:
    """Returns a model's estimates of machines on a day (default: the business date), and the model's currency.

    Raises InvalidInput where the registration of a machine would.
    """
    _, today = newest_commit(connection)
    checked: dict[int, Equipment] = {}
    check_all(*(partial(_check_machine, at, machine, today, checked) for at, machine in enumerate(machines)))
    return _estimates(connection, model_id, list(checked.values()), today if on is None else day_of(on))


def _check_machine(index: int, machine: Equipment, today: int, into: dict[int, Equipment]) -> None:
    with of_machine(index):
        into[index] = checked_new_detail(machine, today)


@contextmanager
def of_machine(index: int) -> Iterator[None]:
    """Names the machine of a request to which the violations of the block belong."""
    try:
        yield
    except InvalidInput as error:
        raise error.named(lambda name: name.replace("equipment", f"machines[{index}]", 1)) from None


def _estimates(connection: Connection, model_id: str, machines: Sequence[Equipment], day: int) -> tuple[Estimates, str]:
    from valuation.equipment.models.hedonic import appraise

    stored = get_model(connection, model_id)
    model = fitted(ModelFiles(stored.model_hash, partial(files_of, connection, stored.key)))
    return appraise(model.learned, observed(machines, model.learned.mapping, day)), stored.currency


def record_appraisal(
    write: Write, asset_id: str, appraiser: str, on: date, basis: AppraisalBasis, amount: Money
) -> StoredAppraisal:
    """Records an appraiser's value of a machine; it changes no valuation."""
    stored = get_asset(write.connection, asset_id)
    machine_of(stored)
    if amount.currency != stored.asset.currency:
        raise InvalidInput("appraisal.amount", amount.currency, f"an amount in {stored.asset.currency}")
    if day_of(on) > write.market_day:
        raise InvalidInput("appraisal.date", on, "not after the business date")
    name = checked_text("appraisal.appraiser", appraiser)
    return insert_appraisal(write, stored.key, name, day_of(on), basis, amount.minor, amount.currency)


@dataclass(frozen=True)
class ReviewedAppraisal:
    """An appraisal compared with today's value.

    It holds the band of the deviation, or None if there is no value, and the weight that the appraisal has at its age.
    """

    stored: StoredAppraisal
    band: Band | None
    weight: float


def review_appraisals(
    connection: Connection, asset_id: str, wanted: Expression, before_key: int, limit: int
) -> tuple[list[ReviewedAppraisal], bool]:
    """Returns a page of a machine's appraisals, newest first, and whether its valid ones contradict each other."""
    asset = get_asset(connection, asset_id)
    machine_of(asset)
    found = appraisals_of(connection, asset.key, wanted, before_key, limit)
    values, (_, today) = values_by_basis(connection, asset_id), newest_commit(connection)
    compared = [reviewed(one, values, today) for one in found]
    valid = [one for one in found if today - one.day <= VALID_DAYS and one.amount_minor > 0]
    apart = any(
        too_far_apart([float(one.amount_minor) for one in valid if one.basis is basis])
        for basis in {one.basis for one in valid}
    )
    return compared, apart


def reviewed(stored: StoredAppraisal, values: Mapping[AppraisalBasis, float], today: int) -> ReviewedAppraisal:
    """Compares an appraisal with today's value on the same basis; ``values`` maps each available basis to its value."""
    value = values.get(stored.basis, 0.0)
    band = Band(int(deviation_band(float(stored.amount_minor), value))) if value > 0.0 else None
    return ReviewedAppraisal(stored, band, float(weight_by_age(float(max(today - stored.day, 0)))))


def values_by_basis(connection: Connection, asset_id: str) -> dict[AppraisalBasis, float]:
    """Returns today's value of a machine on each available basis, in minor units; empty if it is unknown."""
    valued = value_assets(connection, [asset_id], "")[0]
    found = machine_bases(valued.row, valued.asset.asset_class, valued.policy)
    if found is None or valued.row["unknown"]:
        return {}
    forced = {} if found.forced is None else {AppraisalBasis.FLV: float(found.forced)}
    return {
        AppraisalBasis.FMV: float(found.fair),
        AppraisalBasis.OLV: float(found.orderly),
        AppraisalBasis.NOLV: float(found.net),
        **forced,
    }


def machine_of(stored: StoredAsset) -> Equipment:
    """Returns the machine of an asset; raises InvalidInput for another kind."""
    detail = stored.asset.detail
    if not isinstance(detail, Equipment):
        raise InvalidInput("name", f"assets/{stored.asset.asset_id}", "a machine")
    return detail

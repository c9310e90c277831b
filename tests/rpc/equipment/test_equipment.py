"""EquipmentService: fitting and activating models, valuing machines, and appraisals."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import grpc
import pytest
from google.type.money_pb2 import Money
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.v1 import (
    asset_pb2,
    common_pb2,
    equipment_pb2,
    equipment_pb2_grpc,
    valuation_pb2,
)
from tests.support.diggers import CLASS, digger, register
from tests.support.equipment_sales import MAPPING, changed, rows, write_sales
from tests.support.printed_value import Lines, check_bases, check_steps
from tests.support.server import Client, Server, calendar, connected, details_of
from valuation.equipment.models.hedonic import SALES_LEAST

CHUNK_BYTES = 50_000
FIT_WAIT_SECONDS = 120


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests of the module."""
    server = Server(f"sqlite:///{tmp_path_factory.mktemp('equipment-service') / 'book.db'}").start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(running: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of the server, on which a model is fitted to invented sales."""
    sales = write_sales(tmp_path_factory.mktemp("sales") / "sales.csv", rows(SALES_LEAST + 100))
    with connected(running) as client:
        fit(service(client), "diggers", sales)
        yield client


def service(client: Client) -> equipment_pb2_grpc.EquipmentServiceStub:
    return equipment_pb2_grpc.EquipmentServiceStub(client.channel)


def fit(
    equipment: equipment_pb2_grpc.EquipmentServiceStub, model_id: str, sales: Path, columns: str = MAPPING
) -> equipment_pb2.EquipmentFit:
    """Sends sales in chunks and watches the fit until it ends."""
    content = sales.read_bytes()
    requests = [
        equipment_pb2.FitEquipmentModelRequest(
            model_id=model_id, columns=columns, chunk=content[start : start + CHUNK_BYTES]
        )
        for start in range(0, len(content), CHUNK_BYTES)
    ]
    started = equipment.FitEquipmentModel(iter(requests))
    watched = equipment.WatchEquipmentFit(
        equipment_pb2.WatchEquipmentFitRequest(name=started.name), timeout=FIT_WAIT_SECONDS
    )
    return list(watched)[-1].equipment_fit


def valued(client: Client, asset_id: str) -> valuation_pb2.Valuation:
    request = valuation_pb2.ValueAssetsRequest(names=[f"assets/{asset_id}"])
    return client.valuations.ValueAssets(request).valuations[0]


def test_a_model_is_stored_with_its_card(client: Client) -> None:
    listed = service(client).ListEquipmentModels(equipment_pb2.ListEquipmentModelsRequest())
    model = listed.equipment_models[0]
    assert (model.name, model.sale_count, model.currency_code) == ("equipmentModels/diggers", SALES_LEAST + 100, "USD")
    assert "Scores on the latest sales" in model.card
    assert service(client).GetEquipmentModel(equipment_pb2.GetEquipmentModelRequest(name=model.name)) == model


def test_an_active_model_values_its_class_and_its_uncertainty_is_the_value_haircut(client: Client) -> None:
    register(client, "digger-1")
    before = valued(client, "digger-1")
    assert before.model == "equipment-curve/1"
    request = equipment_pb2.ActivateEquipmentModelRequest(name="equipmentModels/diggers", asset_class=CLASS)
    assert service(client).ActivateEquipmentModel(request).active_classes == [CLASS]
    after = valued(client, "digger-1")
    assert after.model == "equipment-comparables/1"
    estimate = (
        service(client)
        .AppraiseEquipment(
            equipment_pb2.AppraiseEquipmentRequest(equipment_model="equipmentModels/diggers", names=["assets/digger-1"])
        )
        .estimates[0]
    )
    assert after.market_value == estimate.fair_market_value
    doubt = 1.0 - estimate.low.units / estimate.fair_market_value.units
    value_part = next(step for step in after.haircut_steps if step.part == valuation_pb2.HAIRCUT_PART_VALUE)
    assert float(value_part.haircut.value) == pytest.approx(doubt, abs=0.001)
    assert estimate.basis_of_estimate == "comparables of the model"
    recorded = client.valuations.ListValuations(valuation_pb2.ListValuationsRequest(parent="assets/digger-1"))
    assert recorded.valuations[0].market_value == after.market_value


def test_a_person_recomputes_the_steps_and_bounds_of_a_value_by_comparables(client: Client, running: Server) -> None:
    register(client, "digger-of-a-person")
    request = equipment_pb2.ActivateEquipmentModelRequest(name="equipmentModels/diggers", asset_class=CLASS)
    service(client).ActivateEquipmentModel(request)
    lines = Lines(CliRunner().invoke(app, ["value", "digger-of-a-person", "--server", running.address]).output)

    assert "model equipment-comparables/1" in lines.title
    price_new, market = lines.values["price new"], lines.amounts["market value"]
    assert price_new * lines.values["scrap share"] <= market <= price_new
    check_steps(lines)
    check_bases(lines)


def test_a_quoted_asset_has_the_value_of_the_active_model(client: Client) -> None:
    asset = digger("S-9", family="M999", size_class="digger - 990 to 999 kg")
    asset.equipment.model = "M999A"
    quote = service(client).QuoteEquipment(
        equipment_pb2.QuoteEquipmentRequest(equipment_model="equipmentModels/diggers", machines=[asset.equipment])
    )
    estimate = quote.estimates[0]
    assert {"MODEL_UNSEEN", "FAMILY_UNSEEN", "AFTER_TRAINING"} <= set(estimate.flags)
    request = equipment_pb2.ActivateEquipmentModelRequest(name="equipmentModels/diggers", asset_class=CLASS)
    service(client).ActivateEquipmentModel(request)
    valuation = client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=asset))
    assert valuation.market_value == estimate.fair_market_value
    assert common_pb2.QUALITY_FLAG_OUTSIDE_COMPARABLES in valuation.quality_flags


def quoted_under_model(client: Client, asset: asset_pb2.Asset) -> valuation_pb2.Valuation:
    """The valuation of a machine that is not registered, with the model active for its class."""
    request = equipment_pb2.ActivateEquipmentModelRequest(name="equipmentModels/diggers", asset_class=CLASS)
    service(client).ActivateEquipmentModel(request)
    return client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=asset))


@pytest.fixture
def without_lightgbm(client: Client, running: Server, tmp_path: Path) -> Iterator[Server]:
    """A server that lacks LightGBM, on a copy of the book in which the model is active."""
    activate = equipment_pb2.ActivateEquipmentModelRequest(name="equipmentModels/diggers", asset_class=CLASS)
    service(client).ActivateEquipmentModel(activate)
    with sqlite3.connect(running.url.removeprefix("sqlite:///")) as book:
        book.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    (tmp_path / "sitecustomize.py").write_text('import sys\nsys.modules["lightgbm"] = None\n', encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    server = Server(f"sqlite:///{tmp_path / 'copy.db'}", environment={"PYTHONPATH": path}).start()
    yield server
    server.stop()


def test_without_lightgbm_a_machine_falls_back_to_its_curve_and_models_are_refused_with_the_extra(
    without_lightgbm: Server, tmp_path: Path
) -> None:
    name = "equipmentModels/diggers"
    with connected(without_lightgbm) as client:
        equipment = service(client)
        found = [
            client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=digger(serial)))
            for serial in ("S-21", "S-22")
        ]
        calls = [
            lambda: fit(equipment, "more-diggers", write_sales(tmp_path / "sales.csv", rows(20))),
            lambda: equipment.ActivateEquipmentModel(
                equipment_pb2.ActivateEquipmentModelRequest(name=name, asset_class=CLASS)
            ),
            lambda: equipment.QuoteEquipment(
                equipment_pb2.QuoteEquipmentRequest(equipment_model=name, machines=[digger().equipment])
            ),
        ]
        for call in calls:
            with pytest.raises(
                grpc.RpcError, match=r"install it with pip install 'collateral\[comparables\]'"
            ) as refused:
                call()
            reason, _ = details_of(refused.value)
            assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
            assert (reason.reason, reason.metadata["extra"]) == ("EXTRA_MISSING", "comparables")

    for valuation in found:
        assert valuation.model == "equipment-curve/1"
        assert valuation.market_value.units > 0
        assert common_pb2.QUALITY_FLAG_FALLEN_BACK in valuation.quality_flags
    assert without_lightgbm.said.count("an optional part is not installed") == 1
    assert without_lightgbm.said.count("machines are valued by depreciation instead of the active") == 1


def test_a_category_unknown_to_the_model_is_valued_by_the_depreciation_curve(client: Client) -> None:
    assert quoted_under_model(client, digger("S-20", kind="submarine")).model == "equipment-curve/1"


def test_scrap_is_worth_little_although_the_model_has_no_such_condition(client: Client) -> None:
    usual, scrap = digger("S-22"), digger("S-22")
    usual.equipment.condition = asset_pb2.CONDITION_UNSPECIFIED
    scrap.equipment.condition = asset_pb2.CONDITION_SCRAP
    for asset in (usual, scrap):
        asset.equipment.price_new.units = 10_000  # keeps the scrap value, a share of it, low
    values = [quoted_under_model(client, asset) for asset in (usual, scrap)]

    assert {value.model for value in values} == {"equipment-comparables/1"}
    assert values[1].market_value.units < 0.2 * values[0].market_value.units


def test_comparable_sales_value_a_machine_whose_price_new_is_not_known(client: Client) -> None:
    priced, bare = digger("S-23"), digger("S-23")
    bare.equipment.ClearField("price_new")
    values = [quoted_under_model(client, asset) for asset in (priced, bare)]

    assert values[0].market_value.units < priced.equipment.price_new.units, "the price new does not bound this machine"
    assert values[0].market_value == values[1].market_value


def test_a_machine_without_a_build_date_is_unknown_even_with_a_model(client: Client) -> None:
    asset = digger("S-21")
    asset.equipment.ClearField("build_date")
    valuation = quoted_under_model(client, asset)
    assert not valuation.HasField("market_value")
    assert valuation.unknown_reasons == [common_pb2.UNKNOWN_REASON_MISSING_INPUT]


def test_appraisals_are_compared_with_the_value_and_contradictions_are_reported(client: Client) -> None:
    register(client, "digger-2")
    value = valued(client, "digger-2").market_value.units

    def record(share: float) -> equipment_pb2.Appraisal:
        appraisal = equipment_pb2.Appraisal(
            appraiser="A. Appraiser",
            date=calendar(date(2021, 12, 1)),
            basis=equipment_pb2.APPRAISAL_BASIS_FMV,
            amount=Money(currency_code="USD", units=round(value * share)),
        )
        return service(client).RecordAppraisal(
            equipment_pb2.RecordAppraisalRequest(parent="assets/digger-2", appraisal=appraisal)
        )

    record(1.05)
    listing = equipment_pb2.ListAppraisalsRequest(parent="assets/digger-2")
    found = service(client).ListAppraisals(listing)
    assert [one.band for one in found.appraisals] == [equipment_pb2.DEVIATION_BAND_ACCEPTED]
    assert 0.9 < float(found.appraisals[0].weight.value) < 1.0
    assert not found.too_far_apart
    record(1.40)
    found = service(client).ListAppraisals(listing)
    assert found.appraisals[0].band == equipment_pb2.DEVIATION_BAND_REJECTED
    assert found.too_far_apart


def appraise(
    client: Client, asset_id: str, who: str, amount: int, day: date = date(2021, 12, 1),
    basis: int = equipment_pb2.APPRAISAL_BASIS_FMV,
) -> None:  # fmt: skip
    """Records an appraisal of a machine, by default of its fair market value."""
    appraisal = equipment_pb2.Appraisal(
        appraiser=who, date=calendar(day), basis=basis,
        amount=Money(currency_code="USD", units=amount),
    )  # fmt: skip
    service(client).RecordAppraisal(
        equipment_pb2.RecordAppraisalRequest(parent=f"assets/{asset_id}", appraisal=appraisal)
    )


def reconciled(client: Client, asset_id: str) -> list[equipment_pb2.ReconciledValue]:
    request = equipment_pb2.ReconcileAppraisalsRequest(name=f"assets/{asset_id}")
    return list(service(client).ReconcileAppraisals(request).values)


def test_the_reconciled_value_lies_between_the_model_and_the_newest_appraisal_of_each_appraiser(client: Client) -> None:
    register(client, "digger-7")
    assert reconciled(client, "digger-7") == []
    value = valued(client, "digger-7").market_value.units
    appraise(client, "digger-7", "A. Appraiser", round(0.5 * value), date(2021, 10, 1))
    appraise(client, "digger-7", "A. Appraiser", round(1.1 * value))
    (found,) = reconciled(client, "digger-7")
    assert found.model_value == valued(client, "digger-7").market_value
    assert value < found.reconciled_value.units < round(1.1 * value)
    (combined,) = found.appraisals
    assert combined.appraisal.band == equipment_pb2.DEVIATION_BAND_ACCEPTED
    share = float(combined.share.value)
    assert found.reconciled_value.units == pytest.approx(value * 1.1**share, rel=1e-3)


def test_an_appraisal_of_a_forced_sale_is_compared_with_the_forced_liquidation_value_only(client: Client) -> None:
    register(client, "digger-9")
    bases = valued(client, "digger-9").equipment_bases
    forced = bases.forced_liquidation_value
    assert 0 < forced.units < bases.orderly_liquidation_value.units
    appraise(client, "digger-9", "A. Auctioneer", round(1.1 * forced.units), basis=equipment_pb2.APPRAISAL_BASIS_FLV)
    (found,) = reconciled(client, "digger-9")
    assert (found.basis, found.model_value) == (equipment_pb2.APPRAISAL_BASIS_FLV, forced)
    assert found.appraisals[0].appraisal.band == equipment_pb2.DEVIATION_BAND_ACCEPTED
    assert forced.units < found.reconciled_value.units < round(1.1 * forced.units)
    listed = service(client).ListAppraisals(equipment_pb2.ListAppraisalsRequest(parent="assets/digger-9"))
    assert listed.appraisals[0].band == equipment_pb2.DEVIATION_BAND_ACCEPTED


def test_appraisals_that_contradict_each_other_or_are_too_old_have_no_weight(client: Client) -> None:
    register(client, "digger-8")
    value = valued(client, "digger-8").market_value.units
    appraise(client, "digger-8", "Old", round(1.1 * value), date(2021, 1, 1))
    (found,) = reconciled(client, "digger-8")
    assert ([one.expired for one in found.appraisals], found.reconciled_value) == ([True], found.model_value)
    appraise(client, "digger-8", "High", round(1.15 * value))
    appraise(client, "digger-8", "Low", round(0.9 * value))
    (found,) = reconciled(client, "digger-8")
    assert found.too_far_apart
    assert found.reconciled_value == found.model_value


def test_an_appraiser_above_realised_prices_is_flagged(client: Client) -> None:
    sales = []
    for number in range(5):
        asset_id = f"sold-{number}"
        register(client, asset_id)
        appraise(client, asset_id, "Always High", 36_000)
        appraise(client, asset_id, "Fair", 30_000 + 100 * number)
        price = Money(currency_code="USD", units=30_000)
        sales.append(
            equipment_pb2.RealisedSale(asset=f"assets/{asset_id}", price=price, date=calendar(date(2021, 12, 20)))
        )
    register(client, "sold-alone")
    price = Money(currency_code="USD", units=1)
    sales.append(equipment_pb2.RealisedSale(asset="assets/sold-alone", price=price, date=calendar(date(2021, 12, 20))))
    answer = service(client).BacktestAppraisers(equipment_pb2.BacktestAppraisersRequest(sales=sales))
    high, fair = answer.records
    assert (high.appraiser, high.sale_count, high.flagged) == ("Always High", 5, True)
    assert float(high.bias.value) == pytest.approx(math.log(1.2), abs=1e-6)
    assert (fair.appraiser, fair.flagged) == ("Fair", False)
    assert list(answer.assets_without_appraisal) == ["assets/sold-alone"]
    sales[2].price.units = 0
    with pytest.raises(grpc.RpcError) as refused:
        service(client).BacktestAppraisers(equipment_pb2.BacktestAppraisersRequest(sales=sales))
    assert details_of(refused.value)[1] == ["sales[2].price"]
    sales[2].ClearField("date")
    sales[3].asset = "sold"
    with pytest.raises(grpc.RpcError) as refused:
        service(client).BacktestAppraisers(equipment_pb2.BacktestAppraisersRequest(sales=sales))
    assert details_of(refused.value)[1] == ["sales[2].date", "sales[3].asset"]


def quoted(
    equipment: equipment_pb2_grpc.EquipmentServiceStub, machine: asset_pb2.Equipment
) -> equipment_pb2.EquipmentEstimate:
    """The estimate of the model for a machine that is not registered."""
    request = equipment_pb2.QuoteEquipmentRequest(equipment_model="equipmentModels/diggers", machines=[machine])
    return equipment.QuoteEquipment(request).estimates[0]


def test_invalid_requests_name_the_field(client: Client, tmp_path: Path) -> None:
    equipment = service(client)
    few = fit(equipment, "few", write_sales(tmp_path / "few.csv", rows(20)))
    assert few.state == equipment_pb2.EQUIPMENT_FIT_STATE_FAILED
    assert "20 usable sales" in few.message
    wrong = fit(equipment, "wrong", write_sales(tmp_path / "w.csv", [changed(rows(1)[0], hammer="much")]))
    assert "csv:2: hammer: got 'much'" in wrong.message
    columns = MAPPING.replace('"meter"', '"meters"')
    lacking = fit(equipment, "lacking", write_sales(tmp_path / "l.csv", rows(300)), columns)
    assert (lacking.state, "no column 'meters'" in lacking.message) == (equipment_pb2.EQUIPMENT_FIT_STATE_FAILED, True)
    unknown = digger("S-0", kind="submarine").equipment
    unknown.hours.value = "-1"
    with pytest.raises(grpc.RpcError) as refused:
        quoted(equipment, unknown)
    assert details_of(refused.value)[1] == ["machines[0].hours"]
    unknown.hours.value = "100"
    estimate = quoted(equipment, unknown)
    assert "CATEGORY_UNSEEN" in estimate.flags
    assert estimate.fair_market_value.units > 0
    with pytest.raises(grpc.RpcError) as refused:
        equipment.ActivateEquipmentModel(
            equipment_pb2.ActivateEquipmentModelRequest(name="equipmentModels/diggers", asset_class="inventory")
        )
    assert details_of(refused.value)[0].reason == "INVALID_INPUT"
    with pytest.raises(grpc.RpcError) as refused:
        equipment.GetEquipmentModel(equipment_pb2.GetEquipmentModelRequest(name="equipmentModels/none"))
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND

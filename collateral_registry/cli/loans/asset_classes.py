"""Shows what the policy says of asset classes."""

from __future__ import annotations

from decimal import Decimal

import grpc

from collateral_registry.cli.common.moments import as_of_message
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import Column, Importance, Kind, ListedRows, Row, Table
from collateral_registry.v1 import policy_pb2, policy_pb2_grpc

CLASSES = Table(
    "asset_classes",
    (
        Column("asset_class", Kind.TEXT, "class"),
        Column("kind", Kind.CODE, importance=Importance.LOW),
        Column("haircut_floor", Kind.SHARE, "floor"),
        Column("confidence", Kind.SHARE),
        Column("liquidation_days", Kind.NUMBER, "sale days", Importance.USUAL),
        Column("cure_days", Kind.NUMBER, "cure days", Importance.USUAL),
        Column("revaluation_days", Kind.NUMBER, "revaluation days", Importance.USUAL),
        Column("insurance_required", Kind.FLAG, "insured", Importance.HIGH),
        Column("inspection_max_age_days", Kind.NUMBER, "inspection days", Importance.HIGH),
    ),
)
NUMBERS = Table(
    "class_numbers",
    (
        Column("parameter", Kind.TEXT),
        Column("value", Kind.NUMBER),
        Column("stated_by", Kind.TEXT, importance=Importance.HIGH),
        Column("description", Kind.TEXT, importance=Importance.HIGH),
        Column("source", Kind.TEXT, importance=Importance.DETAIL),
    ),
)


def list_asset_classes(channel: grpc.Channel, as_of: str, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of the asset classes that the policy states."""
    stub = policy_pb2_grpc.PolicyServiceStub(channel)
    request = policy_pb2.ListAssetClassesRequest(filter=filter_, as_of=as_of_message(as_of))
    answer = fetch_all(stub.ListAssetClasses, request, "asset_classes", limit)
    show_table(CLASSES, ListedRows(map(_class_row, answer.asset_classes)), layout)


def show_asset_class(channel: grpc.Channel, asset_class: str, as_of: str, layout: Layout) -> None:
    """Shows the numbers that an asset class uses, and the class that states each."""
    stub = policy_pb2_grpc.PolicyServiceStub(channel)
    name = f"assetClasses/{asset_class.removeprefix('assetClasses/')}"
    found = stub.GetAssetClass(policy_pb2.GetAssetClassRequest(name=name, as_of=as_of_message(as_of)))
    show_table(NUMBERS, ListedRows(map(_number_row, found.numbers)), layout)


def _class_row(found: policy_pb2.AssetClass) -> Row:
    values = {number.parameter: Decimal(number.value.value) for number in found.numbers}
    shares = [float(values[name]) if name in values else None for name in ("haircut_floor", "confidence")]
    days = [values.get(name) for name in ("liquidation_days", "cure_days", "revaluation_days")]
    is_insured = values.get("insurance_required", 0) > 0
    return (found.asset_class, found.kind, *shares, *days, is_insured, values.get("inspection_max_age_days"))


def _number_row(number: policy_pb2.ClassNumber) -> Row:
    value = Decimal(number.value.value)
    return (number.parameter, value, number.stated_by, number.description, number.source)

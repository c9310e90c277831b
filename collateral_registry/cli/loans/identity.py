"""Corrects the identity of an asset."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.formatting import resource_name
from collateral_registry.v1 import asset_pb2, asset_pb2_grpc

RIGHT_KIND = "RIGHT_KIND_"


def correct_asset(channel: grpc.Channel, asset: str, values: Sequence[str], reason: str, actor: str) -> None:
    """Corrects fields, each given as NAME=VALUE; raises ValueError for another form or an unknown field."""
    stub = asset_pb2_grpc.AssetServiceStub(channel)
    name = resource_name("assets", asset)
    kind = stub.GetAsset(asset_pb2.GetAssetRequest(name=name)).WhichOneof("detail")
    change = asset_pb2.Asset(name=name)
    mask = FieldMask(paths=[_set(value, change, kind) for value in values])
    request = asset_pb2.CorrectAssetIdentityRequest(asset=change, update_mask=mask, reason=reason, actor=actor)
    corrected = stub.CorrectAssetIdentity(request)
    print_line(f"{corrected.name} is corrected; its former numbers stay reserved")


def _set(value: str, change: asset_pb2.Asset, kind: str) -> str:
    """Sets a field of the asset or of its detail; returns its path."""
    field, given, text = value.partition("=")
    if not given:
        raise ValueError(f"field: got {value[:80]!r}, want NAME=VALUE such as serial_number=SN-4711")
    if field == "owner":
        change.owner = text
        return field
    detail = getattr(change, kind)
    if field not in detail.DESCRIPTOR.fields_by_name:
        raise ValueError(f"field: got {field[:80]!r}, want owner or a field of {kind} that identifies it")
    if field == "kind" and RIGHT_KIND + text.upper() in asset_pb2.RightKind.DESCRIPTOR.values_by_name:
        detail.kind = asset_pb2.RightKind.Value(RIGHT_KIND + text.upper())
    elif isinstance(getattr(detail, field), str):
        setattr(detail, field, text)
    else:
        raise ValueError(f"{field}: got {text[:80]!r}, want a value of {kind}.{field}")
    return f"{kind}.{field}"

"""Finds the firm whose invoices belong to a pool: the one that a person names, or the owner as a debtor."""

from __future__ import annotations

import grpc

from collateral_partner.invoices.suppliers import WantedSupplier
from collateral_registry.cli.common.formatting import resource_name
from collateral_registry.v1 import asset_pb2, asset_pb2_grpc, debtor_pb2, debtor_pb2_grpc

NOT_KNOWN = {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED}
"""Statuses with which a pool or a debtor is not known to the caller; entries may arrive before both."""


def wanted_supplier(channel: grpc.Channel, named: str, pool: str, owner_debtor: str = "") -> WantedSupplier | None:
    """Returns the supplier whose documents are read; None if none is named and no identifier of the owner is known.

    ``named`` precedes the identifiers of ``owner_debtor``, which is by default the one that a pool states. Raises
    grpc.RpcError if the server fails.
    """
    if named:
        return WantedSupplier((named,))
    try:
        owner = resource_name("debtors", owner_debtor) if owner_debtor else _owner_of(channel, pool)
        identifiers = _identifiers_of(channel, owner)
    except grpc.RpcError as error:
        if error.code() not in NOT_KNOWN:
            raise
        return None
    return WantedSupplier(identifiers) if identifiers else None


def _owner_of(channel: grpc.Channel, pool: str) -> str:
    if not pool:
        return ""
    request = asset_pb2.GetAssetRequest(name=resource_name("assets", pool))
    asset = asset_pb2_grpc.AssetServiceStub(channel).GetAsset(request)
    owner: str = asset.receivable_pool.owner_debtor or asset.receivable.owner_debtor
    return owner


def _identifiers_of(channel: grpc.Channel, owner: str) -> tuple[str, ...]:
    """Returns the identifiers of a debtor, and of the debtor into which it was merged."""
    stub, found = debtor_pb2_grpc.DebtorServiceStub(channel), list[str]()
    while owner:
        debtor = stub.GetDebtor(debtor_pb2.GetDebtorRequest(name=owner))
        found += (_text(one) for one in debtor.identifiers)
        owner = debtor.merged_into
    return tuple(dict.fromkeys(found))


def _text(one: debtor_pb2.DebtorIdentifier) -> str:
    return f"lei:{one.value}" if one.scheme == debtor_pb2.IDENTIFIER_SCHEME_LEI else one.value

"""Sends a stock count from a file, as the partner or as the lender, and prints the differences from the book."""

from __future__ import annotations

import uuid
from pathlib import Path

import grpc

from collateral_partner.counting import CountDetails, count_of, print_reconciliation, report_count
from collateral_partner.terminal import read_token
from collateral_registry.v1 import warehouse_pb2, warehouse_pb2_grpc


def submit_count(
    channel: grpc.Channel, path: Path, details: CountDetails, source: str, actor: str, token_file: Path | None
) -> int:
    """Sends a count made by a partner or the lender and prints the differences; returns 1 if there are any, else 0.

    Raises ValueError unless either ``source`` (partner) or ``actor`` (lender) is given, but not both.
    """
    if bool(source) == bool(actor):
        raise ValueError(
            "source, actor: want exactly one: the feed of the partner, or the person who counted for the lender"
        )
    count = count_of(path, details)
    if source:
        return report_count(channel, count, details.name, source, read_token(token_file))
    request = warehouse_pb2.RecordInspectionRequest(
        warehouse=details.name, count=count, actor=actor, request_id=uuid.uuid4().hex
    )
    answer = warehouse_pb2_grpc.WarehouseServiceStub(channel).RecordInspection(request)
    return print_reconciliation(answer.reconciliation)

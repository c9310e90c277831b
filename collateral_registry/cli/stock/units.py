"""Shows and sets a feed's own spellings of units."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from rich.markup import escape

from collateral_registry.cli.importing.messages import unit_spellings
from collateral_registry.cli.loans.report import print_table
from collateral_registry.v1 import stock_ledger_pb2 as pb, stock_ledger_pb2_grpc


def show_spellings(channel: grpc.Channel, feed: str) -> None:
    """Prints the own spellings of a feed."""
    stub = stock_ledger_pb2_grpc.StockLedgerServiceStub(channel)
    _print(stub.GetStockFeed(pb.GetStockFeedRequest(name=f"stockFeeds/{feed}")))


def set_spellings(channel: grpc.Channel, feed: str, pairs: Sequence[str]) -> None:
    """Replaces the own spellings of a feed and prints them; raises ValueError for a pair of another form."""
    changed = pb.StockFeed(name=f"stockFeeds/{feed}", unit_spellings=unit_spellings("SPELLINGS", pairs))
    request = pb.UpdateStockFeedRequest(stock_feed=changed, update_mask=FieldMask(paths=["unit_spellings"]))
    _print(stock_ledger_pb2_grpc.StockLedgerServiceStub(channel).UpdateStockFeed(request))


def _print(feed: pb.StockFeed) -> None:
    rows = [(escape(spelling), unit) for spelling, unit in sorted(feed.unit_spellings.items())]
    print_table(("spelling", "unit"), rows, set())

"""Shows and sets a feed's own spellings of units."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import Column, Kind, ListedRows, Table
from collateral_registry.cli.importing.messages import unit_spellings
from collateral_registry.v1 import stock_ledger_pb2 as pb, stock_ledger_pb2_grpc

SPELLINGS = Table("spellings", (Column("spelling", Kind.TEXT), Column("unit", Kind.CODE)))


def show_spellings(channel: grpc.Channel, feed: str, layout: Layout) -> None:
    """Shows the own spellings of a feed."""
    stub = stock_ledger_pb2_grpc.StockLedgerServiceStub(channel)
    _show(stub.GetStockFeed(pb.GetStockFeedRequest(name=f"stockFeeds/{feed}")), layout)


def set_spellings(channel: grpc.Channel, feed: str, pairs: Sequence[str], layout: Layout) -> None:
    """Replaces the own spellings of a feed and shows them; raises ValueError for a pair of another form."""
    changed = pb.StockFeed(name=f"stockFeeds/{feed}", unit_spellings=unit_spellings("SPELLINGS", pairs))
    request = pb.UpdateStockFeedRequest(stock_feed=changed, update_mask=FieldMask(paths=["unit_spellings"]))
    _show(stock_ledger_pb2_grpc.StockLedgerServiceStub(channel).UpdateStockFeed(request), layout)


def _show(feed: pb.StockFeed, layout: Layout) -> None:
    show_table(SPELLINGS, ListedRows(sorted(feed.unit_spellings.items())), layout)

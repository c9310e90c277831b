"""The book that the stock secures: lots of every partner as assets, pledged to loans."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from benchmarks.chaos.scenario import OPENING_UNITS, SIDES, SOURCES, lot, warehouse
from collateral_registry.v1 import asset_pb2
from tests.server import Client, copper_lot

PLEDGED_LOTS = 10
"""Lots of each warehouse that are pledged; the others are only stock."""

LOTS_A_LOAN = 4
BALANCE = "26000000"
"""Near the limit of a loan on four opening lots, so that stock opens and cures breaches."""


def open_book(address: str, sources: Sequence[str] = SOURCES) -> None:
    """Registers prices, and lots of these partners with their loans and pledges, at a server."""
    with grpc.insecure_channel(address) as channel:
        client = Client(channel)
        client.open_copper()
        client.quote_history()
        for number, (source, side, place) in enumerate(_pledged(sources)):
            asset, loan = f"lot-{number}", f"loan-{number // LOTS_A_LOAN}"
            message = copper_lot(str(OPENING_UNITS), lot=place, warehouse=warehouse(source, side))
            client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=message, asset_id=asset))
            if number % LOTS_A_LOAN == 0:
                client.register_loan(loan)
            client.pledge(loan, asset, f"p-{number}")
            if number % LOTS_A_LOAN == LOTS_A_LOAN - 1:
                client.owe(BALANCE, loan)


def _pledged(sources: Sequence[str]) -> list[tuple[str, str, str]]:
    return [(source, side, lot(number)) for number in range(PLEDGED_LOTS) for source in sources for side in SIDES]

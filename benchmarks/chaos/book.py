"""Registers a book whose loans are secured by stock lots, or by pools of invoices, of the partners."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from benchmarks.chaos.ledger_scenario import DEBTORS, pool
from benchmarks.chaos.scenario import OPENING_UNITS, SIDES, lot, warehouse
from collateral_registry.v1 import asset_pb2
from tests.support.pool_client import register_debtors, register_pool
from tests.support.server import Client, copper_lot

LOTS_A_LOAN = 4
BALANCE = "26000000"
"""Loan balance near the limit for LOTS_A_LOAN opening lots, so that stock movements open and cure breaches."""


def open_book(address: str, sources: Sequence[str], lots: int) -> None:
    """Registers prices, ``lots`` lots in each warehouse of the partners, loans, and pledges of the lots."""
    with grpc.insecure_channel(address) as channel:
        client = Client(channel)
        client.open_copper()
        client.quote_history()
        for number, (source, side, place) in enumerate(_pledged(sources, lots)):
            asset, loan = f"lot-{number}", f"loan-{number // LOTS_A_LOAN}"
            message = copper_lot(str(OPENING_UNITS), lot=place, warehouse=warehouse(source, side))
            client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=message, asset_id=asset))
            if number % LOTS_A_LOAN == 0:
                client.register_loan(loan)
            client.pledge(loan, asset, f"p-{number}")
            if number % LOTS_A_LOAN == LOTS_A_LOAN - 1:
                client.owe(BALANCE, loan)


def _pledged(sources: Sequence[str], lots: int) -> list[tuple[str, str, str]]:
    return [(source, side, lot(number)) for number in range(lots) for source in sources for side in SIDES]


POOL_BALANCE = "60000"
"""Loan balance near the limit for the opening invoices of a pool, so that entries open and cure breaches."""


def open_pools(address: str, sources: Sequence[str], loans: int) -> None:
    """Registers debtors, a pool of each partner, and ``loans`` loans that share it."""
    with grpc.insecure_channel(address) as channel:
        client = Client(channel)
        register_debtors(client, ("owner", *DEBTORS))
        for source in sources:
            register_pool(client, pool(source), source)
            for number in range(loans):
                loan = f"loan-{source}-{number}"
                client.register_loan(loan)
                client.pledge(loan, pool(source), share={"value": str(1 / loans)})
                client.owe(POOL_BALANCE, loan)

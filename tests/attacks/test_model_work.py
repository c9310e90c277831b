"""Callers that give up on model work, or send more than a model may use, are not noticed by others."""

import gzip
import time
from collections.abc import Iterator
from datetime import date, timedelta

import grpc
import numpy as np
import pytest

from collateral_registry.v1 import equipment_pb2 as equipment, equipment_pb2_grpc, haircut_pb2 as haircuts
from tests.attacks.bystander import unnoticed
from tests.support.server import Server, calendar, connected, details_of

pytestmark = pytest.mark.slow

CALLS = 8
GIVE_UP_SECONDS = 1.0
PRICES = 10_000
CHUNK_BYTES = 1 << 20
BLOCK_BYTES = 16 << 20
COLUMNS = '[columns]\nprice = "p"\nsale_date = "d"\ncategory = "c"\n[reading]\ncurrency = "USD"\n'


def largest_backtest() -> haircuts.BacktestHaircutRequest:
    """A backtest of as many prices as are allowed, in as many windows: 10 s of one processor."""
    path = 100.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.01, PRICES)))
    days = (date(1990, 1, 1) + timedelta(day) for day in range(PRICES))
    prices = [
        haircuts.DatedPrice(date=calendar(day), price={"value": f"{price:.4f}"})
        for day, price in zip(days, path, strict=True)
    ]
    return haircuts.BacktestHaircutRequest(prices=prices, horizon_days=5, model="ewma-fhs")


def test_backtests_whose_callers_gave_up_hold_neither_reads_nor_processors(attacked: Server) -> None:
    request = largest_backtest()
    with connected(attacked) as client, unnoticed(attacked):
        calls = [client.haircuts.BacktestHaircut.future(request, timeout=GIVE_UP_SECONDS) for _ in range(CALLS)]
        codes = {call.code() for call in calls}
        time.sleep(1.0)
        start = time.monotonic()
        small = haircuts.EstimateHaircutRequest(prices=request.prices[:500], horizon_days=5)
        client.haircuts.EstimateHaircut(small, timeout=10.0)
        assert codes == {grpc.StatusCode.DEADLINE_EXCEEDED}
        assert time.monotonic() - start < 5.0, "the processes compute what no caller wants"


def test_backtests_beyond_the_capacity_are_refused_at_once(attacked: Server) -> None:
    request = largest_backtest()
    with connected(attacked) as client, unnoticed(attacked):
        calls = [client.haircuts.BacktestHaircut.future(request, timeout=GIVE_UP_SECONDS) for _ in range(4 * CALLS)]
        refused = [call for call in calls if call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED]
    assert refused
    assert {details_of(call)[0].reason for call in refused} == {"TOO_MANY_CALLS"}


def sales(packed: bytes) -> Iterator[equipment.FitEquipmentModelRequest]:
    for start in range(0, len(packed), CHUNK_BYTES):
        chunk = packed[start : start + CHUNK_BYTES]
        yield equipment.FitEquipmentModelRequest(model_id="bomb", columns=COLUMNS, chunk=chunk)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([b"\0" * BLOCK_BYTES] * 20, "more than 268435456 bytes"),
        ([b"p,d,c\n"] + [b"1,2020-01-01,a\n" * 100_000] * 6, "more than 500000 rows"),
        ([b"p,d,c\n"] + [b"," * BLOCK_BYTES] * 12, ""),
    ],
    ids=["zeros", "rows", "one row"],
)
def test_sales_that_unpack_to_too_much_fail_the_fit(attacked: Server, blocks: list[bytes], message: str) -> None:
    members = {block: gzip.compress(block, 1) for block in set(blocks)}
    packed = b"".join(members[block] for block in blocks)
    with connected(attacked) as client, unnoticed(attacked):
        fits = equipment_pb2_grpc.EquipmentServiceStub(client.channel)
        started = fits.FitEquipmentModel(sales(packed), timeout=30.0)
        watched = fits.WatchEquipmentFit(equipment.WatchEquipmentFitRequest(name=started.name), timeout=60.0)
        last = list(watched)[-1].equipment_fit
    assert last.state == equipment.EQUIPMENT_FIT_STATE_FAILED
    assert message in last.message, last.message
    assert "the log of the server" not in last.message

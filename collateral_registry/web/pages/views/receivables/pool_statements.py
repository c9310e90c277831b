"""The pools behind a borrowing base, with their statements."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from collateral_registry.v1 import borrowing_base_pb2, receivable_pb2 as pb, report_pb2
from collateral_registry.web.pages.visit import Visit


def pools_of(found: borrowing_base_pb2.BorrowingBase) -> list[str]:
    """Returns the pools whose open amounts are in a base, in the order of their names."""
    return sorted({pool for one in found.classes for pool in pools_of_class(one)})


def pools_of_class(one: borrowing_base_pb2.BaseClass) -> set[str]:
    """Returns the pools whose open amounts are in a class of a base."""
    gross = [line for line in one.lines if line.step == borrowing_base_pb2.CLASS_STEP_GROSS]
    return {share.asset for line in gross for share in line.pools}


def unknown_pools(found: borrowing_base_pb2.BorrowingBase) -> set[str]:
    """Returns the pools of a base that are unknown as a whole: a line without a rule takes what their rules leave."""
    lines = [line for one in found.classes for line in one.lines]
    unknown = [line for line in lines if line.step == borrowing_base_pb2.CLASS_STEP_UNKNOWN and not line.rule]
    return {share.asset for line in unknown for share in line.pools}


async def fetch_statements(visit: Visit, pools: Sequence[str], as_of: report_pb2.AsOf) -> Sequence[pb.PoolStatement]:
    """Returns the statements of pools as of a moment."""
    read = visit.book.services.receivables.GetPoolStatement
    requests = [pb.GetPoolStatementRequest(name=pool, as_of=as_of) for pool in pools]
    found: list[pb.PoolStatement] = await asyncio.gather(*(visit.book.call(read, request) for request in requests))
    return found

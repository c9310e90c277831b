"""Conversion of stock counts, their reconciliation with the book, and warehouses."""

from __future__ import annotations

from collateral_registry.commands.stock.counts import CountReconciliation, Difference
from collateral_registry.domain.shared.identifiers import check_identifier
from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.domain.stock.counts import CountLine, CountMethod, StockCount
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.warehouse_names import warehouse_name
from collateral_registry.store.stock.counts import StoredCount
from collateral_registry.store.stock.warehouse_scores import StoredWarehouse
from collateral_registry.v1 import warehouse_pb2 as pb
from valuation.errors import InvalidInput


async def read_count(warehouse: str, message: pb.StockCount) -> StockCount:
    """Returns the count in a message; raises InvalidInput with the name of the field."""
    return StockCount(
        warehouse=warehouse,
        method=convert.member("count.method", CountMethod, message.method),
        counted_us=convert.read_time("count.count_time", message, "count_time") or 0,
        lines=[_read_line(index, line) async for index, line in convert.in_slices(message.lines)],
        complete=message.complete,
        document=message.document,
    )


def _read_line(index: int, line: pb.CountLine) -> CountLine:
    """Returns a line of a count; errors name its place in the request."""
    try:
        check_identifier("count.lines.lot", line.lot)
        return CountLine(line.lot, line.good, line.unit, _millionths(line))
    except InvalidInput as error:
        raise error.named(lambda name: name.replace("count.lines", f"count.lines[{index}]", 1)) from None


def _millionths(line: pb.CountLine) -> int:
    quantity = convert.read_decimal("count.lines.quantity", line.quantity) * MILLION
    if quantity != quantity.to_integral_value():
        raise InvalidInput("count.lines.quantity", line.quantity.value, "at most 6 decimals")
    return int(quantity)


def reconciliation_message(found: CountReconciliation, warehouse: StoredWarehouse, sequence: int) -> pb.Reconciliation:
    """Returns the reconciliation of a count with the book as a message."""
    return pb.Reconciliation(
        agreed_count=found.agreed,
        differences=[_difference(one) for one in found.differences],
        warehouse=warehouse_message(warehouse),
        sequence=sequence,
        undecided_lots=[convert.message_of(pb.UndecidedLot, one) for one in found.undecided],
    )


def warehouse_message(row: StoredWarehouse) -> pb.Warehouse:
    """Returns a warehouse with its track record as a message."""
    record = row.record
    message = convert.message_of(
        pb.Warehouse,
        record,
        name=warehouse_name(row.warehouse),
        display_name=row.warehouse,
        lot_count=row.lots,
        movement_count=record.movements,
        counted_lot_count=record.count_lines,
        reliability_score=convert.ratio(row.reliability.score),
        haircut=convert.ratio(row.reliability.haircut),
        open_finding_count=row.open_findings,
    )
    message.mean_lateness.FromSeconds(round(record.mean_lateness_seconds))
    return message


def counted_lot_message(row: StoredCount) -> pb.CountedLot:
    """Returns a counted lot as a message."""
    return convert.message_of(
        pb.CountedLot,
        row,
        count_time=convert.timestamp(row.counted_us),
        known_time=convert.timestamp(row.known_us),
        counted_quantity=convert.of_millionths(row.counted),
        book_quantity=convert.of_millionths(row.book),
    )


def _difference(one: Difference) -> pb.CountDifference:
    return convert.message_of(
        pb.CountDifference,
        one,
        counted_quantity=convert.of_millionths(one.counted),
        book_quantity=convert.of_millionths(one.book),
        reserved_quantity=convert.of_millionths(one.reserve),
        finding=f"findings/{one.finding_key}" if one.finding_key else "",
    )

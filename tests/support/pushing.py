"""A plain stream of stock batches for tests, with its responses in order."""

import queue
from collections.abc import Iterator
from typing import Any

import grpc

from collateral_registry.v1 import stock_pb2 as pb
from tests.support.server import Client

HAPPENED_US = 1_640_000_000_000_000
"""Time of the movements of the tests: 20 December 2021."""

COLUMNS = {
    "movement_id": "movement_ids",
    "kind": "kinds",
    "effective_us": "effective_times_us",
    "warehouse": "warehouses",
    "good": "goods",
    "lot": "lots",
    "bin": "bins",
    "unit": "units",
    "quantity": "quantities_millionths",
    "to_warehouse": "to_warehouses",
    "to_lot": "to_lots",
    "to_bin": "to_bins",
    "grade": "grades",
    "corrects": "corrects",
    "document": "documents",
}


def movement(movement_id: str, kind: str, quantity: float = 0, **fields: Any) -> dict[str, Any]:
    """Returns a movement of copper in lot L-1 of warehouse W-1; the quantity is in tonnes."""
    place = {"warehouse": "W-1", "lot": "L-1", "good": "copper", "unit": "t", "effective_us": HAPPENED_US, **fields}
    number = pb.MovementKind.Value(f"MOVEMENT_KIND_{kind}")
    return {"movement_id": movement_id, "kind": number, "quantity": round(quantity * 1e6), **place}


def receipt(movement_id: str, quantity: float, **fields: Any) -> dict[str, Any]:
    """Returns a receipt of goods."""
    return movement(movement_id, "RECEIPT", quantity, **fields)


def batch(sequence: int, *movements: dict[str, Any]) -> pb.StockBatch:
    """Returns a batch in columns; unused columns stay empty."""
    message = pb.StockBatch(sequence=sequence)
    for name, column in COLUMNS.items():
        empty = 0 if name in {"kind", "effective_us", "quantity"} else ""
        values = [one.get(name, empty) for one in movements]
        if any(values):
            getattr(message, column).extend(values)
    return message


class Push:
    """An open stream of a feed."""

    def __init__(self, client: Client, feed: str = "acme", metadata: Any = None) -> None:
        self._sent: queue.Queue[pb.PushStockRequest | None] = queue.Queue()
        self._answers = client.stock.PushStock(iter(self._sent.get, None), metadata=metadata)
        self._sent.put(pb.PushStockRequest(open=pb.PushStockOpen(stock_feed=f"stockFeeds/{feed}")))

    def hear(self) -> pb.PushStockResponse:
        """Returns the next response."""
        return next(self._answers)

    def opened(self) -> pb.PushStockOpened:
        """Returns the response to the opening of the stream."""
        return self.hear().opened

    def send(self, *batches: pb.StockBatch) -> None:
        """Sends batches without waiting."""
        for one in batches:
            self._sent.put(pb.PushStockRequest(batch=one))

    def push(self, sequence: int, *movements: dict[str, Any]) -> pb.PushStockAcknowledged:
        """Sends one batch and waits until it is durable."""
        self.send(batch(sequence, *movements))
        return self.hear().acknowledged

    def close(self) -> list[pb.PushStockResponse]:
        """Closes the sending side; returns the remaining responses."""
        self._sent.put(None)
        return list(self._answers)

    def leave(self) -> None:
        """Cancels the stream."""
        self._answers.cancel()

    def rest(self) -> Iterator[pb.PushStockResponse]:
        """Returns an iterator of the remaining responses."""
        return self._answers

    def error(self) -> grpc.RpcError:
        """Returns the error that ends the stream."""
        try:
            for _ in self._answers:
                pass
        except grpc.RpcError as error:
            return error
        raise AssertionError("the stream ended without an error")

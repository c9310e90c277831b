"""One call of PushStock: what is sent goes through a queue, what comes is heard in a thread of its own."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from collateral_registry.v1 import stock_pb2, stock_pb2_grpc

AUTHORIZATION = "authorization"
DETAILS_KEY = "grpc-status-details-bin"


class NoAnswer(Exception):
    """The server has not said anything for too long."""


def reason_of(error: grpc.RpcError) -> str:
    """The server's stable reason of a refusal; nothing when nobody of ours answered."""
    trailing: Any = error.trailing_metadata() or ()
    info = ErrorInfo()
    for detail in Status.FromString(dict(trailing).get(DETAILS_KEY, b"")).details:
        if detail.Unpack(info):
            return str(info.reason)
    return ""


class Stream:
    """An open stream, used by one thread; ``heard`` tells whether the server has said anything yet."""

    def __init__(self, channel: grpc.Channel, token: str, silence_seconds: float) -> None:
        """BookRunner; waits for nothing yet."""
        self._silence_seconds = silence_seconds
        self.heard = False
        self._requests: SimpleQueue[stock_pb2.PushStockRequest | None] = SimpleQueue()
        self._answers: SimpleQueue[stock_pb2.PushStockResponse | Exception] = SimpleQueue()
        metadata = ((AUTHORIZATION, f"Bearer {token}"),) if token else ()
        stub: Any = stock_pb2_grpc.StockServiceStub(channel)  # type: ignore[no-untyped-call] # generated
        self._call = stub.PushStock(iter(self._requests.get, None), metadata=metadata, wait_for_ready=True)
        Thread(target=self._listen, name="stock answers", daemon=True).start()

    def _listen(self) -> None:
        try:
            for answer in self._call:
                self._answers.put(answer)
            self._answers.put(NoAnswer("the server has ended the stream"))
        except grpc.RpcError as error:
            self._answers.put(error)

    def send(self, request: stock_pb2.PushStockRequest) -> None:
        """Sends without waiting."""
        self._requests.put(request)

    def answers(self) -> list[stock_pb2.PushStockResponse]:
        """The next answer and all that have come with it.

        Raises grpc.RpcError when the stream broke, NoAnswer when it ended or was silent for too long.
        """
        found = [self._next(self._silence_seconds)]
        while not self._answers.empty():
            found.append(self._next(0))
        return found

    def _next(self, seconds: float) -> stock_pb2.PushStockResponse:
        try:
            found = self._answers.get(timeout=seconds)
        except Empty:
            raise NoAnswer(f"the server has said nothing for {seconds:g} s") from None
        if isinstance(found, Exception):
            raise found
        self.heard = True
        return found

    def close(self) -> None:
        """Ends the call, whatever its state."""
        self._requests.put(None)
        self._call.cancel()

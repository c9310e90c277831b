"""Runs one streaming call of a feed: a queue sends the requests, and a thread receives the responses."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from collateral_partner.feeds.codec import FeedCodec, Message

AUTHORIZATION = "authorization"
DETAILS_KEY = "grpc-status-details-bin"


class NoAnswer(Exception):
    """Raised if the server ended the stream or sent no response in time."""


def status_of(error: grpc.RpcError) -> Status:
    """Returns the status with the server's details; it has none if a proxy or another process answered."""
    trailing: Any = error.trailing_metadata() or ()
    return Status.FromString(dict(trailing).get(DETAILS_KEY, b""))


def reason_of(error: grpc.RpcError) -> str:
    """Returns the stable reason code of a refusal; an empty string if the error is not from the server itself."""
    return str(_info(error).reason)


def details_of(error: grpc.RpcError) -> dict[str, str]:
    """Returns what a refusal names, such as the sequence of a batch; empty if the error is not from the server."""
    return dict(_info(error).metadata)


def retry_seconds(error: grpc.RpcError) -> float:
    """Returns the time after which a call that was refused for now may be repeated; 0 for any other error."""
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        retry = RetryInfo()
        for detail in status_of(error).details:
            if detail.Unpack(retry):
                return float(retry.retry_delay.ToTimedelta().total_seconds())
    return 0.0


def _info(error: grpc.RpcError) -> ErrorInfo:
    info = ErrorInfo()
    for detail in status_of(error).details:
        if detail.Unpack(info):
            break
    return info


class Stream:
    """An open stream, used by one thread; ``answered`` is set once the server has sent a response."""

    def __init__(self, codec: FeedCodec, channel: grpc.Channel, token: str, silence_seconds: float) -> None:
        self._silence_seconds = silence_seconds
        self.answered = False
        self._requests: SimpleQueue[Message | None] = SimpleQueue()
        self._answers: SimpleQueue[Message | Exception] = SimpleQueue()
        metadata = ((AUTHORIZATION, f"Bearer {token}"),) if token else ()
        method = codec.method(channel)
        self._call = method(iter(self._requests.get, None), metadata=metadata, wait_for_ready=True)
        Thread(target=self._receive, name=f"{codec.subject} responses", daemon=True).start()

    def _receive(self) -> None:
        try:
            for answer in self._call:
                self._answers.put(answer)
            self._answers.put(NoAnswer("the server ended the stream"))
        except grpc.RpcError as error:
            self._answers.put(error)

    def send(self, request: Message) -> None:
        """Queues a request; does not block."""
        self._requests.put(request)

    def answers(self) -> list[Message]:
        """Waits for the next response, and returns it with all others that have already arrived.

        Raises grpc.RpcError if the stream broke, and NoAnswer if it ended or was silent for too long.
        """
        responses = [self._next(self._silence_seconds)]
        while not self._answers.empty():
            responses.append(self._next(0))
        return responses

    def _next(self, seconds: float) -> Message:
        try:
            response = self._answers.get(timeout=seconds)
        except Empty:
            raise NoAnswer(f"no response from the server for {seconds:g} s") from None
        if isinstance(response, Exception):
            raise response
        self.answered = True
        return response

    def close(self) -> None:
        """Cancels the call, whatever its state."""
        self._requests.put(None)
        self._call.cancel()

"""TCP proxy that resets and stalls connections and splits data at random, reproducible by a seed."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

CHUNK_BYTES = 64 * 1024
ABORT_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER with zero seconds, so that closing a socket sends RST."""


@dataclass(frozen=True)
class Faults:
    """Fault rates of the network; bytes until a reset are drawn for each connection from 0 to twice the mean."""

    mean_bytes_to_reset: int = 400_000
    stall_chance: float = 0.02
    longest_stall_seconds: float = 0.2
    split_chance: float = 0.2
    smallest_piece_bytes: int = 1


@dataclass
class Tally:
    """Number of connections and injected faults."""

    connections: int = 0
    resets: int = 0
    stalls: int = 0
    splits: int = 0


class Proxy:
    """Proxy to a local port, which runs in its own thread."""

    def __init__(self, upstream_port: int, seed: int, faults: Faults) -> None:
        self.tally = Tally()
        self.port = 0
        self._upstream_port = upstream_port
        self._draw = random.Random(seed)
        self._faults = faults
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tally.connections += 1
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            writer.close()
            return
        budget = [self._draw.randrange(2 * self._faults.mean_bytes_to_reset)]
        pumps = [
            asyncio.create_task(self._pump(reader, upstream_writer, budget)),
            asyncio.create_task(self._pump(upstream_reader, writer, budget)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        for end in (writer, upstream_writer):
            _abort(end)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: list[int]) -> None:
        """Forwards bytes in one direction until a side closes or the byte budget of the connection is used up."""
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                budget[0] -= len(data)
                if budget[0] < 0:
                    self.tally.resets += 1
                    return
                await self._forward(data, writer)

    async def _forward(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self._draw.random() < self._faults.stall_chance:
            self.tally.stalls += 1
            await asyncio.sleep(self._draw.uniform(0, self._faults.longest_stall_seconds))
        if self._draw.random() < self._faults.split_chance and len(data) > 1:
            self.tally.splits += 1
            cut = self._draw.randrange(self._faults.smallest_piece_bytes, len(data))
            writer.write(data[:cut])
            await writer.drain()
            await asyncio.sleep(0)
            data = data[cut:]
        writer.write(data)
        await writer.drain()


def _abort(writer: asyncio.StreamWriter) -> None:
    """Resets a connection."""
    end = writer.get_extra_info("socket")
    if end is not None and end.fileno() >= 0:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT_AT_ONCE)
    writer.transport.abort()

"""Servers of the books of several lenders, whose callers state their lender in place of credentials."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import MetaData, create_engine, select

from tests.support.callers import LENDER, CallerServer
from tests.support.contract_book import METHODS
from tests.support.postgres import Cluster, wait_until
from tests.support.server import Server

ALPHA, BETA = "alpha", "beta"

NAMED_TIME = {"google.protobuf.Timestamp"}

TIMED_DIGESTS = {"hash", "previous_hash", "root_hash", "hashes", "digest", "note"}
"""Fields of the audit log that depend on the times of commits."""


def lenders_server(folder: Path, urls: Mapping[str, str], options: Sequence[str] = (), processes: int = 1) -> Server:
    """Returns a server, not started, of lenders with the URLs of their databases; an empty URL is a file of its own."""
    file = folder / "lenders.toml"
    entries = [f"[{lender}]\n{f'database_url = {url!r}' if url else ''}\n" for lender, url in urls.items()]
    file.write_text("".join(entries), encoding="utf-8")
    file.chmod(0o600)
    environment = {"COLLATERAL_LENDERS_FILE": str(file), "COLLATERAL_DATA_FOLDER": str(folder)}
    return CallerServer("", environment=environment, options=options, processes=processes)


def lender_urls(place: str, prepared: str, cluster: Cluster) -> dict[str, str]:
    """Returns the PostgreSQL databases of two lenders, by ``place`` a database or a schema each.

    ``prepared`` is a database with an empty book. Of the schemas, the second is new and has a role of its own.
    """
    if place == "databases":
        return {lender: cluster.copy_database(prepared) for lender in (ALPHA, BETA)}
    database = cluster.copy_database(prepared)
    role = f"{BETA}_{uuid.uuid4().hex[:12]}"
    cluster.administer(f"CREATE ROLE {role} LOGIN")
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER SCHEMA public RENAME TO {ALPHA}")
        connection.exec_driver_sql(f"CREATE SCHEMA {BETA} AUTHORIZATION {role}")
    engine.dispose()
    return {
        ALPHA: f"{database}&options=-csearch_path%3D{ALPHA}",
        BETA: f"{database.replace('//postgres@', f'//{role}@')}&options=-csearch_path%3D{BETA}",
    }


class LenderClient:
    """Calls of one lender's callers; an answer is a message, a list of messages, or the status of a refusal."""

    def __init__(self, channel: grpc.Channel, lender: str) -> None:
        self.channel, self.metadata = channel, ((LENDER, lender),)

    def call(self, name: str, request: Message) -> Any:
        """Returns the response to one request; raises grpc.RpcError."""
        return self._multi(self.channel.unary_unary, name)(request, metadata=self.metadata, timeout=60)

    def stream(self, name: str, requests: Any) -> Any:
        """Returns the responses of a method that streams; ``requests`` is an iterator if it also receives a stream."""
        method = METHODS[name]
        kind = self.channel.stream_stream if method.client_streaming else self.channel.unary_stream
        return self._multi(kind, name)(requests, metadata=self.metadata, timeout=60)

    def upload(self, name: str, requests: Any) -> Any:
        """Returns the response to a stream of requests."""
        return self._multi(self.channel.stream_unary, name)(requests, metadata=self.metadata, timeout=60)

    def outcome(self, work: Callable[[], Message | Sequence[Message]]) -> tuple[Any, ...]:
        """Returns the bytes of an answer without times, or the status of a refusal with all its details."""
        try:
            found = work()
        except grpc.RpcError as error:
            trailing = dict(error.trailing_metadata())
            return error.code().name, error.details(), trailing.get("grpc-status-details-bin")
        answers = [found] if isinstance(found, Message) else found
        return tuple(without_times(answer).SerializeToString(deterministic=True) for answer in answers)

    def _multi(self, kind: Callable[..., Any], name: str) -> Any:
        method = METHODS[name]
        return kind(
            f"/{method.containing_service.full_name}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )


def without_times(answer: Message) -> Message:
    """Returns a copy of an answer without times of the clock and digests over them."""
    copy = type(answer)()
    copy.CopyFrom(answer)
    _clear_times(copy)
    return copy


def _clear_times(answer: Message) -> None:
    for field, value in answer.ListFields():
        if field.name in TIMED_DIGESTS and field.containing_type.file.name.endswith("/audit.proto"):
            answer.ClearField(field.name)
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            continue
        if field.message_type.full_name in NAMED_TIME:
            answer.ClearField(field.name)
        elif field.message_type.GetOptions().map_entry:
            continue
        elif isinstance(value, Message):
            _clear_times(value)
        else:
            for one in value:
                _clear_times(one)


class Quiet:
    """Waits until what feeds reported is applied to a book."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        tables = MetaData()
        tables.reflect(self.engine, only=["stock_change", "pool_change", "revaluation_run"])
        self.queues = [tables.tables[name] for name in ("stock_change", "pool_change")]
        self.runs = tables.tables["revaluation_run"]

    def wait(self) -> None:
        """Waits until no change is pending and no run is under way."""
        wait_until(self._is_quiet)

    def _is_quiet(self) -> bool:
        with self.engine.connect() as connection:
            pending = any(connection.execute(select(queue).limit(1)).first() is not None for queue in self.queues)
            under_way = self.runs.c.finished_us.is_(None)
            return not pending and connection.execute(select(self.runs).where(under_way)).first() is None

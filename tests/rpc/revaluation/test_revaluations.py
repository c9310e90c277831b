"""Runs over the whole book: starting, watching, listing, and completion by another server."""

import signal
import sqlite3

import grpc
import pytest

from collateral_registry.v1 import (
    breach_pb2,
    report_pb2,
    revaluation_pb2,
    revaluation_pb2_grpc,
    valuation_pb2,
)
from tests.support.postgres import wait_until
from tests.support.server import Client, Server, connected, details_of

PUBLISHED = revaluation_pb2.REVALUATION_STATE_PUBLISHED


def runs_of(client) -> revaluation_pb2_grpc.RevaluationServiceStub:
    return revaluation_pb2_grpc.RevaluationServiceStub(client.channel)


def test_a_run_can_be_watched_until_it_is_published(client):
    client.covered_loan()
    runs = runs_of(client)
    started = runs.StartRevaluation(revaluation_pb2.StartRevaluationRequest())
    seen = [
        answer.revaluation
        for answer in runs.WatchRevaluation(revaluation_pb2.WatchRevaluationRequest(name=started.name), timeout=20)
    ]
    last = seen[-1]

    assert last.state == PUBLISHED
    assert (last.valued_count, last.judged_count) == (1, 1)
    assert last.done_partition_count == last.partition_count > 0
    assert last.published_sequence > int(started.name.partition("/")[2])


def test_a_report_can_be_pinned_to_the_version_that_a_run_has_published(client):
    client.covered_loan()
    run = client.valuations.Revalue(valuation_pb2.RevalueRequest())
    pinned = report_pb2.GenerateLtvReportRequest(as_of=report_pb2.AsOf(sequence=run.sequence))
    before = client.reports.GenerateLtvReport(pinned)
    client.owe("600000")

    assert client.reports.GenerateLtvReport(pinned) == before
    assert client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest()).rows != before.rows


def test_a_retry_of_a_start_gives_the_same_run(client):
    request = revaluation_pb2.StartRevaluationRequest(request_id="nightly-1")
    runs = runs_of(client)

    assert runs.StartRevaluation(request).name == runs.StartRevaluation(request).name


def test_a_retry_of_revalue_gives_the_figures_of_the_same_run(client):
    client.covered_loan()
    request = valuation_pb2.RevalueRequest(request_id="again")

    assert client.valuations.Revalue(request) == client.valuations.Revalue(request)


def test_runs_are_listed_newest_first_page_by_page(client):
    runs = runs_of(client)
    for _ in range(3):
        client.valuations.Revalue(valuation_pb2.RevalueRequest())
    first = runs.ListRevaluations(revaluation_pb2.ListRevaluationsRequest(page_size=2))
    second = runs.ListRevaluations(
        revaluation_pb2.ListRevaluationsRequest(page_size=2, page_token=first.next_page_token)
    )
    sequences = [int(run.name.partition("/")[2]) for run in (*first.revaluations, *second.revaluations)]

    assert len(first.revaluations) == 2
    assert sequences == sorted(sequences, reverse=True)
    assert len(sequences) == len(set(sequences)) >= 3


@pytest.mark.parametrize("name", ["revaluations/x", "loans/1", "revaluations/999999"])
def test_an_unknown_run_is_not_found_and_named(client, name):
    with pytest.raises(grpc.RpcError) as caught:
        runs_of(client).GetRevaluation(revaluation_pb2.GetRevaluationRequest(name=name))

    assert details_of(caught.value)[0].reason in {"INVALID_INPUT", "NOT_FOUND"}


@pytest.mark.slow
def test_a_run_of_a_killed_server_is_finished_by_the_next_one(database_url):
    first = Server(database_url).start()
    with connected(first) as client:
        client.covered_loan()
        name = runs_of(client).StartRevaluation(revaluation_pb2.StartRevaluationRequest()).name
        first.stop(signal.SIGKILL)
    second = Server(database_url).start()
    with grpc.insecure_channel(second.address) as channel:
        runs = runs_of(Client(channel))
        request = revaluation_pb2.GetRevaluationRequest(name=name)
        wait_until(lambda: runs.GetRevaluation(request).state == PUBLISHED, seconds=20)
        run = runs.GetRevaluation(request)
    second.stop()

    assert run.valued_count == 1


@pytest.mark.slow
def test_a_run_fails_on_damaged_data_and_succeeds_after_the_repair_without_a_restart(tmp_path):
    path = tmp_path / "book.db"
    server = Server(f"sqlite:///{path}").start()
    with grpc.insecure_channel(server.address) as channel, sqlite3.connect(path, isolation_level=None) as database:
        client = Client(channel)
        client.covered_loan()
        kept = database.execute("SELECT estimate_key, loss FROM haircut_curve").fetchall()
        database.execute("UPDATE haircut_curve SET loss = x'00'")
        with pytest.raises(grpc.RpcError) as refused:
            client.valuations.Revalue(valuation_pb2.RevalueRequest(), timeout=30)
        database.executemany("UPDATE haircut_curve SET loss = ?2 WHERE estimate_key = ?1", kept)
        again = client.valuations.Revalue(valuation_pb2.RevalueRequest(), timeout=30)
    server.stop()

    assert kept
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "cannot go on" in refused.value.details()
    assert again.valued_count == 1


def test_several_processes_serve_one_port_and_notice_each_others_commits(cluster):
    url = cluster.new_database()
    server = Server(url, processes=2).start()
    # A channel is one connection to one process: eight channels reach both processes except one time in 128.
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.insecure_channel(server.address, options) for _ in range(8)]
    clients = [Client(channel) for channel in channels]
    clients[0].covered_loan()
    streams = [client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest()) for client in clients]
    for stream in streams:
        next(stream)
    clients[0].owe("900000")
    heard = [next(stream).events[0].kind for stream in streams]
    for stream in streams:
        stream.cancel()
    for channel in channels:
        channel.close()
    code = server.stop()

    assert heard == [breach_pb2.BREACH_EVENT_KIND_OPENED] * 8
    assert code == 0


@pytest.mark.slow
def test_several_processes_on_sqlite_are_refused_with_a_message(tmp_path):
    server = Server(f"sqlite:///{tmp_path / 'book.db'}", processes=2)
    with pytest.raises(AssertionError, match="processes: got 2 on SQLite, want 1, or PostgreSQL"):
        server.start()
    server.stop()

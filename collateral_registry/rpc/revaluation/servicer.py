"""Servicer of RevaluationService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from grpc.aio import ServicerContext

from collateral_registry.commands.book.policies import check_previewed
from collateral_registry.commands.revaluation.preview import PreviewJob
from collateral_registry.commands.revaluation.runs import start_run
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import call_of
from collateral_registry.rpc.common.checks import number_in_name
from collateral_registry.rpc.common.filtering import filter_of, filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.rpc.revaluation.preview_messages import part_message
from collateral_registry.runtime.revaluation.driver import RunDriver
from collateral_registry.runtime.revaluation.previews import Previews
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.runtime.watchers import Watchers
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.revaluation.runs import StoredRun, get_run, list_runs
from collateral_registry.v1 import revaluation_pb2 as pb, revaluation_pb2_grpc


class RevaluationServicer(revaluation_pb2_grpc.RevaluationServiceServicer):
    """Starts revaluation runs of the whole book and reports their progress."""

    def __init__(self, runner: BookRunner, runs: RunDriver, watchers: Watchers) -> None:
        self.runner = runner
        self.runs = runs
        self.watchers = watchers
        self.previews = Previews(runner.database.url)

    async def StartRevaluation(self, request: pb.StartRevaluationRequest, context: ServicerContext) -> pb.Revaluation:
        """Starts a run and returns at once. A run that is in progress is abandoned."""

        def work(write: Write) -> pb.Revaluation:
            start_run(write, accept_models=request.accept_models)
            return run_message(get_run(write.connection, write.seq))

        started = await self.runner.write(call_of(request, "StartRevaluation", pb.Revaluation), work)
        self.runs.wake()
        return started

    async def GetRevaluation(self, request: pb.GetRevaluationRequest, context: ServicerContext) -> pb.Revaluation:
        """Returns one run with its progress."""
        seq = seq_of(request.name)
        return await self.runner.read(lambda connection: run_message(get_run(connection, seq)))

    async def ListRevaluations(
        self, request: pb.ListRevaluationsRequest, context: ServicerContext
    ) -> pb.ListRevaluationsResponse:
        """Lists runs, newest first."""
        wanted, page = filtered_page(request, "ListRevaluations", NEWEST)

        def work(connection: Connection) -> pb.ListRevaluationsResponse:
            messages, token = page.filled(list_runs(connection, wanted, *page.bounds), lambda run: run.seq, run_message)
            return pb.ListRevaluationsResponse(revaluations=messages, next_page_token=token)

        return await self.runner.read(work)

    async def WatchRevaluation(
        self, request: pb.WatchRevaluationRequest, context: ServicerContext
    ) -> AsyncIterator[pb.WatchRevaluationResponse]:
        """Streams the progress of a run until it ends."""
        with self.watchers.opened("WatchRevaluation"):
            async for run in self.runs.progress(seq_of(request.name)):
                yield pb.WatchRevaluationResponse(revaluation=run_message(run))

    async def PreviewRevaluation(
        self, request: pb.PreviewRevaluationRequest, context: ServicerContext
    ) -> AsyncIterator[pb.PreviewRevaluationResponse]:
        """Streams what a revaluation would change."""
        read = convert.read_all(
            policy=lambda: id_of("policy", request.policy, "policies")[0] if request.policy else "",
            filter=lambda: filter_of("PreviewRevaluation", request.filter),
        )
        policy_id: str = read["policy"]
        if policy_id:
            await self.runner.read(lambda connection: check_previewed(connection, policy_id))
        job = PreviewJob(policy_id, read["filter"], request.include_assets)
        async with aclosing(self.previews.compute(job)) as parts:
            async for part in parts:
                yield part_message(part)


def seq_of(name: str) -> int:
    """Returns the sequence in the name of a run; raises InvalidInput for a name of any other form."""
    (seq,) = id_of("name", name, "revaluations")
    return number_in_name("name", name, seq, "revaluations/{sequence}")


def run_message(run: StoredRun) -> pb.Revaluation:
    """Returns a run as a message."""
    return pb.Revaluation(
        name=f"revaluations/{run.seq}",
        state=int(run.state),
        market_date=convert.day(run.market_day),
        actor=run.actor,
        start_time=convert.timestamp(run.started_us),
        finish_time=convert.optional_timestamp(run.finished_us),
        partition_count=run.partitions,
        done_partition_count=run.done,
        valued_count=run.valued,
        judged_count=run.judged,
        event_count=run.events,
        published_sequence=run.published_seq or 0,
        judged_again_count=run.judged_again,
        models=run.models.split(),
    )

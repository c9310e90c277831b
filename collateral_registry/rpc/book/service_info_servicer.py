"""Servicer of ServiceInfoService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.pipeline.recompute import release_models
from collateral_registry.rpc.common.versions import versions
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.revaluation.runs import newest_models
from collateral_registry.v1 import service_info_pb2 as pb, service_info_pb2_grpc


class ServiceInfoServicer(service_info_pb2_grpc.ServiceInfoServiceServicer):
    """States which program serves the book."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def GetServiceInfo(self, request: pb.GetServiceInfoRequest, context: ServicerContext) -> pb.ServiceInfo:
        """Returns the versions of program, contract and schema, and the models of the program and of the book."""
        found = versions()
        book_models = await self.runner.read(newest_models)
        return pb.ServiceInfo(
            version=found.program,
            contract_package=found.contract_package,
            contract_digest=found.contract_digest,
            schema_version=found.schema,
            models=release_models().split(),
            book_models=(book_models or "").split(),
        )

"""Servicer of ServiceInfoService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.rpc.common.versions import versions
from collateral_registry.v1 import service_info_pb2 as pb, service_info_pb2_grpc


class ServiceInfoServicer(service_info_pb2_grpc.ServiceInfoServiceServicer):
    """States which program serves the book."""

    async def GetServiceInfo(self, request: pb.GetServiceInfoRequest, context: ServicerContext) -> pb.ServiceInfo:
        """Returns the versions of program, contract and schema."""
        found = versions()
        return pb.ServiceInfo(
            version=found.program,
            contract_package=found.contract_package,
            contract_digest=found.contract_digest,
            schema_version=found.schema,
        )

"""Registration of the services."""

from importlib import import_module
from pkgutil import iter_modules

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from collateral_registry import v1
from collateral_registry.rpc import book_services

MODULES = [import_module(f"{v1.__name__}.{module.name}") for module in iter_modules(v1.__path__)]
SERVICES = {
    service.full_name
    for module in MODULES
    if module.__name__.endswith("_pb2")
    for service in module.DESCRIPTOR.services_by_name.values()
}


def test_every_service_of_the_contract_is_healthy_and_listed_by_reflection(shared_client):
    health = health_pb2_grpc.HealthStub(shared_client.channel)
    reflection = reflection_pb2_grpc.ServerReflectionStub(shared_client.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = reflection.ServerReflectionInfo(iter([request]))
    statuses = {health.Check(health_pb2.HealthCheckRequest(service=name)).status for name in ("", *SERVICES)}

    assert statuses == {health_pb2.HealthCheckResponse.SERVING}
    assert {service.name for service in answer.list_services_response.service} >= SERVICES


def test_every_method_of_the_contract_is_in_its_servicer():
    """A method that is not is inherited from the generated servicer, which answers UNIMPLEMENTED."""
    servicers = [one for name, one in vars(book_services).items() if name.endswith("Servicer")]
    inherited = [
        f"{servicer.__name__}.{name}"
        for servicer in servicers
        for generated in servicer.__bases__
        for name, method in vars(generated).items()
        if not name.startswith("__") and getattr(servicer, name) is method
    ]

    assert len(servicers) == len(SERVICES)
    assert inherited == []


def test_the_health_of_an_unknown_service_is_not_found(shared_client):
    with pytest.raises(grpc.RpcError) as refused:
        health_pb2_grpc.HealthStub(shared_client.channel).Check(health_pb2.HealthCheckRequest(service="Unknown"))
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND

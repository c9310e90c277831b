"""Every method has one cost class."""

from collections import Counter
from importlib import import_module
from pkgutil import iter_modules

from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

import collateral_registry.v1
from collateral_registry.rpc.common.method_classes import READING_METHODS
from collateral_registry.rpc.limits.cost_classes import COST_CLASSES, LARGE_METHODS, OPEN_ENDED, CostClass


def methods():
    """Returns the methods that the server offers, those of health and reflection included."""
    found = iter_modules(collateral_registry.v1.__path__)
    modules = [import_module(f"collateral_registry.v1.{one.name}") for one in found if one.name.endswith("_pb2")]
    services = [
        service
        for module in [*modules, health_pb2, reflection_pb2]
        for service in module.DESCRIPTOR.services_by_name.values()
    ]
    return [method for service in services for method in service.methods]


def test_every_method_has_one_cost_class():
    names = [method.name for method in methods()]

    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert set(COST_CLASSES) == set(names)


def test_a_method_of_class_write_records_something_and_one_of_class_read_does_not():
    recording = {name for name in COST_CLASSES if COST_CLASSES[name] is CostClass.WRITE}
    reading = {name for name in COST_CLASSES if COST_CLASSES[name] is CostClass.READ}

    assert recording.isdisjoint(READING_METHODS)
    assert reading - READING_METHODS == {"ServerReflectionInfo"}


def test_only_methods_with_lists_series_or_files_take_large_requests():
    by_name = {method.name: method for method in methods()}

    for name in LARGE_METHODS:
        fields = by_name[name].input_type.fields
        assert any(field.is_repeated or field.message_type or field.type == field.TYPE_BYTES for field in fields), name


def test_only_streams_may_stay_open():
    by_name = {method.name: method for method in methods()}

    assert all(by_name[name].server_streaming for name in OPEN_ENDED)

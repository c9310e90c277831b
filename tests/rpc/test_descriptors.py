"""The contract is complete: protos with their imports, and a descriptor set with which any client can call."""

import runpy
from importlib.resources import files
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_tools import protoc

from tests.support.server import repository

STUBS = runpy.run_path(str(repository() / ".ci" / "stubs.py"))


def descriptor_set() -> FileDescriptorSet:
    return FileDescriptorSet.FromString(files("collateral_registry.v1").joinpath(STUBS["DESCRIPTORS"]).read_bytes())


def pool() -> DescriptorPool:
    """Returns the contract as a client loads it that has the descriptor set alone."""
    alone = DescriptorPool()
    for file in descriptor_set().file:  # each file follows the files that it imports
        alone.AddSerializedFile(file.SerializeToString())
    return alone


@pytest.mark.parametrize("name", STUBS["VENDORED"])
def test_imported_protos_are_those_of_the_installed_packages(name):
    """If it fails after an update of the packages: python .ci/stubs.py vendor."""
    assert (STUBS["PROTOS"] / name).read_bytes() == (STUBS["VENDORED"][name] / name).read_bytes()


def test_the_descriptor_set_is_that_of_the_protos_which_need_no_others(tmp_path):
    """If it fails after a change of the contract: make setup."""
    protos = STUBS["PROTOS"]
    names = [str(path) for path in protos.rglob("*.proto")]
    output = tmp_path / "now.binpb"
    assert (
        protoc.main(["protoc", f"-I{protos}", "--include_source_info", f"--descriptor_set_out={output}", *names]) == 0
    )

    now = {file.name: file for file in FileDescriptorSet.FromString(output.read_bytes()).file}
    assert {file.name: file for file in descriptor_set().file} == now


def test_a_client_with_the_descriptor_set_alone_calls_and_reads_errors(shared_client):
    method = pool().FindMethodByName("collateral_registry.v1.LoanService.GetLoan")
    details = {
        name: message_factory.GetMessageClass(pool().FindMessageTypeByName(f"google.rpc.{name}"))
        for name in ("Status", "BadRequest")
    }
    call = shared_client.channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    with pytest.raises(grpc.RpcError) as refused:
        call(message_factory.GetMessageClass(method.input_type)(name="loan-1"))

    trailing: dict[str, Any] = dict(refused.value.trailing_metadata())
    status: Any = details["Status"].FromString(trailing["grpc-status-details-bin"])
    (bad,) = [one for one in status.details if one.type_url.endswith("BadRequest")]
    violations: Any = details["BadRequest"].FromString(bad.value)
    assert [one.field for one in violations.field_violations] == ["name"]


def test_every_proto_is_of_the_contract_or_vendored_with_its_licence():
    protos = STUBS["PROTOS"]
    contract = set(protos.glob("collateral_registry/v1/*.proto"))

    assert set(protos.rglob("*.proto")) == contract | {protos / name for name in STUBS["VENDORED"]}
    assert {str(path.relative_to(protos)) for path in protos.rglob("LICENSE")} == {
        "google/LICENSE",
        "google/protobuf/LICENSE",
    }

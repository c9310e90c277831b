"""The versions of program, contract and schema are stated by the server and by the command line alike."""

import hashlib
import tomllib

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.store.engine.migrate import newest_version
from collateral_registry.v1 import service_info_pb2, service_info_pb2_grpc
from tests.support.server import repository

PROTOS = repository() / "protos"


def service_info(client):
    stub = service_info_pb2_grpc.ServiceInfoServiceStub(client.channel)
    return stub.GetServiceInfo(service_info_pb2.GetServiceInfoRequest())


def test_the_server_states_the_version_of_the_project_and_its_schema(shared_client):
    project = tomllib.loads((repository() / "pyproject.toml").read_text())["project"]
    found = service_info(shared_client)

    assert (found.version, found.schema_version) == (project["version"], newest_version())


def test_a_client_recomputes_the_digest_of_the_contract_by_reflection(shared_client):
    reflection = reflection_pb2_grpc.ServerReflectionStub(shared_client.channel)
    files = [str(path.relative_to(PROTOS)) for path in sorted(PROTOS.glob("collateral_registry/v1/*.proto"))]
    requests = [reflection_pb2.ServerReflectionRequest(file_by_filename=name) for name in files]
    descriptors = {
        FileDescriptorProto.FromString(one).name: one
        for answer in reflection.ServerReflectionInfo(iter(requests))
        for one in answer.file_descriptor_response.file_descriptor_proto
    }
    found = service_info(shared_client)

    assert found.contract_package == "collateral_registry.v1"
    assert (
        found.contract_digest == "sha256:" + hashlib.sha256(b"".join(descriptors[name] for name in files)).hexdigest()
    )


def test_the_command_line_prints_the_same_versions(shared_client):
    found = service_info(shared_client)
    done = CliRunner().invoke(app, ["--version"])

    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"collateral {found.version}",
        f"contract {found.contract_package} {found.contract_digest}",
        f"schema {found.schema_version}",
    ]

"""AuditService: what it proves is verified by the rules of RFC 9162 and by the signature alone."""

from contextlib import suppress

import grpc
import pytest

from collateral_registry.domain.audit.checkpoints import new_key
from collateral_registry.domain.audit.merkle import extends, includes, leaf_hash
from collateral_registry.v1 import audit_pb2 as pb, audit_pb2_grpc
from tests.support.postgres import wait_until
from tests.support.server import Server, connected

pytestmark = pytest.mark.slow

KEY = new_key("bank.example/book")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The service of a book whose first checkpoint covers fewer entries than it has now."""
    folder = tmp_path_factory.mktemp("audit")
    (folder / "key").write_text(KEY.text)
    (folder / "key").chmod(0o600)
    environment = {"COLLATERAL_AUDIT_KEY_FILE": str(folder / "key")}
    server = Server(f"sqlite:///{folder / 'book.db'}", environment=environment).start()
    with connected(server) as client:
        stub = audit_pb2_grpc.AuditServiceStub(client.channel)
        wait_until(lambda: has_checkpoint(stub))
        client.open_copper()
        for number in range(5):
            client.register_loan(f"loan-{number}")
        yield stub
    server.stop()


def has_checkpoint(stub):
    with suppress(grpc.RpcError):
        return bool(stub.GetCheckpoint(pb.GetCheckpointRequest()).note)
    return False


def test_the_tree_extends_the_signed_checkpoint_and_contains_every_entry(service):
    checkpoint = service.GetCheckpoint(pb.GetCheckpointRequest())
    signed = KEY.public.verified(checkpoint.note)
    entries = service.ListAuditEntries(pb.ListAuditEntriesRequest(page_size=100)).entries
    grown = service.GetConsistencyProof(pb.GetConsistencyProofRequest(first_tree_size=checkpoint.tree_size))

    assert (signed.size, signed.size) == (checkpoint.tree_size, checkpoint.sequence)
    assert grown.second_tree_size == len(entries) > signed.size
    assert extends(signed.size, signed.root, len(entries), grown.root_hash, list(grown.hashes))
    for entry in entries:
        proof = service.GetInclusionProof(pb.GetInclusionProofRequest(sequence=entry.sequence))
        place = (leaf_hash(entry.hash), proof.leaf_index, proof.tree_size)
        assert includes(*place, list(proof.hashes), grown.root_hash)
    assert [newer.previous_hash for newer in entries[:-1]] == [older.hash for older in entries[1:]]


def test_an_entry_states_who_called_which_method_with_which_request(service):
    filtered = pb.ListAuditEntriesRequest(filter="method = CreateLoan AND principal = local-owner")
    entries = service.ListAuditEntries(filtered).entries

    assert len(entries) == 5
    assert len({entry.request_digest for entry in entries}) == 5
    assert {("loan", 1), ("loan_revision", 1)} <= {(fact.facts, fact.row_count) for fact in entries[0].facts}


@pytest.mark.parametrize(
    ("method", "request_", "code"),
    [
        ("GetInclusionProof", pb.GetInclusionProofRequest(sequence=10_000), grpc.StatusCode.NOT_FOUND),
        ("GetInclusionProof", pb.GetInclusionProofRequest(sequence=2, tree_size=1), grpc.StatusCode.NOT_FOUND),
        ("GetInclusionProof", pb.GetInclusionProofRequest(sequence=1, tree_size=-1), grpc.StatusCode.INVALID_ARGUMENT),
        ("GetConsistencyProof", pb.GetConsistencyProofRequest(), grpc.StatusCode.INVALID_ARGUMENT),
        (
            "GetConsistencyProof",
            pb.GetConsistencyProofRequest(first_tree_size=1, second_tree_size=10_000),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
    ],
)
def test_a_proof_that_cannot_exist_is_refused(service, method, request_, code):
    with pytest.raises(grpc.RpcError) as refused:
        getattr(service, method)(request_)
    assert refused.value.code() == code

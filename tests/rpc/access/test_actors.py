"""A caller acts under its own name, and one that acts on behalf of others states for whom."""

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass

from collateral_registry.domain.access.roles import PERMISSIONS, Permission, Role, roles_with
from collateral_registry.rpc.access.method_permissions import METHOD_PERMISSIONS
from tests.support.callers import role_of
from tests.support.contract_book import METHODS
from tests.support.server import details_of

pytestmark = pytest.mark.slow

OPTIONAL = {"UpdateDebtor"}
"""Methods that record the caller if a request states nothing, even if the caller acts on behalf of others."""

WITH_ACTOR = [name for name, method in METHODS.items() if "actor" in method.input_type.fields_by_name]


def refusal(channel: grpc.Channel, name: str, role: Role, actor: str) -> grpc.RpcError:
    """Returns the refusal of a request that states an actor and nothing else."""
    method = METHODS[name]
    request = GetMessageClass(method.input_type)(actor=actor).SerializeToString()
    invoke = channel.unary_unary(f"/{method.containing_service.full_name}/{name}")
    with pytest.raises(grpc.RpcError) as refused:
        invoke(request, metadata=role_of(role))
    return refused.value


@pytest.mark.parametrize("name", WITH_ACTOR)
def test_a_caller_states_no_actor_but_itself_unless_it_acts_on_behalf_of_others(channel, name):
    for role in roles_with(METHOD_PERMISSIONS[name]):
        other, own = refusal(channel, name, role, "Someone"), refusal(channel, name, role, role.value)
        if Permission.ACT_ON_BEHALF in PERMISSIONS[role]:
            assert other.code() is grpc.StatusCode.INVALID_ARGUMENT
        else:
            assert other.code() is grpc.StatusCode.PERMISSION_DENIED
            assert other.details().startswith(f"actor: got Someone, want {role} or nothing")
        assert "actor" not in details_of(own)[1]


@pytest.mark.parametrize("name", [name for name in WITH_ACTOR if name not in OPTIONAL])
def test_a_caller_that_acts_on_behalf_of_others_states_for_whom_and_another_need_not(channel, name):
    for role in (Role.LOCAL_OWNER, *roles_with(METHOD_PERMISSIONS[name])):
        acts_for_others = Permission.ACT_ON_BEHALF in PERMISSIONS[role]
        assert ("actor" in details_of(refusal(channel, name, role, ""))[1]) == acts_for_others, role

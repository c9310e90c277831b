"""Every method has one permission, and a caller may call what one of its roles may call, and nothing else."""

from collections import Counter
from importlib import import_module
from pkgutil import iter_modules

import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import given, strategies as st

import collateral_registry.v1
from collateral_registry.domain.access.callers import OWN_LENDER, Caller
from collateral_registry.domain.access.roles import PERMISSIONS, Permission, Role, roles_with
from collateral_registry.domain.shared.errors import NotPermitted
from collateral_registry.rpc.access.method_permissions import METHOD_PERMISSIONS, PUBLIC_METHODS
from collateral_registry.rpc.access.rights import check_permitted

ROLES = st.frozensets(st.sampled_from(Role))


def methods_of_the_server():
    """Returns the names of the methods that the server offers, those of health and reflection included."""
    found = iter_modules(collateral_registry.v1.__path__)
    modules = [import_module(f"collateral_registry.v1.{one.name}") for one in found if one.name.endswith("_pb2")]
    services = [
        service
        for module in [*modules, health_pb2, reflection_pb2]
        for service in module.DESCRIPTOR.services_by_name.values()
    ]
    return [method.name for service in services for method in service.methods]


def refusal_of(method, roles):
    """Returns the refusal of a call by a caller with roles; None if it is permitted."""
    try:
        check_permitted(method, Caller("ana", OWN_LENDER, roles))
    except NotPermitted as refused:
        return refused
    return None


def test_every_method_has_one_permission_or_is_public():
    names = methods_of_the_server()

    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert set(names) == METHOD_PERMISSIONS.keys() | PUBLIC_METHODS
    assert not METHOD_PERMISSIONS.keys() & PUBLIC_METHODS


def test_a_method_without_a_permission_is_refused_to_every_caller():
    assert refusal_of("Unheard", frozenset(Role)) is not None


@given(ROLES, st.sampled_from(sorted(METHOD_PERMISSIONS)))
def test_a_caller_may_call_what_one_of_its_roles_may_call_and_nothing_else(roles, method):
    permitted = [role for role in roles if refusal_of(method, frozenset({role})) is None]
    refused = refusal_of(method, roles)

    assert (refused is None) == bool(permitted)
    assert bool(permitted) == any(METHOD_PERMISSIONS[method] in PERMISSIONS[role] for role in roles)
    if refused is not None:
        assert refused.facts == {"method": method, "permission": METHOD_PERMISSIONS[method]}
        assert all(other in str(refused) for other in roles_with(METHOD_PERMISSIONS[method]))


def test_no_role_of_an_identified_caller_decides_alone():
    assert roles_with(Permission.DECIDE_ALONE) == ()


@pytest.mark.parametrize("permission", sorted(set(Permission) - {Permission.DECIDE_ALONE}))
def test_every_other_permission_is_given_to_a_role(permission):
    assert roles_with(permission)


def test_no_role_both_pushes_a_feed_and_registers_what_it_secures():
    """A caller that registers collateral must not be able to report that it is there."""
    assert not set(roles_with(Permission.PUSH_FEED)) & set(roles_with(Permission.REGISTER))


def test_no_role_that_acts_on_behalf_of_others_approves():
    assert not set(roles_with(Permission.ACT_ON_BEHALF)) & set(roles_with(Permission.APPROVE))

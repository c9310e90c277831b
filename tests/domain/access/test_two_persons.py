"""A second person shares no name with the first, whatever their case and blanks."""

import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.access.callers import LOCAL_OWNER, Author
from collateral_registry.domain.access.two_persons import check_second_person
from collateral_registry.domain.shared.errors import Refused

OWNER = LOCAL_OWNER.principal
NAMES = st.sampled_from(["ana", "Ana ", "bo", "los", OWNER])


def are_two(first, second):
    """Returns whether two authors are different persons."""
    try:
        check_second_person(first, second, "OWN", "proposer")
    except Refused:
        return False
    return True


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Author("ana", "ana"), Author("ana", "ana")),
        (Author("ana", "ana"), Author("ANA", " ana")),
        (Author("los", "ana"), Author("los", "bo")),
        (Author("los", "ana"), Author("ana", "ana")),
        (Author("ana", "bo"), Author("bo", "cy")),
        (Author("spiffe://bank.example/los", "Ana"), Author("people/ana", "people/ana")),
        (Author(OWNER, "ana"), Author(OWNER, "Ana")),
        (Author("", "ana"), Author("ana@bank", "ana")),
        (Author("spiffe://bank.example/los", "Zoe\u0308"), Author("people/zo\u00eb", "people/zo\u00eb")),
        (Author("spiffe://bank.example/los", "\uff41na"), Author("people/ana", "people/ana")),
        (Author("spiffe://bank.example/los", "ana/"), Author("people/ana", "people/ana")),
    ],
)
def test_one_person_under_two_names_is_refused(first, second):
    assert not are_two(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Author("ana", "ana"), Author("bo", "bo")),
        (Author("los", "ana"), Author("bo", "bo")),
        (Author(OWNER, "ana"), Author(OWNER, "bo")),
        (Author("", "ana"), Author("bo", "bo")),
    ],
)
def test_two_persons_are_accepted(first, second):
    assert are_two(first, second)


@given(NAMES, NAMES, NAMES, NAMES)
def test_the_rule_is_symmetric_and_never_accepts_one_actor_twice(one, actor, other, another):
    first, second = Author(one, actor), Author(other, another)

    assert are_two(first, second) == are_two(second, first)
    assert not are_two(first, Author(other, actor))


def test_the_refusal_names_the_identity_that_both_share():
    with pytest.raises(Refused, match="got bo by the identity los, want a person with another identity"):
        check_second_person(Author("los", "ana"), Author("los", "bo"), "OWN", "proposer")

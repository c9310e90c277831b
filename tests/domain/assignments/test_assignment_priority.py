"""Priority among the assignees of one receivable."""

from datetime import UTC, datetime
from itertools import permutations

from collateral_registry.domain.assignments.assignment_priority import Assignee, priority


def june(day: int) -> datetime:
    return datetime(2026, 6, day, tzinfo=UTC)


def names(assignees) -> list[list[str]]:
    return [[one.name for one in tier] for tier in priority(assignees)]


def test_registered_assignees_precede_an_earlier_notice_by_the_time_of_registration():
    assignees = [
        Assignee("X", registered=june(5), notified=june(9)),
        Assignee("Y", notified=june(1)),
        Assignee("Z", registered=june(3)),
    ]

    assert all(names(order) == [["Z"], ["X"], ["Y"]] for order in permutations(assignees))


def test_assignees_without_registration_follow_by_notice_and_those_without_notice_share_the_last_tier():
    late, early = Assignee("late", notified=june(2)), Assignee("early", notified=june(1))

    assert names([Assignee("a"), late, Assignee("b"), early]) == [["early"], ["late"], ["a", "b"]]


def test_assignees_that_registered_at_the_same_time_share_a_tier():
    assert names([Assignee("a", june(1)), Assignee("b", june(2)), Assignee("c", june(1))]) == [["a", "c"], ["b"]]


def test_a_receivable_without_assignees_has_no_tier():
    assert priority([]) == ()

"""Token buckets."""

from hypothesis import given, strategies as st

from collateral_registry.rpc.limits import buckets
from collateral_registry.rpc.limits.buckets import TokenBuckets
from collateral_registry.rpc.limits.callers import CallerKey

ME, OTHER = CallerKey("connection", "me"), CallerKey("connection", "other")


@given(st.lists(st.tuples(st.floats(0, 2), st.sampled_from([1, 3, 50, 200]))))
def test_a_caller_never_uses_more_than_its_burst_and_what_time_has_filled(calls):
    found, now, used = TokenBuckets(100.0, 300.0), 0.0, 0
    for pause, cost in calls:
        now += pause
        used += cost if found.take(ME, cost, now) == 0 else 0

        assert used <= 300 + 100 * now + 1e-6


@given(st.integers(1, 400), st.integers(1, 400))
def test_a_refused_call_is_admitted_after_the_stated_time(first, second):
    found = TokenBuckets(100.0, 300.0)
    found.take(ME, first, 0.0)
    wait = found.take(ME, second, 0.0)

    assert found.take(ME, second, wait + 1e-6) == 0 or wait == 0


def test_callers_do_not_share_a_bucket():
    found = TokenBuckets(1.0, 10.0)

    assert found.take(ME, 10, 0.0) == 0
    assert found.take(ME, 1, 0.0) == 1.0
    assert found.take(OTHER, 10, 0.0) == 0


def test_the_table_of_callers_is_bounded_and_forgets_those_that_are_idle(monkeypatch):
    monkeypatch.setattr(buckets, "CALLERS_LIMIT", 5)
    found = TokenBuckets(1.0, 10.0)
    for number in range(20):
        found.take(CallerKey("connection", str(number)), 1, number)
    assert len(found) == 5
    found.forget_idle(26.5)
    assert len(found) == 3
    found.forget_idle(100)

    assert len(found) == 0

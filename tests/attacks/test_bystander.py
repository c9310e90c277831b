"""The verdict on an attack fails for each thing that another caller may not notice."""

import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from tests.attacks.bystander import Noticed, judge


def noticed(latency: float = 0.004, **fields: object) -> Noticed:
    found = Noticed([latency] * 100, health={HealthCheckResponse.SERVING})
    vars(found).update(fields)
    return found


def test_an_attack_that_changes_nothing_is_not_noticed():
    judge(noticed(), noticed(peak_bytes=300 << 20))


@pytest.mark.parametrize(
    "during",
    [
        noticed(0.12),
        noticed(failures=["DEADLINE_EXCEEDED"]),
        noticed(latencies=[0.004] * 20),
        noticed(peak_bytes=2 << 30),
        noticed(health={HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING}),
    ],
    ids=["slow", "refused", "stopped", "memory", "health"],
)
def test_an_attack_is_noticed_by(during):
    with pytest.raises(AssertionError):
        judge(noticed(), during)


def test_a_busy_machine_is_not_taken_for_an_attack():
    judge(noticed(0.05), noticed(0.12))

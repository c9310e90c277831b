"""Every event of a loan states who caused it."""

from collateral_registry.v1 import breach_pb2


def test_events_of_every_cause_state_their_actor(client):
    client.covered_loan()
    client.owe("900000")
    name = "loans/loan-1/breaches/1"
    client.breaches.AcknowledgeBreach(breach_pb2.AcknowledgeBreachRequest(name=name, actor="Ana"))
    client.owe("400000")
    stream = client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest(loan="loans/loan-1"))
    found = []
    while not any(event.kind == breach_pb2.BREACH_EVENT_KIND_CURED for event in found):
        found += next(stream).events
    stream.cancel()

    assert {event.kind: event.actor for event in found}[breach_pb2.BREACH_EVENT_KIND_ACKNOWLEDGED] == "Ana"
    assert all(event.actor for event in found)

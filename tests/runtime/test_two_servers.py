"""Two servers on one PostgreSQL database: each streams the commits of the other, and a share is pledged once."""

from concurrent.futures import ThreadPoolExecutor

import grpc
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import breach_pb2, loan_pb2
from tests.support.server import Client, Server, details_of


def test_a_watch_at_one_server_receives_the_commits_of_another(cluster):
    url = cluster.new_database()
    one, other = Server(url).start(), Server(url).start()
    with grpc.insecure_channel(one.address) as here, grpc.insecure_channel(other.address) as there:
        client = Client(here)
        client.covered_loan()
        stream = Client(there).breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())
        next(stream)
        client.owe("900000")
        received = next(stream).events
        stream.cancel()
    codes = (one.stop(), other.stop())

    assert received[0].kind == breach_pb2.BREACH_EVENT_KIND_OPENED
    assert codes == (0, 0)


def test_two_servers_cannot_pledge_the_same_last_share(cluster):
    url = cluster.new_database()
    servers = [Server(url).start(), Server(url).start()]
    channels = [grpc.insecure_channel(server.address) for server in servers]
    clients = [Client(channel) for channel in channels]
    clients[0].register_lot()
    for number in range(8):
        clients[0].register_loan(f"loan-{number}")

    def pledge(number: int) -> str:
        wanted = loan_pb2.Pledge(asset="assets/lot-1", share=Decimal(value="0.6"))
        request = loan_pb2.PledgeAssetRequest(parent=f"loans/loan-{number}", pledge=wanted, pledge_id="p-1")
        try:
            clients[number % 2].loans.PledgeAsset(request)
        except grpc.RpcError as error:
            return details_of(error)[0].reason
        return "pledged"

    with ThreadPoolExecutor(8) as threads:
        found = sorted(threads.map(pledge, range(8)))
    for channel in channels:
        channel.close()
    for server in servers:
        server.stop()

    assert found == ["ASSET_OVER_PLEDGED"] * 7 + ["pledged"]

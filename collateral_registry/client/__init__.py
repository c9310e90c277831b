"""The partner kit: what a warehouse needs to push its stock and never lose or double a movement.

with Outbox(Path("stock.db"), "rotterdam-3") as outbox, open_channel("host:50051") as channel:
outbox.add(movements)                            # durable when it returns
pushed = Pusher(channel, outbox, token).push()   # until the server has made everything durable
"""

from collateral_registry.client.channel import open_channel
from collateral_registry.client.movements import Movement
from collateral_registry.client.outbox import Backlog, Outbox, RejectedMovement
from collateral_registry.client.pusher import Pushed, Pusher
from collateral_registry.client.stream import NoAnswer

__all__ = ["Backlog", "Movement", "NoAnswer", "Outbox", "Pushed", "Pusher", "RejectedMovement", "open_channel"]

"""Pushes the stock movements of a partner's warehouse so that none is lost or booked twice.

Movements are first stored in an outbox, which is a local file, and are pushed from there::

    with Outbox(Path("stock.db"), "rotterdam-3") as outbox, open_channel("host:50051") as channel:
        outbox.add(movements)                           # durable when it returns
        result = Pusher(channel, outbox, token).push()  # returns once the server has made everything durable
"""

from collateral_partner.channel import open_channel
from collateral_partner.movements import Movement
from collateral_partner.outbox import Backlog, Outbox, RejectedMovement
from collateral_partner.pusher import Pusher, PushResult
from collateral_partner.stream import NoAnswer

__all__ = ["Backlog", "Movement", "NoAnswer", "Outbox", "PushResult", "Pusher", "RejectedMovement", "open_channel"]

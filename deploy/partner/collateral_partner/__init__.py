"""Reports the stock of a partner's warehouse so that no movement is lost or booked twice.

Movements are first stored in an outbox, which is a local file, and are pushed from there::

    with Outbox(Path("stock.db"), "rotterdam-3") as outbox, open_channel("host:50051") as channel:
        outbox.add(movements)                           # durable when it returns
        result = Pusher(channel, outbox, token).push()  # returns once the server has made everything durable

The command ``collateral-partner`` does this for files. Names are imported on first access, so that the command starts
fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collateral_partner.channel import open_channel
    from collateral_partner.movements import Movement
    from collateral_partner.outbox import Backlog, Outbox, RejectedItem
    from collateral_partner.pusher import OtherBook, Pusher, PushResult, ServerBehind
    from collateral_partner.stream import NoAnswer

__all__ = [
    "Backlog",
    "Movement",
    "NoAnswer",
    "OtherBook",
    "Outbox",
    "PushResult",
    "Pusher",
    "RejectedItem",
    "ServerBehind",
    "open_channel",
]

_MODULES = {
    "Backlog": "outbox",
    "Movement": "movements",
    "NoAnswer": "stream",
    "OtherBook": "pusher",
    "Outbox": "outbox",
    "PushResult": "pusher",
    "Pusher": "pusher",
    "RejectedItem": "outbox",
    "ServerBehind": "pusher",
    "open_channel": "channel",
}


def __getattr__(name: str) -> object:
    """Imports a name on first access; raises AttributeError for names outside ``__all__``."""
    if name in _MODULES:
        return getattr(import_module(f"collateral_partner.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

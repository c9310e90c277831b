"""Slows down callers that present wrong credentials, and bounds the lines that they cause in the log."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote

from collateral_registry.domain.shared.errors import LimitReached
from collateral_registry.logs import CALL, logger
from collateral_registry.rpc.limits.buckets import CALLERS_LIMIT, TokenBuckets
from collateral_registry.rpc.limits.callers import CallerKey

GUESSES_AT_ONCE = 20
GUESSES_PER_SECOND = 0.5
"""Wrong credentials of a host that are examined at once, and in the long run."""

LOGGED_SECONDS = 60.0
"""Interval of the log lines about a host whose credentials are not examined."""

NETWORK_BITS = 64
"""Addresses of IPv6 with the same first bits are one host, because one caller may have all of them."""

LOG = logger("access")


class Guesses:
    """The wrong credentials of each host. Of 10,000 hosts and more, those of the longest ago are forgotten."""

    def __init__(self) -> None:
        self._buckets = TokenBuckets(GUESSES_PER_SECOND, GUESSES_AT_ONCE)
        self._refused: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return max(len(self._buckets), len(self._refused))

    def check(self, kind: str, caller: CallerKey, now: float) -> None:
        """Raises LimitReached if the host of a caller has presented too many wrong credentials of a kind."""
        host = host_of(caller)
        seconds = self._buckets.wait_of(CallerKey(kind, host), 1, now)
        if not seconds:
            return
        self._note(host, now)
        raise LimitReached(
            "TOO_MANY_WRONG_CREDENTIALS",
            f"authorization: got too many wrong credentials from {host}; correct them, and try again after "
            f"{seconds:.1f} s",
            seconds,
        )

    def add(self, kind: str, caller: CallerKey, now: float) -> None:
        """Counts a wrong credential of a kind."""
        self._buckets.charge(CallerKey(kind, host_of(caller)), 1, now)

    def _note(self, host: str, now: float) -> None:
        """Logs the calls that are refused without examining them, once in an interval, in place of their own lines."""
        call = CALL.get()
        if call is not None:
            call.is_logged = False
        logged, count = self._refused.pop(host, (-LOGGED_SECONDS, 0))
        count += 1
        if now - logged >= LOGGED_SECONDS:
            LOG.warning("calls with wrong credentials are refused without examining them", host=host, calls=count)
            logged, count = now, 0
        self._refused[host] = (logged, count)
        if len(self._refused) > CALLERS_LIMIT:
            self._refused.popitem(last=False)


def host_of(caller: CallerKey) -> str:
    """Returns the address of a caller without its port; of IPv6 the network; the name if it is no address."""
    name = unquote(caller.name.removeprefix("ipv4:").removeprefix("ipv6:"))
    host = name.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return name
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)  # of a socket for both versions; all of them have one prefix
    if isinstance(address, IPv6Address) and not address.is_loopback:
        return f"{IPv6Address(int(address) >> NETWORK_BITS << NETWORK_BITS)}/{NETWORK_BITS}"
    return str(address)

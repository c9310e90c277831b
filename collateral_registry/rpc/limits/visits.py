"""A call from its admission to its end."""

from __future__ import annotations

import asyncio
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from collateral_registry.domain.shared.errors import DomainError, Overdue

if TYPE_CHECKING:
    from collateral_registry.rpc.limits.callers import CallerKey
    from collateral_registry.rpc.limits.methods import Method
    from collateral_registry.rpc.limits.places import Places


class Visit:
    """A call that has a place, which it gives back when the block ends.

    ``due`` is the monotonic time when the call is ended, and ``due_setting`` the name of the limit that ends it.
    """

    __slots__ = ("_places", "_task", "bytes", "caller", "due", "due_setting", "ended_by", "method", "started")

    def __init__(self, method: Method, caller: CallerKey, places: Places, message_seconds: float) -> None:
        self.method, self.caller, self._places = method, caller, places
        self.started = monotonic()
        self.bytes = 0
        self.ended_by: DomainError | None = None
        self._task = cast("asyncio.Task[object]", asyncio.current_task())  # a handler runs in a task
        self.await_message(message_seconds)

    def await_message(self, seconds: float) -> None:
        """Sets the time by which the next message must arrive."""
        self.due_setting, self.due = "message_seconds", min(monotonic() + seconds, self.started + self.method.seconds)

    def await_answer(self) -> None:
        """Sets the time by which the call must have been answered."""
        self.due_setting, self.due = self.method.seconds_setting, self.started + self.method.seconds

    def end(self, error: DomainError) -> None:
        """Ends the call with an error."""
        if self.ended_by is None:
            self.ended_by = error
            self._task.cancel()

    def end_overdue(self) -> None:
        """Ends the call because its time is over."""
        if self.due_setting == "message_seconds":
            text = (
                f"message_seconds: got no complete message within {monotonic() - self.started:.1f} s; send it at once"
            )
        else:
            text = (
                f"{self.due_setting}: the call took longer than {self.method.seconds:g} s; ask for less at once, or "
                f"raise the setting"
            )
        self.end(Overdue(text, limit=self.due_setting))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives the place back; raises the error by which the call was ended."""
        self._places.leave(self)
        if self.ended_by is not None and kind is asyncio.CancelledError:
            self._task.uncancel()
            raise self.ended_by from None

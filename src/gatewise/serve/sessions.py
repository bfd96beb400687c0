"""States that the server keeps between requests: begun explicitly, limited in number, and forgotten after a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from .refusal import BUSY, MISSING, RefusedError

Name: TypeAlias = str | int
State = TypeVar("State")


class Sessions(Generic[State]):
    """The states of one model by the names that clients chose, the one that was used longest ago first.

    most: how many there may be. ttl: seconds after its last use that one is kept. clock: seconds.
    """

    def __init__(self, most: int, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._ttl, self._clock = most, ttl, clock
        self._kept: OrderedDict[Name, tuple[float, State]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            self._forget()
            return len(self._kept)

    def begin(self, name: Name, state: State) -> None:
        """Begin one, or one of the same name anew. Raises RefusedError where there are too many."""
        if len(self) >= self._most and name not in self._kept:
            what = f"all {self._most:,} sessions are taken"
            raise RefusedError(BUSY, what, hint="end some, or keep the states yourself: they go in and out")
        self.keep(name, state)

    def state(self, name: Name) -> State:
        """From where it goes on. Raises RefusedError where there is none."""
        with self._lock:
            self._forget()
            if name not in self._kept:
                what = f"there is no session {str(name)[:40]!r}: it has not begun, has ended, or was left too long"
                raise RefusedError(MISSING, what, hint="begin it: sequence_start true in the parameters")
            return self._kept[name][1]

    def keep(self, name: Name, state: State) -> None:
        """From where it goes on next time."""
        with self._lock:
            self._kept[name] = (self._clock() + self._ttl, state)
            self._kept.move_to_end(name)

    def end(self, name: Name) -> bool:
        """Forget it; whether there was one."""
        with self._lock:
            self._forget()
            return self._kept.pop(name, None) is not None

    def _forget(self) -> None:
        """Those that were left too long; the lock is held."""
        now = self._clock()
        while self._kept and next(iter(self._kept.values()))[0] < now:
            self._kept.popitem(last=False)

"""HTTP for strangers: who does not ask, or take the answer, in time is cut off, and who is one too many refused."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

LARGEST_HEAD = 16 << 10
"""Bytes of a request before its body."""
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class PatientProtocol(H11Protocol):
    """uvicorn's, which waits for ever for the rest of a head, and for whoever does not read.

    patience: seconds from the beginning, or from the last answer, in which a whole request has to be there; and from
    an answer on, in which it has to be taken. most: connections.
    """

    def __init__(self, *args: Any, patience: float, most: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._patience, self._most = patience, most
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for its first request, or refuse it."""
        super().connection_made(transport)
        # asyncio does so only for sockets that say they are TCP; else a body waits 40 ms for its head to be received.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wait()
        if len(self.connections) > self._most:
            transport.write(_FULL)
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Take what came; whoever speaks no HTTP in the middle of an answer is cut off."""
        if self.transport.is_closing():
            return
        try:
            super().data_received(data)
        except h11.LocalProtocolError:
            self.transport.abort()

    def eof_received(self) -> bool:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """One that has said all it has to say still gets its answer."""
        return self._is_at_work

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    @property
    def _is_at_work(self) -> bool:
        """Whether a whole request is there, and not answered yet."""
        cycle = cast(Any, self.cycle)
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(self._patience, self._overdue)

    def _overdue(self) -> None:
        if self._is_at_work and not self.flow.write_paused:
            self._wait()
        else:
            self.transport.abort()

"""A server on an address of this machine: until a signal ends it, or beside whatever else a program does."""

from __future__ import annotations

import gc
import logging
import math
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from ..errors import InputError, argument
from .limits import Limits
from .patience import LARGEST_HEAD, PatientProtocol

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST = "127.0.0.1"


def run(app: Starlette, *, host: str = HOST, port: int = 8000, began: Callable[[str], None] | None = None) -> None:
    """Answer requests until SIGTERM or SIGINT; those that came in by then are still answered.

    Args:
        app: What `gatewise.serve.application` made.
        host: The address to listen at. Whatever is not of this machine alone lets others in: there are no passwords.
        port: From 0, which takes one that is free, to 65535.
        began: Told the address, such as ``http://127.0.0.1:8000``, once it listens there.

    Raises:
        InputError: Nothing can listen there.
    """
    with _listening(host, port) as listener:
        if began is not None:
            began(_address(listener, host))
        gc.freeze()  # to look through all that was imported takes a tenth of a second, in which nobody is answered
        try:
            _server(app).run([listener])
        finally:
            gc.unfreeze()


@contextmanager
def running(app: Starlette, *, host: str = HOST, port: int = 0) -> Generator[str]:
    """A server in a thread of its own, as long as the block lasts: for notebooks and tests.

    Args:
        app: As for `run`.
        host: As for `run`.
        port: As for `run`.

    Yields:
        Its address, such as ``http://127.0.0.1:40123``.

    Raises:
        InputError: Nothing can listen there.

    Example:
        >>> with running(application(["model.safetensors"])) as address:
        ...     httpx2.get(f"{address}/v2").json()
    """
    with _listening(host, port) as listener:
        server = _server(app)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield _address(listener, host)
        finally:
            server.should_exit = True
            thread.join()


def _server(app: Starlette) -> uvicorn.Server:
    limits: Limits = app.state.limits
    protocol = partial(PatientProtocol, patience=limits.patience, most=limits.connections)
    config = uvicorn.Config(
        app,
        http=cast(Any, protocol),
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_graceful_shutdown=math.ceil(limits.patience),
    )
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # what strangers send is no news
    return uvicorn.Server(config)


def _address(listener: socket.socket, host: str) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises InputError where none can."""
    if not 0 <= port <= 65535:
        raise InputError(f"{argument('port')} is {port}", hint="give a number from 0 to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = f"give another {argument('host')} or {argument('port')}"
        raise InputError(f"nothing can listen at {host}:{port} ({reason})", hint=hint) from error

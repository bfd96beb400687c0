"""``gatewise serve``."""

from __future__ import annotations

import signal
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .app import app
from .command import Command, carry_out
from .options import option

if TYPE_CHECKING:
    from .console import Screen

WHERE, KEPT = "Where it listens", "What it keeps"
_FILES = "Files of models, each FILE or NAME=FILE."
_SWITCH = 5e-4
"""Seconds after which a thread lets another go on: Python's 5 ms are as long as a step may take in all."""


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise serve``. models: files by name."""

    models: dict[str, Path]
    host: str
    port: int
    sessions: int
    ttl: float


def asked(words: list[str], host: str, port: int, sessions: int, ttl: float) -> Request:
    """The request. Raises InputError where two models have one name."""
    models: dict[str, Path] = {}
    for word in words:
        name, _, path = word.partition("=")
        if Path(word).exists() or not path:
            name, path = Path(word).stem, word
        if name in models:
            raise InputError(f"two models are called {name!r}", where=word, hint="name them: NAME=FILE")
        models[name] = Path(path)
    return Request(models, host, port, sessions, ttl)


def check(request: Request) -> None:
    """Raise InputError for a request that cannot be carried out, whatever the files hold."""
    from ..serve import Limits

    Limits(sessions=request.sessions, ttl=request.ttl)


def run(request: Request) -> None:
    """Load the models, say where they are, and answer until a signal ends it. Raises GatewiseError."""
    from ..serve import Limits, application, run
    from ..serve.app import ANY, LOOPBACK
    from ..words import count

    hosts = LOOPBACK if request.host in LOOPBACK else (ANY,)
    limits = Limits(sessions=request.sessions, ttl=request.ttl)
    served = application(request.models, limits=limits, hosts=hosts)
    sys.setswitchinterval(_SWITCH)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a client that leaves ends its connection and not the server
    warnings.simplefilter("ignore")  # strangers could fill a log with warnings of their numbers

    def began(address: str) -> None:
        print(f"{count(len(request.models), 'model')} at {address}: {', '.join(request.models)}", flush=True)

    run(served, host=request.host, port=request.port, began=began)


def present(outcome: None, screen: Screen) -> None:
    """Nothing is left to be told."""


COMMAND = Command(run, present, None, check)


@app.command()
def serve(
    context: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help=_FILES, show_default=False)],
    host: Annotated[
        str, option(WHERE, "ADDRESS", "Default: 127.0.0.1, which only this machine reaches.")
    ] = "127.0.0.1",
    port: Annotated[int, option(WHERE, "N", "Default: 8000; 0 for one that is free.", min=0, max=65535)] = 8000,
    sessions: Annotated[int, option(KEPT, "N", "States of sequences, of each model. Default: 1000.", min=1)] = 1000,
    ttl: Annotated[float, option(KEPT, "SECONDS", "How long after its last step one is kept. Default: 600.")] = 600.0,
) -> None:
    """Answer requests by HTTP with saved models, until it is told to end."""
    carry_out(context, COMMAND, lambda: asked(models, host, port, sessions, ttl))

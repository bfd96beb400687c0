"""``gatewise cache``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from .app import app
from .command import Command, carry_out

if TYPE_CHECKING:
    from ..cache import Cache
    from .console import Screen

_MEBIBYTE = 2**20


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise cache``. clear: whether to remove what is kept."""

    clear: bool


@dataclass(frozen=True)
class Outcome:
    """What is kept, or was until it was cleared."""

    cache: Cache
    cleared: bool


def run(request: Request) -> Outcome:
    """Look, and remove what was asked to be removed."""
    from ..cache import clear, state

    return Outcome(clear() if request.clear else state(), request.clear)


def present(outcome: Outcome, screen: Screen) -> None:
    """Print where it is and how much, or why there is none."""
    from ..words import count

    cache = outcome.cache
    if cache.refusal:
        screen.say(f"No machine code is kept, and every process makes its own: {cache.refusal}.")
        return
    done = "removed from" if outcome.cleared else "kept in"
    screen.line(f"{count(cache.kernels, 'kernel')}, {cache.size / _MEBIBYTE:.1f} MiB, {done} {cache.folder}")


COMMAND = Command(run, present)


@app.command()
def cache(
    context: typer.Context,
    clear: Annotated[bool, typer.Option("--clear", help="Remove it; it is made again when it is needed.")] = False,
) -> None:
    """Say where machine code is kept between runs, and how much of it."""
    carry_out(context, COMMAND, lambda: Request(clear))

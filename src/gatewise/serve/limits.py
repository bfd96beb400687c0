"""What a server lets anybody have of it: sizes, times, and how many at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ..errors import InputError


@dataclass(frozen=True)
class Limits:
    """What one request, and all of them together, may take of a server.

    Args:
        body: Bytes of one request.
        bodies: Bytes of all requests that are read, wait, or are worked on.
        numbers: Numbers in one answer.
        computed: Numbers that a model holds at once for one call: for each step as many as its widest layer.
        steps: Steps of one sequence that goes on from a state.
        text: Characters or tokens of one text that is written.
        connections: Open at once.
        sessions: Sequences whose state the server keeps, of each model.
        ttl: Seconds after its last step that a session is kept.
        patience: Seconds in which a request has to arrive, to be begun with, and an answer to be taken.

    Raises:
        InputError: For a value that is not above 0.
    """

    body: int = 16 << 20
    bodies: int = 128 << 20
    numbers: int = 4_000_000
    computed: int = 64_000_000
    steps: int = 100_000
    text: int = 10_000
    connections: int = 512
    sessions: int = 1000
    ttl: float = 600.0
    patience: float = 30.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            known = (int,) if field.type == "int" else (int, float)
            if type(value) not in known or not 0 < value < math.inf:
                raise InputError(f"the limit {field.name} is {value!r}", hint="give a number above 0")

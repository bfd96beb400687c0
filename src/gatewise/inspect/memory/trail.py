"""Saturation while a network learns."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from torch import nn

from ...errors import InputError
from ..recorded.run import record
from .saturation import Saturation, saturation


class _Training(Protocol):
    """What is read of a trainer."""

    module: nn.Module
    step: int


class SaturationTrail:
    """A callback of a trainer that looks at the gates' saturation on the same input again and again.

    x, hx, lengths, of: as of :func:`gatewise.record`. every: how many updates lie between two looks. seen: (update,
    saturation) in order. The model is looked at in eval mode and left as it was.
    """

    def __init__(self, x: Any, *, every: int = 100, hx: Any = None, lengths: Any = None, of: str = "") -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"every={every!r} is not a number of updates", hint="give 1 to look after each")
        self._given: dict[str, Any] = {"x": x, "hx": hx, "lengths": lengths, "of": of}
        self.every = every
        self.seen: list[tuple[int, Saturation]] = []

    def around_run(self, trainer: _Training) -> Any:
        """Looks once before the first update."""
        if not self.seen:
            self.look(trainer.module, trainer.step)
        return _nothing()

    def after_step(self, trainer: _Training) -> None:
        """Looks where it is time to."""
        if trainer.step % self.every == 0:
            self.look(trainer.module, trainer.step)

    def after_epoch(self, trainer: _Training) -> None:
        """Passes over the data mean nothing to it."""

    def look(self, module: nn.Module, step: int) -> None:
        """Add what there is to see now. step: of how many updates it is the result."""
        with _in_use(module):
            self.seen.append((step, saturation(record(module, **self._given))))

    def picture(self) -> str:
        """The scatter of the last look as SVG, with each unit's way there. Raises InputError before the first."""
        from .scatter import scatter

        if not self.seen:
            raise InputError("nothing has been seen yet", hint="give it to a trainer, or call look(module, step)")
        last = self.seen[-1]
        return scatter(f"Saturation of the gates of {last[1].cell} after {last[0]:,} updates", self.seen)

    def state_dict(self) -> dict[str, Any]:
        """What was seen."""
        return {"seen": [{"step": step, **_plain(each)} for step, each in self.seen]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.seen = []
        for kept in state["seen"]:
            fields = {name: kept[name] for name in ("cell", "left", "right", "steps")}
            self.seen.append((kept["step"], Saturation(**fields)))


def _plain(each: Saturation) -> dict[str, Any]:
    return {"cell": each.cell, "left": dict(each.left), "right": dict(each.right), "steps": each.steps}


@contextmanager
def _nothing() -> Generator[None]:
    yield


@contextmanager
def _in_use(module: nn.Module) -> Generator[None]:
    """The module in eval mode, each part back in its own afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training

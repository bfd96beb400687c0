"""Where batches come from, in what order, and what is checked about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.utils.data import Dataset, default_collate

from ..errors import InputError

State = dict[str, Any]


class Source(Protocol):
    """An endless stream of batches.

    epoch: whole passes over the data that `next_batch` has completed. A batch may be anything that the loss takes;
    where it has a number ``rate``, the learning rate of its update is multiplied by it.
    """

    @property
    def epoch(self) -> int:
        """Whole passes done."""
        ...

    def next_batch(self) -> Any:
        """The next batch."""
        ...

    def state_dict(self) -> State:
        """The position."""
        ...

    def load_state_dict(self, state: State) -> None:
        """Go to a position that `state_dict` gave."""
        ...


class Drawn:
    """Batches drawn at random by a function, for tasks without a data set.

    draw: makes a batch with the generator it is given, and nothing else that is random. per_epoch: batches that count
    as one pass; None if there are no passes.
    """

    def __init__(self, draw: Callable[[torch.Generator], Any], *, seed: int = 0, per_epoch: int | None = None) -> None:
        if per_epoch is not None and per_epoch < 1:
            raise InputError(f"per_epoch must be at least 1, not {per_epoch}")
        self.draw, self.per_epoch = draw, per_epoch
        self.generator = torch.Generator().manual_seed(seed)
        self.count = 0

    @property
    def endless(self) -> bool:
        """Whether there are no passes to count."""
        return self.per_epoch is None

    @property
    def epoch(self) -> int:
        """Whole passes done."""
        return 0 if self.per_epoch is None else self.count // self.per_epoch

    def next_batch(self) -> Any:
        """A new batch."""
        self.count += 1
        return self.draw(self.generator)

    def state_dict(self) -> State:
        """Batches drawn, and the generator."""
        return {"count": self.count, "generator": self.generator.get_state()}

    def load_state_dict(self, state: State) -> None:
        """Go on as after that many batches."""
        self.count = state["count"]
        self.generator.set_state(state["generator"])


def check_parts(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: LRScheduler | None,
    clip: float | None,
    accumulate: int,
) -> None:
    """Raises InputError where the parts do not belong together."""
    owned = {id(parameter) for parameter in module.parameters()}
    updated = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    if not updated <= owned:
        raise InputError(
            f"the optimizer updates {len(updated - owned)} parameters that the module does not have",
            hint="make the optimizer of module.parameters(), after the module has been moved to its device",
        )
    if isinstance(schedule, ReduceLROnPlateau):
        raise InputError("ReduceLROnPlateau needs a validation loss", hint="give it to the callback Plateau")
    if schedule is not None and schedule.optimizer is not optimizer:
        raise InputError("the schedule belongs to another optimizer")
    if clip is not None and not clip > 0:
        raise InputError(f"clip must be greater than 0 or None, not {clip}")
    if accumulate < 1:
        raise InputError(f"accumulate must be at least 1, not {accumulate}")


def check_totals(source: Source, steps: int | None, epochs: int | None) -> None:
    """Raises InputError where a run would have no end."""
    if steps is None and epochs is None:
        raise InputError("say how long to train", hint="trainer.run(steps=...) or trainer.run(epochs=...)")
    if epochs is not None and getattr(source, "endless", False):
        raise InputError("this source has no epochs", hint="give Drawn per_epoch, or train for a number of steps")


def check_state(state: dict[str, Any], parts: set[str]) -> None:
    """Raises InputError where a state is that of a trainer with other parts."""
    for name in sorted({"schedule", "scaler", "average", "loss"} & (state.keys() ^ parts)):
        has, lacks = ("the state", "the trainer") if name in state else ("the trainer", "the state")
        raise InputError(f"{has} has a part {name!r}, and {lacks} has none", where="state")
    missing = sorted((parts | {"step", "last_loss", "smooth_loss", "stopped"}) - state.keys())
    if missing:
        raise InputError(f"{', '.join(missing)} missing", where="state")


class Shuffled:
    """Each sample once per pass, in a new random order each time.

    data: a sequence or map-style dataset of N samples, or a tuple of tensors (N, ...) that share their first axis.
    A batch is ``collate(samples)``, by default `torch.utils.data.default_collate`; of a tuple of tensors without
    ``collate``, it is the tuple with the drawn rows, (batch_size, ...) each. The last batch of a pass is shorter where
    batch_size does not divide N, or left out with drop_last.
    Raises InputError where there is no batch to be had, or where tensors differ in length.
    """

    def __init__(
        self,
        data: Sequence[Any] | Dataset[Any] | tuple[Tensor, ...],
        batch_size: int,
        *,
        collate: Callable[[list[Any]], Any] | None = None,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.take, self.size = _reader(data, collate)
        if batch_size < 1 or self.size < (batch_size if drop_last else 1):
            raise InputError(f"batches of {batch_size} cannot be taken from {self.size} samples")
        self.batch_size = batch_size
        self.end = self.size // batch_size * batch_size if drop_last else self.size
        self.epoch = 0
        self.position = 0
        self.generator = torch.Generator().manual_seed(seed)
        self._shuffle()

    def next_batch(self) -> Any:
        """The next samples of this pass."""
        return self.take(self.next_rows())

    def next_rows(self) -> Tensor:
        """The positions of the next batch's samples in the data, int64."""
        rows = self.order[self.position : min(self.position + self.batch_size, self.end)]
        self.position += len(rows)
        if self.position == self.end:
            self.epoch, self.position = self.epoch + 1, 0
            self._shuffle()
        return rows

    def state_dict(self) -> State:
        """The pass, the place in it, and the generator as it was before it made this pass's order."""
        return {"epoch": self.epoch, "position": self.position, "generator": self.before}

    def load_state_dict(self, state: State) -> None:
        """Go to that place of that pass."""
        self.generator.set_state(state["generator"])
        self._shuffle()
        self.epoch, self.position = state["epoch"], state["position"]

    def _shuffle(self) -> None:
        self.before = self.generator.get_state()
        self.order = torch.randperm(self.size, generator=self.generator)


def _reader(data: Any, collate: Callable[[list[Any]], Any] | None) -> tuple[Callable[[Tensor], Any], int]:
    """What makes a batch of positions, and how many positions there are."""
    if isinstance(data, tuple) and data and all(isinstance(column, Tensor) for column in data):
        lengths = [len(column) for column in data]
        if len(set(lengths)) > 1:
            raise InputError(f"tensors must have as many rows as each other, not {lengths}")
        if collate is None:
            return (lambda rows: tuple(column[rows] for column in data)), lengths[0]
        samples: Any = list(zip(*data, strict=True))
    else:
        samples = data
    gather = collate or default_collate
    return (lambda rows: gather([samples[row] for row in rows.tolist()])), len(samples)

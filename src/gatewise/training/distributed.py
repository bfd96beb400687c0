"""Training in several processes under torchrun."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from ..errors import GatewiseError, InputError
from .sources import Shuffled, Source, State
from .state_codec import flatten, rebuild


class Shards:
    """A source that gives one process's part of each batch.

    source: the same in each process, including its seed. Of `Shuffled`, only the process's samples are read. Batches
    of other sources are made whole and each tensor in them is cut along ``dim`` (`Stretches`: 1); they are a tensor, or
    tensors, numbers and None in a tuple or dict, where only tensors are cut. All parts are equally large, so that the
    mean of the processes' means is the batch's mean. Raises InputError for a batch that cannot be divided so.
    """

    def __init__(self, source: Source, rank: int, size: int, dim: int = 0) -> None:
        self.source, self.rank, self.size, self.dim = source, rank, size, dim

    @property
    def epoch(self) -> int:
        """Whole passes done, by all processes together."""
        return self.source.epoch

    @property
    def endless(self) -> bool:
        """Whether there are no passes to count."""
        return getattr(self.source, "endless", False)

    def next_batch(self) -> Any:
        """This process's part of the next batch."""
        if isinstance(self.source, Shuffled):
            return self.source.take(self._rows(self.source.next_rows(), 0))
        return self._part(self.source.next_batch())

    def state_dict(self) -> State:
        """The position, the same in each process."""
        return self.source.state_dict()

    def load_state_dict(self, state: State) -> None:
        """Go to a position that `state_dict` gave."""
        self.source.load_state_dict(state)

    def _part(self, batch: Any) -> Any:
        if isinstance(batch, Tensor):
            return self._rows(batch, self.dim)
        if isinstance(batch, dict):
            return {name: self._part(entry) for name, entry in batch.items()}
        if isinstance(batch, tuple):
            parts = [self._part(entry) for entry in batch]
            return type(batch)(*parts) if hasattr(batch, "_fields") else tuple(parts)
        if batch is None or isinstance(batch, int | float):
            return batch
        raise InputError(
            f"a {type(batch).__name__} in a batch cannot be divided among processes",
            hint="give tensors, numbers and None in a tuple or dict; or write a source for each process",
        )

    def _rows(self, tensor: Tensor, dim: int) -> Tensor:
        if tensor.shape[dim] % self.size:
            raise InputError(
                f"a batch of {tensor.shape[dim]} cannot be divided evenly among {self.size} processes",
                where=f"axis {dim} of {tuple(tensor.shape)}",
                hint="choose a batch size that is a multiple of the processes, and drop_last=True with Shuffled",
            )
        return tensor.chunk(self.size, dim)[self.rank]


T = TypeVar("T")
PER_PROCESS = ("generators", "loss", "last_loss", "smooth_loss")
"""The parts of a trainer's state that differ between processes: random numbers, carried state, losses of the rows."""


class Group:
    """The processes that train together; this class is a process that trains alone.

    `distributed` gives the right one, so the same script runs alone and under torchrun.

    Args:
        rank: This process's number, from 0.
        size: How many processes there are.
        device: Where this process computes; by default the CPU.
    """

    def __init__(self, rank: int = 0, size: int = 1, device: torch.device | None = None) -> None:
        self.rank, self.size, self.device = rank, size, device or torch.device("cpu")

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module to train: on this process's device, with gradients averaged over all processes.

        Args:
            module: The module, the same in each process.

        Returns:
            The module for `Trainer`.
        """
        return module.to(self.device)

    def share(self, source: Source, dim: int = 0) -> Source:
        """A source of this process's part of each batch.

        Args:
            source: Whole batches, the same in each process, including the seed.
            dim: The axis of the batch in its tensors: 0 for `Shuffled`, 1 for `Stretches`.

        Raises:
            InputError: For a batch that cannot be divided evenly, when it is drawn.
        """
        return Shards(source, self.rank, self.size, dim)

    def average(self, value: float) -> float:
        """The mean of a value over all processes.

        Args:
            value: This process's value.

        Returns:
            The mean, a float.
        """
        values = self._from_all(value)
        return sum(values) / len(values)

    def once(self, work: Callable[[], T]) -> T:
        """Have the first process do some work; all get its result.

        Args:
            work: The function to call.

        Raises:
            GatewiseError: In every other process where the work fails; in the first, its own exception.
        """
        try:
            result = work() if self.rank == 0 else None
        except Exception as error:
            self._from_first((None, f"{type(error).__name__}: {error}"))
            raise
        result, failure = self._from_first((result, ""))
        if failure:
            raise GatewiseError(failure, where="process 0")
        return cast("T", result)

    def gather(self, state: dict[str, Any]) -> dict[str, Any]:
        """A trainer's state with the parts that differ between processes from each of them.

        Args:
            state: What ``Trainer.state_dict`` of this process gave.

        Returns:
            The state of all processes, the same in each.
        """
        common = {name: part for name, part in state.items() if name not in PER_PROCESS}
        private = {name: part for name, part in state.items() if name in PER_PROCESS}
        # Flattened, since that moves every tensor to the CPU.
        return {**common, "processes": [rebuild(*flat) for flat in self._from_all(flatten(private))]}

    def scatter(self, state: dict[str, Any]) -> dict[str, Any]:
        """This process's state out of what `gather` gave.

        Args:
            state: The state of all processes.

        Returns:
            A state for ``Trainer.load_state_dict``.

        Raises:
            InputError: It was gathered from another number of processes.
        """
        common = {name: part for name, part in state.items() if name != "processes"}
        private = state["processes"]
        if len(private) != self.size:
            raise InputError(
                f"this state is of a training with {len(private)} processes, and there are {self.size}",
                hint="start as many processes as before",
            )
        return {**common, **private[self.rank]}

    def _from_all(self, value: T) -> list[T]:
        """The value of each process, by rank."""
        return [value]

    def _from_first(self, value: T) -> T:
        """The first process's value."""
        return value


@contextmanager
def distributed() -> Generator[Group]:
    """A block with the group of processes that torchrun started, or with this process alone without torchrun.

    Each process has its own GPU where there are any (NCCL), else the CPU (gloo). The group ends with the block.

    Yields:
        The `Group` of this process.

    Example:
        >>> with distributed() as group:
        ...     module = group.wrap(module)
        ...     trainer = Trainer(module, loss, group.share(source), optimizer)
    """
    device = _device()
    if not (dist.is_available() and dist.is_torchelastic_launched()):
        yield Group(device=device)
        return
    # Checkpoints are collected on the CPU, wherever the weights are.
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size(), device)
    finally:
        gc.collect()  # replicas refer to the group, whose threads must not outlive the interpreter
        dist.destroy_process_group()


class Processes(Group):
    """Several processes that train one module, each with its rows of every batch."""

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module in torch's DistributedDataParallel, which averages gradients while they are computed."""
        return _Replica(module.to(self.device), device_ids=[self.device] if self.device.type == "cuda" else None)

    def _from_all(self, value: T) -> list[T]:
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def _from_first(self, value: T) -> T:
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]


class _Replica(DistributedDataParallel):
    """DistributedDataParallel with the state of the module inside: names do not depend on how it was trained."""

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return self.module.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        return self.module.load_state_dict(state_dict, *args, **kwargs)


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device

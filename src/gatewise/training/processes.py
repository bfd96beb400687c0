"""The same script in several processes: torchrun starts them, torch's DistributedDataParallel joins them."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from .group import Group

T = TypeVar("T")


@contextmanager
def distributed() -> Generator[Group]:
    """The group of processes that torchrun started; of a script that was started plainly, itself alone.

    Each process has a GPU of its own where there are any (NCCL), else the CPU (gloo). The group ends with the block.
    """
    device = _own_device()
    if not (dist.is_available() and dist.is_torchelastic_launched()):
        yield Group(device=device)
        return
    # Checkpoints are collected on the CPU whatever the weights are on.
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size(), device)
    finally:
        gc.collect()  # replicas hold on to the group, whose threads must not outlive the interpreter
        dist.destroy_process_group()


class Processes(Group):
    """Several processes that train one module, each with its rows of every batch."""

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module in torch's DistributedDataParallel, which takes the gradients' mean as they come."""
        return _Replica(module.to(self.device), device_ids=[self.device] if self.device.type == "cuda" else None)

    def _everybodys(self, value: T) -> list[T]:
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def _of_first(self, value: T) -> T:
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]


class _Replica(DistributedDataParallel):
    """Its state is that of the module inside, whose names do not tell how it was trained."""

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return self.module.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        return self.module.load_state_dict(state_dict, *args, **kwargs)


def _own_device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device

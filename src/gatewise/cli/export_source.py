"""What ``gatewise export`` takes: the chain in a model's file, and inputs like those it will see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import located
from ..models.kind import Kind
from ..models.registry import kind_of
from ..nn.chain import Chain
from ..tables.options import ReadOptions


@dataclass(frozen=True)
class Source:
    """chain: what is exported. kind, model: what it was made of."""

    chain: Chain
    kind: Kind
    model: Any

    def read(self, data: Path, options: ReadOptions, label: str) -> list[Tensor]:
        """Sequences (T, I) out of a file of the kind that such a model reads."""
        with located(data):
            return self.kind.steps(self.model, self.kind.read(data, options, label=label))


def source_of(path: Path) -> Source:
    """The model in this file. Raises ModelFileError or InputError for one that cannot go step by step, by name."""
    kind = kind_of(path, "chain")
    model = kind.load(path)
    with located(path):
        return Source(kind.chain(model), kind, model)

"""A record as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from .record import LayerRecord, columns

if TYPE_CHECKING:
    import pandas as pd

    from .record import Record

INDEX = ("layer", "direction", "batch", "time", "unit")


def frame_of(record: Record) -> pd.DataFrame:
    """A column for each gate, state and value; steps beyond a sequence's end have no row."""
    import pandas as pd

    return pd.concat([_one(layer, direction, found) for layer, direction, found in record.layers()])


def _one(layer: int, direction: int, found: LayerRecord) -> pd.DataFrame:
    import pandas as pd

    kept = columns(found)
    steps, batch, units = next(iter(kept.values())).shape
    names = [[layer], [direction], range(batch), range(steps), range(units)]
    index = pd.MultiIndex.from_product(names, names=list(INDEX))
    table = pd.DataFrame({name: _flat(one) for name, one in kept.items() if one.shape[2] == units}, index=index)
    inside = torch.arange(steps) < found.lengths.unsqueeze(1)
    return table.loc[inside.flatten().repeat_interleave(units).numpy()]


def _flat(kept: torch.Tensor) -> Any:
    return kept.transpose(0, 1).reshape(-1).numpy(force=True)

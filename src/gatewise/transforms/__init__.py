"""Cells from cells: each function takes any cell and gives another, which every driver runs like the first.

They compose: ``zoneout(layer_norm(lstm), {"c": 0.5})``.
"""

from .clip import clip_gates as clip_gates
from .clip import clip_memory as clip_memory
from .dropout import candidate_dropout as candidate_dropout
from .dropout import recurrent_dropout as recurrent_dropout
from .h_detach import h_detach as h_detach
from .layer_norm import layer_norm as layer_norm
from .zoneout import zoneout as zoneout

__all__ = [
    "candidate_dropout",
    "clip_gates",
    "clip_memory",
    "h_detach",
    "layer_norm",
    "recurrent_dropout",
    "zoneout",
]

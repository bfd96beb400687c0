"""Training recurrent networks: a small loop that stops where numbers are no longer finite, and resumes bit for bit."""

from __future__ import annotations

from .averaging import Average as Average
from .averaging import ExponentialAverage as ExponentialAverage
from .averaging import MeanAverage as MeanAverage
from .averaging import NonMonotone as NonMonotone
from .checkpoint import Checkpointing as Checkpointing
from .distributed import Group as Group
from .distributed import distributed as distributed
from .progress import Progress as Progress
from .sources import Drawn as Drawn
from .sources import Shuffled as Shuffled
from .sources import Source as Source
from .stability import DivergedError as DivergedError
from .tbptt import Carried as Carried
from .tbptt import Stretch as Stretch
from .tbptt import Stretches as Stretches
from .trainer import Callback as Callback
from .trainer import Trained as Trained
from .trainer import Trainer as Trainer
from .validation import EarlyStopping as EarlyStopping
from .validation import Plateau as Plateau
from .validation import Validation as Validation

__all__ = [
    "Average",
    "Callback",
    "Carried",
    "Checkpointing",
    "DivergedError",
    "Drawn",
    "EarlyStopping",
    "ExponentialAverage",
    "Group",
    "MeanAverage",
    "NonMonotone",
    "Plateau",
    "Progress",
    "Shuffled",
    "Source",
    "Stretch",
    "Stretches",
    "Trained",
    "Trainer",
    "Validation",
    "distributed",
]

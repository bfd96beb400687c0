"""What models are asked in plain JSON: a file each, and a row in this table for every kind of model that answers."""

from __future__ import annotations

from . import classify, detect, forecast, generate, regress
from .task import Means as Means
from .task import Task as Task

TASKS: dict[str, Task] = {
    "forecaster": forecast.TASK,
    "sequence classifier": classify.TASK,
    "sequence regressor": regress.TASK,
    "language model": generate.TASK,
    "detector": detect.TASK,
}
"""By the noun of a kind of file, see `gatewise.models.registry`."""

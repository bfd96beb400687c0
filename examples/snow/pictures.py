"""The two pictures of docs/guides/read-a-memory.md."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#888888"
mpl.rcParams |= {"svg.hashsalt": "gatewise", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}


def draw_memory(path: str | Path, dates: pd.DatetimeIndex, memory: Tensor, snow: Tensor, unit: int) -> None:
    """One unit's memory over time, and below it the snow that there should be."""
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    _line(above, dates, memory, BLUE, f"memory of unit {unit}")
    _line(below, dates, snow, GREY, "snow, by degree-days")
    below.fill_between(dates, snow.numpy(), color=GREY, alpha=0.3, linewidth=0)
    _save(figure, path)


def draw_writers(path: str | Path, dates: pd.DatetimeIndex, parts: Tensor, degrees: Tensor) -> None:
    """How much of a flood each day wrote, frost set apart from thaw."""
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    axes = figure.subplots()
    frost = (degrees < 0).numpy()
    for days, colour, label in ((frost, BLUE, "below freezing"), (~frost, ORANGE, "above freezing")):
        axes.bar(dates[days], parts.numpy()[days], width=1.0, color=colour, label=label)
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_ylabel("mm a day, left at the peak")
    axes.legend(frameon=False, loc="upper left")
    _clean(axes)
    _save(figure, path)


def _line(axes: Axes, dates: pd.DatetimeIndex, values: Tensor, colour: str, label: str) -> None:
    axes.plot(dates, values.numpy(), color=colour, linewidth=1.2)
    axes.set_title(label, loc="left", fontsize=9)
    _clean(axes)


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0)


def _save(figure: Figure, path: str | Path) -> None:
    figure.savefig(path, format="svg", facecolor="white", metadata={"Date": None})

"""``gatewise demo``: a tour of the other commands, on data that come along."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .app import app
from .command import Command, carry_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..nn.chain import Chain
    from ..progress import OnProgress
    from .console import Screen

FOLDER = Path("gatewise-demo")
WHERE = f"The folder to write to, which must not exist yet. Default: {FOLDER}."
DATA, REPORT, NETWORK, PAGE, SENSOR = (
    *("air_passengers.csv", "report.html", "lstm.safetensors", "inside.html"),
    "sensor.safetensors",
)
_UNITS, _UPDATES, _RATE = 16, 150, 0.02


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise demo``. folder: where its files go."""

    folder: Path


@dataclass(frozen=True)
class Stop:
    """A stop of the tour. about: what is to be seen. words: the command that shows it."""

    about: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """The stops that are left to be shown, and what to look at afterwards."""

    stops: tuple[Stop, ...]
    afterwards: tuple[str, ...]


def check(request: Request) -> None:
    """Raise InputError for a folder that is there already."""
    if request.folder.exists():
        raise InputError("it exists already", where=str(request.folder), hint="name another folder, or remove this one")


def run(request: Request) -> Outcome:
    """Write the data, and a small network that was trained on them. Raises OSError where that cannot be written."""
    from ..progress import progress_bar

    request.folder.mkdir(parents=True)
    data = request.folder / DATA
    data.write_bytes(files(__package__).joinpath(DATA).read_bytes())
    with progress_bar("training a network for a device") as progress:
        _sensor(_readings(data), progress).save(request.folder / SENSOR)
    return Outcome(_stops(request.folder), tuple(str(request.folder / page) for page in (REPORT, PAGE)))


def _stops(folder: Path) -> tuple[Stop, ...]:
    def at(name: str) -> str:
        return str(folder / name)

    return (
        Stop("A cell is one step, written once", ("show", "lstm")),
        Stop(
            "Forecast a table, and judge the forecast",
            ("forecast", at(DATA), "--horizon", "12", "--report", at(REPORT)),
        ),
        Stop(
            "Train an LSTM to look into",
            (
                *("forecast", at(DATA), "--horizon", "12", "--model", "lstm"),
                *("--budget", "10s", "--backtest", "0", "--save", at(NETWORK)),
            ),
        ),
        Stop("What it remembers, in sums that are checked", ("inspect", at(NETWORK), at(DATA), "--report", at(PAGE))),
        Stop(
            "A network as one file of C", ("export", at(SENSOR), "--to", "c", "--name", "sensor", "--out", str(folder))
        ),
    )


def _readings(data: Path) -> NDArray:
    import numpy as np

    return np.log(np.loadtxt(data, delimiter=",", skiprows=1, usecols=1))


def _sensor(readings: NDArray, progress: OnProgress | None) -> Chain:
    """A network that reads one value after the other, (T,), and says by how much the next will differ."""
    import torch
    from torch import nn

    from ..nn import LSTM, Chain

    torch.manual_seed(0)
    changes = torch.tensor(readings).float().diff()[:, None]
    model = Chain(LSTM(1, _UNITS), nn.Linear(_UNITS, 1))
    optimizer = torch.optim.Adam(model.parameters(), _RATE)
    for update in range(_UPDATES):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(changes[:-1])[0], changes[1:]).backward()
        optimizer.step()
        if progress:
            progress((update + 1) / _UPDATES, "training a network for a device")
    return model.eval()


def present(outcome: Outcome, screen: Screen) -> None:
    """Run the commands as a user would, each below its own words."""
    for stop in outcome.stops:
        screen.head(stop.about)
        screen.line(f"$ {shlex.join(['gatewise', *stop.words])}")
        screen.say()
        if code := app(list(stop.words), prog_name="gatewise", obj=list(stop.words), standalone_mode=False):
            raise typer.Exit(code)
    screen.head("Open in a browser")
    for path in outcome.afterwards:
        screen.line(path)


COMMAND = Command(run, present, None, check)


@app.command()
def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help=WHERE, show_default=False)] = FOLDER,
) -> None:
    """Show in a minute what the other commands do, on data that come along."""
    carry_out(context, COMMAND, lambda: Request(folder))

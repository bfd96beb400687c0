"""The forecaster's network and one window, to look into."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError, argument
from ...inspect.page.chart import Chart, PredictionInterval
from ...inspect.subject import Credit, Prediction, Subject
from ...tables.panel import Floats, Panel
from ...words import few, number, stamps
from .evaluation.floor import floored, floors
from .network.ensemble import Ensemble
from .network.lstm_model import LSTMModel
from .network.network import PatchLSTM
from .network.scaling import Space
from .network.windows import Store, Windows
from .results import Quantiles, central_levels


class OneInput(nn.Module):
    """The network, called with (1, 2 * look_back + FEATURES): past, which of it was observed, and features."""

    def __init__(self, network: PatchLSTM, look_back: int) -> None:
        super().__init__()
        self.network, self.look_back = network, look_back

    def forward(self, x: Tensor) -> Tensor:
        """Normalised quantiles (1, horizon, Q)."""
        past, seen, about = x.split((self.look_back, self.look_back, x.shape[1] - 2 * self.look_back), dim=1)
        return self.network(past, seen.relu(), about)  # of what was seen nothing is negative: it is a gate


class Opened(NamedTuple):
    """number: which of the members it is. module, x: it, and what it reads. level, spread: of the window, in working
    space. median: (horizon,) float64, its own medians in working space."""

    number: int
    module: OneInput
    x: Tensor
    level: float
    spread: float
    median: Tensor


@torch.no_grad()
def opened(ensemble: Ensemble, window: Windows) -> Opened:
    """The member nearest to the forecast of all. window: of one series."""
    number = ensemble.nearest(window)
    scale, past, about = ensemble.normalised(window)
    x = torch.cat((past, window.seen.to(past.dtype), about), dim=1)
    module = OneInput(ensemble.members[number], past.shape[1]).eval()
    median = scale.undo(module(x).double())[0, :, ensemble.levels.index(0.5)]
    return Opened(number, module, x, float(scale.level), float(scale.spread), median)


_MOST = 48  # steps ahead that are explained; of more, some in even distances
_UNSEEN = "before the data"


def subject_of(model: object, panel: Panel, series: str | None = None, step: int | None = None) -> Subject:
    """The network of a fitted model that is nearest to its forecast of one series.

    series: its id, by default the first. step: the step ahead, counted from 1, that is looked at first. A step of the
    recurrent layer is a patch of the past, named by the times that it covers.
    Raises InputError for a model without memory, and for a series or step that does not exist.
    """
    panel = panel.select([_row(panel, series)])
    return _Window(check_memory(model), panel, step).subject()


def check_memory(model: object, where: str = "") -> LSTMModel:
    """The model. Raises InputError where none can be looked into, or none that a window holds."""
    if isinstance(model, LSTMModel):
        if model.normalisation == "causal":
            raise InputError(
                "the network carries its memory from before the window, and only windows can be looked into",
                where=where,
                hint="fit one that normalises by window",
            )
        return model
    name = getattr(model, "name", type(model).__name__)
    raise InputError(
        f"the model is {name}, which has no memory that can be looked into",
        where=where,
        hint=f"train one that has: {argument('model', 'lstm')}",
    )


def _row(panel: Panel, series: str | None) -> int:
    if series is None:
        return 0
    if series not in panel.ids:
        raise InputError(f"there is no series {series!r}", hint=f"there is {few(panel.ids, 5)}")
    return panel.ids.index(series)


class _Window:
    """The last window of one series: L observations in steps of P, h steps ahead."""

    def __init__(self, model: LSTMModel, panel: Panel, step: int | None) -> None:
        self.floors = floors(panel)
        self.forecast = floored(model.predict(panel), self.floors)
        ensemble, store = model.ensemble, Store(panel, model.season)
        settings = ensemble.settings
        self.window = store.last(torch.tensor([0]), settings.look_back, model.horizon)
        self.opened: Opened = opened(ensemble, self.window)
        self.panel, self.space, self.patch, self.members = panel, store.spaces[0], settings.patch, settings.members
        self.middle, self.chosen = model.levels.index(0.5), self._chosen(model.horizon, step)
        self.explained = _some(model.horizon, self.chosen)

    def subject(self) -> Subject:
        """The subject."""
        seen, ahead = self._times()
        cells = [f"before the data, {place + 1}" for place in range(self.unseen)] + seen
        places, middle, spread = torch.from_numpy(self.explained), self.middle, self.opened.spread
        return Subject(
            title=self.panel.ids[0],
            model=self.opened.module,
            x=self.opened.x,
            of=lambda output: spread * output[0, places, middle],
            predictions=self._predictions(len(seen), ahead),
            steps=self._steps(seen),
            inputs=tuple(f"{_ordinal(place + 1)} of {self.patch}" for place in range(self.patch)),
            fed=self._fed(),
            explains=_explains(self.space),
            about=self._about(),
            credited=self._credited,
            chart=self._chart(seen, ahead),
            cells=tuple(zip(*[iter(cells)] * self.patch, strict=True)),
            chosen=self.explained.tolist().index(self.chosen),
        )

    @property
    def length(self) -> int:
        """L."""
        return self.window.past.shape[1]

    @property
    def unseen(self) -> int:
        """How many places of the window lie before the series."""
        return int((~self.window.seen).sum())

    def _chosen(self, horizon: int, step: int | None) -> int:
        if step is not None and not 1 <= step <= horizon:
            raise InputError(f"there is no step {step} in the forecast", hint=f"there are 1 to {horizon}")
        return 0 if step is None else step - 1

    def _times(self) -> tuple[list[str], list[str]]:
        """What was observed in the window, and what is forecast."""
        seen = self.panel.times[0][-(self.length - self.unseen) :]
        (ahead,) = self.panel.future(self.forecast.values.shape[1])
        labels = _stamps(np.concatenate((seen, ahead)))
        return labels[: len(seen)], labels[len(seen) :]

    def _steps(self, seen: list[str]) -> tuple[str, ...]:
        times = [_UNSEEN] * self.unseen + seen
        starts = range(0, self.length, self.patch)
        return tuple(_span([time for time in times[at : at + self.patch] if time != _UNSEEN]) for at in starts)

    def _fed(self) -> Tensor:
        """What was observed, in its own units; not a number before the data."""
        values = np.full(self.length, np.nan)
        values[self.unseen :] = self.panel.values[0][-(self.length - self.unseen) :]
        return torch.from_numpy(values).view(-1, self.patch)

    def _predictions(self, seen: int, ahead: list[str]) -> tuple[Prediction, ...]:
        values = self._predicted
        return tuple(Prediction(ahead[at], float(values[at]), self._unit, seen + at) for at in self.explained.tolist())

    @property
    def _predicted(self) -> Floats:
        """The medians of the network that is looked into, in the units of the data, (horizon,)."""
        return np.maximum(self.space.leave(self.opened.median.numpy()), self.floors)

    @property
    def _unit(self) -> str:
        return "" if self.panel.target == "y" else self.panel.target

    def _about(self) -> tuple[tuple[str, str], ...]:
        medians = self._predicted
        (forecast,) = self.forecast.median
        away = np.abs(medians - forecast) / np.maximum(np.abs(forecast), np.finfo(float).tiny)
        level = float(self.space.leave(np.array([self.opened.level]))[0])
        return (
            ("Network", f"{self.opened.number + 1} of {self.members}, the nearest to the forecast of all"),
            ("Away from that", f"{100 * away.max():.2g} % at most"),
            ("Recent level", number(level)),
            ("Explained", _explains(self.space)),
            ("One step", f"{self.patch} observations" if self.patch > 1 else "1 observation"),
        )

    def _credited(self, credit: Tensor) -> Credit:
        """Past to steps; what was observed at all, and features of the window, are lines."""
        past, seen, about = (
            part[:, 0] for part in credit.split((self.length, self.length, credit.shape[2] - 2 * self.length), dim=2)
        )
        lines = {"what is observed at all": seen.sum(1), "spread of the window": about.sum(1)}
        return Credit(past.reshape(len(past), -1, self.patch), lines)

    def _chart(self, seen: list[str], ahead: list[str]) -> Chart:
        (median,) = self.forecast.median
        bounds = [
            PredictionInterval(level, *(side[0] for side in self.forecast.interval(level)))
            for level in _levels(self.forecast)
        ]
        observed = self.panel.values[0][-len(seen) :].astype(np.float32)
        name = self._unit or self.panel.ids[0]
        return Chart(name, (*seen, *ahead), observed, median, tuple(bounds), -self.unseen, self.patch)


def _stamps(times: np.ndarray) -> list[str]:
    """Time stamps, as months where they are."""
    if np.issubdtype(times.dtype, np.datetime64) and (times == times.astype("datetime64[M]")).all():
        return np.datetime_as_string(times, unit="M").tolist()
    return stamps(times)


def _levels(forecast: Quantiles) -> tuple[int, ...]:
    return central_levels(forecast.levels)


def _some(horizon: int, chosen: int) -> np.ndarray:
    """The steps ahead that are explained, in order."""
    even = np.linspace(0, horizon - 1, min(horizon, _MOST)).round().astype(int)
    return np.unique([*even, chosen])


def _explains(space: Space) -> str:
    return "log of the forecast over the recent level" if space.log else "the forecast less the recent level"


def _span(times: list[str]) -> str:
    if not times:
        return _UNSEEN
    return times[0] if len(times) == 1 else f"{times[0]} to {times[-1]}"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{ending}"

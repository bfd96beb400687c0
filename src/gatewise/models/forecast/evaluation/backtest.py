"""The contest of models on windows of the past."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ....errors import GatewiseError, InputError
from ....progress import Stages
from ....tables.panel import Panel
from ....words import capital, count, few
from ...arguments import whole
from ..metrics import seasonal_scale
from ..model import Model, Setup
from ..results import SCORED, Backtest, Window, central_levels, quantile_levels
from .contestants import CONTESTANTS, Contestant
from .floor import floored, floors
from .scoring import undefined_scales
from .verdict import Participants, judged

# Of more series than these a random sample is compared, because AutoETS and AutoTheta take seconds a series.
SAMPLE = 100


class TooShortError(InputError):
    """The series have no room for a single window."""


@dataclass
class Contest:
    """The terms of a comparison.

    models: those that take part, by the word a user chooses them with. origins: how many steps before the end each
    window begins, falling. rows: positions in the panel of the series compared. absent: why a network does not take
    part, one clause each.
    """

    models: dict[str, Model]
    origins: range
    rows: NDArray[np.int64]
    absent: list[str]
    notes: list[str]


def contest(
    panel: Panel, setup: Setup, most: int, contestants: Mapping[str, Contestant], step: int | None = None
) -> Contest:
    """The largest fair comparison the series have room for.

    All models get the same windows and series. As many horizons are held back, up to ``most``, as the
    median series has room for; a network for which it has room for none stays out. Windows begin every ``step`` steps
    there, by default a horizon. Raises TooShortError where no model has room.
    """
    most = whole("windows", most)
    step = setup.horizon if step is None else whole("step", step, most=setup.horizon)
    models = {word: contestant.make(setup) for word, contestant in contestants.items()}
    history = {word: contestants[word].history(model, setup) for word, model in models.items()}
    room = {word: _room(panel, setup.horizon, needed) for word, needed in history.items()}
    absent = [
        f"The series are too short for {contestants[word].called} (the median has {_median(panel):,} observations, "
        f"a window of {setup.horizon:,} and {history[word]:,} before it are needed)"
        for word in models
        if contestants[word].learns and not room[word]
    ]
    models = {word: model for word, model in models.items() if room[word] or not contestants[word].learns}
    windows = min([most, *(room[word] for word in models)]) if models else 0
    if windows < 1:
        raise _too_short(panel, setup, min(history.values()))
    rows = _long_enough(panel, windows * setup.horizon + max(history[word] for word in models))
    notes = _notes(panel, rows, most, windows, setup.horizon)
    if len(rows) > SAMPLE and any(contestants[word].costly for word in models):
        notes.append(_sampled(len(rows), [contestants[word] for word in models], setup.seed))
        rows = np.sort(np.random.default_rng(setup.seed).choice(rows, SAMPLE, replace=False))
    return Contest(models, range(windows * setup.horizon, setup.horizon - 1, -step), rows, absent, notes)


def _median(panel: Panel) -> int:
    return int(np.median(panel.lengths))


def _room(panel: Panel, horizon: int, history: int) -> int:
    """Windows that the median series has room for."""
    return max((_median(panel) - history) // horizon, 0)


def _long_enough(panel: Panel, length: int) -> NDArray[np.int64]:
    return np.flatnonzero(panel.lengths >= length)


def _too_short(panel: Panel, setup: Setup, history: int) -> TooShortError:
    return TooShortError(
        f"the series are too short to compare models on: the median has {_median(panel):,} observations, "
        f"a window of {setup.horizon:,} and {history:,} before it are needed",
        hint="shorten the horizon, or choose a model yourself",
    )


def _notes(panel: Panel, rows: NDArray[np.int64], most: int, windows: int, horizon: int) -> list[str]:
    notes: list[str] = []
    if windows < most:
        notes.append(f"{count(windows, 'window')} instead of {most}: the series have no room for more.")
    if left := sorted(set(range(len(panel))) - set(rows.tolist())):
        notes.append(
            f"{len(left):,} of {count(len(panel), 'series', 'series')} are too short for "
            f"{count(windows, 'window')} of {count(horizon, 'step')} and were not compared "
            f"({few([panel.ids[row] for row in left])})."
        )
    return notes


def _sampled(many: int, contestants: list[Contestant], seed: int) -> str:
    costly = " and ".join(contestant.name for contestant in contestants if contestant.costly)
    networks = "".join(
        f"; {contestant.called} learned from all series" for contestant in contestants if contestant.learns
    )
    return (
        f"{costly} ran on {SAMPLE} of {many:,} series, drawn at random (seed {seed}): "
        f"all models are compared on these{networks}."
    )


# Shares of the waiting time, for progress only.
FITTING, COSTLY, QUICK = 20, 5, 1


def compare(
    panel: Panel,
    setup: Setup,
    *,
    windows: int = 3,
    step: int | None = None,
    chosen: str | None = None,
    contestants: Mapping[str, Contestant] = CONTESTANTS,
) -> Backtest:
    """Let every contestant forecast the last ``windows * setup.horizon`` observations of each series.

    The cutoffs lie ``step`` steps apart, by default ``setup.horizon``, counted from each series' own end. What was
    filled in is never scored, and each history is filled from its own past. A network is fitted
    once, to what lies before the first cutoff, and then forecasts every window from the observations before
    that window; a baseline is fitted again in each. chosen: the word of the model whose forecast the reader
    gets; None for that of the model chosen by it. Raises TooShortError where the series have no room for a window.
    """
    stages = Stages(setup.progress)
    told = replace(setup, levels=quantile_levels((*central_levels(setup.levels), *SCORED)), progress=stages)
    terms = contest(panel, told, windows, contestants, step)
    run = RunningContest(terms, setup, contestants, stages)
    run.fit(panel)
    outcome = run.windows(panel)
    participants = Participants(
        run.seconds,
        networks=tuple(model.name for word, model in terms.models.items() if contestants[word].learns),
        absent="; ".join(terms.absent),
        asked=contestants[chosen].name if chosen else None,
    )
    backtest = judged(setup, outcome, abs(terms.origins.step), participants)
    return replace(backtest, notes=(*terms.notes, *run.notes(outcome), *undefined_scales(panel, outcome)))


@dataclass
class RunningContest:
    """A contest being held. seconds: wall time of each model so far, by name."""

    terms: Contest
    setup: Setup
    contestants: Mapping[str, Contestant]
    stages: Stages
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def held_back(self) -> int:
        """Observations at the end of each series that no model is fitted to before it has forecast them."""
        return self.terms.origins.start

    def fit(self, panel: Panel) -> None:
        """Fit every model to what lies before the first cutoff; a network whose training fails stays out."""
        shares = [self._share(word) for word in self.terms.models]
        networks = [word for word in self.terms.models if self.contestants[word].learns]
        self.stages.total = FITTING * len(networks) + len(self.terms.origins) * sum(shares)
        training = panel.without_last(self.held_back)
        for word in networks:
            model = self.terms.models[word]
            try:
                with self._clock(model, FITTING):
                    model.fit(training)
            except GatewiseError as error:
                del self.terms.models[word]
                self.terms.absent.append(
                    capital(f"{self.contestants[word].called} could not be trained ({error.what})")
                )

    def windows(self, panel: Panel) -> tuple[Window, ...]:
        """The windows, earliest first."""
        compared = panel.select(self.terms.rows)
        return tuple(self._window(compared, steps) for steps in self.terms.origins)

    def notes(self, outcome: tuple[Window, ...]) -> Iterator[str]:
        """How networks were kept from looking ahead, why one is absent, and the notes of the models."""
        for word in self.terms.models:
            if self.contestants[word].learns:
                yield capital(
                    f"{self.contestants[word].called} was trained once, on all but the last "
                    f"{count(self.held_back, 'observation')} of each series: it learned from no window."
                )
        yield from (f"{reason}." for reason in self.terms.absent)
        yield from dict.fromkeys(
            note for window in outcome for forecast in window.forecasts.values() for note in forecast.notes
        )

    def _window(self, panel: Panel, steps: int) -> Window:
        history = panel.without_last(steps)
        lowest, forecasts = floors(history), {}
        for word, model in self.terms.models.items():
            with self._clock(model, self._share(word)):
                forecasts[model.name] = floored(model.predict(history), lowest)
        return Window(
            series=self.terms.rows,
            cutoffs=tuple(times[-1] for times in history.times),
            actual=np.stack([values[len(values) - steps :][: self.setup.horizon] for values in panel.observed]),
            insample_scale=np.array([seasonal_scale(values, self.setup.season) for values in history.observed]),
            forecasts=forecasts,
            steps_back=steps,
        )

    def _share(self, word: str) -> int:
        return COSTLY if self.contestants[word].costly else QUICK

    @contextmanager
    def _clock(self, model: Model, share: float) -> Generator[None]:
        begun = time.perf_counter()
        with self.stages.stage(share, f"backtest: {model.name}"):
            yield
        self.seconds[model.name] += time.perf_counter() - begun

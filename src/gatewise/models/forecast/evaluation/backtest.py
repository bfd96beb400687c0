"""The contest of models on windows of the past."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ....errors import GatewiseError
from ....progress import Stages
from ....tables.covariates import Role
from ....tables.panel import Panel
from ....words import capital, count
from ..bounds import bounded, floors
from ..metrics import seasonal_scale
from ..model import Model, Setup
from ..results import SCORED, Backtest, Quantiles, Window, central_levels, quantile_levels
from .contest import Contest, contest
from .contestants import Contestant, field_of
from .design import Design
from .intermittent import intermittent
from .pool import pooled
from .scoring import undefined_scales
from .verdict import Participants, judged
from .worth import Informed, known_ahead

# Shares of the waiting time, for progress only.
FITTING, COSTLY, QUICK = 20, 5, 1


def compare(
    panel: Panel,
    setup: Setup,
    *,
    windows: int | None = None,
    step: int | None = None,
    refit: bool = False,
    chosen: str | None = None,
    contestants: Mapping[str, Contestant] | None = None,
) -> Backtest:
    """Let every contestant forecast the last ``windows * setup.horizon`` observations of each series.

    The cutoffs lie ``step`` steps apart, counted from each series' own end; see `Design` for what is None. What was
    filled in is never scored, and each history is filled from its own past. A network is fitted once, to what lies
    before the first cutoff, and then forecasts every window from the observations before that window, or with
    ``refit`` at each cutoff; a baseline is fitted again in each. chosen: the word of the model whose forecast the
    reader gets; None for that of the model chosen by it. contestants: by default `field_of` the chosen one. Raises
    TooShortError where the series have no room for a window.
    """
    contestants = field_of(chosen, setup) if contestants is None else contestants
    design, stages = Design.of(setup.horizon, windows, step, refit=refit), Stages(setup.progress)
    fits = len(design.origins(design.held_back)) if refit else 1
    levels = quantile_levels((*central_levels(setup.levels), *SCORED))
    told = replace(setup, levels=levels, progress=stages, budget=setup.budget and setup.budget / fits)
    terms = contest(panel, told, design, contestants, chosen)
    run = RunningContest(terms, setup, contestants, stages, refit)
    outcome = run.windows(panel)
    roles = {column.role for column in panel.covariates.columns} if panel.covariates else set[Role | None]()
    participants = Participants(
        run.seconds,
        called={contestant.name: contestant.called for contestant in contestants.values()},
        absent="; ".join(terms.absent),
        asked=contestants[chosen].name if chosen else None,
        informed=Informed(
            panel.covariates.names if panel.covariates else (),
            tuple(model.name for word, model in terms.models.items() if roles.intersection(contestants[word].informed)),
        ),
    )
    backtest = judged(setup, outcome, design.step, participants)
    notes = (*terms.notes, *run.notes(outcome), *undefined_scales(panel, outcome), *known_ahead(panel))
    return replace(backtest, notes=notes)


@dataclass
class RunningContest:
    """A contest being held. seconds: wall time of each model so far, by name."""

    terms: Contest
    setup: Setup
    contestants: Mapping[str, Contestant]
    stages: Stages
    refit: bool = False
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    intermittent: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    @property
    def networks(self) -> list[str]:
        """The words of those that learn."""
        return [word for word in self.terms.models if self.contestants[word].learns]

    def windows(self, panel: Panel) -> tuple[Window, ...]:
        """The windows, earliest first; a network whose training fails stays out of all."""
        shares = sum(self._share(word) for word in self.terms.models)
        fits = len(self.terms.origins) if self.refit else 1
        self.stages.total = FITTING * fits * len(self.networks) + len(self.terms.origins) * shares
        compared = panel.select(self.terms.ends.rows)
        self.intermittent = np.array(intermittent(compared.without_last(self.terms.origins.start)))
        windows: list[Window] = []
        for number, steps in enumerate(self.terms.origins):
            if self.refit or not number:
                self._fit(self.terms.ends.training(panel, steps))
            windows.append(self._window(compared, steps))
        names = {model.name for model in self.terms.models.values()}
        return tuple(replace(window, forecasts=_only(names, window.forecasts)) for window in windows)

    def _fit(self, training: Panel) -> None:
        for word in self.networks:
            model = self.terms.models[word]
            try:
                with self._clock(model, FITTING):
                    model.fit(training)
            except GatewiseError as error:
                del self.terms.models[word]
                self.terms.absent.append(
                    capital(f"{self.contestants[word].called} could not be trained ({error.what})")
                )

    def notes(self, outcome: tuple[Window, ...]) -> Iterator[str]:
        """How networks were kept from looking ahead, why one is absent, and the notes of the models."""
        yield from (capital(self._learned(self.contestants[word].called)) for word in self.networks)
        yield from (f"{reason}." for reason in self.terms.absent)
        yield from dict.fromkeys(
            note for window in outcome for forecast in window.forecasts.values() for note in forecast.notes
        )

    def _learned(self, called: str) -> str:
        held_back = count(self.terms.origins.start, "observation")
        if self.refit:
            return f"{called} was trained again before each window, on what came before it."
        return (
            f"{called} was trained once, on all but the last {held_back} of each series: it learned from no window. "
            f"Its forecast of the future comes from a new one, trained on all data."
        )

    def _window(self, panel: Panel, steps: int) -> Window:
        history = panel.without_last(steps)
        lowest, forecasts = floors(history), {}
        for word, model in self._in_order():
            with self._clock(model, self._share(word)):
                parts = self._parts(word, forecasts)
                made = pooled(parts) if parts else model.predict(history)
                forecasts[model.name] = bounded(made, lowest, self.setup.bounds)
        return Window(
            series=self.terms.ends.rows,
            cutoffs=tuple(times[-1] for times in history.times),
            actual=np.stack([values[len(values) - steps :][: self.setup.horizon] for values in panel.observed]),
            insample_scale=np.array([seasonal_scale(values, self.setup.season) for values in history.observed]),
            forecasts={model.name: forecasts[model.name] for model in self.terms.models.values()},
            steps_back=steps,
            intermittent=self.intermittent,
        )

    def _in_order(self) -> list[tuple[str, Model]]:
        """The models, those made of the others' forecasts last."""
        return sorted(self.terms.models.items(), key=lambda item: self.contestants[item[0]].pools is not None)

    def _parts(self, word: str, forecasts: Mapping[str, Quantiles]) -> list[Quantiles]:
        """The forecasts that those of a pool are made of; none for another model."""
        return [forecasts[self.contestants[one].name] for one in self.terms.members(self.contestants[word], self.setup)]

    def _share(self, word: str) -> int:
        return COSTLY if self.contestants[word].costly else QUICK

    @contextmanager
    def _clock(self, model: Model, share: float) -> Generator[None]:
        begun = time.perf_counter()
        with self.stages.stage(share, f"backtest: {model.name}"):
            yield
        self.seconds[model.name] += time.perf_counter() - begun


def _only(names: set[str], forecasts: Mapping[str, Quantiles]) -> dict[str, Quantiles]:
    return {name: forecast for name, forecast in forecasts.items() if name in names}

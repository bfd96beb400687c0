"""The comparison from sizes to intervals."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from ...equation import Cell
from ...errors import InputError, argument
from ...progress import OnProgress
from ...training.torch_state import exactly_threads
from ...version import version
from ...words import count, listed
from ..arguments import LARGEST_SEED, number, whole
from .bootstrap import Interval, interval, resampled
from .comparison import Comparison
from .contestants import Contestant, Size, contestants
from .footprint import parameters_of, size_of
from .measure import Floats
from .result import FEWEST_ITEMS, Claim, Conditions, Entry, Training, claim_of
from .speed import Speed, measured
from .task import Task
from .training import FIRST_UPDATES, RATES, Cost, Entrant, Limit, Run

MINUTES, SEEDS = 5.0, 3
ALIKE = 0.02
"""By how much the numbers of parameters may differ, as a share."""
_THREADS = 1
_REACH = 0.25
"""How far from the number asked for the common one is looked for, as a share, where widths do not meet there."""
_FEWEST_UPDATES = 20
_SPARE, _LEAST_SPARE = 0.04, 2.0
"""What is kept of the time for intervals, table and page: a share of it, and seconds at least."""
_SLOWER = 1.5
"""By how much answers may take longer than when they were timed."""


def compare(
    task: Task,
    *,
    models: Iterable[str] | None = None,
    cells: Iterable[str | Cell] = (),
    widths: Mapping[str, int] | None = None,
    minutes: float = MINUTES,
    updates: int | None = None,
    seeds: int = SEEDS,
    parameters: int | None = None,
    indifference: float | None = None,
    progress: OnProgress | None = None,
    begun: float | None = None,
) -> Comparison:
    """Compare kinds of models on a task, with as many parameters each, and as much time, on one thread.

    Each model is trained with three learning rates without validation and test, keeps the one with the lowest loss on
    the validation, and is trained with it by every seed on all but the test. All trainings last as long.

    Args:
        task: What `classification`, `regression`, `forecasting` or `translation` made of the data.
        models: ``"lstm"``, ``"gru"``, ``"rnn"`` or any other cell of gatewise by its name, ``"tcn"``, which does not
            translate, ``"transformer"``; each once, and two at least. None for these five.
        cells: Further cells: your own, or words for them as ``gatewise show`` takes them, such as ``"mine.py:cell"``.
        widths: How many numbers each width is that cells name, ``{"context": 24}``, for every cell that has it; as
            many as units where it is not told.
        minutes: What the whole may take.
        updates: In place of time, the updates of every training: the same seed then gives the same scores.
        seeds: Networks of each model that are tested, 3 or more to say anything of chance; at least 1.
        parameters: That each network is to have. Widths are chosen to differ by 2 % at most. None for 20,000; for
            translators for 256 a unit of their vocabularies, and 100,000 at least.
        indifference: The difference of scores that matters to nobody; by default the measure's own.
        progress: Called with the fraction done, 0 to 1, and a few words.
        begun: From when on the minutes are counted, by `time.monotonic`; None for from now.

    Returns:
        A `Comparison`.

    Raises:
        InputError: An argument is out of its range, no widths meet, or the time is too short for the trainings.
    """
    begun = time.monotonic() if begun is None else begun
    field = contestants(models, cells, task.around, widths)
    seeds = whole("seeds", seeds, most=LARGEST_SEED)
    region = task.measure.indifference if indifference is None else number("indifference", indifference, 0, math.inf)
    parameters = task.course.parameters if parameters is None else whole("parameters", parameters)
    with exactly_threads(_THREADS):
        entrants = sized(task, field, parameters)
        report = progress or (lambda done, words: None)
        costs = [_cost(entrant, task, report) for entrant in entrants]
        speeds = [_speed(entrant, task) for entrant in entrants]
        plan = _plan(entrants, costs, seeds, minutes, updates, begun)
        trained = plan.carried_out(task, report)
        entries = _judged(task, trained, speeds, region)
    shared = Conditions(
        parameters,
        RATES,
        seeds,
        plan.limit.seconds,
        updates,
        None if updates else minutes,
        region,
        _THREADS,
        task.course.reading,
        task.course.steps,
    )
    return Comparison(
        task.name,
        task.source,
        task.measure,
        task.about,
        entries,
        shared,
        tuple(_notes(entries, task.items)),
        time.monotonic() - begun,
        version=version(),
        environment=f"torch {torch.__version__}, {count(_THREADS, 'thread')}",
    )


def sized(task: Task, field: Sequence[Contestant], parameters: int) -> list[Entrant]:
    """Every contestant with the size at which all have the same number of parameters, as near as can be to this one.

    Raises InputError where no sizes meet to within ``ALIKE``.
    """
    counts = [_Counts(task, contestant) for contestant in field]
    for wanted in _around(parameters):
        sizes = [one.fit(wanted) for one in counts]
        found = [one(size) for one, size in zip(counts, sizes, strict=True)]
        if max(found) <= (1 + ALIKE) * min(found):
            return [Entrant(one.contestant, size) for one, size in zip(counts, sizes, strict=True)]
    found = [f"{one.contestant.name} {one(one.fit(parameters)):,}" for one in counts]
    raise InputError(
        f"no widths give all models the same number of parameters, {parameters:,} to within {ALIKE:.0%}: the nearest "
        f"are {', '.join(found)}",
        where=argument("parameters"),
        hint="give a larger number",
    )


def _around(parameters: int) -> Iterable[int]:
    """Numbers near this one, the nearest first."""
    steps = np.arange(0, _REACH, ALIKE / 4)
    return [round(parameters * (1 + side * step)) for step in steps for side in ((1, -1) if step else (1,))]


@dataclass
class _Counts:
    """How many parameters a contestant's network has by its size; each is built once, without memory."""

    task: Task
    contestant: Contestant

    def __post_init__(self) -> None:
        self.known: dict[Size, int] = {}

    def fit(self, wanted: int) -> Size:
        """The size whose count is nearest to ``wanted``."""
        return self.contestant.forms[self.task.around].fit(self, wanted)

    def __call__(self, size: Size) -> int:
        if size not in self.known:
            with torch.device("meta"):
                self.known[size] = parameters_of(self.contestant.network(self.task, size))
        return self.known[size]


def _cost(entrant: Entrant, task: Task, report: OnProgress) -> Cost:
    report(0.0, f"timing {entrant.contestant.name}")
    return entrant.cost(task)


def _speed(entrant: Entrant, task: Task) -> Speed:
    network = entrant.network(task, 0).eval()
    parts = task.stepwise(network)
    steps = entrant.contestant.forms[task.around].steps
    return measured(lambda: steps(parts), task.width, task, network)


@dataclass(frozen=True)
class _Trained:
    """An entrant with all its trainings. validation: loss by learning rate. runs: of the seeds."""

    entrant: Entrant
    validation: dict[float, float]
    rate: float
    runs: list[Run]
    scores: Floats


@dataclass(frozen=True)
class _Plan:
    """Who is trained, how often, and how long each time."""

    entrants: Sequence[Entrant]
    seeds: int
    limit: Limit

    def carried_out(self, task: Task, report: OnProgress) -> list[_Trained]:
        """Every training; models take turns, so that a slow minute of the machine is a slow minute of all."""
        total = len(self.entrants) * (len(RATES) + self.seeds)
        done = 0
        losses: list[dict[float, float]] = [{} for _ in self.entrants]
        for rate in RATES:
            for entrant, found in zip(self.entrants, losses, strict=True):
                report(done / total, f"{entrant.contestant.name}, learning rate {rate:g}")
                run = entrant.trained(task, "learn", rate, 0, self.limit)
                found[rate] = math.inf if run.diverged else task.validation(run.network)
                done += 1
        chosen = [min(found, key=lambda rate: _defined(found[rate])) for found in losses]
        runs: list[list[Run]] = [[] for _ in self.entrants]
        for seed in range(self.seeds):
            for entrant, rate, made in zip(self.entrants, chosen, runs, strict=True):
                report(done / total, f"{entrant.contestant.name}, seed {seed}")
                made.append(entrant.trained(task, "all", rate, seed, self.limit))
                done += 1
        return [
            _Trained(entrant, found, rate, made, np.stack([task.scores(run.network) for run in made]))
            for entrant, found, rate, made in zip(self.entrants, losses, chosen, runs, strict=True)
        ]


def _defined(loss: float) -> float:
    return math.inf if math.isnan(loss) else loss


def _plan(
    entrants: Sequence[Entrant], costs: Sequence[Cost], seeds: int, minutes: float, updates: int | None, begun: float
) -> _Plan:
    """As long a training for each as the rest of the time has room for.

    Raises InputError where that is less than `_FEWEST_UPDATES` of the slowest model.
    """
    if updates is not None:
        return _Plan(entrants, seeds, Limit(updates=whole("updates", updates)))
    total = 60 * number("minutes", minutes, 0, math.inf, open_low=True)
    each = len(RATES) + seeds
    beside = _SLOWER * sum(
        len(RATES) * cost.validation + seeds * cost.test + each * 2 * FIRST_UPDATES * cost.update for cost in costs
    )
    spent = time.monotonic() - begun
    room = total - max(_LEAST_SPARE, _SPARE * total) - beside - spent
    trainings = each * len(entrants)
    seconds = room / trainings
    slowest = max(cost.update for cost in costs)
    if seconds < _FEWEST_UPDATES * slowest:
        enough = (total - room + trainings * _FEWEST_UPDATES * slowest) / (1 - _SPARE) / 60
        raise InputError(
            f"{minutes:g} minutes leave {max(seconds, 0):.2f} s for each of {trainings} trainings, and the slowest "
            f"model takes {slowest:.2f} s for an update",
            where=argument("minutes"),
            hint=f"give {math.ceil(10 * enough) / 10:g} or more, or fewer models or seeds",
        )
    return _Plan(entrants, seeds, Limit(seconds=seconds))


def _judged(task: Task, trained: Sequence[_Trained], speeds: Sequence[Speed], region: float) -> tuple[Entry, ...]:
    """Networks, best first, then floors."""
    floors = {floor.name: floor.scores[None] for floor in task.floors()}
    networks = {one.entrant.contestant.name: one.scores for one in trained}
    draws = resampled({**networks, **floors})
    sign = 1 if task.measure.higher else -1
    order = sorted(networks, key=lambda name: -sign * networks[name].mean())
    behind = {name: interval(task.measure.lead(draws[order[0]], draws[name])) for name in draws}
    claim = partial(claim_of, indifference=region, items=task.items)
    known = {one.entrant.contestant.name: (one, speed) for one, speed in zip(trained, speeds, strict=True)}
    entries = [
        _entry(task, *known[name], behind[name], "best" if name == order[0] else claim(behind[name])) for name in order
    ]
    ranked = sorted(floors, key=lambda name: -sign * floors[name].mean())
    return (*entries, *(Entry(name, floors[name], behind[name], claim(behind[name])) for name in ranked))


def _entry(task: Task, trained: _Trained, speed: Speed, behind: Interval, claim: Claim) -> Entry:
    entrant, runs = trained.entrant, trained.runs
    network = runs[0].network
    return Entry(
        entrant.contestant.name,
        trained.scores,
        behind,
        claim,
        size_of(network, task.stepwise(network), task.width, task.longest),
        entrant.contestant.forms[task.around].described(entrant.size),
        Training(
            trained.validation,
            trained.rate,
            tuple(run.seconds for run in runs),
            tuple(run.updates for run in runs),
            sum(run.diverged for run in runs),
        ),
        speed,
    )


def _notes(entries: Iterable[Entry], items: int) -> Iterable[str]:
    """What of the test and the trainings a reader has to know."""
    if items < FEWEST_ITEMS:
        yield f"{count(items, 'test item')} are too few to tell models apart: {FEWEST_ITEMS} are the least"
    trained = {entry.name: entry.training for entry in entries if entry.training is not None}
    for name, training in trained.items():
        if lost := [f"{rate:g}" for rate, loss in training.validation.items() if not math.isfinite(loss)]:
            yield f"with a learning rate of {listed(lost)} {name} left the finite numbers"
        if training.diverged:
            lost = count(training.diverged, "training")
            yield f"{lost} of {name} left the finite numbers, and the weights from before that were tested"
    for word, rate in (("lowest", min(RATES)), ("highest", max(RATES))):
        if names := [name for name, training in trained.items() if training.rate == rate]:
            yield f"the {word} learning rate was the best for {listed(names)}: one beyond might be better"

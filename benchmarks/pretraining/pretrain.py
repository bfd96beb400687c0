"""Trains the forecaster that is in the wheel: a run of so many hours, or some more of one.

    python -m benchmarks pretrain --hours 2 --folder FOLDER             # from the beginning
    python -m benchmarks pretrain --hours 2 --folder FOLDER --resume    # from the newest checkpoint there
    python -m benchmarks pretrain --folder COPY --resume --cool 1500    # to its end, in a copy of that folder
    python -m benchmarks pretrain --folder COPY --export                # averaged weights into the package
    python -m benchmarks pretrain --score                               # the package's, on the validation suite
    python -m benchmarks pretrain --speed                               # their series a second, and what bounds them

Batches are functions of a seed and their number, and checkpoints resume bit for bit. The learning rate rises, and then
falls with the root of the steps, so that a run may go on for as long as it pays. Weights are best after a last piece in
which it falls to nothing: that is learned in a copy of the folder, so that the run itself can still go on. The weights
that forecast are an exponential average. ``log.jsonl`` in the folder tells how it went. What is exported comes with
factors on the reach of its intervals, with which those hold what they say on the validation suite.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from gatewise.models.forecast.pretrained.forward import Forward
from gatewise.models.forecast.pretrained.learning import Network, loss
from gatewise.models.forecast.pretrained.model import forecast
from gatewise.models.forecast.pretrained.network import Sizes
from gatewise.models.forecast.pretrained.weights import FILE, REACH, pretrained
from gatewise.training import Callback, Checkpointing, ExponentialAverage, Trainer

from .calibrate import INTERVALS, Distances, distances, fitted, left_out
from .feed import Batches, Feed, mixture
from .throughput import lines
from .validation import Scores, evaluate, overall, table

FOLDER = Path(__file__).parents[2] / ".cache" / "pretrain"
RATE, WARMUP, FULL = 2e-3, 200, 2000
"""The highest learning rate, after how many steps it is reached, and after how many it falls."""
DECAY = 0.998
TELL, SAVE, VALIDATE = 50, 200, 400
"""Steps between two lines of the log, two checkpoints, and two validations."""


def main(arguments: Sequence[str]) -> None:
    """Train, or export what was trained."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks pretrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--hours", type=float, default=1.0, help="of this run, by the clock")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of checkpoints and the log")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint of the folder")
    parser.add_argument("--cool", type=int, metavar="STEPS", help="end in so many, as the learning rate falls to 0")
    parser.add_argument("--export", action="store_true", help="write the averaged weights into the package")
    parser.add_argument("--score", action="store_true", help="only score the weights in the package")
    parser.add_argument("--speed", action="store_true", help="only time the weights in the package, in one core's time")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if given.score:
        print(table({"Pretrained": scored(pretrained())}))
        return
    if given.speed:
        print(*lines(pretrained()), sep="\n")
        return
    run = trainer(given.seed, given.folder, given.hours)
    checkpoints = next(one for one in run.callbacks.callbacks if isinstance(one, Checkpointing))
    if (given.resume or given.export) and not checkpoints.resume(run):
        sys.exit(f"{given.folder} holds no checkpoint")
    if given.export:
        export(run)
    else:
        train(run, checkpoints, given.cool)


def trainer(seed: int, folder: Path, hours: float) -> Trainer:
    """The run at its beginning."""
    torch.manual_seed(seed)
    network = Network(Sizes())
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
    return Trainer(
        network,
        loss,
        Feed(Batches(mixture(seed))),
        optimizer,
        schedule=torch.optim.lr_scheduler.LambdaLR(optimizer, rate),
        average=WarmAverage(DECAY),
        callbacks=[Checkpointing(folder, SAVE), Log(folder / "log.jsonl"), Clock(hours * 3600)],
        seed=seed,
    )


def rate(step: int) -> float:
    """The learning rate after so many steps, as a fraction of the highest."""
    return min((step + 1) / WARMUP, 1.0, (FULL / (step + 1)) ** 0.5)


def cooling(start: int, steps: int) -> Callable[[int], float]:
    """The learning rate of a run that ends ``steps`` after step ``start``, as a fraction of the highest."""
    return lambda step: rate(step) * min(1.0, max(0.0, (start + steps - step) / steps))


def train(run: Trainer, checkpoints: Checkpointing, cool: int | None = None) -> None:
    """Until its time is over, or it has cooled; what was learned until then is saved."""
    size = sum(parameter.numel() for parameter in run.module.parameters())
    print(f"{size:,} parameters, from step {run.step:,}", flush=True)
    end = sys.maxsize
    if cool:
        end = run.step + cool
        run.schedule = torch.optim.lr_scheduler.LambdaLR(run.optimizer, cooling(run.step, cool), run.step - 1)
    try:
        run.run(steps=end)
    finally:
        checkpoints.save(run)


def averaged(run: Trainer) -> dict[str, Tensor]:
    """The averaged weights by name."""
    with run.averaged():
        return {name: tensor.clone() for name, tensor in run.module.state_dict().items()}


def validated(run: Trainer) -> dict[str, Any]:
    """Errors relative to the seasonal naive's on the sets of the suite, and how much of them 80 % intervals cover."""
    weights = {name: tensor.numpy() for name, tensor in averaged(run).items()}
    scores = scored(Forward(Sizes.of(weights), weights))
    sets = {name: [round(score.relative, 3), round(score.covered)] for name, score in scores.items()}
    return {"validation": round(overall(scores), 4), "sets": sets}


def scored(network: Forward) -> Scores:
    """The scores of a network on the validation suite."""
    return evaluate(lambda one: forecast(network, one.histories, one.season, one.second_season, one.horizon))


def export(run: Trainer) -> None:
    """Write the averaged weights into the package, in half precision, and what stretches their intervals."""
    write({name: tensor.half() for name, tensor in averaged(run).items()}, FILE)
    print(f"{FILE}: step {run.step:,}, {FILE.stat().st_size:,} bytes")


def write(halves: Mapping[str, Tensor], path: Path) -> None:
    """Write weights, and what stretches the intervals that they give."""
    weights = {name: tensor.float().numpy() for name, tensor in halves.items()}
    found = distances(Forward(Sizes.of(weights), weights))
    reach = fitted(found)
    save_file(dict(halves), path, {REACH: json.dumps(reach)})
    _tell(reach, found)


def _tell(reach: Sequence[float], found: Distances) -> None:
    print("intervals stretched, from the innermost outward:", *reach)
    held = left_out(found)[:, INTERVALS.index(80)]
    print(f"with the factors of the other sets, 80 % intervals hold {held.mean():.0f} % ", end="")
    print(f"({held.min():.0f} to {held.max():.0f} % of a set)")


class WarmAverage(ExponentialAverage):
    """An exponential average that forgets the beginning sooner: its decay rises from 0.1 to what is asked for."""

    def __init__(self, decay: float) -> None:
        super().__init__(decay)
        self.decay = decay

    def update(self) -> None:
        """Add the present weights."""
        self.mix = get_ema_multi_avg_fn(min(self.decay, (1 + self.count) / (10 + self.count)))
        super().update()


class Clock(Callback):
    """Ends a run after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.begun = seconds, time.monotonic()

    def after_step(self, trainer: Trainer) -> None:
        if time.monotonic() - self.begun > self.seconds:
            trainer.stop("time")


class Log(Callback):
    """A line of JSON every so often: how far the run is, how fast, and how well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.begun, self.worked = time.monotonic(), time.process_time()
        self.losses: list[float] = []

    def after_step(self, trainer: Trainer) -> None:
        self.losses.append(trainer.last_loss)
        if trainer.step % TELL == 0:
            self._tell(trainer)

    def _tell(self, trainer: Trainer) -> None:
        now, worked = time.monotonic(), time.process_time()
        line: dict[str, Any] = {
            "step": trainer.step,
            "loss": round(sum(self.losses) / len(self.losses), 5),
            "steps_per_minute": round(60 * len(self.losses) / (now - self.begun), 2),
            "steps_per_cpu_minute": round(60 * len(self.losses) / max(worked - self.worked, 1e-9), 2),
        }
        if trainer.step % VALIDATE == 0:
            line |= validated(trainer)
            now, worked = time.monotonic(), time.process_time()
        self.begun, self.worked, self.losses = now, worked, []
        text = json.dumps(line)
        print(text, flush=True)
        with self.path.open("a", encoding="utf-8") as lines:
            lines.write(text + "\n")

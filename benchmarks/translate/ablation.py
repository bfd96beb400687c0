"""What the parts of a translator are worth on Multi30k: attention, cell, vocabulary, averaging, each in the same time.

Every run is judged by the validation set, so that whatever is chosen by the table has not seen test2016. Results are
kept as lines of JSON, with the translations; a run that is there already is not made again, so that the command can be
stopped at any time and goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from .multi30k import pairs
from .paired import Difference, Floats, bleu, differences, statistics
from .result import Plan, learned

FACTORS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "attention": {
        "one head": {},
        "four heads": {"heads": 4},
        "one layer below": {"num_layers": 1},  # Luong's, without feeding back: no layer reads what was attended to
    },
    "cell": {"lstm": {}, "gru": {"cell": "gru"}, "janet": {"cell": "janet"}},
    "vocabulary": {"4,000": {}, "2,000": {"vocabulary_size": 2_000}, "8,000": {"vocabulary_size": 8_000}},
    "weights": {"averaged": {}, "last": {"averaging": 0.0}},
}
BASE = "base"
_SEPARATOR = ", "


@dataclass(frozen=True)
class Run:
    """One line of the file. asked: everything that makes the run what it is. bleu: lowercased."""

    entry: str
    seed: int
    asked: dict[str, Any]
    bleu: float
    details: dict[str, Any]
    translations: list[str]


def entries(crossed: bool) -> dict[str, dict[str, Any]]:
    """Settings by name: the base and each change of it by itself, or all combinations."""
    if not crossed:
        changes = {name: dict(given) for kinds in FACTORS.values() for name, given in kinds.items() if given}
        return {BASE: {}, **changes}
    return {_name(names): _settings(names) for names in product(*FACTORS.values())}


def _name(names: Sequence[str]) -> str:
    changed = [name for name, kinds in zip(names, FACTORS.values(), strict=True) if kinds[name]]
    return _SEPARATOR.join(changed) or BASE


def _settings(names: Sequence[str]) -> dict[str, Any]:
    return {
        key: value for name, kinds in zip(names, FACTORS.values(), strict=True) for key, value in kinds[name].items()
    }


def ablation(
    plan: Plan, seeds: int, direction: str, folder: Path, results: Path, wanted: Mapping[str, Mapping[str, Any]]
) -> Iterator[Run]:
    """All runs, those in the file and those that are missing there; seed by seed, so that every stop leaves a table."""
    known = {_key(run): run for run in kept(results)}
    for seed, (entry, settings) in product(range(seeds), wanted.items()):
        own = {**plan.settings, **settings}
        changed = replace(plan, cell=own.pop("cell", plan.cell), settings=own)
        asked = {"direction": direction, **asdict(changed)}
        run = known.get((entry, seed, json.dumps(asked, sort_keys=True)))
        if run is None:
            run = _run(entry, seed, changed, asked, folder)
            with results.open("a") as file:
                file.write(json.dumps(asdict(run)) + "\n")
        yield run


def kept(results: Path) -> list[Run]:
    """The runs in a file."""
    return [Run(**json.loads(line)) for line in results.read_text().splitlines()] if results.exists() else []


def _key(run: Run) -> tuple[str, int, str]:
    return run.entry, run.seed, json.dumps(run.asked, sort_keys=True)


def _run(entry: str, seed: int, plan: Plan, asked: dict[str, Any], folder: Path) -> Run:
    train, test = (pairs(folder, name, asked["direction"]) for name in ("train", "val"))
    course = learned(plan.translator(seed), train.source, train.target, None)
    translations = course.model.predict(test.source)
    value = float(bleu(statistics(translations, test.target).sum(0)))
    return Run(entry, seed, asked, value, course.details, translations)


def table(runs: Sequence[Run], references: Sequence[str]) -> str:
    """Every entry beside the base: figures as means over seeds, differences with 95 % intervals."""
    by_entry = {name: [run for run in runs if run.entry == name] for name in dict.fromkeys(run.entry for run in runs)}
    systems = {
        name: np.stack([statistics(run.translations, references) for run in own]) for name, own in by_entry.items()
    }
    found = differences(systems, BASE) if BASE in systems else {}
    heading = ("", "million weights", "epochs", "BLEU, lowercased", "seeds", f"against {BASE}, 95 %", "p")
    lines = [_row(name, own, systems[name], found.get(name)) for name, own in by_entry.items()]
    first, *rest = (f"| {' | '.join(cells)} |" for cells in (heading, *lines))
    return "\n".join([first, f"|---|{'---:|' * (len(heading) - 1)}", *rest])


def _row(name: str, runs: Sequence[Run], system: Floats, difference: Difference | None) -> list[str]:
    values = bleu(system.sum(1)).tolist()
    spread = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
    cells = [
        name,
        f"{mean(run.details['parameters'] for run in runs) / 1e6:.1f}",
        f"{mean(run.details['epochs'] for run in runs):.1f}",
        f"{mean(values):.2f}{spread}",
        str(len(runs)),
    ]
    if difference is None:
        return [*cells, "", ""]
    low, high = difference.interval
    return [*cells, f"{difference.value:+.2f} ({low:+.2f} to {high:+.2f})", f"{difference.share:.3f}"]

"""The command line: learn with every seed, print a line for each."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ..machine import description as machine
from . import __doc__ as description
from .ablation import BASE, Run, ablation, entries, table
from .g2p import pronunciations
from .multi30k import DIRECTIONS, FOLDER, pairs, sentences
from .result import Plan, Result

RESULTS = Path("ablation.jsonl")
TASKS = ("multi30k", "g2p", "ablation")


def main(arguments: Sequence[str]) -> None:
    """Every seed, and the mean of all; of an ablation the table."""
    given = _parser().parse_args(arguments)
    plan = Plan(given.budget, given.threads, given.beam, given.cell, dict(given.set))
    print(json.dumps({"task": given.task, **asdict(plan), **machine()}), flush=True)
    if given.task == "ablation":
        _ablation(given, plan)
        return
    results = [_result(given, plan, seed) for seed in range(given.seeds)]
    for name in results[0].figures:
        values = [result.figures[name] for result in results]
        spread = f" +- {stdev(values):.2f}" if len(values) > 1 else ""
        print(f"{name}: {mean(values):.2f}{spread} over {len(values)} seeds")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks translate",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=TASKS)
    parser.add_argument(
        "direction", nargs="?", choices=DIRECTIONS, default=DIRECTIONS[0], help="of multi30k and ablation"
    )
    parser.add_argument("--seeds", type=int, default=1, help="runs, with seeds from 0")
    parser.add_argument("--budget", default="20m", help="time to learn in each run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--cell", default="lstm")
    parser.add_argument(
        "--set", type=setting, action="append", default=[], metavar="NAME=VALUE", help="an argument of Translator"
    )
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of multi30k's files")
    ablations = parser.add_argument_group("ablation")
    ablations.add_argument("--results", type=Path, default=RESULTS, help="file of runs, which are not made again")
    ablations.add_argument("--only", nargs="+", metavar="NAME", help=f"{BASE} and some of: {', '.join(entries(False))}")
    ablations.add_argument("--crossed", action="store_true", help="all combinations, not one change at a time")
    parser.add_argument("--save", type=Path, help="the last run's model")
    return parser


def setting(text: str) -> tuple[str, Any]:
    """``NAME=VALUE``, the value as JSON, or else as text."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _ablation(given: argparse.Namespace, plan: Plan) -> None:
    wanted = entries(given.crossed)
    if given.only:
        wanted = {name: wanted[name] for name in dict.fromkeys((BASE, *given.only))}
    references = pairs(given.data, "val", given.direction).target
    runs: list[Run] = []
    for run in ablation(plan, given.seeds, given.direction, given.data, given.results, wanted):
        runs.append(run)
        print(json.dumps({"entry": run.entry, "seed": run.seed, "BLEU, lowercased": run.bleu}), flush=True)
    print(table(runs, references))


def _result(given: argparse.Namespace, plan: Plan, seed: int) -> Result:
    if given.task == "g2p":
        result = pronunciations(plan, seed, given.save)
    else:
        result = sentences(plan, seed, given.direction, given.data, given.save)
    print(json.dumps(asdict(result)), flush=True)
    return result

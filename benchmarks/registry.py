"""The benchmarks that there are, by name: each a module with ``main(arguments)``, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

# name: (module, what it measures)
BENCHMARKS = {
    "cpu": ("benchmarks.cpu.main", "our kernels and their peers, timed alternately on this processor"),
    "chart": ("benchmarks.chart", "the picture of the README, drawn from the tables that the benchmark cpu wrote"),
    "gpu": ("benchmarks.gpu.main", "kernels for GPUs beside torch.nn, a loop and torch.compile of it, on this card"),
    "programs": ("benchmarks.programs.main", "programs as people write them, with our classes and with torch.nn's"),
    "ulp": ("benchmarks.ulp", "exp, tanh and sigmoid of the CPU kernels over every float32"),
    "pairs": ("benchmarks.pairs", "products in bfloat16 as LLVM's models of processors predict them: nothing is run"),
    "compile": ("benchmarks.compilation", "what it takes to make the machine code of the CPU kernels"),
    "m4": ("benchmarks.m4", "forecasts of the M4 competition's hourly and weekly series"),
    "verdict": ("benchmarks.verdict.main", "what the verdict of a forecast chooses, against what came next"),
    "totals": ("benchmarks.totals", "intervals of totals of a horizon, against what came next"),
    "newcomers": ("benchmarks.newcomers", "series without a history, by those that are described alike"),
    "normalisation": ("benchmarks.normalisation", "what a forecaster that carries its state pays in accuracy"),
    "forecast_update": ("benchmarks.forecast_update", "what one more row costs a forecaster"),
    "conformance": ("benchmarks.conformance.main", "what a memory cell must solve, at published pass lines"),
    "device": (
        "benchmarks.device.main",
        "exported C: Python's numbers, the bound of its functions, its speed",
    ),
    "inspect": ("benchmarks.inspect.main", "looking inside: whether explanations add up, what a record costs"),
    "overfitting": ("benchmarks.overfitting.main", "overfitting on a small set, and what helps against it"),
    "synthetic": ("benchmarks.synthetic.main", "how fast synthetic series are drawn, and a page that shows them"),
    "corpus": ("benchmarks.pretraining.corpus", "real series for the pretrained forecaster, and what was left out"),
    "validation": ("benchmarks.pretraining.validation", "real series that are not held out, and the baselines on them"),
    "pretrain": ("benchmarks.pretraining.pretrain", "the training of the forecaster that is in the wheel"),
    "many": ("benchmarks.many.main", "many series on one machine: time, memory, and what a kill costs"),
    "epf": ("benchmarks.covariates.epf", "day-ahead prices of electricity, beside the models of their benchmark"),
    "covariates": ("benchmarks.covariates.main", "what covariates take off the error of demand and of bicycle hire"),
    "detect": ("benchmarks.detect.main", "anomalies that people have labelled: VUS-PR, and NAB's own score"),
    "serve": ("benchmarks.serve", "the server beside the library: bits, speed, and how long a step takes"),
    "translate": ("benchmarks.translate.main", "translators on Multi30k and on the CMU dictionary, within a time"),
    "classify": ("benchmarks.classify", "labels of public sequences beside the columns that papers print"),
    "compare": ("benchmarks.compare", "kinds of models compared twice: time kept, conditions equal, verdicts the same"),
    "air_passengers": ("benchmarks.air_passengers", "the backtest of the README's example over several seeds"),
}


def runner(name: str) -> Callable[[Sequence[str]], None]:
    """The ``main`` of a benchmark."""
    return import_module(BENCHMARKS[name][0]).main

"""The options that commands share, and the words that options choose from: known without importing what they choose."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, argument

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ..tables.options import CovariateOptions, ReadOptions

READING, MODEL, FORECAST, WRITING = "How the data are read", "The model", "What is forecast", "What is written"
"""Panels of the help."""

MODELS = (
    *("auto", "lstm", "naive", "seasonal_naive", "drift", "croston_sba", "tsb", "adida", "auto_theta", "auto_ets"),
    *("mstl", "auto_arima", "pretrained", "regression", "direct", "pool", "tuned"),
)
NAMES = f"One of {', '.join(MODELS)}. Default: auto."
FILLS = ("none", "linear", "previous", "zero")
FUTURE_FILLS = ("none", "previous", "zero")
DUPLICATES = ("refuse", "mean", "last")
MARKS = (".", ",")
FREQUENCIES = ("h", "D", "B", "W", "MS", "ME", "QS", "YS", "15min")
ENCODINGS = ("utf-8", "latin-1", "utf-16", "cp1252")
VIEWS = ("equations", "program", "llvm", "triton", "diagram")
DETECTORS = ("pretrained", "seasonal_naive")
FORMATS = ("c", "onnx")
PRECISIONS = ("float32", "bfloat16", "float16")
UNITS = ("auto", "subwords", "characters", "words")
DTYPES = ("float32", "int8")
TARGETS = ("generic", "simd", "cortex-m4", "cortex-m55")

Text = str | None
File = Path | None
Completion = Callable[[str], list[str]]


def listed(words: Iterable[str]) -> str:
    """The words in a sentence, the first as the default."""
    first, *others = words
    return ", ".join([f"{first} (default)", *others])


def one_of(words: Iterable[str]) -> Completion:
    """What completes the beginning of one of these words."""
    known = tuple(words)

    def complete(incomplete: str) -> list[str]:
        return [word for word in known if word.startswith(incomplete)]

    return complete


def cell_names(incomplete: str) -> list[str]:
    """The names of cells that begin so: those of the files that they are written in, none of which is imported."""
    from importlib.util import find_spec
    from pkgutil import iter_modules

    spec = find_spec("gatewise.cells")
    places = spec.submodule_search_locations if spec else None
    return sorted(module.name for module in iter_modules(places or []) if module.name.startswith(incomplete))


def option(panel: str, metavar: str | None, words: str, *names: str, choices: Iterable[str] = (), **more: Any) -> Any:
    """An option that the help shows in a panel.

    words: the help. names: what it is called, if not like the argument in Python. choices: words that the shell may
    complete it with.
    """
    more |= {"autocompletion": one_of(choices)} if choices else {}
    return typer.Option(*names, metavar=metavar, help=words, rich_help_panel=panel, show_default=False, **more)


STEPS = "Step between times: h, D, W, MS, 15min, ..."
APART, SORTED = "Column that tells sequences apart.", "Column to sort each sequence by."
DOCUMENT = "Print one JSON document in place of the tables."

Horizon = Annotated[int | None, option(FORECAST, "N", "Steps to forecast; not needed with --load.", min=1)]
Model = Annotated[Text, option(FORECAST, "WORD", NAMES, choices=MODELS)]
Level = Annotated[Text, option(FORECAST, "PERCENTS", "Central intervals. Default: 80,95.")]
Seed = Annotated[int | None, option(FORECAST, "N", "Same seed, same forecast. Default: 0.", min=0)]
Minimum = Annotated[float | None, option(FORECAST, "NUMBER", "No forecast lies below.", "--min")]
Maximum = Annotated[float | None, option(FORECAST, "NUMBER", "No forecast lies above.", "--max")]
Whole = Annotated[bool, option(FORECAST, None, "Whole numbers only.", "--round")]
Load = Annotated[File, option(FORECAST, "FILE", "Forecast with a saved model, training nothing.")]

Json = Annotated[bool, typer.Option("--json", help=DOCUMENT, rich_help_panel=WRITING)]
Time = Annotated[Text, option(READING, "NAME", "Column of times.", "--time-col")]
Target = Annotated[Text, option(READING, "NAME", "Column of values.")]
Frequency = Annotated[Text, option(READING, "ALIAS", STEPS, "--freq", choices=FREQUENCIES)]
Fill = Annotated[str, option(READING, "WORD", f"Into gaps: {listed(FILLS)}.", choices=FILLS)]
Duplicates = Annotated[str, option(READING, "WORD", f"Equal times: {listed(DUPLICATES)}.", choices=DUPLICATES)]
Encoding = Annotated[Text, option(READING, "CODEC", "Such as latin-1.", choices=ENCODINGS)]
Delimiter = Annotated[Text, option(READING, "LETTER", "Between two cells; or tab.")]
Decimal = Annotated[Text, option(READING, "LETTER", "In numbers: . or ,", choices=MARKS)]

Id = Annotated[Text, option(READING, "NAME", "Column that names the series.", "--id-col")]
Season = Annotated[int | None, option(READING, "N", "Steps in one season, 1 for none.", min=1)]
Seasons = Annotated[Text, option(READING, "N,N", "Steps in one season, 1 for none; or in two: 24,168.")]
Skip = Annotated[int | None, option(READING, "N", "Lines above the names of the columns.", min=0)]
Dates = Annotated[Text, option(READING, "WORDS", "What times mean that may mean several things.")]
Missing = Annotated[Text, option(READING, "WORDS", "What else stands for missing values, such as -999; or none.")]
Ignore = Annotated[Text, option(READING, "FROM:TO", "Periods that nothing is learned from, such as 2020-03:2021-05.")]


WIDTHS = "How many numbers a width is that the cell names, such as context=24; with commas between. Default: H."

Widths = Annotated[Text, option(MODEL, "NAME=N", WIDTHS)]


def widths_in(words: str | None) -> dict[str, int] | None:
    """The widths in words such as ``context=24,memory=16``, as `gatewise.nn.Recurrent` takes them; None for none.

    Raises InputError for words that do not say them; whether a cell has such widths is for the cell to say.
    """
    if words is None:
        return None
    widths: dict[str, int] = {}
    for word in words.split(","):
        name, number = (part.strip() for part in word.partition("=")[::2])
        if not name or name in widths or not number.isdecimal():
            hint = "give each once: a name, = and a number, with commas between"
            raise InputError(f"{argument('widths')} is {words!r}", hint=hint)
        widths[name] = int(number)
    return widths


def read_options(context: typer.Context) -> ReadOptions:
    """How a table is read, by those options of the running command that are named like fields of `ReadOptions`.

    Raises InputError for a value that they cannot have.
    """
    from ..tables.options import ReadOptions

    return ReadOptions(**_named_like(ReadOptions, context))


def covariate_options(context: typer.Context) -> CovariateOptions:
    """Which covariates are read, by those options that are named like fields of `CovariateOptions`, see above."""
    from ..tables.options import CovariateOptions

    return CovariateOptions(**_named_like(CovariateOptions, context))


def _named_like(kind: type[DataclassInstance], context: typer.Context) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in context.params.items() if name in names}

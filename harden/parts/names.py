"""Hostile names (ids, labels, features, columns, files, cells, texts) through every command and onto every page."""

from __future__ import annotations

import contextlib
import csv
import os
import random
import tempfile
import warnings
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ..bench import Bench
from ..browser import launched
from ..part import Report
from ..seeds import lstm_forecaster, stepping_chain

NIGHTLY, QUICK = 200, 20

AT_ONCE = 10
"""Names in one table."""
PLAIN = [f"plain {number}" for number in range(AT_ONCE)]
FRAGMENTS = (
    *("</script><script>window.harmed=1</script>", "<img src=x onerror=window.harmed=1>", "'\"><svg onload=alert(1)>"),
    *("<!--<script>", "]]>", "&lt;b&gt;&#34;", "</textarea></title></style>", "<a href=//evil>x</a>", "javascript:x"),
    *("{{7*7}}{% raw %}", "${7*7}`id`$(id)", "%s%n{0}", "\\u003cscript\\u003e", "<iframe srcdoc=x>", "<base href=//x>"),
    *("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "\r=1+1", " =1+1", "\uff1d1+1", "a;=1+1;b", "'=1"),
    *(
        "\x1b]8;;http://evil\x07x\x1b]8;;\x07",
        "\x1b[2J\x1b[31m",
        "\x9b31m",
        "\x7f\x08\x08",
        "\x00",
        "\x85",
        "a\nb",
        "\r",
    ),
    *("\u202egnp.exe", "\u2066x", "\u200f", "a\u2028b\u2029c", "\ufeff", "\U000e0041tag", "\u0301\u0301", "\u00a0"),
    *("[link=http://evil]x[/link]", "[/red]", "[bold red]x", ":skull:", "`frequency`", '`fill="x\\"`', "--help", "-"),
    *("x" * 3000, "\u6771" * 400, "a/../../b", "C:\\x", "*?[", "NaN", "1e5", "2020-01-01", "id", "ds", "y", "label"),
)

Role = Callable[[Bench, Sequence[str], random.Random], None]


def run(seed: int, count: int, *roles: str) -> Report:
    """Send so many names through every command, some of them at once. roles: only as these, by `ROLES`."""
    draw, report = random.Random(seed), Report()
    torch.set_num_threads(1)
    names = hostile_names(draw, count)
    with launched() as browser, tempfile.TemporaryDirectory() as folder, _inside(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bench = Bench(Path(folder), report, browser, {})
        if browser is None and "CI" in os.environ:
            bench.found("there is no browser")
        steps = [ROLES[role] for role in roles or ROLES]
        _through(bench, PLAIN, random.Random(0), steps)
        for start in range(0, count, AT_ONCE):
            bench.where = f"names from {start} on"
            some = names[start : start + AT_ONCE]
            _through(bench, some + PLAIN[len(some) :], draw, steps)
    return report


def hostile_names(draw: random.Random, count: int) -> list[str]:
    """So many names, no two alike, each fragment at first alone."""
    names = dict.fromkeys(FRAGMENTS)
    while len(names) < count:
        names["".join(draw.choice([*FRAGMENTS, "x", " ", "\u00e9"])[:200] for _ in range(draw.randint(2, 4)))] = None
    chosen = list(names)
    draw.shuffle(chosen)
    return chosen[:count]


@contextlib.contextmanager
def _inside(folder: str) -> Generator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _through(bench: Bench, names: Sequence[str], draw: random.Random, steps: Sequence[Role]) -> None:
    """One set of names in some roles."""
    for path in bench.folder.iterdir():
        path.unlink()
    for step in steps:
        step(bench, names, draw)


def _cell(name: str) -> str:
    """As it can stand in a table at all: without what is refused as no text."""
    return name.replace("\x00", "").encode("utf-8", "ignore").decode() or "none"


def _table(bench: Bench, name: str, rows: Sequence[Sequence[object]]) -> str:
    with (bench.folder / name).open("w", newline="", encoding="utf-8", errors="ignore") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    return name


def _day(number: int) -> str:
    return f"2020-{1 + number // 28:02}-{1 + number % 28:02}"


def _forecasts(bench: Bench, names: Sequence[str], draw: random.Random) -> None:
    """As ids, and as names of columns."""
    ids = list(dict.fromkeys(map(_cell, names)))
    rows = [(name, _day(day), day % 5 + at) for at, name in enumerate(ids) for day in range(12)]
    head = [_cell(name) for name in draw.sample(list(names), 3)]
    if len({name.strip() for name in head}) < 3 or not all(map(str.strip, head)):
        head = ["unique_id", "ds", "y"]
    data = _table(bench, "ids.csv", [head, *rows])
    words = ["forecast", data, "--horizon=2", "--backtest=0", "--model=naive"]
    words += [f"{option}={name}" for option, name in zip(("--id-col", "--time-col", "--target"), head, strict=True)]
    bench.ran(*words, "--out=ids-out.csv", "--report=ids.html")
    bench.check_csv("ids-out.csv")
    bench.check_page("ids.html")
    bench.json(*words)
    columns = list(dict.fromkeys(_cell(name) for name in names))
    wide = _table(
        bench, "wide.csv", [["ds", *columns], *([_day(day), *range(day, day + len(columns))] for day in range(9))]
    )
    bench.ran("forecast", wide, "--horizon=1", "--backtest=0", "--model=naive", "--out=wide-out.csv")
    bench.check_csv("wide-out.csv")


def _networks(bench: Bench, names: Sequence[str], draw: random.Random) -> None:
    """As the series and columns of an LSTM that is looked into, all of them in one name."""
    forecaster = lstm_forecaster("window")
    name, column = _cell("".join(names)), _cell("".join(reversed(names))).strip()
    forecaster.schema_ = replace(forecaster.schema_, target=column)
    forecaster.save("lstm")
    rows = [(name, _day(day), day % 4) for day in range(24)]
    data = _table(bench, "series.csv", [("unique_id", "ds", column), *rows])
    bench.ran("forecast", data, "--load=lstm", f"--target={column}", "--report=network.html")
    bench.check_page("network.html")
    bench.ran("inspect", "lstm", data, f"--target={column}", f"--series={name}", "--report=inside.html")
    bench.check_page("inside.html")
    bench.json("inspect", "lstm", data, f"--target={column}", f"--series={name}")


def _labels(bench: Bench, names: Sequence[str], draw: random.Random) -> None:
    """As labels, ids and features of sequences."""
    features = [_cell("".join(names[::2])) + "0", _cell("".join(names[1::2])) + "1"]
    labels = [_cell(name) for name in names]
    rows = [
        [_cell("".join(names) if at == 0 else names[at % len(names)]) + str(at), label, *(step + at for _ in features)]
        for at, label in enumerate(labels * 2)
        for step in range(3)
    ]
    data = _table(bench, "labels.csv", [["id", "label", *features], *rows])
    bench.ran("classify", data, f"--test={data}", "--epochs=1", "--save=labels", "--one-way")
    bench.json("classify", data, "--load=labels")
    bench.ran("inspect", "labels", data, "--report=labels.html")
    bench.check_page("labels.html")
    bench.json("inspect", "labels", data, f"--series={rows[0][0]}", f"--output={labels[1]}")
    bench.ran("export", "labels", "--to=c", f"--name={names[2]}")
    bench.ran("export", "labels", "--to=c", "--name=model")
    if (source := bench.folder / "model.c").exists() and not source.read_bytes().isascii():
        bench.found("model.c is not ASCII")
    lines = [
        f"@problemName {names[0]}",
        f"@classLabel true {' '.join(names)}",
        "@data",
        f"{':'.join(['1,2'] * len(features))}:{names[0]}",
    ]
    (bench.folder / "a.ts").write_text("\n".join(lines), encoding="utf-8", errors="ignore")
    bench.ran("classify", "a.ts", "--load=labels")


def _texts(bench: Bench, names: Sequence[str], draw: random.Random) -> None:
    """As a text."""
    text = "".join(_cell(name)[:60] for name in names)
    (bench.folder / "text.txt").write_text("a" + text * 2, encoding="utf-8", newline="")
    bench.ran("generate", "text.txt", "--epochs=1", "--save=text", "--prompt=a", "--length=60")
    bench.json("generate", "--load=text", f"--prompt={names[0]}", "--length=20")
    bench.ran("inspect", "text", "text.txt", "--last=20", "--report=text.html")
    bench.check_page("text.html")


def _files(bench: Bench, names: Sequence[str], draw: random.Random) -> None:
    """As names of files."""
    data = "ds,y\n" + "".join(f"{_day(day)},{day % 4}\n" for day in range(12))
    stepping_chain().save("chain")
    some = draw.sample(list(names), 3)
    for name in names:
        file = f"./{name.replace('/', '_')[:60]}.csv"
        with contextlib.suppress(OSError, ValueError):
            Path(file).write_text(data)
        bench.ran("inspect", file, file)
        if name not in some:
            continue
        words = ["forecast", file, "--horizon=1", "--backtest=0", "--model=naive"]
        bench.ran(*words, "--report=file.html", f"--out={file}.out.csv", f"--save={file}.model")
        bench.check_page("file.html")
        bench.ran("inspect", f"{file}.model", file)
        bench.ran("generate", f"--load={file}")
        bench.ran("export", "chain", "--to=c", f"--out={file}", "--name=model")
        bench.ran("export", file, "--to=onnx")
        with contextlib.suppress(OSError, ValueError):
            Path("file.html").unlink()


def _cells(bench: Bench, names: Sequence[str], draw: random.Random) -> None:
    """As cells that should be times or numbers."""
    some = draw.sample(list(names), 2)
    for name in names:
        rows: list[list[object]] = [["a", _day(day), day] for day in range(9)]
        rows[5][draw.choice([1, 2])] = name
        data = _table(bench, "cells.csv", [("unique_id", "ds", "y"), *rows])
        bench.ran("forecast", data, "--horizon=1", "--backtest=0", "--model=naive")
        if name in some:
            bench.ran("classify", data, "--id-col=unique_id", "--time-col=ds", "--label=y", "--save=none")


def _words(bench: Bench, names: Sequence[str], draw: random.Random) -> None:
    """As words of the command line."""
    for name in names:
        option = draw.choice(["freq", "fill", "encoding", "delimiter", "decimal", "level", "budget", "model", "id-col"])
        bench.ran("forecast", "ids.csv", "--horizon=1", "--backtest=0", f"--{option}={name}")
        bench.ran("show", f"./{name}")
        bench.ran("export", "chain", f"--to={name}")
        bench.ran("generate", "text.txt", f"--prompt={name}{name}\0")
    bench.ran("show", f"--as={draw.choice(list(names))}", "lstm")


ROLES: dict[str, Role] = {
    "series": _forecasts,
    "networks": _networks,
    "labels": _labels,
    "texts": _texts,
    "files": _files,
    "cells": _cells,
    "words": _words,
}

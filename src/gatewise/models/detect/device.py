"""A detector as a C file: it goes on on a device where it stands, a row a call, in memory of a fixed size."""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...export.c.files import Footprint, with_functions
from ...export.c.text import checked_name, plain
from ...export.c.write import ExportedC
from ...files import atomic_write, check_writable, path_of, refuse_file_for_folder
from ...tables.panel import Floats
from ...version import version
from . import device_text as text
from .alarm import LARGEST, MILDEST, QUIET, REST, TOP
from .device_expected import IN_C, ExpectedInC
from .device_tables import bits_of, table
from .runs import KNOWN, Runs
from .shapes import LENGTHS, MEMORY
from .stored import copied
from .tails import FEWEST, WINDOW
from .watch import (
    FADING,
    FROZEN,
    GAP,
    KINDS,
    LATEST,
    LEVEL,
    NO_KIND,
    SHAPE,
    SHORTEST_FREEZE,
    SHORTEST_GAP,
    SIGNALS,
    SOME,
    SPIKE,
    UNUSUAL,
    Watch,
)

OUTPUTS = ("score", "surprise", "level", "kind", "begins", "expected")
"""What a step says of a row: see `Verdicts`; kind is the number of one of `KINDS`, or -1."""
TOLERANCE = 1e-5
"""Of scores, surprises and levels on rows whose distances floats hold exactly."""
NEXT_TOLERANCE = 0.13
"""Of a surprise after a past that was rounded to floats: a distance may have changed its place with that next to it, in
two of the five signals."""
SPIKES = {200: 6, 209: 6, 222: 7, 231: 2, 239: 7, 340: 3, 349: 3, 358: 3.5}
"""In the rows of the self-test: alerts that go on, end just so, or are of one kind or almost another."""
_MOST_ROWS = 1 << 31
_NUMBERS = ("usual", "surprises", "peaks")

Tables = dict[str, Floats]


def write(watch: Watch, path: str | Path, name: str, about: str) -> ExportedC:
    """Write a detector of one series as ``name.c`` and ``name.h``.

    Args:
        watch: Of the series, which stays where it stands.
        path: The folder, which exists.
        name: What files, types and functions are called.
        about: Of which series it is.

    Returns:
        The files and their sizes.

    Raises:
        InputError: A value is beyond what a float holds; forecasts would be others; C does not allow the name; the
            folder cannot be written. Nothing is written then.
    """
    checked_name(name)
    _check(watch)
    refuse_file_for_folder(path, (".c", ".h"))
    files = path_of(path) / f"{name}.c", path_of(path) / f"{name}.h"
    for file in files:
        check_writable(file)
    expected = IN_C[type(watch.expectation)](watch, golden_rows())
    tables = _tables(watch) | expected.tables
    sizes = _sizes(tables, expected.sizes)
    texts = _source(name, watch, tables, expected), _header(name, watch, sizes, about, expected)
    for file, written in zip(files, texts, strict=True):
        atomic_write(file, written)
    return ExportedC(*files, sizes)


def _check(watch: Watch) -> None:
    if watch.known >= _MOST_ROWS:
        raise InputError(f"it knows {watch.known:,} rows, more than its counters in C hold", hint="fit a new one")
    with np.errstate(over="ignore"):
        if np.isinf(watch.shapes.past.astype(np.float32)).any():
            raise InputError("it has seen values beyond what a float holds", hint="divide the values, and fit again")


def golden_rows() -> Floats:
    """The rows of the self-test, (T,): eighths, whose distances floats hold exactly, with an alert of each kind."""
    place = np.arange(480)
    rows = ((place * 37 + place // 7) % 17 - 8) / 8
    for at, more in SPIKES.items():
        rows[at] += more
    rows[260:266] = np.nan
    rows[300:316] = rows[300]
    rows[410:] += 6
    return rows


def outputs_of(watch: Watch, rows: Floats) -> Floats:
    """What a step says of each of the rows that come next, (T, OUTPUTS), by the library."""
    verdicts = watch.read(rows)
    parts = (verdicts.score, verdicts.surprise, verdicts.level, verdicts.kind, verdicts.begins, verdicts.expected[:, 1])
    return np.stack(parts, axis=1).astype(np.float64)


def _fresh(watch: Watch, expected: ExpectedInC) -> Watch:
    """One that knows nothing, and otherwise is as this one is on a device in its self-test."""
    found = Watch(watch.alarm.rate)
    found.expectation = expected.told()
    return found


def _tables(watch: Watch) -> Tables:
    """What is remembered, as arrays."""
    numbers = (watch.values, watch.alarm.surprises, watch.alarm.peaks)
    found = {"values": watch.shapes.past}
    found |= {name: np.array(one.past, np.float64) for name, one in zip(_NUMBERS, numbers, strict=True)}
    found |= {f"tail_{at}": np.array(tail.past, np.float64) for at, tail in enumerate(watch.tails)}
    latest = {"away": watch.away, "errors": watch.errors}
    return found | {name: np.array(one, np.float64)[::-1] for name, one in latest.items()}


def _sizes(tables: Tables, expected: Footprint) -> Footprint:
    data = b"".join(bits_of(values).astype("<u4").tobytes() for values in tables.values())
    states = 2 * MEMORY + 2 * len(_NUMBERS) * WINDOW + len(SIGNALS) * WINDOW + 2 * LATEST
    counters = 2 * (len(_NUMBERS) + len(SIGNALS)) + 2 * 4 + 11
    stack = 4 * (len(SIGNALS) + len(LENGTHS))
    most = max(LENGTHS) * 2 * MEMORY
    ram = 4 * (states + counters) + expected.ram
    return Footprint(
        1,
        len(OUTPUTS),
        states + expected.states,
        len(data) + expected.flash,
        ram + (-ram % 8 if expected.ram else 0),
        stack + expected.stack,
        most + expected.macs,
        zlib.crc32(data, expected.crc),
    )


def _hex(value: float) -> str:
    return f"@bits(0x{int(bits_of(np.array([value]))[0]):08x}u)"


def _macros(watch: Watch, expected: ExpectedInC) -> dict[str, str]:
    """Sizes and bounds by their names in C."""
    wholes = {
        "MEMORY": MEMORY,
        "WINDOW": WINDOW,
        "SIGNALS": len(SIGNALS),
        "SHAPES": len(LENGTHS),
        "FEWEST": FEWEST,
        "KNOWN": KNOWN,
        "TENTH": round(1 / TOP),
        "QUIET": QUIET,
        "REST": REST,
        "LATEST": LATEST,
        "SOME": SOME,
        "SHORTEST_GAP": SHORTEST_GAP,
        "SHORTEST_FREEZE": SHORTEST_FREEZE,
        "OUTPUTS": len(OUTPUTS),
        **expected.macros,
    }
    kinds = {"NO_KIND": NO_KIND, "SPIKE": SPIKE, "LEVEL": LEVEL, "SHAPE": SHAPE, "GAP": GAP, "FROZEN": FROZEN}
    singles = {
        "UNUSUAL": UNUSUAL,
        "MILDEST": MILDEST,
        "LARGEST": LARGEST,
        "FADING": FADING,
        "DECADES": math.log10(math.e),
        "NATURAL": math.log(10),
    }
    found = {name: f"{value}u" for name, value in wholes.items()} | {name: f"({at})" for name, at in kinds.items()}
    found |= {name: f"{np.float32(value)!s}f" for name, value in singles.items()}
    return found | {"RATE": repr(watch.alarm.rate)}


def _source(name: str, watch: Watch, tables: Tables, expected: ExpectedInC) -> str:
    """The .c file."""
    macros = "\n".join(f"#define @{key} {value}" for key, value in _macros(watch, expected).items())
    held = "\n".join(table(f"@{key}_then", values) for key, values in tables.items() if len(values))
    parts = [text.MISSING, text.RANKS, text.SHAPES_OF_THE_PAST.replace("@LENGTHS", _lengths()), expected.functions]
    parts += [text.RUNS, text.ALARM, held, text.BEGINNING.replace("@BEGINNING", expected.beginning)]
    parts += [_reset(watch, tables, expected), text.STEP, _selftest(name, watch, expected)]
    return with_functions(name, "\n".join([macros, *parts]))


def _lengths() -> str:
    return ", ".join(f"{length}u" for length in LENGTHS)


def _reset(watch: Watch, tables: Tables, expected: ExpectedInC) -> str:
    """Back to where the detector stood when it was written."""
    alarm = watch.alarm
    adds = {"values": "@remember(state, {})"} | {name: f"@add(&state->{name}, {{}})" for name in _NUMBERS}
    adds |= {f"tail_{at}": f"@add_to_tail(&state->tails[{at}], {{}})" for at in range(len(SIGNALS))}
    adds |= {name: f"state->{name}[at] = {{}}" for name in ("away", "errors")} | expected.sets
    loops = [
        f"for (at = 0; at < {len(values)}u; ++at) {adds[key].format(f'@bits(@{key}_then[at])')};"
        for key, values in tables.items()
        if len(values)
    ]
    floats = {"last": watch.last, "held": watch.held, "peak": alarm.peak, "bound": alarm.bound}
    began = int(math.isfinite(alarm.bound))
    wholes = {"rows": alarm.rows, "risen": alarm.risen, "exceeded": alarm.exceeded, "began": began}
    lines = [*(f"state->{key} = {_hex(value)};" for key, value in floats.items())]
    lines += [f"state->{key} = {value}u;" for key, value in (wholes | {"seen": len(watch.away)}).items()]
    lines += [f"state->kind = {watch.kind};", *_runs("gaps", watch.gaps), *_runs("freezes", watch.freezes)]
    body = "\n".join(f"    {line}" for line in ["uint32_t at = 0;", "@forget_all(state);", *loops, *lines, "(void)at;"])
    return f"void @reset(@state *state)\n{{\n{body}\n{expected.reset}}}\n"


def _runs(name: str, runs: Runs) -> list[str]:
    parts = {"rows": runs.rows, "longest": runs.longest, "length": runs.length, "usual": int(runs.usual)}
    return [f"state->{name}.{key} = {value}u;" for key, value in parts.items()]


def _selftest(name: str, watch: Watch, expected: ExpectedInC) -> str:
    rows = golden_rows()
    told, later = outputs_of(_fresh(watch, expected), rows), copied(watch)
    value = later.values.median if later.values.tells else 0.0
    then = outputs_of(later, np.array([float(np.float32(value))]))[0, 1:]
    tables = [("@golden_rows", rows), ("@golden", told.reshape(-1)), ("@golden_then", then)]
    golden = "".join(table(key, values) for key, values in tables) + expected.golden
    golden += f"static const uint32_t @golden_next = 0x{int(bits_of(np.array([value]))[0]):08x}u;\n"
    next_to = np.concatenate([then[-1:], *(one.ravel() for one in later.expectation.arrays().values())])
    most = TOLERANCE * (1 + float(np.nanmax(np.abs(next_to), initial=0.0)))
    filled = {"@PREPARED": text.PREPARED if expected.prepare else "", "@PREPARE": expected.prepare}
    filled |= {"@GOLDEN": golden, "@ROWS": f"{len(rows)}u", "@TOLERANCE": f"{TOLERANCE}f"}
    filled |= {"@NEXT_TOLERANCE": f"{NEXT_TOLERANCE}f", "@EXPECTED_TOLERANCE": f"{np.float32(most)!s}f"}
    filled |= {"@CAPITAL": name.upper()}
    written = text.SELFTEST
    for mark, replacement in filled.items():
        written = written.replace(mark, replacement)
    return written


def _header(name: str, watch: Watch, sizes: Footprint, about: str, expected: ExpectedInC) -> str:
    """The .h file."""
    capital, kinds = name.upper(), ", ".join(f"{at} {kind}" for at, kind in enumerate(KINDS))
    comment = text.COMMENT.format(
        version=plain(version()),
        about=plain(about),
        known=watch.known,
        season=watch.expectation.season,
        rate=watch.alarm.rate,
        expected=expected.about,
        sizes=sizes,
        kinds=kinds,
    )
    facts = {
        "INPUTS": sizes.inputs,
        "OUTPUTS": sizes.outputs,
        "STATE_BYTES": sizes.ram,
        "FLASH_BYTES": sizes.flash,
        "STACK_BYTES": sizes.stack,
        "MACS": sizes.macs,
        "WEIGHTS_CRC32": f"0x{sizes.crc:08x}u",
    }
    macros = "".join(f"#define {capital}_{key} {value}\n" for key, value in facts.items())
    arrays = {"@WINDOW": f"{WINDOW}", "@MEMORY": f"{MEMORY}", "@SIGNALS": f"{len(SIGNALS)}", "@LATEST": f"{LATEST}"}
    declarations = text.DECLARATIONS.replace("@MACROS", macros).replace("@STRUCTS", text.STRUCTS)
    parts = {"@TYPES": expected.structs, "@WIDE": expected.wide, "@NARROW": expected.narrow}
    for mark, value in (parts | arrays | {"@CAPITAL": capital, "@": f"{name}_"}).items():
        declarations = declarations.replace(mark, value)
    return comment + declarations

"""What a detector remembers of one series, in a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ... import fields
from ...errors import InputError
from ...fields import Fields
from ...tables.panel import Floats
from .alarm import Alarm
from .expectation import FAN, REACH
from .runs import Runs
from .shapes import MEMORY, Shapes
from .tails import WINDOW, Recent, Tail
from .watch import EXPECTATIONS, KINDS, LATEST, SHORTEST_FREEZE, SHORTEST_GAP, SIGNALS, Watch

_ROWS = fields.whole(0, 1 << 53)
_RUNS = Fields({"rows": _ROWS, "longest": _ROWS, "length": _ROWS, "usual": fields.flag})
WATCH = Fields(
    {
        "end": fields.whole(-(1 << 63), (1 << 63) - 1),
        "known": _ROWS,
        "season": fields.whole(1, REACH),
        "look": _ROWS,
        "due": _ROWS,
        "rate": fields.number(0, 1),
        "peak": fields.number(0),
        "risen": _ROWS,
        "bound": fields.optional(fields.number(0)),
        "exceeded": _ROWS,
        "gaps": _RUNS,
        "freezes": _RUNS,
        "last": fields.optional(fields.number()),
        "held": fields.number(0),
        "kind": fields.whole(0, len(KINDS) - 1),
    },
    lacking=("due",),
)
"""What is recorded of a series beside its arrays; ``end`` is the latest time, as a counter or in nanoseconds."""
LARGEST = 2 * MEMORY + (len(SIGNALS) + 3) * WINDOW + len(FAN) * MEMORY
"""Numbers in the arrays of one series, at most."""


def stored(watch: Watch, end: np.generic) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Arrays by name, and the fields of `WATCH`."""
    alarm = watch.alarm
    recents = {"values": watch.values, "surprises": alarm.surprises, "peaks": alarm.peaks}
    recents |= {f"tail.{number}": tail for number, tail in enumerate(watch.tails)}
    arrays = {name: np.array(recent.past, np.float64) for name, recent in recents.items()}
    arrays |= watch.expectation.arrays() | {
        "past": watch.shapes.past,
        "away": np.array(watch.away, np.float64),
        "errors": np.array(watch.errors, np.float64),
    }
    return arrays, watch.expectation.record() | {
        "end": int(end.astype("datetime64[ns]").astype(np.int64) if isinstance(end, np.datetime64) else end),
        "known": watch.known,
        "rate": alarm.rate,
        "peak": alarm.peak,
        "risen": alarm.risen,
        "bound": alarm.bound if math.isfinite(alarm.bound) else None,
        "exceeded": alarm.exceeded,
        "gaps": _run(watch.gaps),
        "freezes": _run(watch.freezes),
        "last": None if math.isnan(watch.last) else watch.last,
        "held": watch.held,
        "kind": watch.kind,
    }


def copied(watch: Watch) -> Watch:
    """One that goes on by itself from where this one stands."""
    arrays, record = stored(watch, np.int64(0))
    model = next(word for word, kind in EXPECTATIONS.items() if type(watch.expectation) is kind)
    return restored({name: values.copy() for name, values in arrays.items()}, record, model)[0]


def _run(runs: Runs) -> dict[str, Any]:
    return {"rows": runs.rows, "longest": runs.longest, "length": runs.length, "usual": runs.usual}


def restored(arrays: Mapping[str, Floats], record: Mapping[str, Any], model: str) -> tuple[Watch, int]:
    """The watch, and the latest time. model: a word of `MODELS`. Raises InputError for arrays that are of no watch."""
    _check(arrays, record, model)
    watch = Watch(record["rate"], record["season"], model)
    watch.known, watch.held = record["known"], record["held"]
    watch.last = math.nan if record["last"] is None else record["last"]
    watch.shapes = Shapes(arrays["past"])
    watch.expectation = EXPECTATIONS[model].restored(arrays, record)
    watch.values = Recent(arrays["values"].tolist())
    watch.tails = [Tail(arrays[f"tail.{number}"].tolist()) for number in range(len(SIGNALS))]
    watch.away.extend(arrays["away"].tolist())
    watch.errors.extend(arrays["errors"].tolist())
    watch.kind = record["kind"]
    watch.gaps, watch.freezes = Runs(SHORTEST_GAP, **record["gaps"]), Runs(SHORTEST_FREEZE, **record["freezes"])
    watch.alarm = Alarm(
        record["rate"],
        record["known"],
        Recent(arrays["surprises"].tolist()),
        Recent(arrays["peaks"].tolist()),
        record["peak"],
        record["risen"],
        math.inf if record["bound"] is None else record["bound"],
        record["exceeded"],
    )
    return watch, record["end"]


def _check(arrays: Mapping[str, Floats], record: Mapping[str, Any], model: str) -> None:
    most = {"past": 2 * MEMORY - 1, "values": WINDOW, "surprises": WINDOW, "peaks": WINDOW, "away": LATEST}
    most |= {"errors": LATEST}
    most |= {f"tail.{number}": WINDOW for number in range(len(SIGNALS))}
    for name, length in most.items():
        _check_array(name, arrays.get(name), 1, length)
    own, dimensions = EXPECTATIONS[model].ARRAY
    _check_array(own, arrays.get(own), dimensions, MEMORY)
    if set(arrays) != {*most, own}:
        raise InputError("its arrays are of no detector")
    for name in set(arrays) - {"past", "away", "errors", "ahead"}:
        if not np.isfinite(arrays[name]).all():
            raise InputError(f"the array {name!r} has values that are not finite")
    if len(arrays["away"]) != len(arrays["errors"]):
        raise InputError("the arrays 'away' and 'errors' are of different sizes")
    if np.isinf(arrays["past"]).any() or len(arrays["past"]) != _remembered(record["known"]):
        raise InputError("the array 'past' is not what so many rows leave")


def _remembered(known: int) -> int:
    """How many values are kept of so many."""
    return known if known < 2 * MEMORY else MEMORY + known % MEMORY


def _check_array(name: str, array: Floats | None, dimensions: int, most: int) -> None:
    if array is None or array.dtype != np.float64 or array.ndim != dimensions or len(array) > most:
        raise InputError(f"the array {name!r} is missing, or of another size")

"""Model files of every kind that say something hostile under a right checksum: loaded, or refused by the one error."""

from __future__ import annotations

import hashlib
import json
import random
import resource
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as packed
from torch import Tensor

import gatewise
from gatewise.container import BLANK, DIGEST, PREFIX, Container
from gatewise.errors import CheckpointError, GatewiseError, ModelFileError
from gatewise.nn.stored import DTYPES

from ..part import Report
from ..seeds import SEEDS, Seed

NIGHTLY, QUICK = 10_000, 1_000

ROOM = 1 << 30
"""Bytes that loading may take beyond what the imports took."""
LONGEST = 1.0
"""Seconds of computing in which a file is loaded or refused."""
HUNG = 20
REFUSALS = (ModelFileError, CheckpointError)
OUT_OF_MEMORY = ("allocate", "MemoryError", "too large")


@dataclass
class Written:
    """A seed taken apart: its tensors, and its record without the checksum."""

    seed: Seed
    tensors: dict[str, Tensor]
    record: dict[str, Any]


def run(seed: int, count: int) -> Report:
    """Load so many files."""
    draw, report = random.Random(seed), Report()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seeds = [_written(one, Path(folder) / "seed") for one in SEEDS.values()]
        path = Path(folder) / "file"
        for one in seeds:  # whatever is imported or compiled when it is first used
            path.write_bytes(_sealed(one.seed.container, one.tensors, one.record))
            _checked(report, one.seed, path, f"{one.seed.name} as it was")
        with _limited():
            for number in range(count):
                chosen = draw.choice(seeds)
                path.write_bytes(_hostile(draw, chosen))
                _checked(report, chosen.seed, path, f"file {number}, {chosen.seed.name}")
    return report


def _checked(report: Report, seed: Seed, path: Path, where: str) -> None:
    """Load a file and use what it holds, and note what came of that."""
    outcome, taken = _outcome(report, seed, path, where)
    if taken > LONGEST:  # kernels of a dtype are compiled, and compared with the reference, once in a process
        _, taken = _outcome(Report(), seed, path, where)
    if taken > LONGEST:
        report.findings.append(f"{where}: {outcome} after {taken:.1f} s")
    report.outcomes[f"{outcome} {seed.name}"] += 1


def _outcome(report: Report, seed: Seed, path: Path, where: str) -> tuple[str, float]:
    """What came of a file, and how many seconds of computing that took."""
    begun = time.process_time()
    try:
        with _awake():
            model = gatewise.load(path, model=seed.beside() if seed.beside else None)
    except REFUSALS as error:
        outcome = "refused"
        if any(word in error.what for word in OUT_OF_MEMORY):
            report.findings.append(f"{where}: memory on trust: {error.what[:200]}")
    except (Exception, _HungError) as error:
        outcome = "failed"
        report.findings.append(f"{where}: load: {type(error).__name__}: {str(error)[:200]}")
    else:
        outcome = _used(report, seed, model, where)
    return outcome, time.process_time() - begun


def _used(report: Report, seed: Seed, model: Any, where: str) -> str:
    try:
        with _awake():
            seed.use(model)
    except GatewiseError:
        return "loaded, refused in use"
    except (Exception, _HungError) as error:
        report.findings.append(f"{where}: use: {type(error).__name__}: {str(error)[:200]}")
        return "failed in use"
    return "loaded"


class _HungError(BaseException):
    """A file took too long."""


@contextmanager
def _awake() -> Generator[None]:
    def ring(number: int, frame: object) -> None:
        raise _HungError(f"still busy after {HUNG} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(HUNG)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _limited() -> Generator[None]:
    """No more address space than there is now, and `ROOM`."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def _written(seed: Seed, path: Path) -> Written:
    seed.save(path)
    tensors, record = seed.container.read(path)
    # Sorted, since safetensors gives them in another order each time.
    return Written(seed, dict(sorted(tensors.items())), {name: record[name] for name in record if name != "sha256"})


def _sealed(container: Container, tensors: Mapping[str, Tensor], record: Any, key: str = "") -> bytes:
    """A file with a right checksum, whatever is in it."""
    text = json.dumps(record, separators=(",", ":"))
    text = '{"sha256":"' + BLANK.decode() + '"' + (f",{text[1:]}" if text not in ("{}", "[]") else "}")
    return _summed(
        packed({name: tensor.contiguous() for name, tensor in tensors.items()}, {key or container.key: text})
    )


def _summed(data: bytes) -> bytes:
    place = DIGEST.search(data)
    if place is None:
        return data
    blank = data[: place.start(1)] + BLANK + data[place.end(1) :]
    return blank[: place.start(1)] + hashlib.sha256(blank).hexdigest().encode() + blank[place.end(1) :]


def _hostile(draw: random.Random, written: Written) -> bytes:
    record, tensors = json.loads(json.dumps(written.record)), dict(written.tensors)
    ways = draw.choice(["record"] * 6 + ["tensors"] * 3 + ["both"] * 2 + ["bytes"] * 2)
    if ways in ("record", "both"):
        for _ in range(draw.choice([1, 1, 1, 2, 3])):
            record = _changed(draw, record)
    if ways in ("tensors", "both"):
        for _ in range(draw.choice([1, 1, 2])):
            tensors = draw.choice(TENSORS)(draw, tensors)
    container = written.seed.container
    try:
        data = _sealed(container, tensors, record)
    except (ValueError, RuntimeError, TypeError, RecursionError, KeyError):  # what safetensors does not write
        data = _sealed(container, written.tensors, written.record)
    return draw.choice(BYTES)(draw, data) if ways == "bytes" else data


def _value(draw: random.Random) -> Any:
    deep: Any = 1
    for _ in range(draw.choice([1, 50, 400])):
        deep = [deep] if draw.random() < 0.5 else {"a": deep}
    return draw.choice(
        [
            *(None, True, False, 0, 1, 2, 3, -1, 7, 64, 100, 1000, 65_536, 10**6, 10**8, 10**9, 2**31, 2**63, 10**400),
            *(0.5, -0.5, 1.0, 1e-320, 1e39, 1e308, float("inf"), float("nan"), -0.0),
            *("", "x", "lstm", "gru", "os.system", "__class__", "1); evil(", "\ud800", "\x1b[31m\u202e", "cpu", "meta"),
            *("<U60000000", "|O", "|V9", "<f8", "<M8[ns]", "D", "0", "lstm\n", "x" * 100_000),
            *([], {}, [1], [0], [1, 2, 3], ["a", "b"], [[]], [10**9], [None], ["a", "a"], {"a": 1}, {"h": 0.5}),
            *({"heads": 10**9}, {"zoneout": {"h": 2}}, {"device": "cuda"}, {"float": "7ff0"}, {"tensor": "a"}),
            *([1] * 5000, [{}] * 200, deep, draw.randint(-(2**70), 2**70), draw.random()),
        ]
    )


def _places(tree: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there is something in a nest of lists and dicts."""
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, entry in inside:
        yield (*place, key)
        yield from _places(entry, (*place, key))


def _changed(draw: random.Random, record: Any) -> Any:
    """The record with one thing changed."""
    places = list(_places(record))
    if not places:
        return {"params": _value(draw)}
    *way, last = draw.choice(places)
    inner = record
    for key in way:
        inner = inner[key]
    change = draw.random()
    if change < 0.6:
        inner[last] = _value(draw)
    elif change < 0.7 and isinstance(inner, dict):
        del inner[last]
    elif change < 0.8 and isinstance(inner, dict):
        inner[draw.choice(["evil", "device", "dtype", "n_jobs", "heads", "bias", "cell", "hidden_size", "part"])] = (
            _value(draw)
        )
    elif change < 0.9 and isinstance(inner[last], list):
        inner[last] = inner[last] * draw.choice([0, 2, 100]) + [_value(draw)] * draw.choice([0, 1])
    else:
        other = draw.choice(places)
        source = record
        for key in other:
            source = source[key] if isinstance(source, dict | list) and _has(source, key) else source
        inner[last] = json.loads(json.dumps(source))
    return record


def _has(inner: Any, key: Any) -> bool:
    return key in inner if isinstance(inner, dict) else isinstance(key, int) and key < len(inner)


Tensors = dict[str, Tensor]
KINDS = (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.bool, torch.complex64)


def _one(change: Callable[[random.Random, Tensor], Tensor]) -> Callable[[random.Random, Tensors], Tensors]:
    def changed(draw: random.Random, tensors: Tensors) -> Tensors:
        if not tensors:
            return {"a": torch.zeros(2)}
        name = draw.choice(list(tensors))
        return {**tensors, name: change(draw, tensors[name])}

    return changed


def _renamed(draw: random.Random, tensors: Tensors) -> Tensors:
    names = list(tensors)
    draw.shuffle(names)
    return dict(zip(names, tensors.values(), strict=True))


TENSORS: list[Callable[[random.Random, Tensors], Tensors]] = [
    _one(lambda draw, t: t.to(draw.choice([*KINDS, torch.float8_e4m3fn]))),
    lambda draw, tensors: {name: t.to(kind) for kind in [draw.choice(KINDS)] for name, t in tensors.items()},
    _one(lambda draw, t: t[:-1] if t.dim() and len(t) else t.reshape(-1)),
    _one(lambda draw, t: torch.cat([t, t]) if t.dim() else t.reshape(-1)),
    _one(lambda draw, t: t.reshape(-1)),
    _one(lambda draw, t: t.unsqueeze(draw.choice([0, -1]))),
    _one(lambda draw, t: t.t() if t.dim() == 2 else t),
    _one(lambda draw, t: torch.empty(0)),
    _one(lambda draw, t: torch.empty(draw.choice([(0, 2**40), (2**40, 0), (2**20, 0, 2**20)]))),
    _one(lambda draw, t: torch.full_like(t, draw.choice([0, -1])) if t.is_floating_point() else t),
    # of eight bits, some formats have no infinity
    _one(lambda draw, t: torch.full_like(t, draw.choice([torch.nan, torch.inf])) if t.dtype in DTYPES else t),
    _one(lambda draw, t: torch.zeros(1000, 1000)),
    lambda draw, tensors: {**tensors, draw.choice(["evil", "members.0.x", "parts.0.x", "scale.x", ""]): torch.zeros(1)},
    lambda draw, tensors: {**tensors, **{f"parts.{at}.weight": torch.zeros(1) for at in range(500)}},
    lambda draw, tensors: dict(draw.sample(list(tensors.items()), max(0, len(tensors) - 1))),
    lambda draw, tensors: {},
    _renamed,
]


def _in_header(draw: random.Random, data: bytes) -> bytes:
    """A file whose header says other shapes, types or places of tensors."""
    length = int.from_bytes(data[:PREFIX], "little")
    header = json.loads(data[PREFIX : PREFIX + length])
    entries = [entry for name, entry in header.items() if name != "__metadata__"]
    if entries:
        entry = draw.choice(entries)
        name = draw.choice(["dtype", "shape", "data_offsets"])
        hostile = {
            "dtype": ["F64", "X32", "F8_E4M3", "F4", "BOOL", 1, None],
            "shape": [[2**62, 2], [0], [-1], [1.5], "1", [1] * 100, [2**63], None, [[1]]],
            "data_offsets": [[0, 4], [0, 2**63], [4, 0], [0, float("inf")], [0], None, "x", [0, -4], [0, float("nan")]],
        }
        entry[name] = draw.choice(hostile[name])
    text = json.dumps(header, separators=(",", ":")).encode()
    return _summed(len(text).to_bytes(PREFIX, "little") + text + data[PREFIX + length :])


def _flipped(draw: random.Random, data: bytes) -> bytes:
    spoilt = bytearray(data)
    for _ in range(draw.choice([1, 3])):
        spoilt[draw.randrange(len(spoilt))] ^= 1 << draw.randrange(8)
    return draw.choice([bytes, _summed])(bytes(spoilt))


BYTES: list[Callable[[random.Random, bytes], bytes]] = [
    _in_header,
    _in_header,
    _flipped,
    lambda draw, data: data[: draw.randrange(len(data))],
    lambda draw, data: _summed(data + b"PK\x03\x04evil"),
    lambda draw, data: draw.choice([0, 1, 2**31, 2**62, 2**63, 2**64 - 1]).to_bytes(PREFIX, "little") + data[PREFIX:],
    lambda draw, data: (200_000).to_bytes(PREFIX, "little") + b'{"a":' + b"[" * 200_000,
    lambda draw, data: draw.choice([b"", b"{", b"\x80\x04.", b"\0" * 9, b"PK\x03\x04" * 9]),
]

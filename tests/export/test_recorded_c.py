"""Programs that were recorded compute in C what they compute in NumPy, in memory that is used again."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.device.compiled import compiled
from tests.needs import needs_gcc
from tests.tolerance import FUNCTIONS_IN_C, RECORDED

from gatewise.export.c.recorded.constants import HALVES, table_of
from gatewise.export.c.recorded.operations import OPERATIONS
from gatewise.export.c.recorded.program import Example, ProgramFile
from gatewise.export.recording import ONE_BY_ONE, Recorded, Recording
from gatewise.models.forecast.pretrained.sums import over_time

from .test_recording import EXAMPLE, GAPS, PROGRAMS, WITH_GAPS

pytestmark = needs_gcc
Program = Callable[[Any], Any]
OTHER = 0.1 + EXAMPLE[::-1, ::-1] ** 2 / 3
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -1.0, 709.9, -746.0])
MAGNITUDES = np.geomspace(1e-320, 1e308, 2000)
WIDE = np.concatenate([SPECIAL, np.linspace(-40, 40, 4001), MAGNITUDES, -MAGNITUDES])


class InC:
    """Programs of one input, compiled here as one: their outputs by name."""

    def __init__(self, folder: Path, programs: Mapping[str, Program], example: np.ndarray) -> None:
        recording = Recording()
        given = recording.input(example)
        self.outputs: dict[str, Recorded] = {f"y{at}": program(given) for at, program in enumerate(programs.values())}
        self.names = dict(zip(programs, self.outputs, strict=True))
        self.file = ProgramFile(recording, {"x": given}, self.outputs, name="program", verb="run")
        examples = [Example({"x": one}, self.told(programs, one)) for one in (example, example / 4)]
        written = self.file.written("a test", examples, 1e-6)
        (folder / "program.c").write_text(written.source)
        (folder / "program.h").write_text(written.header)
        self.work = np.full(written.sizes.ram // 8 + 8, np.nan)
        flags = ("-O1", "-DPROGRAM_SELFTEST")
        self.library = compiled([folder / "program.c"], folder / "program.so", *flags)

    def told(self, programs: Mapping[str, Program], x: np.ndarray) -> dict[str, np.ndarray]:
        with np.errstate(all="ignore"):
            return dict(zip(self.outputs, (np.asarray(program(x)) for program in programs.values()), strict=True))

    def run(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs by the programs' names; what was left in the memory before does not matter."""
        found = {name: np.empty(one.shape, one.dtype) for name, one in self.outputs.items()}
        arrays = [self.work, np.ascontiguousarray(x), *found.values()]
        self.library.program_run(*(array.ctypes.data_as(ctypes.c_void_p) for array in arrays))
        return {name: found[output] for name, output in self.names.items()}

    def tested(self) -> int:
        return self.library.program_selftest(self.work.ctypes.data_as(ctypes.c_void_p))


def _gathered(x: Any) -> Any:
    """Rows that lie in no order, and of the results some."""
    rows = x[:, [2, 0, 1, 2, 3, 3]]
    found = over_time(lambda a, b, row: (a + row, b * 0.5 + a), (np.zeros((1, 3)), np.ones((1, 3))), rows)
    return np.stack([found[0][..., 1], found[1][..., 4]])


def _swapped(x: Any) -> Any:
    """A scan over what another gave, backwards, whose states change their places."""
    first = over_time(lambda a, b, row: (a / 2 + row, b), (np.zeros((1, 3)), np.zeros((1, 3))), x)[0][0]
    return over_time(lambda a, b, row: (b, a + row * row), (np.zeros((1, 3)), np.ones((1, 3))), first[:, ::-1])[1]


def _long(x: Any) -> Any:
    """A body that stores more after it has read its row, which later steps read on."""

    def advance(a: Any, b: Any, row: Any) -> tuple[Any, Any]:
        first = a / 2 + row
        second = np.tanh(first * b)
        third = np.exp(-abs(second * first))
        return second + third, third * second + first

    return over_time(advance, (np.zeros((1, 3)), np.ones((1, 3))), np.cumsum(x, axis=1) * 2)[0]


SCANS: dict[str, Program] = {"gathered": _gathered, "swapped": _swapped, "long": _long}
PRODUCTS: dict[str, Program] = {
    "vectors": lambda x: np.stack([x @ EXAMPLE[0], x[:, 1:] @ EXAMPLE[1, 1:]]),
    "many columns": lambda x: x @ np.sin(np.arange(4 * 34).reshape(4, 34)),
    "many matrices": lambda x: np.stack([x, -x, x + 1]) @ np.transpose(x)[None],
    "from the left": lambda x: np.ones(3) @ x,
}
TABLES = {
    "small": np.arange(12.0).reshape(3, 4) - 3,
    "large": np.arange(12.0).reshape(3, 4) * 1e5,
    "quarters": np.arange(12.0).reshape(3, 4) / 4,
    "tenths": np.arange(12.0).reshape(3, 4) / 10,
    "singles": (np.arange(12.0).reshape(3, 4) / 10).astype(np.float32),
    "not finite": np.where(np.eye(3, 4) > 0, np.nan, np.array([np.inf, -np.inf, 0.1, -0.0])),
    "one": np.full((3, 4), np.inf),
    "rows": np.broadcast_to(np.array([0.1, 2, -3, 0.5]), (3, 4)),
}
HALF = np.concatenate([[0.0, -0.0, 6e-8, -6.1e-5, 65504], np.linspace(-2, 2, 2 * HALVES)]).astype(np.float16)
OTHERS: dict[str, Program] = {
    "halves": lambda x: x[0, 0] * 0 + HALF.astype(np.float32),
    "flags": lambda x: (x > 0) & (x < 1) | np.eye(3, 4, dtype=bool) if isinstance(x, np.ndarray) else _flags(x),
    "counts": lambda x: ((x > 0).sum(axis=1) + 2) / np.maximum((x < 0).sum(axis=1), 1),
    "whole numbers": lambda x: (x * 3).astype(np.int64).astype(np.float64),
    "every third": lambda x: np.moveaxis(np.stack([x, x * 2, x / 3]), 0, -1).reshape(3, 12)[:, 1::3],
}


def _flags(x: Any) -> Any:
    first = (x > 0) & (x < 1)
    return ~(~first & ~np.eye(3, 4, dtype=bool))


def _added(table: np.ndarray) -> Program:
    return lambda x: np.where(x == x, table, x)


ALL = PROGRAMS | SCANS | PRODUCTS | OTHERS | {f"a table: {name}": _added(table) for name, table in TABLES.items()}


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> InC:
    return InC(tmp_path_factory.mktemp("programs"), ALL, EXAMPLE)


@pytest.mark.parametrize("name", ALL)
def test_a_program_computes_the_same_in_c(in_c: InC, name: str) -> None:
    for x in (EXAMPLE, OTHER):
        np.testing.assert_allclose(in_c.run(x)[name], ALL[name](x), **RECORDED["float32"])


def test_a_program_that_was_recorded_without_gaps_finds_them_in_c(tmp_path: Path) -> None:
    in_c = InC(tmp_path, GAPS, EXAMPLE)
    assert in_c.tested() == 0
    for x in WITH_GAPS:
        found, told = in_c.run(x), in_c.told(GAPS, x)
        examples = [Example({"x": x}, told)]
        assert in_c.file.difference(examples) <= RECORDED["float64"]["rtol"]
        for name, output in in_c.names.items():
            np.testing.assert_allclose(found[name], told[output], **RECORDED["float64"], err_msg=name)


@pytest.mark.parametrize("name", ALL)
def test_what_a_file_computes_is_known_before_it_is_compiled(in_c: InC, name: str) -> None:
    with np.errstate(all="ignore"):
        told = {in_c.names[name]: np.asarray(ALL[name](OTHER))}
    assert in_c.file.difference([Example({"x": OTHER}, told)]) <= RECORDED["float32"]["rtol"]
    wrong = {in_c.names[name]: np.where(told[in_c.names[name]] == 0, np.nan, 0)}
    assert in_c.file.difference([Example({"x": OTHER}, wrong)]) > RECORDED["float32"]["rtol"]


def _function(name: str, dtype: Any) -> Program:
    """A function of numbers, or of two of them in another order."""
    function = getattr(np, name)

    def program(x: Any) -> Any:
        x = x.astype(dtype)
        given = [x, x[::-1]][: function.nin]
        found = function(*([one > 0 for one in given] if name.startswith("logical") else given))
        return found.astype(np.int64) if found.dtype == bool else found

    return program


def test_every_function_of_entries_computes_the_same_of_every_number(tmp_path: Path) -> None:
    kinds = {"float64": np.float64, "float32": np.float32}
    programs = {
        f"{name}, {kind}": _function(name, dtype) for name in sorted(ONE_BY_ONE) for kind, dtype in kinds.items()
    }
    with np.errstate(all="ignore"):
        in_c = InC(tmp_path, programs, WIDE)
        found = in_c.run(WIDE)
        for name, program in programs.items():
            tolerance = FUNCTIONS_IN_C[name.rpartition(", ")[2]]
            np.testing.assert_allclose(found[name], program(WIDE), **tolerance, err_msg=name)


def test_there_is_c_for_all_that_can_be_recorded() -> None:
    assert ONE_BY_ONE | {"where", "cast"} <= OPERATIONS


def test_the_self_test_names_the_example_that_comes_out_otherwise(in_c: InC, tmp_path: Path) -> None:
    assert in_c.tested() == 0
    recording = Recording()
    given = recording.input(EXAMPLE)
    file = ProgramFile(recording, {"x": given}, {"y": given * 2}, name="twice", verb="run")
    examples = [Example({"x": EXAMPLE}, {"y": EXAMPLE * 2 + shift}) for shift in (0, 1e-3, np.nan)]
    for allowed, first in ((1e-6, 2), (1e-2, 3)):
        written = file.written("a test", examples, allowed)
        (tmp_path / "twice.c").write_text(written.source)
        (tmp_path / "twice.h").write_text(written.header)
        library = compiled([tmp_path / "twice.c"], tmp_path / f"{first}.so", "-O1", "-DTWICE_SELFTEST")
        assert library.twice_selftest(in_c.work.ctypes.data_as(ctypes.c_void_p)) == first


@pytest.mark.parametrize("name", TABLES)
def test_numbers_are_stored_in_no_more_bytes_than_they_need(name: str) -> None:
    widths = {"small": 1, "large": 4, "quarters": 4, "tenths": 8, "singles": 4, "not finite": 8, "one": 8, "rows": 8}
    assert table_of(TABLES[name].ravel()).width == widths[name]
    assert table_of(HALF.astype(np.float32)).width == table_of(HALF.astype(np.float64)).width == 2

"""Models of single series in processes beside this one: the same bits, and nothing is lost when one ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.models.forecast.fakes import climbing, panel, setup

from gatewise.errors import InputError
from gatewise.forecast import workers
from gatewise.models.forecast.evaluation import apart, baselines
from gatewise.models.forecast.evaluation.apart import Task
from gatewise.models.forecast.evaluation.baselines import Baseline, RollingBaseline
from gatewise.models.processes import cores
from gatewise.tables.panel import Floats, Panel

OTHERS = ("AutoETS", "AutoARIMA", "MSTL", "TSB")


def many(shortest: int = 3) -> Panel:
    """Series of several lengths, one of them too short for a season."""
    return panel(*(climbing(shortest if number == 30 else 20 + number % 5) + number % 7 for number in range(50)))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Processes are worth it at once; how many series they were asked for."""
    asked: list[int] = []

    def counted(task: Task, series: list[Floats]) -> Any:
        asked.append(len(series))
        return apart.quantiles_apart(task, series)

    monkeypatch.setattr(baselines, "WORTH", 0.0)
    monkeypatch.setattr(baselines, "quantiles_apart", counted)
    return asked


@pytest.mark.parametrize("name", ["AutoTheta", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def test_the_bits_are_those_of_this_process(soon: list[int], name: str) -> None:
    told: list[float] = []
    model = Baseline(name, setup(progress=lambda share, words: told.append(share)))
    here = model.predict(many())
    assert not soon
    with workers(2):
        there = model.predict(many())
    assert soon[0] == 50 - apart.TRIED
    np.testing.assert_array_equal(there.values, here.values)
    assert (there.notes, there.stand_ins) == (here.notes, here.stand_ins)
    assert told[-1] == 1


def test_what_a_process_has_in_hand_when_it_ends_is_done_here(soon: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    here = Baseline("AutoTheta", setup()).predict(many())
    monkeypatch.setattr(apart, "_WORKER", "gatewise.no_such_module")
    with workers(2):
        there = Baseline("AutoTheta", setup()).predict(many())
    assert soon
    np.testing.assert_array_equal(there.values, here.values)


def test_no_process_is_started_unasked_nor_for_what_is_remembered(soon: list[int]) -> None:
    Baseline("AutoTheta", setup()).predict(many())
    with workers(2):
        RollingBaseline("AutoTheta", setup()).predict(many(20))
        with workers(1):
            Baseline("AutoTheta", setup()).predict(many())
    assert not soon
    assert apart.allowed() == 1


def test_a_number_of_processes_is_one_or_more() -> None:
    with pytest.raises(InputError, match="`workers` is 0"), workers(0):
        pass
    with workers():
        assert apart.allowed() == cores()

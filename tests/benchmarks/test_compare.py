from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from benchmarks import compare as benchmark

from gatewise.compare import Comparison, compare


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatewise.models.compare.speed._SECONDS", 0.0)
        patch.setattr("gatewise.models.compare.speed._FEWEST", 10)
        task = benchmark.air_passengers(benchmark.FOLDER)
        return compare(task, models=("lstm", "gru"), updates=1, seeds=1, parameters=6_000)


def with_training(comparison: Comparison, **change: Any) -> Comparison:
    """The comparison whose first network was trained otherwise."""
    first, *others = comparison.entries
    assert first.training is not None
    changed = replace(first, training=replace(first.training, **change))
    return replace(comparison, entries=(changed, *others))


def test_what_is_not_as_promised_is_found(comparison: Comparison) -> None:
    equal = comparison
    for entry in comparison.networks:
        equal = replace(
            equal,
            entries=tuple(
                replace(one, training=replace(one.training, seconds=(1.0,))) if one.name == entry.name else one
                for one in equal.entries
            ),
        )
    assert benchmark.promises(equal, minutes=60) == []
    assert benchmark.promises(with_training(equal, seconds=(1.06,)), minutes=60) == ["seconds from 1.00 to 1.06"]
    assert [what.split(" ")[0] for what in benchmark.promises(replace(equal, seconds=61.0), minutes=1)] == ["61"]


def test_claims_that_differ_are_counted(comparison: Comparison) -> None:
    first, *others = comparison.entries
    other = replace(comparison, entries=(replace(first, claim="worse"), *others))
    total = len(comparison.entries)
    assert benchmark.agreement([comparison, comparison]).startswith(f"{total} of {total} claims")
    assert benchmark.agreement([comparison, other]).startswith(f"{total - 1} of {total} claims")

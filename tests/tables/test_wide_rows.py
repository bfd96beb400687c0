from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gatewise.errors import InputError
from gatewise.tables.labelled import load_labelled, load_sequences
from gatewise.tables.options import ReadOptions
from gatewise.tables.wide_rows import FEWEST_STEPS, steps_of

STEPS = FEWEST_STEPS
VALUES = np.arange(3.0 * STEPS).reshape(3, STEPS)


def _table(path: Path, names: list[str], *, ids: str = "id", label: str = "label") -> Path:
    rows = [[f"s{row}", "abc"[row], *map(str, VALUES[row, : len(names)])] for row in range(3)]
    cells = [[ids, label, *names], *rows]
    kept = [place for place, name in enumerate(cells[0]) if name]
    path.write_text("".join(",".join(row[place] for place in kept) + "\n" for row in cells))
    return path


@pytest.mark.parametrize("form", ["t{}", "step {}", "{}", "x_{}", "V{}", "value[{}]", "t{:03}"])
@pytest.mark.parametrize("first", [0, 1])
def test_each_row_is_a_sequence_where_columns_are_numbered(form, first, tmp_path):
    names = [form.format(number) for number in range(first, first + STEPS)]
    sequences, labels, notes = load_labelled(_table(tmp_path / "wide.csv", names))
    assert [one[:, 0].tolist() for one in sequences] == VALUES.tolist()
    assert list(sequences.ids if sequences.ids is not None else []) == ["s0", "s1", "s2"]
    assert labels == ("a", "b", "c")
    assert notes[-1] == f"each row is a sequence of {STEPS} steps, {names[0]!r} to {names[-1]!r}"


def test_it_needs_neither_ids_nor_labels(tmp_path):
    names = [f"t{number}" for number in range(STEPS)]
    sequences, labels, _ = load_sequences(_table(tmp_path / "wide.csv", names, ids="", label=""))
    assert (len(sequences), labels, sequences.ids) == (3, None, None)
    for given in (None, "id"):  # which the command line gives
        found = load_labelled(_table(tmp_path / "wide.csv", names, ids=""), ReadOptions(id=given))
        assert found.labels == ("a", "b", "c")


def test_columns_stand_in_any_order_and_features_side_by_side(tmp_path):
    order = np.random.default_rng(0).permutation(2 * STEPS)
    values = np.arange(4.0 * STEPS).reshape(2, 2 * STEPS)
    names = [f"{'xy'[place % 2]}{place // 2}" for place in range(2 * STEPS)]
    lines = [",".join(["id", "label", *(names[place] for place in order)])]
    lines += [",".join([f"s{row}", "ab"[row], *(str(values[row, place]) for place in order)]) for row in range(2)]
    (tmp_path / "wide.csv").write_text("\n".join(lines))
    sequences, _, notes = load_labelled(tmp_path / "wide.csv")
    features = list(sequences.features or ())
    assert sorted(features) == ["x", "y"]
    for row, one in enumerate(sequences):
        assert one[:, features.index("x")].tolist() == values[row, ::2].tolist()
        assert one[:, features.index("y")].tolist() == values[row, 1::2].tolist()
    assert notes[-1].endswith(", and so for 2 features")


def test_other_columns_are_features_of_one_step():
    numbered = [f"t{number}" for number in range(STEPS)]
    assert steps_of(numbered) is not None
    gap, twice, late = [*numbered[:-1], f"t{STEPS}"], [*numbered, "t01"], [f"t{n + 2}" for n in range(STEPS)]
    uneven = [*numbered, *(f"u{number}" for number in range(STEPS - 1))]
    for names in (numbered[1:-1], gap, twice, late, uneven, [*numbered, "age"], []):
        assert steps_of(names) is None, names


def test_rows_of_one_id_are_steps_however_features_are_called(tmp_path):
    names = [f"t{number}" for number in range(STEPS)]
    path = _table(tmp_path / "long.csv", names)
    path.write_text(path.read_text().replace("s1,b", "s0,a").replace("s2,c", "s0,a"))
    sequences, labels, _ = load_labelled(path)
    assert (sequences.lengths.tolist(), sequences.width, labels) == ([3], STEPS, ("a",))


def test_what_is_missing_is_refused_with_its_row(tmp_path):
    path = _table(tmp_path / "wide.csv", [f"t{number}" for number in range(STEPS)])
    path.write_text(path.read_text().replace(",9.0,", ",,"))
    with pytest.raises(InputError, match="missing") as caught:
        load_labelled(path)
    assert (caught.value.row, caught.value.column) == (1, "t1")

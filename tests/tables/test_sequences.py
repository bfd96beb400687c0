from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from gatewise.errors import InputError
from gatewise.estimators import SequenceClassifier, SequenceRegressor
from gatewise.tables.sequences import read_sequences

RAGGED = [np.arange(6.0).reshape(3, 2), np.full((1, 2), 7.0)]
PADDED = np.array([[[0, 1], [2, 3], [4, 5]], [[7, 7], [np.nan, 9], [9, 9]]])
LONG = pd.DataFrame({"who": ["b", "a", "b", "b"], "when": [2, 1, 1, 3], "x": [2.0, 7, 0, 4], "y": [3.0, 7, 1, 5]})
FORMS = {
    "list": (RAGGED, {}),
    "tuple": (tuple(RAGGED), {}),
    "objects": (np.array([*RAGGED, None], dtype=object)[:2], {}),
    "torch": ([torch.from_numpy(each) for each in RAGGED], {}),
    "numbers": ([each.tolist() for each in RAGGED], {}),
    "padded": (PADDED, {"lengths": [3, 1]}),
    "padded torch": (torch.from_numpy(PADDED), {"lengths": torch.tensor([3, 1])}),
    "frame": (LONG, {"id_column": "who", "time_column": "when"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_into_the_same(form):
    X, given = FORMS[form]
    found = read_sequences(X, **given)
    assert [each.tolist() for each in found] == [each.tolist() for each in RAGGED]


def frame(**changed):
    return LONG.assign(**changed), {"id_column": "who", "time_column": "when"}


BAD = {
    "text": ("sequences", {}, "X is a str"),
    "nothing": ([], {}, "no sequences"),
    "one dimension": ([1.0, 2.0], {}, "Reshape your data"),
    "NaN": ([RAGGED[0], np.array([[1.0, np.nan]])], {}, "sequence 1, step 0, feature 1: Input X contains NaN"),
    "masked": (np.ma.masked_equal([[[1, 2], [3, 4]]], 3), {}, "sequence 0, step 1, feature 0: Input X contains NaN"),
    "inf": ([np.array([[0.0, 1], [np.inf, 2]])], {}, "sequence 0, step 1, feature 0: Input X contains inf"),
    "width": ([RAGGED[0], np.ones((2, 3))], {}, "sequence 1: it has 3 features, and sequence 0 has 2"),
    "empty": ([RAGGED[0], np.ones((0, 2))], {}, "sequence 1: it is empty"),
    "strings": ([RAGGED[0], [["a", "b"]]], {}, "sequence 1: it holds <U1, not numbers"),
    "uneven": ([RAGGED[0], [[1, 2], [3]]], {}, "sequence 1: it is not an array"),
    "flat": ([np.ones(3), np.ones(4)], {}, r"sequence 0: it has 1 dimensions.*\n.*x\[:, None\]"),
    "no steps": (np.ones((2, 0, 3)), {}, "no steps"),
    "length 0": (PADDED, {"lengths": [3, 0]}, "sequence 1: its length is 0, and must be 1 to 3"),
    "length 4": (PADDED, {"lengths": [4, 1]}, "sequence 0: its length is 4"),
    "length 1.5": (PADDED, {"lengths": [1.5, 1]}, "lengths are float64"),
    "lengths of a list": (RAGGED, {"lengths": [3, 1]}, "lengths go with a padded array"),
    "complex": (np.ones((2, 2)) * 1j, {}, "Complex data not supported"),
    "frame NaN": (*frame(x=[2.0, 7, np.nan, 4]), r"row 2 \(counted from 0\), column 'x': Input X contains NaN"),
    "frame text": (*frame(y=["3", "7", "one", "5"]), r"row 2 \(counted from 0\), column 'y': 'one' is not a number"),
    "frame time twice": (*frame(when=[1, 1, 1, 3]), r"row 2 .*'when': the time 1 appears twice"),
    "frame no id": (*frame(who=["b", None, "b", "b"]), r"row 1 .*'who': the id is missing"),
    "frame column": (LONG, {"id_column": "whom"}, "there is no column 'whom'"),
    "frame unnamed id": (LONG, {}, "column 'who'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_error_that_says_where(case):
    X, given, words = BAD[case]
    with pytest.raises(InputError, match=words):
        read_sequences(X, **given)


QUICK = {"hidden_size": 6, "max_epochs": 3, "batch_size": 8, "random_state": 0}


def example(count: int = 20):
    generator = np.random.default_rng(1)
    X = [generator.normal(size=(1 + index % 6, 3)) for index in range(count)]
    return X, np.array(["no", "yes"])[np.arange(count) % 2]


def test_a_prediction_depends_neither_on_the_others_nor_on_padding():
    X, y = example()
    model = SequenceClassifier(**QUICK).fit(X, y)
    together = model.predict_proba(X)
    lengths = [len(each) for each in X]
    padded = np.full((len(X), 9, 3), np.nan)
    for row, each in enumerate(X):
        padded[row, : len(each)] = each
    np.testing.assert_allclose(model.predict_proba(padded, lengths), together, rtol=1e-6)
    alone = np.concatenate([model.predict_proba([each]) for each in X])
    np.testing.assert_allclose(alone, together, rtol=1e-6)
    np.testing.assert_allclose(model.predict_proba(X[::-1])[::-1], together, rtol=1e-6)


def test_the_same_seed_gives_the_same_bits_whatever_torchs_generator_and_threads():
    X, y = example()
    first = SequenceClassifier(**QUICK).fit(X, y).predict_proba(X)
    torch.manual_seed(99)
    before, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(2)
    again = SequenceClassifier(**QUICK).fit(X, y)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(again.predict_proba(X), first)
    assert np.array_equal(again.fit(X, y).predict_proba(X), first)  # a refit begins anew
    assert not np.array_equal(SequenceClassifier(**QUICK | {"random_state": 1}).fit(X, y).predict_proba(X), first)


@pytest.mark.parametrize("labels", [["no", "yes"], [3, -1], [True, False], [(1, 2), (3,)], [1, "one"]], ids=str)
def test_labels_may_be_anything_hashable(labels):
    X, _ = example()
    y = [labels[index % 2] for index in range(len(X))]
    model = SequenceClassifier(**QUICK).fit(X, y)
    assert set(model.classes_.tolist()) == set(labels)
    assert set(model.predict(X).tolist()) <= set(labels)
    assert 0 <= model.score(X, y) <= 1


def test_labels_by_id_find_the_sequences_of_a_frame():
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({"who": np.repeat(["c", "a", "b", "d"], 5), "x": generator.normal(size=20)})
    labels = pd.Series({"a": 0, "b": 1, "c": 1, "d": 0})
    model = SequenceClassifier(**QUICK, id_column="who")
    by_id = model.fit(rows, labels).predict_proba(rows)
    by_order = model.fit(rows, labels[["c", "a", "b", "d"]].to_numpy()).predict_proba(rows)
    assert np.array_equal(by_id, by_order)
    assert model.feature_names_in_.tolist() == ["x"]
    with pytest.raises(InputError, match="no entry for the sequence 'd'"):
        model.fit(rows, labels.drop("d"))


def test_a_regressor_learns_several_targets_in_their_own_units():
    generator = np.random.default_rng(0)
    X = [generator.normal(size=(2 + index % 4, 2)) for index in range(60)]
    y = np.array([[1000 + 100 * each[-1, 0], each[0, 1]] for each in X])
    model = SequenceRegressor("gru", hidden_size=16, dropout=0, input_dropout=0, max_epochs=60, random_state=0).fit(
        X, y
    )
    assert model.predict(X).shape == (60, 2)
    assert model.score(X, y) > 0.9
    assert model.fit(X, y[:, 0]).predict(X).shape == (60,)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"cell": "lstn"}, "`cell` is 'lstn'"),
        ({"hidden_size": 0}, "`hidden_size` is 0"),
        ({"dropout": 1.0}, "`dropout` is 1.0"),
        ({"pooling": "max"}, "`pooling` is 'max'"),
        ({"validation": 1}, "`validation` is 1"),
        ({"learning_rate": 0}, "`learning_rate` is 0"),
        ({"random_state": "x"}, "`random_state` is 'x'"),
        ({"n_jobs": 0}, "`n_jobs` is 0"),
    ],
)
def test_bad_parameters_are_refused_when_fitted(params, words):
    with pytest.raises(InputError, match=words):
        SequenceClassifier(**QUICK | params).fit(*example())


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (None, "the target y is None"),
        (["a"], "inconsistent numbers of samples: 20 sequences and 1"),
        (["a"] * 20, "only one class"),
        (np.linspace(0, 1, 20), "sequence 1: Unknown label type"),
        ([0, np.nan] * 10, "sequence 1: Input y contains NaN"),
        (np.ma.masked_equal([0, 1] * 10, 1), "sequence 1: Input y contains NaN"),
        (np.ma.masked_array(["a", "b"] * 10, [False, True] * 10), "sequence 1: None is no label"),
        (np.zeros((20, 2)), r"y has shape \(20, 2\)"),
    ],
)
def test_bad_labels_are_one_error(y, words):
    with pytest.raises(InputError, match=words):
        SequenceClassifier(**QUICK).fit(example()[0], y)


def test_early_stopping_keeps_the_best_weights_and_holds_out_of_every_class():
    X, y = example(60)
    model = SequenceClassifier(**QUICK | {"max_epochs": 40, "validation": 0.2, "patience": 2, "learning_rate": 0.05})
    model.fit(X, y)
    assert model.n_iter_ < 40
    assert model.validation_loss_ is not None
    assert SequenceClassifier(**QUICK, validation=0.2).fit(X[:6], y[:6]).validation_loss_ is None

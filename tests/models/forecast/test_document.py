from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO

import numpy as np
from tests.models.forecast import outcomes

from gatewise.models.forecast.document import as_csv, as_json


def test_csv_has_the_names_of_nixtla_and_every_row() -> None:
    told = outcomes.outcome(outcomes.panel(("a", "b")), horizon=5)
    head, *rows = csv.reader(StringIO(as_csv(told)))
    assert head == ["unique_id", "ds", "LSTM", "LSTM-lo-80", "LSTM-hi-80", "LSTM-lo-95", "LSTM-hi-95"]
    assert [row[0] for row in rows] == ["a"] * 5 + ["b"] * 5
    low, high = told.quantiles.interval(95)
    assert [float(row[2]) for row in rows] == told.quantiles.median.ravel().tolist()
    assert [float(row[5]) for row in rows] == low.ravel().tolist()
    assert [float(row[6]) for row in rows] == high.ravel().tolist()


def test_csv_survives_hostile_ids() -> None:
    names = ('=HYPERLINK("http://x")', 'a,"b"\nc', "-3", "x\r=cmd|' /C calc'!A0", "a;=1+1;b", "\x1b[31m")
    text = as_csv(outcomes.outcome(outcomes.panel(names), horizon=1))
    assert text.replace("\n", "").isprintable()
    assert len(text.splitlines()) == 1 + len(names)
    assert '"a;=1+1;b",' in text
    rows = list(csv.reader(StringIO(text)))
    spelled = [f"'{names[0]}", r'a,"b"\nc', names[2], r"x\r=cmd|' /C calc'!A0", names[4], r"\x1b[31m"]
    assert [row[0] for row in rows[1:]] == spelled


def test_json_keeps_its_keys() -> None:
    document = json.loads(as_json(outcomes.outcome()))
    assert list(document) == [
        *("version", "model", "horizon", "frequency", "season", "levels"),
        *("verdict", "notes", "backtest", "totals", "forecast"),
    ]
    assert list(document["backtest"]) == [
        *("horizon", "season", "windows", "step", "claim", "best", "runner_up", "naive", "reference"),
        *("chosen", "expected", "intervals", "widening", "scores", "covariates"),
    ]
    assert list(document["backtest"]["covariates"]) == [
        *("names", "model", "relative", "without", "relative_without", "clear", "effects"),
    ]
    assert list(document["backtest"]["covariates"]["effects"][0]) == ["name", "rise", "standard_error"]
    keys = [
        *("model", "relative", "relative_error", "median", "best", "mase", "smape", "wql", "msis"),
        *("coverage", "coverage_error", "seconds", "error_by_step"),
    ]
    assert list(document["backtest"]["scores"][0]) == keys
    assert document["forecast"][0]["ds"] == "1961-01-01"
    assert list(document["forecast"][0]) == ["unique_id", "ds", "forecast", "lo-80", "hi-80", "lo-95", "hi-95"]


def test_json_is_ascii_and_says_null_for_what_is_undefined() -> None:
    told = outcomes.outcome(outcomes.panel(("\x1b[31mü",), counter=True))
    assert told.backtest
    undefined = replace(told.backtest.scores[0], mase=np.nan, error_by_step=np.array([np.nan, 1.0]))
    text = as_json(replace(told, backtest=replace(told.backtest, scores=(undefined,))))
    assert text.isascii()
    assert text.isprintable()
    document = json.loads(text)
    score = document["backtest"]["scores"][0]
    assert score["mase"] is None
    assert score["error_by_step"] == [None, 1.0]
    assert document["forecast"][0]["ds"] == 145
    assert json.loads(as_json(outcomes.outcome(tested=False)))["backtest"] is None

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser import PHONE, visit
from tests.models.forecast import fakes

from gatewise.cli import follow
from gatewise.estimators import LanguageModel, SequenceClassifier
from gatewise.models.forecast.estimator import Forecaster

EVIL, RIGHT_TO_LEFT = "<script>alert(1)</script>", "\u202e\u05de\u05db\u05d9\u05e8\u05d5\u05ea\x1b[31m"
TEXT = "the cat sat on the mat. " * 30
HEADER = "@univariate false\n@dimensions 2\n@classLabel true up down\n@data\n"
ROWS = "".join(f"{n},{n + 1}:{k % 3},{k}:{'up' if n > 0 else 'down'}\n" for k in range(6) for n in (1, -1))


def table(*ids: str) -> str:
    values = fakes.climbing(60)
    quoted = ['"' + name.replace('"', '""') + '"' for name in ids]
    return "id,ds,y\n" + "".join(f"{name},{t},{v + k}\n" for k, name in enumerate(quoted) for t, v in enumerate(values))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "series.csv").write_text(table("a", EVIL, RIGHT_TO_LEFT))
    (folder / "gap.csv").write_text(re.sub('"a",7,.*', '"a",7,nan', table("a")))
    (folder / "a.ts").write_text(HEADER + ROWS)
    (folder / "nan.ts").write_text(HEADER + "1,NaN:1,2:up\n")
    (folder / "text.txt").write_text(TEXT)
    panel = fakes.panel(fakes.climbing(60), fakes.climbing(48))
    Forecaster(5, model="lstm", budget=0.2, season=4).fit(panel).save(folder / "lstm")
    Forecaster(5, model="naive", season=4).fit(panel).save(folder / "naive")
    data = (folder / "lstm").read_bytes()
    (folder / "damaged").write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    rows = [np.full((3, 2), n) + 0.1 * k for k in range(4) for n in (1.0, -1.0)]
    SequenceClassifier(hidden_size=4, max_epochs=2, random_state=0).fit(rows, ["up", "down"] * 4).save(
        folder / "classes"
    )
    small = {"hidden_size": 5, "num_layers": 1, "embedding_size": 4, "batch_size": 2}
    LanguageModel(**small, max_epochs=1, random_state=0).fit(TEXT).save(folder / "language")
    return folder


@pytest.fixture(autouse=True)
def place(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models)
    monkeypatch.setenv("COLUMNS", "80")


def looked(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert follow(["inspect", *words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom gatewise.cli import follow\nassert follow(['inspect', '--help']) == 0\n"
        "heavy = {'torch', 'numpy', 'pandas', 'llvmlite'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("model", "data", "parts"),
    [
        ("lstm", "series.csv", ("series.csv: a", "Network:", "log of the forecast over the recent level")),
        ("classes", "a.ts", ("a.ts: sequence 0", "The model says:", "above the mean logit", "layer 0, backward")),
        ("language", "text.txt", ("text.txt", "the last 200 characters", "next '")),
    ],
)
def test_summary_says_what_the_model_is_and_what_made_its_output(
    model: str, data: str, parts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert follow(["inspect", model, data]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for part in (*parts, "longest:", "shortest:", "written in the memory at", "given by", "bias", "sums were checked"):
        assert part in out
    assert "does not hold" not in out
    assert "\x1b" not in out


def test_the_chosen_series_and_step_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (looked(capsys, "lstm", "series.csv", "--series", name) for name in ("a", EVIL))
    assert first["title"] == "series.csv: a"
    assert second["title"] == f"series.csv: {EVIL}"
    assert [each["label"] for each in first["outputs"]] == ["60", "61", "62", "63", "64"]
    assert follow(["inspect", "lstm", "series.csv", "--output", "3"]) == 0
    assert "\n62: " in capsys.readouterr().out


def test_the_last_characters_and_the_chosen_row_are_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert looked(capsys, "language", "text.txt", "--last", "7")["steps"][-1] == "6 ' '"
    assert looked(capsys, "classes", "a.ts", "--row", "5")["title"] == "a.ts: sequence 5"


@pytest.mark.parametrize("series", [EVIL, RIGHT_TO_LEFT])
def test_evil_names_are_inert_everywhere(
    series: str, capsys: pytest.CaptureFixture[str], browser: Any, tmp_path: Path
) -> None:
    page_at = tmp_path / "inside.html"
    assert follow(["inspect", "lstm", "series.csv", "--series", series, "--report", str(page_at)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    html = page_at.read_text()
    assert EVIL not in html.split('<script type="application/json"')[0]
    with visit(browser, html, tmp_path, PHONE) as page:
        shown = page.locator("h1").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert shown == "series.csv: " + (EVIL if series == EVIL else r"\u202e" + series[1:-5] + r"\x1b[31m")


def test_page_shows_the_numbers_of_the_document(
    capsys: pytest.CaptureFixture[str], browser: Any, tmp_path: Path
) -> None:
    page_at = tmp_path / "inside.html"
    document = looked(capsys, "lstm", "series.csv", "--report", str(page_at))
    with visit(browser, page_at.read_text(), tmp_path) as page:
        for gate, row in (("input", 0), ("forget", 1), ("candidate", 2), ("output", 3)):
            unit = int(re.findall(r"\d+", page.locator("#unit option:checked").inner_text())[0])
            shown = float(page.locator("#values tr").nth(row).locator("td").last.inner_text().replace("\u2212", "-"))
            assert shown == pytest.approx(document["layers"][0]["gates"][gate][-1][unit], abs=6e-4)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "Missing argument"),
        (["lstm"], "Missing argument"),
        (["lstm", "series.csv", "--series", "a", "--row", "1"], "both say which"),
        (["lstm", "series.csv", "--report", "none/x.html"], "does not exist"),
        (["lstm", "series.csv", "--report", "series.csv"], "named twice"),
        (["lstm", "series.csv", "--last", "0"], "--last"),
        (["lstm", "series.csv", "--fill", "magic"], "'magic'"),
    ],
)
def test_words_that_cannot_be_followed(words: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(["inspect", *words]) == 2
    assert_one_error(capsys, part)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["none", "series.csv"], "none: it cannot be read"),
        (["text.txt", "series.csv"], "text.txt: it is not a safetensors file"),
        (["damaged", "series.csv"], "damaged: it is damaged"),
        (["naive", "series.csv"], "naive: the model is Naive, which has no memory"),
        (["lstm", "none.csv"], "none.csv: there is no such file"),
        (["lstm", "gap.csv"], "gap.csv"),
        (["lstm", "series.csv", "--series", "z"], "series.csv: there is no series 'z'"),
        (["lstm", "series.csv", "--output", "9"], "series.csv: there is no step 9"),
        (["lstm", "series.csv", "--output", "soon"], "series.csv: --output is 'soon'"),
        (["lstm", "series.csv", "--layer", "7"], "there is no layer 7"),
        (["classes", "none.ts"], "none.ts: there is no such file"),
        (["classes", "nan.ts"], "nan.ts, line 5: dimension 1, step 2"),
        (["classes", "a.ts", "--row", "99"], "a.ts: there is no sequence 99"),
        (["classes", "a.ts", "--series", "z"], "a.ts: there is no sequence 'z'"),
        (["classes", "a.ts", "--output", "left"], "a.ts: there is no output 'left'"),
        (["classes", "text.txt"], "text.txt"),
        (["language", "none.txt"], "none.txt: there is no such file"),
        (["language", "series.csv"], "does not occur in the text learned from"),
    ],
)
def test_data_that_cannot_be_used(
    words: list[str], part: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert follow(["inspect", *words, "--report", str(tmp_path / "x.html")]) == 1
    assert_one_error(capsys, part)
    assert not (tmp_path / "x.html").exists()


def assert_one_error(capsys: pytest.CaptureFixture[str], part: str) -> None:
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"gatewise: error: .+\n(hint: .+\n)?", err)
    assert part in err


def test_a_sum_that_does_not_check_ends_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gatewise.inspect.certificate.TOLERANCES", {})
    monkeypatch.setattr("gatewise.inspect.certificate.Certificate.holds", False)
    assert follow(["inspect", "lstm", "series.csv"]) == 1
    out, err = capsys.readouterr()
    assert "Not shown: " in out
    assert "written in the memory at" not in out
    assert "an explanation does not add up" in err


def test_report_of_a_forecast_holds_the_same_views(
    capsys: pytest.CaptureFixture[str], browser: Any, tmp_path: Path
) -> None:
    page_at = tmp_path / "report.html"
    assert follow(["forecast", "series.csv", "--load", "lstm", "--report", str(page_at)]) == 0
    capsys.readouterr()
    document = looked(capsys, "lstm", "series.csv")
    with visit(browser, page_at.read_text(), tmp_path) as page:
        page.locator("details.within summary").click()
        frame = page.frames[1]
        said = document["outputs"][0]
        frame.wait_for_selector("#answer strong")
        assert float(frame.locator("#answer strong").inner_text()) == pytest.approx(said["value"], rel=1e-3)
        frame.locator("#time").press("Home")
        assert "1 of" in frame.locator("#when").inner_text()
        assert page.evaluate("() => { try { return !!frames[0].document } catch { return false } }") is False


def test_report_of_another_winner_only_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page_at = tmp_path / "report.html"
    assert follow(["forecast", "series.csv", "--load", "naive", "--report", str(page_at)]) == 0
    html = page_at.read_text()
    assert "the model is Naive, which has no memory that can be looked into" in html
    assert "<iframe" not in html
    assert "script-src" not in html

"""The pages that are made from the code are what the tool writes, and the code in the guides runs."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from tools import make_reference
from tools.make_docs import FOLDER, PICTURES, pages, pictures

from gatewise import cell
from gatewise.cells import CELLS
from gatewise.declaration import functions

from .matrix import names

ROOT = Path(__file__).parents[1]
GUIDES = [path for path in sorted((ROOT / "docs").rglob("*.md")) if path.parent != FOLDER]
CAMELS = ROOT.parent / "shared" / "data" / "hydrology" / "camels_sample.tar.gz"


def blocks(text: str) -> list[str]:
    """The Python code of a page."""
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.S | re.M)


@pytest.fixture(scope="module")
def texts():
    """The pages that the tool writes, by name."""
    return pages()


def texts_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_pages_are_what_make_docs_writes(texts):
    assert texts_in(FOLDER) == texts


def test_pictures_are_what_make_docs_writes():
    assert texts_in(PICTURES) == pictures()


@pytest.mark.slow
def test_pages_of_the_reference_are_what_make_docs_writes():
    def any_width(text: str) -> str:  # vectors of machine code are as wide as those of who wrote the page
        return re.sub(r"<\d+ x float>", "<N x float>", text)

    written = {path: any_width(text) for path, text in make_reference.pages().items()}
    assert {path: any_width((ROOT / "docs" / path).read_text(encoding="utf-8")) for path in written} == written


def test_one_cell_is_shown_at_every_stage_by_the_lines_of_its_step():
    stages = make_reference.stages()
    for stage in ("source", "equations", "program", "gradient", "llvm", "triton", "c"):
        assert "tanh" in stages[stage]
        assert stages[stage].count("\n") < 20
    assert stages["c"].splitlines()[-1] == "const float h = o * t2;"


@pytest.mark.parametrize("name", names(CELLS))
def test_every_cell_has_a_page_whose_use_runs(name, texts):
    assert f"](../../src/gatewise/cells/{name}.py)" in texts[f"{name}.md"]
    exec(blocks(texts[f"{name}.md"])[-1], {})


def test_links_of_the_pages_lead_somewhere(texts):
    targets = [target for text in texts.values() for target in re.findall(r"\]\((?!https)(.*?)\)", text)]
    assert targets
    assert [target for target in targets if not (FOLDER / target).exists()] == []


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("*.md")), *GUIDES], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_code_of_a_guide_runs_from_top_to_bottom(guide, tmp_path, monkeypatch, capsys):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    text = guide.read_text(encoding="utf-8")
    if CAMELS.name in text:
        if not CAMELS.exists():
            pytest.skip("needs ../shared/data/hydrology")
        (tmp_path / CAMELS.name).symlink_to(CAMELS)
    monkeypatch.chdir(tmp_path)  # what a guide writes stays out of the repository
    names: dict[str, object] = {}
    for block in blocks(text):
        exec(compile(block, str(guide), "exec"), names)
        expected = re.findall(r"print\(.*\)\s+# (.*)$", block, flags=re.M)
        printed = capsys.readouterr().out
        assert [line for line in expected if line not in printed.splitlines()] == []


def test_the_guide_and_help_list_what_a_step_may_call():
    listed = functions()
    guide = (ROOT / "docs" / "guides" / "write-a-cell.md").read_text(encoding="utf-8")
    assert listed.replace("``", "`") in " ".join(guide.split())
    assert listed in " ".join(inspect.getdoc(cell).split())

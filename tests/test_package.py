"""What is published says the same of itself everywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import gatewise

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_package_says_that_it_is_typed():
    assert (Path(gatewise.__file__).parent / "py.typed").exists()


def test_the_changelog_begins_with_the_version():
    first = re.search(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.M)
    assert first[1] == PROJECT["version"]


def test_the_version_stands_in_one_place():
    holding = [path for path in (ROOT / "src").rglob("*.py") if f'"{PROJECT["version"]}"' in path.read_text("utf-8")]
    assert holding == []
    assert "version: " not in (ROOT / "CITATION.cff").read_text(encoding="utf-8").replace("cff-version: ", "")


def test_the_licence_is_the_same_everywhere():
    assert f"license: {PROJECT['license']}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_every_supported_python_is_tested():
    listed = {word.rpartition(" ")[2] for word in PROJECT["classifiers"] if ":: Python :: 3." in word}
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert set(re.findall(r'"(3\.\d+)"', workflow)) == listed
    assert PROJECT["requires-python"] == f">={min(listed, key=lambda word: int(word.partition('.')[2]))}"

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gatewise.errors import InputError
from gatewise.tables.parallel import load_pairs


def written(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


PAIRS = (("eins", "one"), ("zwei, drei", 'two "three"'))


@pytest.mark.parametrize(
    ("name", "text", "columns"),
    [
        ("a.tsv", 'eins\tone\nzwei, drei\ttwo "three"\n', {}),
        ("a.txt", '\ufeffeins\tone\r\n\r\nzwei, drei\ttwo "three"', {}),
        ("a.tsv.gz", 'source\ttarget\neins\tone\nzwei, drei\ttwo "three"\n', {}),
        ("a.tsv", 'en\tid\tde\none\t1\teins\ntwo "three"\t2\tzwei, drei\n', {"source": "de", "target": "en"}),
        ("a.tsv", 'one\t1\teins\ntwo "three"\t2\tzwei, drei\n', {"source": "3", "target": "1"}),
        ("a.csv", 'de,en\neins,one\n"zwei, drei","two ""three"""\n', {"source": "de", "target": "en"}),
        ("a.csv.gz", 'Source;Target\neins;one\n"zwei, drei";"two ""three"""\n', {}),
    ],
)
def test_pairs_stand_in_two_columns(tmp_path: Path, name: str, text: str, columns: dict[str, str]) -> None:
    pairs = load_pairs(written(tmp_path / name, text), **columns)
    assert tuple(zip(pairs.source, pairs.target, strict=True)) == PAIRS
    assert pairs.name == name


def test_pairs_stand_in_two_files_and_blank_lines_are_kept(tmp_path: Path) -> None:
    de, en = written(tmp_path / "a.de", "eins\n\ndrei\n"), written(tmp_path / "a.en.gz", "one\n\u2028two\nthree")
    pairs = load_pairs(de, en)
    assert pairs.source == ("eins", "", "drei")
    assert pairs.target == ("one", "\u2028two", "three")


@pytest.mark.parametrize(
    ("name", "text", "columns", "what"),
    [
        ("a.tsv", "", {}, "the file is empty"),
        ("a.tsv", "eins one\n", {}, "its first line has 1 column"),
        ("a.tsv", "a\tb\tc\n", {}, "its first line has 3 columns"),
        ("a.tsv", "a\tb\n\nc\n", {}, "a.tsv, line 3: 1 column, expected 2"),
        ("a.tsv", "de\ten\na\tb\n", {"source": "fr"}, "`source` is 'fr', which is no column"),
        ("a.tsv", "de\ten\na\tb\n", {"source": "de", "target": "1"}, "the same column"),
        ("a.csv", 'a,b\n"c,d\n', {}, "a.csv, row 2: the record that starts here cannot be read"),
        ("none.tsv", None, {}, "no such file"),
    ],
)
def test_what_is_no_table_of_pairs_is_refused(
    tmp_path: Path, name: str, text: str | None, columns: dict[str, str], what: str
) -> None:
    if text is not None:
        written(tmp_path / name, text)
    with pytest.raises(InputError, match=what):
        load_pairs(tmp_path / name, **columns)


def test_files_of_unequal_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a.en: it has 2 lines, and a.de has 1 line"):
        load_pairs(written(tmp_path / "a.de", "a\n"), written(tmp_path / "a.en", "a\nb\n"))

"""The benchmark of a card that nobody has yet: its pieces, its lines, and that it goes on where it was ended."""

from __future__ import annotations

import json

import pytest
import torch
from benchmarks.gpu import main as gpu
from benchmarks.gpu.rivals import contenders
from benchmarks.gpu.workload import Piece, Workload, pieces

from gatewise.cells import CELLS
from gatewise.kernels.selfcheck import Check

SMALL = Workload("gru", "float32", 5, 3, ("torch", "loop", "launches"), steps=4)


def test_every_piece_has_a_name_of_its_own_and_parity_is_the_first():
    names = [piece.name for piece in pieces()]
    assert len(names) == len(set(names))
    timed = {work.cell for piece in pieces() for work in piece.workloads}
    assert {piece.parity for piece in list(pieces())[: len(timed)]} == timed
    assert {piece.parity for piece in pieces()} - {""} == set(CELLS)


@pytest.mark.parametrize("ragged", [False, True])
def test_all_contenders_compute_the_same(ragged):
    work = Workload("lstm", "float32", 5, 3, ("torch",), steps=4, ragged=True) if ragged else SMALL
    outputs = [side.forward() for side in contenders(work, "cpu").values()]
    sums = [output.double().sum() for output in outputs]
    assert all(torch.isclose(one, sums[0], atol=1e-5) for one in sums)
    for side in contenders(work, "cpu").values():
        side.training()


def test_a_piece_gives_a_line_for_each_contender():
    lines = list(gpu.figures(Piece("x", (SMALL,)), "cpu"))
    assert [line["contender"] for line in lines] == ["ours", "torch", "loop", "launches"]
    assert all(line["forward_ms"] > 0 and line["training_ms"] > 0 for line in lines)
    assert json.loads(json.dumps(lines[0]))["regime"].startswith("cpu: fused CPU kernel")


def test_what_is_there_is_not_run_again(tmp_path, monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(gpu.subprocess, "run", lambda command, **_: ran.append(command[-1]) or Done())
    out = tmp_path / "gpu.jsonl"
    for _ in range(2):
        gpu.main(["--device", "cpu", "--out", str(out), "--only", "rnn float32"])
    assert len(ran) == len(set(ran)) == 6
    assert [json.loads(line)["ended"] for line in out.read_text().splitlines()] == ["done"] * 6


class Done:
    stdout, stderr, returncode = "", "", 0


def test_without_a_card_it_says_so():
    with pytest.raises(SystemExit, match="no GPU"):
        gpu.main([])


def test_where_results_differ_nothing_of_that_cell_is_timed(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(gpu, "_in_its_process", lambda piece, *rest: ran.append(piece.name) or "WRONG")
    out = tmp_path / "x"
    gpu.main(["--device", "cpu", "--out", str(out), "--only", "parity gru_reset", "persistent", "ragged float16"])
    assert ran == ["parity gru_reset_before", "persistent lstm", "ragged float16"]
    out.write_text(json.dumps({"piece": "parity lstm", "done": True, "ended": "WRONG"}))
    gpu.main(["--device", "cpu", "--out", str(out), "--only", "ragged float16", "rnn float16 128"])
    assert ran[3:] == ["rnn float16 128"]


def test_parity_is_a_line_for_each_check(monkeypatch):
    check = Check("cpu", "one launch", "rnn", torch.float32, 0.0)
    monkeypatch.setattr(gpu, "checks_of", lambda cell, device: [check, check._replace(error=error, cell=cell.name)])
    error = 0.0
    assert all(line["passed"] for line in gpu.figures(Piece("x", parity="gru"), "cpu"))
    error = 1.0
    lines = gpu.figures(Piece("x", parity="gru"), "cpu")
    assert [next(lines)["passed"], next(lines)["passed"]] == [True, False]
    with pytest.raises(SystemExit, match="WRONG: gru"):
        next(lines)

"""Compare what gatewise writes with what it wrote earlier, by SHA-256: the same command, the same bits.

python tools/compare_outputs.py record FOLDER        run the commands below in this new folder and keep what they write
python tools/compare_outputs.py compare FOLDER       run them again elsewhere, and compare

For a change that is to change nothing. The interpreter is the one that runs this file. What was saved earlier is read
again, too. Prints a line for each file, and exits with 1 where any differs. Durations are left out of JSON documents.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PASSENGERS = ROOT / "examples" / "air_passengers.csv"
CELLS = ("rnn", "lstm", "peephole_lstm", "coupled_lstm", "gru", "gru_reset_before", "mgu", "janet", "slstm")

FORMS = ("equations", "program", "diagram", "llvm")

# Each a file that takes the standard output, and the words of the command.
COMMANDS: tuple[tuple[str, str], ...] = (
    (
        "forecast.json",
        "forecast passengers.csv --horizon 12 --backtest 1 --seed 1 --json --out forecast.csv --save forecaster.gw",
    ),
    ("loaded.json", "forecast passengers.csv --load forecaster.gw --json --out loaded.csv"),
    (
        "lstm.json",
        "forecast passengers.csv --horizon 6 --backtest 0 --model lstm --seed 2 --json --save lstm.gw --out lstm.csv",
    ),
    ("lstm_inside.json", "inspect lstm.gw passengers.csv --json"),
    (
        "classify.json",
        "classify waves.csv --epochs 3 --seed 1 --one-way --json --save classifier.gw --test waves.csv",
    ),
    ("judged.json", "classify waves.csv --load classifier.gw --json"),
    ("classifier_inside.json", "inspect classifier.gw waves.csv --row 1 --json"),
    ("generate.json", "generate words.txt --epochs 1 --length 80 --seed 1 --json --save writer.gw"),
    ("generated.json", "generate --load writer.gw --prompt the --length 80 --seed 3 --json"),
    ("c.txt", "export classifier.gw --to c --name float32"),
    ("c_m4.txt", "export classifier.gw --to c --name m4 --target cortex-m4"),
    ("c_int8.txt", "export classifier.gw --to c --name int8 --dtype int8 --calibration waves.csv"),
    ("onnx.txt", "export classifier.gw --to onnx --name classifier"),
    ("writer_c.txt", "export writer.gw --to c --name writer"),
    *((f"{cell}.{form}.txt", f"show {cell} --as {form}") for cell in CELLS for form in FORMS),
)

_DURATION = re.compile(r'"(?:seconds|characters_per_second|version|gatewise)": ?[^,}]+[,}]|in [\d.]+ s\b')


def prepare(folder: Path) -> None:
    """The data that the commands read."""
    (folder / "passengers.csv").write_bytes(PASSENGERS.read_bytes())
    rows = ["id,label,a,b"]
    for number in range(40):
        kind = number % 3
        for step in range(8 + number % 5):
            rows.append(f"{number},{'xyz'[kind]},{(step * (kind + 1)) % 7 - 3},{(number * step) % 5 * 0.25}")
    (folder / "waves.csv").write_text("\n".join(rows) + "\n")
    (folder / "words.txt").write_text("the cat sat on the mat and the rat sat on the hat\n" * 60)


def run(folder: Path) -> None:
    """Every command in this folder."""
    for name, words in COMMANDS:
        (folder / name).write_text(printed(folder, words))


def printed(folder: Path, words: str) -> str:
    """What a command prints in this folder, but for durations, and how it ends."""
    command = [sys.executable, "-m", "gatewise", *words.split()]
    environment = {**os.environ, "COLUMNS": "100"}
    outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    if outcome.returncode:
        print(f"failed  gatewise {words}: {outcome.stderr.strip()}")
    return _DURATION.sub("", outcome.stdout) + f"exit {outcome.returncode}\n"


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def compared(earlier: Path, now: Path) -> list[str]:
    """The names of files that differ, or are there once only."""
    before, after = digests(earlier), digests(now)
    names = sorted(before.keys() | after.keys())
    for name in names:
        verdict = "same   " if before.get(name) == after.get(name) else "DIFFERS"
        print(verdict, name, after.get(name, "missing")[:16])
    return [name for name in names if before.get(name) != after.get(name)]


def read_again(earlier: Path, scratch: Path) -> list[str]:
    """The documents that come out otherwise when this gatewise reads the files that the earlier one saved."""
    folder = Path(shutil.copytree(earlier, scratch))
    names: list[str] = []
    for name, words in COMMANDS:
        if "--load" in words or words.startswith("inspect"):
            same = printed(folder, words) == (earlier / name).read_text()
            print(f"{'same   ' if same else 'DIFFERS'} {name} from an earlier model file")
            names += [] if same else [name]
    return names


def main(verb: str, folder: Path) -> int:
    """Whether anything differs."""
    if verb == "record":
        folder.mkdir(parents=True)
        prepare(folder)
        run(folder)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        now = Path(temporary, "now")
        now.mkdir()
        prepare(now)
        run(now)
        differing = compared(folder, now) + read_again(folder, Path(temporary, "earlier"))
    print(f"{len(digests(folder))} files, {len(differing)} differ: {', '.join(differing) or 'none'}")
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))

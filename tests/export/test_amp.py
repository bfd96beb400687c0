"""The amplifier of the examples plays what the module says, and refuses files that are not what it plays."""

from __future__ import annotations

import struct
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.device.compiled import C99
from torch import nn

from gatewise.export import to_c
from gatewise.nn import LSTM
from gatewise.nn.chain import Chain

from ..needs import needs_gcc
from ..tolerance import C_FILE

pytestmark = needs_gcc
SOURCE = Path(__file__).parents[2] / "examples" / "amp" / "amp.c"
SANITIZED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="module")
@torch.no_grad()
def model():
    """Loud enough to clip on both sides."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        chain = Chain(LSTM(1, 16), nn.Linear(16, 1)).eval()
        y = chain(torch.rand(1000, 1) * 2 - 1)[0]
    head = chain.parts[1]
    head.bias.sub_(y.mean()).div_(y.std())
    head.weight.div_(y.std())
    return chain


@pytest.fixture(scope="module")
def amp(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("amp")
    files = [SOURCE, to_c(model, folder, target="simd").source]
    command = ["gcc", *C99, *SANITIZED, f"-I{folder}", *files, "-o", folder / "amp"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "amp"


def play(amp, *paths):
    return subprocess.run([str(part) for part in (amp, *paths)], capture_output=True, text=True)


def header(channels=1, rate=48000, bits=16, kind=1, count=8, size=16):
    """Of a WAV file with so many bytes of samples."""
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)
    return b"RIFF%sWAVEfmt %s%sdata%s" % (
        struct.pack("<I", (36 + count) % 2**32),
        struct.pack("<I", size),
        form,
        struct.pack("<I", count),
    )


GOOD = header() + bytes(range(8))


@pytest.mark.parametrize("channels", [1, 2])
@torch.no_grad()
def test_it_plays_what_the_module_says(amp, model, channels, tmp_path):
    generator = np.random.default_rng(channels)
    frames = 1000  # some blocks, and a shorter one
    pcm = generator.integers(-32768, 32768, (frames, channels)).astype("<i2")
    with wave.open(str(tmp_path / "in.wav"), "wb") as file:
        file.setparams((channels, 2, 48000, 0, "NONE", "not compressed"))
        file.writeframes(pcm.tobytes())
    done = play(amp, tmp_path / "in.wav", tmp_path / "out.wav")
    assert (done.returncode, done.stderr) == (0, "")
    assert "times faster than real time" in done.stdout
    with wave.open(str(tmp_path / "out.wav"), "rb") as file:
        assert file.getparams()[:4] == (channels, 2, 48000, frames)
        found = np.frombuffer(file.readframes(frames), "<i2").reshape(frames, channels)
    x = torch.from_numpy(pcm.astype(np.float32) / 32768)[..., None]
    said = model(x)[0][..., 0].double().numpy() * 32768
    rounding = 0.5 + C_FILE * np.abs(said).max()  # to words of 16 bits, and of float32
    assert np.abs(found - said.clip(-32768, 32767)).max() <= rounding
    assert {-32768, 32767} <= set(found.ravel().tolist())


def test_other_chunks_and_the_extensible_form_are_read(amp, tmp_path):
    extensible = struct.pack("<HHIIHHHHIH14s", 0xFFFE, 1, 48000, 96000, 2, 16, 22, 16, 4, 1, bytes(14))
    form = b"fmt " + struct.pack("<I", len(extensible)) + extensible
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    (tmp_path / "in.wav").write_bytes(b"RIFF\0\0\0\0WAVE" + odd + form + odd + b"data\4\0\0\0abcd" + odd)
    (tmp_path / "plain.wav").write_bytes(header(count=4) + b"abcd")
    for name in ("in", "plain"):
        assert play(amp, tmp_path / f"{name}.wav", tmp_path / f"{name}.out").returncode == 0
    assert (tmp_path / "in.out").read_bytes() == (tmp_path / "plain.out").read_bytes()


REFUSED = {
    "is not a WAV file": [b"", b"RIFF", b"RIFX" + GOOD[4:], GOOD[:8] + b"AVI " + GOOD[12:], b"\xff" * 64],
    "ends before its samples": [
        GOOD[:20],
        GOOD[:36],
        GOOD[:36] + b"LIST\xff\xff\xff\x7f",
        GOOD[:12] + b"fmt \x10\0\0\0",
    ],
    "has a part of more than 2 GiB beside its samples": [
        GOOD[:36] + b"LIST\xff\xff\xff\xff",
    ],
    "ends before its last sample": [GOOD[:-1], header(count=0xFFFFFFFF)],
    "has a format that is too short": [header(size=15)],
    "is not PCM": [header(kind=3), header(kind=0xFFFE)],
    "has neither one nor two channels": [header(channels=0), header(channels=3)],
    "is not at 48000 Hz, as the model is": [header(rate=44100)],
    "is not of 16 bits": [header(bits=24)],
    "has samples before their format": [GOOD[:12] + GOOD[36:]],
    "has no samples": [header(count=0)],
    "ends within a frame": [header(count=3) + b"abc"],
    "has frames of another size than its channels": [GOOD[:32] + b"\4" + GOOD[33:]],
}


@pytest.mark.parametrize("why", REFUSED)
def test_bad_files_are_refused_by_name(amp, why, tmp_path):
    for content in REFUSED[why]:
        (tmp_path / "in.wav").write_bytes(content)
        done = play(amp, tmp_path / "in.wav", tmp_path / "out.wav")
        assert (done.returncode, done.stderr, done.stdout) == (1, f"amp: {tmp_path / 'in.wav'}: {why}\n", "")
        assert not (tmp_path / "out.wav").exists()


def test_headers_with_wrong_bytes_are_played_or_refused_with_one_line(amp, tmp_path):
    generator, refused = np.random.default_rng(0), 0
    for at in range(44):
        content = bytearray(GOOD)
        content[at] ^= int(generator.integers(1, 256))
        if at % 2:
            content[int(generator.integers(44))] = 255
        (tmp_path / "in.wav").write_bytes(content)
        done = play(amp, tmp_path / "in.wav", tmp_path / "out.wav")
        assert done.returncode in (0, 1)
        assert done.stderr.count("\n") == done.returncode, done.stderr
        refused += done.returncode
    assert 20 < refused < 44


def test_files_that_cannot_be_opened_and_wrong_arguments_are_told(amp, tmp_path):
    (tmp_path / "in.wav").write_bytes(GOOD)
    for paths, code, why in (
        ((tmp_path / "none.wav", tmp_path / "out.wav"), 1, "cannot be read"),
        ((tmp_path / "in.wav", tmp_path / "none" / "out.wav"), 1, "cannot be written"),
        ((tmp_path / "in.wav", tmp_path / "in.wav"), 1, "would be written while it is read"),
        ((tmp_path / "in.wav",), 2, "usage: amp IN.wav OUT.wav"),
    ):
        done = play(amp, *paths)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1)
        assert why in done.stderr
    if Path("/dev/full").exists():
        assert "cannot be written" in play(amp, tmp_path / "in.wav", "/dev/full").stderr


@pytest.mark.needs("nm")
def test_the_audio_path_needs_no_heap(amp):
    plain = amp.with_name("amp.o")
    command = ["gcc", *C99, "-O2", f"-I{amp.parent}", "-c", str(SOURCE), "-o", str(plain)]
    assert subprocess.run(command, capture_output=True).returncode == 0
    called = subprocess.run(["nm", "-u", str(plain)], capture_output=True, text=True).stdout.split()
    assert not {"malloc", "calloc", "realloc", "free"} & set(called)

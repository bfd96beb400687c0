"""Train an LSTM to sound like an amplifier, and write it as C: ``python train.py FOLDER``.

The amplifier is made up: a high-pass, a valve (a tanh that bends one side more than the other) and a low-pass. The
guitar is too: plucked notes of eight overtones. The model and its loss are those of Wright, Damskägg and Välimäki,
Real-Time Black-Box Modelling With Recurrent Neural Networks, DAFx 2019, without pre-emphasis. Beside the model, the
folder gets dry.wav, five seconds that were not trained on, and target.wav, which is what the amplifier makes of them.
"""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gatewise.export import to_c
from gatewise.nn import LSTM, Chain

RATE = 48_000
SECONDS, HELD_OUT, NOTE = 25, 5, 0.25
UNITS, ROUNDS, ROWS, STEPS, WARM_UP, FASTEST = 16, 1500, 32, 1280, 256, 1e-2


def guitar(seconds: float, generator: np.random.Generator) -> np.ndarray:
    """Notes from E2 to E5, each with its own strength, which fade as the next ones sound."""
    t = np.arange(RATE) / RATE
    sound = np.zeros(int(seconds * RATE) + RATE)
    for start in range(0, int(seconds * RATE), int(NOTE * RATE)):
        hertz, strength = 82.4 * 2 ** (generator.integers(0, 37) / 12), generator.uniform(0.1, 1.0)
        for overtone in range(1, 9):
            note = np.sin(2 * np.pi * hertz * overtone * t) * np.exp(-3 * overtone * t) / overtone
            sound[start : start + RATE] += 0.3 * strength * note
    return sound[: int(seconds * RATE)].clip(-1, 1)


def low_pass(sound: np.ndarray, hertz: float) -> np.ndarray:
    """One pole."""
    keep, value, found = np.exp(-2 * np.pi * hertz / RATE), 0.0, []
    for sample in sound.tolist():
        value = keep * value + (1 - keep) * sample
        found.append(value)
    return np.array(found)


def amplifier(sound: np.ndarray) -> np.ndarray:
    """What the model is to learn."""
    bright = sound - low_pass(sound, 80)
    return 0.7 * low_pass(np.tanh(8 * bright + 0.3) - np.tanh(0.3), 5000)


def error_to_signal(found: Tensor, target: Tensor) -> Tensor:
    """Energy of the error, as a part of the target's."""
    return (found - target).square().mean() / target.square().mean()


def trained(dry: Tensor, wet: Tensor) -> Chain:
    """On random stretches, the first steps of which only bring the state about."""
    torch.manual_seed(0)
    model = Chain(LSTM(1, UNITS), nn.Linear(UNITS, 1))
    optimizer = torch.optim.Adam(model.parameters(), FASTEST)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, FASTEST, total_steps=ROUNDS)
    for _ in range(ROUNDS):
        starts = torch.randint(len(dry) - STEPS, (ROWS,))
        places = starts + torch.arange(STEPS)[:, None]
        optimizer.zero_grad()
        error_to_signal(model(dry[places, None])[0][WARM_UP:, :, 0], wet[places][WARM_UP:]).backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def write_wav(path: Path, sound: np.ndarray) -> None:
    """16 bits, one channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).round().astype("<i2").tobytes())


def main() -> None:
    """Train, say how near it comes, export."""
    torch.set_num_threads(1)
    dry = guitar(SECONDS, np.random.default_rng(0))
    wet = amplifier(dry)
    end = len(dry) - HELD_OUT * RATE
    x, y = (torch.tensor(sound, dtype=torch.float32) for sound in (dry, wet))
    model, folder = trained(x[:end], y[:end]), Path(sys.argv[1])
    with torch.no_grad():
        error = error_to_signal(model(x[end:, None])[0][:, 0], y[end:])
    print(f"error to signal on {HELD_OUT} s that were not trained on: {error:.2%}")
    to_c(model, folder, target="simd")
    for name, sound in (("dry", dry), ("target", wet)):
        write_wav(folder / f"{name}.wav", sound[end:])


if __name__ == "__main__":
    main()

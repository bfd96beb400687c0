"""The model file: a container of its own kind, with weights and settings and no series in it."""

from __future__ import annotations

from ...container import Container
from ...errors import ModelFileError

FORMAT = 1
FILE = Container(
    key="gatewise",
    noun="gatewise model",
    format=FORMAT,
    error=ModelFileError,
    again="train the model again and save it anew",
    source="give a file written by Forecaster.save",
    largest_header=1 << 20,
)
write, read, pack, unpack = FILE.write, FILE.read, FILE.pack, FILE.unpack

"""Object code of modules, made once and kept between processes.

Code is kept under the digest of its module's text, so that nothing it depends on can be forgotten. Writing the text
takes tens of milliseconds, though. So that digest is kept too, under one of what the text is written from: a value,
and our sources that write it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite
import torch
from llvmlite import binding

from ... import cache
from ...version import version

_RECIPE = 1  # raised whenever another code is made of the same text
_PACKAGE = Path(__file__).parents[2]
_WRITERS = ("value.py", "equation.py", "compiler/**/*.py", "kernels/cpu/*.py")  # of texts


class Source(NamedTuple):
    """A module of LLVM that need not have been written yet.

    origin: all that the text depends on besides our own sources and the processor, as :func:`spelled` takes it.
    write: gives the text.
    """

    origin: object
    write: Callable[[], str]


def code_of(source: Source, make: Callable[[str], bytes]) -> bytes:
    """The object code, as it is kept or as ``make`` makes it of the text."""
    shortcut = _digest(writers(), spelled(source.origin))
    known = cache.find(shortcut)
    code = None if known is None else cache.find(known)
    return _made(source.write(), shortcut, make) if code is None else code


def _made(text: str, shortcut: bytes, make: Callable[[str], bytes]) -> bytes:
    key = _digest(text)
    code = cache.find(key)
    if code is None:
        code = make(text)
        cache.keep(key, code)
    cache.keep(shortcut, key)
    return code


def _digest(*parts: str) -> bytes:
    """Of these and of everything else that machine code depends on."""
    return hashlib.sha256("\0".join((recipe(), *parts)).encode()).digest()


@lru_cache(maxsize=1)
def recipe() -> str:
    """What machine code depends on besides the text of its module."""
    versions = (_RECIPE, version(), llvmlite.__version__, binding.llvm_version_info)
    processor = (binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten())
    return repr((*versions, binding.get_default_triple(), *processor))


@lru_cache(maxsize=1)
def writers() -> str:
    """A digest of our own sources that write the texts of modules, which change more often than our version."""
    files = [path for pattern in _WRITERS for path in sorted(_PACKAGE.glob(pattern))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def spelled(value: Any) -> str:
    """A value in full: what is equal is spelled alike in every process, and what differs is not.

    TypeError for what is no plain value, tuple, set, mapping or dataclass of such.
    """
    if value is None or isinstance(value, bool | int | float | str | torch.dtype):
        return repr(value)
    if isinstance(value, tuple):
        content: list[str] = [spelled(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
    elif isinstance(value, frozenset):
        content = sorted(spelled(part) for part in value)  # pyright: ignore[reportUnknownVariableType]
    elif isinstance(value, Mapping):
        content = [f"{spelled(key)}:{spelled(part)}" for key, part in value.items()]  # pyright: ignore[reportUnknownVariableType]
    elif is_dataclass(value):
        content = [f"{part.name}:{spelled(getattr(value, part.name))}" for part in fields(value)]
    else:
        raise TypeError(f"{value!r} cannot be spelled")
    return f"{type(value).__name__}({','.join(content)})"  # pyright: ignore[reportUnknownArgumentType]

"""Machine code that test processes and runs share: a kernel is compiled by whichever needs it first.

Three quarters of the time that a kernel takes to make are LLVM's, and workers need much the same kernels. Gatewise
itself keeps no code on disk.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import time
from pathlib import Path
from typing import Any

import llvmlite
from llvmlite import binding

from gatewise.kernels.cpu import compile as compiling

FOLDER = Path(__file__).parents[1] / ".cache" / "machine-code"
UNUSED = 7 * 24 * 3600  # seconds after which code that no run asked for is deleted

passes = compiling.optimised
"""LLVM's, whatever is installed."""


class Shared:
    """Stands in for LLVM's passes and code generation where another process has been through them.

    A file's name is the hash of all that its code depends on: the module's text, the source of what compiles it, the
    processor, and the version of LLVM. It begins with the hash of its content, so that half a file is no code.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._engine = binding.create_mcjit_compiler
        processor = f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
        self._how = f"{llvmlite.__version__} {processor}\n{inspect.getsource(compiling)}"
        self._code: dict[str, bytes] = {}

    def install(self) -> None:
        """Until the process ends."""
        self._tidy()
        compiling.optimised = self._optimised
        binding.create_mcjit_compiler = self._compiler

    def _tidy(self) -> None:
        """Delete what no run has asked for lately."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                try:
                    if entry.stat().st_mtime < time.time() - UNUSED:
                        os.unlink(entry)
                except FileNotFoundError:
                    pass  # another process was first

    def _optimised(self, text: str) -> binding.ModuleRef:
        """An empty module, for which the code that there is will be taken: LLVM's own of a kernel takes megabytes."""
        key = hashlib.sha256(f"{self._how}\n{text}".encode()).hexdigest()
        self._code[key] = self._read(key) or self._made(key, text)
        module = binding.parse_assembly("")
        module.name = key
        return module

    def _made(self, key: str, text: str) -> bytes:
        code: list[bytes] = []
        engine = self._engine(passes(text), compiling.target_machine())
        engine.set_object_cache(lambda module, made: code.append(made))
        engine.finalize_object()
        half = self._folder / f"{key}.{os.getpid()}"
        half.write_bytes(hashlib.sha256(code[0]).digest() + code[0])
        half.replace(self._folder / key)  # whole, for a process that looks at the same moment
        return code[0]

    def _compiler(self, module: binding.ModuleRef, target: binding.TargetMachine) -> Any:
        engine = self._engine(module, target)
        engine.set_object_cache(getbuffer_func=lambda module: self._code.pop(module.name))
        return engine

    def _read(self, key: str) -> bytes | None:
        path = self._folder / key
        try:
            content = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        check, code = content[:32], content[32:]
        return code if check == hashlib.sha256(code).digest() else None

"""Machine code that test processes share: a kernel is compiled by whichever needs it first.

Nine tenths of the time that a kernel takes to make are LLVM's, and workers need much the same kernels. Gatewise itself
keeps no code on disk.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import llvmlite
from llvmlite import binding

from gatewise.kernels.cpu import compile as compiling

passes = compiling.optimised
"""LLVM's, whatever is installed."""


class Shared:
    """Stands in for LLVM's passes and code generation where another process has been through them. folder: of all."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._engine = binding.create_mcjit_compiler
        self._machine = (
            f"{llvmlite.__version__} {binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
        )

    def install(self) -> None:
        """Until the process ends."""
        compiling.optimised = self._optimised
        binding.create_mcjit_compiler = self._compiler

    def _optimised(self, text: str) -> binding.ModuleRef:
        key = hashlib.sha256(f"{self._machine}\n{text}".encode()).hexdigest()
        module = binding.parse_assembly("") if (self._folder / key).exists() else passes(text)
        module.name = key
        return module

    def _compiler(self, module: binding.ModuleRef, target: binding.TargetMachine) -> Any:
        engine = self._engine(module, target)
        engine.set_object_cache(self._keep, self._kept)
        return engine

    def _keep(self, module: binding.ModuleRef, code: bytes) -> None:
        half = self._folder / f"{module.name}.{os.getpid()}"
        half.write_bytes(code)
        half.replace(self._folder / module.name)  # whole, for whoever looks at the same moment

    def _kept(self, module: binding.ModuleRef) -> bytes | None:
        path = self._folder / module.name
        return path.read_bytes() if path.exists() else None

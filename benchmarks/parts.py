"""Benchmarks in several parts: ``python -m benchmarks NAME PART [OPTIONS]``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from types import ModuleType


def measured(name: str, about: str, parts: Mapping[str, ModuleType], arguments: Sequence[str]) -> bool:
    """Run the part that the arguments name: a module with ``add_arguments(parser)`` and ``measure(given)``.

    Whether what is promised holds, as the part says.
    """
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=about, formatter_class=form)
    commands = parser.add_subparsers(dest="part", required=True)
    for part, module in parts.items():
        said = module.__doc__ or ""
        command = commands.add_parser(part, help=said.split("\n")[0], description=said, formatter_class=form)
        module.add_arguments(command)
    given = parser.parse_args(arguments)
    return bool(parts[given.part].measure(given))

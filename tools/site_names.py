"""For the site: the modules of the cells, made as Python runs, so that griffe, which reads, misses them."""

from __future__ import annotations

from typing import Any

import griffe

PACKAGE, MADE = "nn", "nn.modules"


class MadeModules(griffe.Extension):
    """Every name that the stub of `gatewise.nn.modules` lists is a name of `gatewise.nn`."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Called once, when the package has been read."""
        for name in pkg[MADE].exports or ():
            pkg[PACKAGE].set_member(name, griffe.Alias(name, pkg[MADE][name], parent=pkg[PACKAGE]))

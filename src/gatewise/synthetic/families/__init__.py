"""The families of series, each one small file with a row in `FAMILIES`."""

from .family import Family as Family
from .structure import STRUCTURE
from .walks import OU, WALK

FAMILIES: dict[str, Family] = {family.name: family for family in (STRUCTURE, WALK, OU)}
"""Every family by its name."""

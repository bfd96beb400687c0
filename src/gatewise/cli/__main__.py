"""``python -m gatewise.cli``."""

from . import main

main()

"""``python -m gatewise``: the command line."""

from .cli import main

main()

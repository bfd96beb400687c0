"""The parts, a file each; see :mod:`harden.part`."""

"""A run and every number in it: what is kept, while the model runs, by the names of its step."""

from .run import record as record
from .run import recording as recording

__all__ = ["record", "recording"]

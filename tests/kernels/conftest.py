"""Kernels for GPUs run in Triton's interpreter here, which has to be said before any is declared."""

import os

os.environ["TRITON_INTERPRET"] = "1"

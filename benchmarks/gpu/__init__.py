"""Kernels for GPUs, beside those of torch."""

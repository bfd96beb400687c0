"""The CPU driver: sweeps as LLVM kernels, compiled in the process, run on torch's own threads."""

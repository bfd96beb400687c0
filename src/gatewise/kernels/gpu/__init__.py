"""The driver of GPUs: kernels derived from the step, written in Triton."""

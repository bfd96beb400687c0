"""The driver that hands layers to torch's own kernels, where their law is torch's: cuDNN, and what stands for it."""

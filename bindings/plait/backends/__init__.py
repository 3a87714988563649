"""Switches and questions about the libraries behind the kernels, with PyTorch's names.

The switches are read by kernels on CUDA devices; on the CPU they have no effect.
"""

from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp, opt_einsum, quantized

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum", "quantized"]

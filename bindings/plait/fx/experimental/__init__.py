"""Parts of PyTorch's tracer that programs ask whether it runs. It never does: see plait.fx."""

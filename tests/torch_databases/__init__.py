"""PyTorch's own test databases (torch.testing._internal), run against plait: see tools/torch_samples.py."""

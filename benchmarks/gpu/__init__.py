"""The cases of benchmarks/gpu.py, what runs them and what writes their table."""

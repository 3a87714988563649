"""`python -m plait.utils.bottleneck script.py args...` runs a program under Python's profiler and under
plait's, and prints what took time in each. The program runs twice, and must end by itself."""

"""ARM processors: kernels in assembly, and what code for them costs."""

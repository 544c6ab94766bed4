"""AVR: kernels in assembly, straight-line code, measured costs."""

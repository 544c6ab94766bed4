"""Boards, and what a processor family needs: kernels, forms of code, cost tables."""

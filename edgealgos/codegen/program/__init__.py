"""A model as a small typed program: number types, tensors, functions, checks, the interpreter."""

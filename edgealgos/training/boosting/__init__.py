"""Boosted trees grown under a byte budget, on the integers that the device gets. NumPy alone, no program and no board."""

"""Boosted trees grown under a byte budget, on the integers that the device gets; knows no program and no board."""

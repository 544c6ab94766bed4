"""Estimators: the base (fitting under budgets, checks, labels, weights) and one family a file."""

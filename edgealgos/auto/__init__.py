"""Searches for the best model within budgets: families tried in turn, judged by their device programs."""

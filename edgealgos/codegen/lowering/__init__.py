"""Fitted models to float programs."""

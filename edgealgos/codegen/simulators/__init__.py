"""Simulated boards: each module here turns a flash image and rows into answers and counts, knowing no models."""

"""Builds what was exported: finds compilers, makes firmware and programs of it."""

"""Integer programs as text of another language."""

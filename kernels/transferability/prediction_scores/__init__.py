"""Scores that need the source model's predictions."""

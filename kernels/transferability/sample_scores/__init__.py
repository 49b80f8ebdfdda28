"""Scores that need the samples."""

"""Scores that need the class statistics alone."""

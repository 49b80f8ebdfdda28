"""Invariance and similarity of representations."""
